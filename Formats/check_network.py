"""Checks `network.md`, `network.py` and `run.py`: the worked example, each operation, and what must be refused.

    python check_network.py

Needs NumPy alone. `vectors/operations.json` is what torch, transformers and timm computed
(`Scripts/make_network_goldens.py`); `vectors/hostile_networks.json` has changes of the worked example and the exact refusal of each.
"""
import copy, json, pathlib, random, re, sys, tempfile, zlib
from types import SimpleNamespace

import numpy as np

from clippack import Pack
from network import LIMITS, TOWER_CODES, Builder, Refusal, check
from network_words import ACTIVATIONS, OPERATIONS, read
from run import Model
from write_pack import write

HERE = pathlib.Path(__file__).parent
VECTORS = HERE / "vectors"


def numbers(name, shape, factor=1.0):
    """Numbers from -1 to 1, the same wherever they are made, times `factor`; beginning with `|` not below 0.01, with `+` about 30."""
    state, values = zlib.crc32(name.encode()), []
    for _ in range(int(np.prod(shape))):
        state = (1103515245 * state + 12345) % (1 << 31)
        values.append((state >> 7) / (1 << 23) - 1)
    values = np.array(values).reshape(shape)
    values = abs(values) + 0.01 if name[0] == "|" else values + 30 if name[0] == "+" else values
    return (values * factor).astype(np.float32)


def example():
    """The JSON of section 6 without its line breaks: canonical as it stands."""
    return re.search(r"```json\n(.*?)```", (HERE / "network.md").read_text(), re.S)[1].replace("\n", "").encode()


def canonical(document):
    return json.dumps(document, separators=(",", ":")).encode()


def tensors_of(document):
    """Names, tower and extents of the tensors that a sound document needs, in the pack's order."""
    towers, scores = read(canonical(document))
    for tower in towers:
        for call in Builder(tower, LIMITS).calls:
            for name, extents in call.tensors.values():
                yield name, TOWER_CODES[tower.kind], extents
    for name in (scores.scale, scores.bias) if scores else ():
        if name is not None:
            yield name, 0, []


def index_of(tensors):
    """An index as `Pack.items` is one."""
    return {name: SimpleNamespace(kind=2, flags=1, tower=tower, codec=0, element_type=9, shape=tuple(extents))
            for name, tower, extents in tensors}


def pack_of(folder, document, tensors):
    path = pathlib.Path(folder) / "network.clippack"
    write(path, {"network": canonical(document)}, tensors)
    pack = Pack(path)
    pack.validate()
    return pack


def check_example():
    data = example()
    document = json.loads(data)
    assert canonical(document) == data, "the example is not in canonical form"
    tensors = list(tensors_of(document))
    weights = sum(int(np.prod(extents)) for name, _, extents in tensors if name != "logit_scale")
    towers = check(data, index_of(tensors)).towers
    found = (len(data), len(towers["image"].steps), len(towers["text"].steps), len(tensors) - 1, weights)
    assert found == (3857, 26, 23, 77, 201584), found
    with tempfile.TemporaryDirectory() as folder:
        model = Model(pack_of(folder, document, [(name, tower, numbers(name, extents)) for name, tower, extents in tensors]))
        images = model.embed("image", numbers("images", (2, 3, 32, 32)))
        texts = model.embed("text", [[1, 499, 7], [5]])
        assert images.shape == texts.shape == (2, 32)
        assert np.allclose((images ** 2).sum(1), 1, atol=1e-6) and np.allclose((texts ** 2).sum(1), 1, atol=1e-6)
        # Behind the largest id nothing matters, and a batch is one sample after the other.
        assert np.allclose(model.embed("text", [[1, 499, 3, 4]]), model.embed("text", [[1, 499]]), rtol=0, atol=1e-6)
        assert np.array_equal(model.embed("image", numbers("images", (2, 3, 32, 32))[1:]), images[1:])
        stages = list(model.stages("image", numbers("images", (3, 32, 32))))
        assert stages == ["embeddings", "block 0", "block 1", "pooled", "projected", None], stages
        for kind, sample, expected in (
                ("text", [], "text: 0 ids, 1 to 77 are allowed"),
                ("text", [1] * 78, "text: 78 ids, 1 to 77 are allowed"),
                ("text", [1, 500], "text.steps[0] (lookup): ids are 1 to 500, the table has 500 rows"),
                ("text", [-1], "text.steps[0] (lookup): ids are -1 to -1, the table has 500 rows"),
                ("image", np.zeros((3, 32, 31)), "image: pixels are (3, 32, 31), (3, 32, 32) is needed"),
                ("image", np.full((3, 32, 32), np.nan),
                 "image: the embedding is zero or has an element that is not finite")):
            refused(lambda: model.embed(kind, [sample]), expected)
    print("the worked example: canonical, 26 and 23 steps, 77 tensors; it runs, and refuses what it is not given right")


