"""Checks the test vectors and the worked example with the Python reader, and the C reader if it is given:

    python check_vectors.py [--c PROGRAM] [--every]

For each pack of `vectors/`: it is valid, its digests, sections and tensors are those of
`expected.json`, and no truncation or change of a byte goes unnoticed (all of them with --every).
"""
import argparse, hashlib, json, pathlib, re, subprocess, sys, tempfile

import numpy as np

from clippack import ELEMENTS, GRID, PLAIN, TENSOR, Pack, Refusal

HERE = pathlib.Path(__file__).parent
VECTORS = HERE / "vectors"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def own_bytes(pack, name):
    """The decoded elements as bytes of the tensor's own type; BF16 is not wider than it was."""
    values = pack.tensor(name)
    if ELEMENTS[pack.items[name].element_type][0] == "BF16":
        values = (values.view("<u4") >> 16).astype("<u2")
    return np.ascontiguousarray(values).tobytes()


def check(name, expected):
    pack = Pack(VECTORS / f"{name}.clippack")
    pack.validate()
    found = {
        "storage": ("compact", "mapped")[pack.storage], "content_digest": pack.content_digest.hex(),
        "evidence_digest": pack.evidence_digest.hex(),
        "sections": {item.name: sha256(pack.bytes(item.name)) for item in pack.items.values() if item.kind != TENSOR},
        "tensors": {item.name: {
            "element_type": ELEMENTS[item.element_type][0], "shape": list(item.shape),
            "sha256": sha256(own_bytes(pack, item.name))}
            for item in pack.items.values() if item.kind == TENSOR and item.codec in (PLAIN, GRID)}}
    assert found == expected, f"{name}: {found} is not {expected}"
    print(f"{name}: {len(found['sections'])} sections, {len(found['tensors'])} tensors")


def check_c(program, name, expected):
    """The C reader finds the same, and refuses a sample of damages."""
    path = VECTORS / f"{name}.clippack"
    found = {"sections": {}, "tensors": {}}
    for line in subprocess.run([program, path], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout.splitlines():
        kind, item, element_type, extents, digest = line.split("\t")
        found[kind + "s"][item] = digest if kind == "section" else {
            "element_type": ELEMENTS[int(element_type)][0], "sha256": digest,
            "shape": [int(extent) for extent in extents.split(",") if extent]}
    for kind, items in found.items():
        assert items == expected[kind], f"{name}, C reader: {items} is not {expected[kind]}"
    data = path.read_bytes()
    with tempfile.NamedTemporaryFile() as file:
        for at in range(0, len(data), 41):
            for damaged in (data[:at], data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:]):
                file.seek(0)
                file.truncate()
                file.write(damaged)
                file.flush()
                status = subprocess.run([program, file.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
                assert status == 1, f"{name}: byte {at} changed or cut off, and the C reader ends with {status}"
    print(f"{name}: the C reader finds the same, and refuses every 41. byte changed or cut off")


def refused(data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            Pack(file.name).validate()
        except Refusal:
            return True
    return False


def check_damage(name, step):
    data = (VECTORS / f"{name}.clippack").read_bytes()
    for at in range(0, len(data), step):
        assert refused(data[:at]), f"{name}: cut to {at} bytes, and read"
        for change in (0x01, 0x80, 0xff):
            assert refused(data[:at] + bytes([data[at] ^ change]) + data[at + 1:]), f"{name}: byte {at} changed, and read"
    print(f"{name}: every {step}. byte cut off and changed, and refused")


def dump(page):
    """The bytes of the hex dump of section 9."""
    text = page.read_text().split("\n## 9.")[1]
    data = b""
    for offset, pairs, times in re.findall(r"^([0-9a-f]{3})  ((?:[0-9a-f]{2} ?)+)(?:× (\d+))?", text, re.M):
        assert int(offset, 16) == len(data), f"the dump has a gap at {offset}"
        data += bytes.fromhex(pairs) * int(times or 1)
    return data


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", action="store_true", help="damage every byte, not a sample")
    parser.add_argument("--c", metavar="PROGRAM", help="check this C reader too")
    options = parser.parse_args()
    for name, expected in json.loads((VECTORS / "expected.json").read_text()).items():
        check(name, expected)
        if options.c:
            check_c(options.c, name, expected)
        check_damage(name, 1 if options.every or name == "example" else 97)
    assert dump(HERE / "clippack.md") == (VECTORS / "example.clippack").read_bytes(), "section 9 is another file"
    print("section 9 of clippack.md: the bytes of example.clippack")


if __name__ == "__main__":
    sys.exit(main())
