"""Checks the runtime against `run.py`: the same embeddings to 1e-5, and the same refusals.

    python check.py --embed PROGRAM [--packs FILE…] [--convert CLIP-PACK CHECKPOINT…]

PROGRAM is `embed.c`, compiled; of each CHECKPOINT, CLIP-PACK makes a pack without loss. Runs each operation of `vectors/operations.json`, the hostile networks, random changes of
the worked example, and packs with random pixels and ids; cuts and changes packs, of which nothing may end the program.
Needs NumPy and zstandard.
"""
import argparse, copy, json, pathlib, random, struct, subprocess, sys, tempfile, zlib

import numpy as np

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from check_network import VECTORS, canonical, changed, example, index_of, numbers, tensors_of  # noqa: E402
from clippack import Pack  # noqa: E402
from network import TOWER_CODES, Refusal, check  # noqa: E402
from run import Model, read_array  # noqa: E402
from write_pack import write  # noqa: E402

LIMIT = 1e-5


class Program:
    def __init__(self, path, folder):
        self.path, self.folder, self.runs = path, pathlib.Path(folder), 0

    def run(self, pack, pixels=None, ids=None, **pictures):
        """Rows, or the line of a refusal."""
        arguments = []
        for name, array in (("pixels", pixels), ("ids", ids), *pictures.items()):
            if array is not None:
                array.tofile(self.folder / name)
                arguments += [f"--{name}", self.folder / name]
        result = subprocess.run([self.path, pack, *arguments], capture_output=True, text=True)
        self.runs += 1
        assert result.returncode in (0, 1), f"{pack}: status {result.returncode}\n{result.stderr}"
        if result.returncode:
            assert result.stderr.startswith("embed: ") and result.stderr.count("\n") == 1, result.stderr
            return result.stderr
        return np.array([line.split() for line in result.stdout.splitlines()], np.float32)


def padded(texts, most):
    ids = np.full((len(texts), most), -1, np.int32)
    for row, text in zip(ids, texts):
        row[:len(text)] = text
    return ids


def compare(program, pack, expected, name, **inputs):
    found = program.run(pack, **inputs)
    assert not isinstance(found, str), f"{name}: {found}"
    assert found.shape == expected.shape, (name, found.shape, expected.shape)
    difference = np.abs(found - expected).max()
    assert difference <= LIMIT, f"{name}: {difference}"
    return difference


def embed_both(program, path, name, seed):
    """Random inputs of each tower, by both."""
    model, generator, largest = Model(Pack(path)), np.random.default_rng(seed), 0.0
    for kind, tower in model.network.towers.items():
        if kind == "image":
            sample = generator.standard_normal((2, *tower.pixels), np.float32)
            largest = max(largest, compare(program, path, model.embed(kind, sample), name, pixels=sample))
        else:
            rows = min(call.attributes["rows"] for call in tower.steps if call.op == "lookup")
            texts = [generator.integers(0, rows, length) for length in {tower.least, tower.most, (tower.least + tower.most) // 2}]
            try:
                expected = model.embed(kind, texts)
            except Refusal:
                continue
            largest = max(largest, compare(program, path, expected, name, ids=padded(texts, tower.most)))
    return largest


def png(levels):
    """A PNG file of [height, width, 3] levels."""
    height, width, _ = levels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in levels)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks)