def refused(call, expected):
    try:
        call()
    except Refusal as refusal:
        assert str(refusal) == expected, f"{refusal}\n  is not\n{expected}"
    else:
        raise AssertionError(f"not refused: {expected}")


def check_operations():
    largest, covered = 0, set()
    with tempfile.TemporaryDirectory() as folder:
        for case in json.loads((VECTORS / "operations.json").read_text()):
            kind = "image" if "image" in case else "text"
            tower = case[kind]
            factors = case.get("factors", {})
            pack = pack_of(folder, {kind: tower}, [
                (name, TOWER_CODES[kind], numbers(name, shape, factors.get(name, 1.0))) for name, shape in case["tensors"].items()])
            model = Model(pack)
            sample = case["ids"] if kind == "text" else numbers("pixels", tower["input"]["pixels"])
            stages = model.stages(kind, sample)
            for stage, expected in case["expected"].items():
                expected, found = np.array(expected), stages[stage]
                assert found.shape == expected.shape, f"{case['name']}: {found.shape}, torch has {expected.shape}"
                difference = np.abs(found - expected).max() / max(1, np.abs(expected).max())
                assert difference <= 2e-6, f"{case['name']}: {difference}"
                largest = max(largest, difference)
            covered |= {step["op"] for step in tower["steps"]} | {step.get("activation") for step in tower["steps"]}
    missing = {*OPERATIONS, *ACTIVATIONS} - covered
    assert not missing, f"no case has {missing}"
    print(f"all {len(OPERATIONS)} operations, {len(ACTIVATIONS)} activations: torch's to {largest:.1e}")


def changed(document, path, value):
    """A copy in which what lies at `path` is `value`, or is removed where that is None."""
    document = copy.deepcopy(document)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    elif type(inner) is list and path[-1] == len(inner):
        inner.append(value)
    else:
        inner[path[-1]] = value
    return document


def check_hostile():
    document = json.loads(example())
    index = index_of(tensors_of(document))
    cases = json.loads((VECTORS / "hostile_networks.json").read_text())
    for case in cases:
        if "text" in case:
            data = case["text"].encode("latin-1") * case.get("times", 1)
        else:
            data = document if case.get("base", "example") == "example" else case["base"]
            for path, value in case.get("changes", []):
                data = changed(data, path, value)
            data = canonical(data)
        items = copy.deepcopy(index) if case.get("base", "example") == "example" else index_of(
            [(name, 1 if "image" in case["base"] else 2, extents) for name, extents in case.get("tensors", {}).items()])
        for name, entry in case.get("index", {}).items():
            if entry is None:
                del items[name]
            else:
                items[name] = SimpleNamespace(**{**vars(items.get(name, SimpleNamespace(
                    kind=2, flags=1, tower=1, codec=0, element_type=9, shape=()))), **entry})
                items[name].shape = tuple(items[name].shape)
        refused(lambda: check(data, items), case["refusal"])
    steps = document["image"]["steps"][5]["steps"]
    refused(lambda: check(canonical(changed(document, ["image", "steps", 5, "steps"], steps * 114)), index),
            "image.steps[5].steps: 1026 steps, 1024 are allowed")
    print(f"{len(cases) + 1} hostile networks: each refused with its message")


def check_random(count=1000, seed=1):
    """Random changes of the example: refused, or another sound network; never anything else."""
    source, document = random.Random(seed), json.loads(example())
    index, accepted = index_of(tensors_of(document)), 0

    def places(value, path=()):
        yield path
        for key, inner in value.items() if type(value) is dict else enumerate(value) if type(value) is list else ():
            yield from places(inner, (*path, key))

    every = [path for path in places(document) if path]
    words = [None, -1, 0, 1, 2, 64, 1 << 20, 1 << 70, 1.5, 1e-5, 1e300, True, "x", "y", "", "#", "pixels", [], {}, [1, 1], ["x", "y"]]
    for _ in range(count):
        value = source.choice(words)
        path = source.choice(every)
        if source.random() < 0.5:
            inner = document
            for key in source.choice(every):
                inner = inner[key]
            value = inner
        try:
            check(canonical(changed(document, path, value)), index)
            accepted += 1
        except Refusal:
            pass
    data = bytearray(example())
    for at in range(0, len(data), 11):
        damaged = data[:at] + bytes([source.randrange(256)]) + data[at + 1:]
        try:
            check(bytes(damaged), index)
        except Refusal:
            pass
    print(f"{count} random changes: {accepted} are networks of the same tensors, the rest is refused (seed {seed})")


def main():
    check_example()
    check_operations()
    check_hostile()
    check_random()


if __name__ == "__main__":
    sys.exit(main())