def check_pictures(program, tool, pack, seed):
    """Pictures of every proportion: the tool's pixels bit for bit, and its embeddings."""
    generator, largest = np.random.default_rng(seed), 0.0
    extents = [(1, 1), (64, 64), (63, 200), (200, 63), (3, 500), (700, 4), (31, 33), (640, 427), (900, 120)]
    files = []
    for number, (width, height) in enumerate(extents):
        levels = generator.integers(0, 256, (height, width, 3), np.uint8)
        files.append(program.folder / f"{number}.png")
        files[-1].write_bytes(png(levels))
        files[-1].with_suffix(".rgb").write_bytes(struct.pack("<ii", width, height) + levels.tobytes())
    output = program.folder / "pixels.safetensors"
    subprocess.run([tool, "preprocess", pack, *files, "-o", output, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    pixels = read_array(output, "pixel_values")
    result = subprocess.run([tool, "embed", pack, "--image", *files, "--compute", "f32", "--json"], check=True, capture_output=True)
    for path, expected, row in zip(files, pixels, json.loads(result.stdout)["embeddings"]):
        picture = np.frombuffer(path.with_suffix(".rgb").read_bytes(), np.uint8)
        found = program.run(pack, prepare=picture)
        assert not isinstance(found, str), f"{pack.name}, {path.name}: {found}"
        assert np.array_equal(found[0], expected.reshape(-1)), f"{pack.name}, {extents[int(path.stem)]}: other pixels"
        largest = max(largest, compare(program, pack, np.array([row], np.float32), pack.name, rgb=picture))
    return largest


def check_operations(program):
    largest, count, path = 0.0, 0, program.folder / "operation.clippack"
    for case in json.loads((VECTORS / "operations.json").read_text()):
        kind = "image" if "image" in case else "text"
        tower, factors = case[kind], case.get("factors", {})
        tensors = [(name, TOWER_CODES[kind], numbers(name, shape, factors.get(name, 1.0))) for name, shape in case["tensors"].items()]
        write(path, {"network": canonical({kind: tower})}, tensors)
        model = Model(Pack(path))
        if kind == "text":
            inputs = {"ids": padded([case["ids"]], model.network.towers[kind].most)}
            expected = model.embed(kind, [case["ids"]])
        else:
            sample = numbers("pixels", tower["input"]["pixels"])[None]
            inputs, expected = {"pixels": sample}, model.embed(kind, sample)
        largest, count = max(largest, compare(program, path, expected, case["name"], **inputs)), count + 1
    print(f"{count} operations: run.py's to {largest:.1e}")


def check_hostile(program):
    document, path, count = json.loads(example()), program.folder / "hostile.clippack", 0
    sound = [(name, tower, numbers(name, extents)) for name, tower, extents in tensors_of(document)]
    for case in json.loads((VECTORS / "hostile_networks.json").read_text()):
        tensors = list(sound)
        if "text" in case:
            data = case["text"].encode("latin-1") * case.get("times", 1)
        else:
            base = case.get("base", "example")
            data = document if base == "example" else base
            if base != "example":
                tensors = [(name, 1 if "image" in base else 2, numbers(name, extents))
                           for name, extents in case.get("tensors", {}).items() if np.prod(extents, dtype=float) < 1e6]
            for place, value in case.get("changes", []):
                data = changed(data, place, value)
            data = canonical(data)
        # Of the index, what write_pack can write: tensors that are not there, have another tower or other extents.
        index = case.get("index", {})
        if any(entry and {*entry} - {"tower", "shape"} for entry in index.values()):
            continue
        tensors += [(name, entry.get("tower", 1), numbers(name, entry.get("shape", ()))) for name, entry in index.items()
                    if entry is not None and name not in {one for one, _, _ in tensors}]
        tensors = [(name, (index.get(name) or {}).get("tower", tower), numbers(name, (index.get(name) or {}).get("shape", array.shape)))
                   for name, tower, array in tensors if index.get(name, 1) is not None]
        write(path, {"network": data}, tensors)
        found = program.run(path)
        assert isinstance(found, str), f"taken: {case['refusal']}"
        count += 1
    print(f"{count} hostile networks are refused")


def check_random(program, count=600, seed=3):
    """Random changes of the example: refused by both, or by neither."""
    source, document, path = random.Random(seed), json.loads(example()), program.folder / "random.clippack"
    listed = list(tensors_of(document))
    index, tensors = index_of(listed), [(name, tower, numbers(name, extents)) for name, tower, extents in listed]

    def places(value, at=()):
        yield at
        for key, inner in value.items() if type(value) is dict else enumerate(value) if type(value) is list else ():
            yield from places(inner, (*at, key))

    every, accepted = [place for place in places(document) if place], 0
    words = [None, -1, 0, 1, 2, 64, 1 << 20, 1 << 70, 1.5, 1e-5, 1e300, True, "x", "y", "", "#", "pixels", [], {}, [1, 1], ["x", "y"]]
    for _ in range(count):
        value, place = source.choice(words), source.choice(every)
        if source.random() < 0.5:
            value = document
            for key in source.choice(every):
                value = value[key]
        data = canonical(changed(document, place, copy.deepcopy(value)))
        try:
            check(data, index)
            sound = True
        except Refusal:
            sound = False
        write(path, {"network": data}, tensors)
        assert isinstance(program.run(path), str) != sound, f"{place} := {value!r}: run.py {'takes' if sound else 'refuses'} it"
        accepted += sound
    print(f"{count} random changes: {accepted} taken, the rest refused, as by run.py (seed {seed})")


def check_damage(program, packs, count=400, seed=5):
    source, path, refused = random.Random(seed), program.folder / "damaged.clippack", 0
    for number in range(count):
        data = bytearray(packs[number % len(packs)].read_bytes())
        if number % 4 == 0:
            del data[source.randrange(len(data)):]
        else:
            data[source.randrange(len(data) if number % 2 else min(4096, len(data)))] ^= source.randrange(1, 256)
        path.write_bytes(data)
        refused += isinstance(program.run(path), str)
    assert refused == count, f"{count - refused} damaged packs were taken"
    print(f"{count} damaged packs are refused")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--embed", required=True)
    parser.add_argument("--packs", nargs="*", type=pathlib.Path, default=[])
    parser.add_argument("--convert", nargs="+", type=pathlib.Path, default=[])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program = Program(options.embed, folder)
        check_operations(program)
        check_hostile(program)
        check_random(program)
        packs = options.packs
        for source in options.convert[1:]:
            packs.append(program.folder / f"{source.name}.clippack")
            subprocess.run([options.convert[0], "convert", source, "-o", packs[-1], "--to", "lossless", "--no-evidence",
                            "--quiet"], check=True, stdout=subprocess.DEVNULL)
        for number, path in enumerate(packs):
            print(f"{path.name}: run.py's to {embed_both(program, path, path.name, number):.1e}")
            if options.convert and "image" in Model(Pack(path)).network.towers:
                print(f"    from RGB: the tool's pixels, its embeddings to {check_pictures(program, options.convert[0], path, number):.1e}")
        check_damage(program, packs[:3] or [VECTORS / "compact.clippack"])
    print(f"{program.runs} runs")


if __name__ == "__main__":
    main()
