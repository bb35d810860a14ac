"""Runs any pack: pixels and token ids in, L2-normalised embeddings out. Written from `network.md` alone; read it beside
this file, whose operations are in the order of section 3.

    python run.py PACK [--pixels FILE] [--ids FILE] [-o OUT.npz]

FILE is .npy, or .safetensors with `pixel_values` [N, C, H, W] or `input_ids` [M, L]; a negative id ends its text.
Writes `image_embeds` [N, E] and `text_embeds` [M, E], float32, and `logits` [N, M] where the pack has scores; without
-o, prints them as JSON. As a module: `Model(Pack(path)).embed("image", pixels)`.
"""
import argparse, json, math, sys
from types import SimpleNamespace

import numpy as np

from clippack import Pack
from network import IMAGE, TEXT, Refusal, check, require

# Section 2.2: activations, in float32; erf is taken one number at a time, in binary64.

erf = np.frompyfunc(math.erf, 1, 1)


def sigmoid(v):
    half = np.exp(-np.abs(v))  # never overflows
    return np.where(v < 0, half, 1) / (1 + half)


ACTIVATIONS = {
    None: lambda v: v,
    "quick_gelu": lambda v: v * sigmoid(np.float32(1.702) * v),
    "gelu": lambda v: (v * (1 + erf(v.astype(np.float64) / math.sqrt(2)).astype(np.float64)) / 2),
    "gelu_tanh": lambda v: v * (1 + np.tanh(np.float32(math.sqrt(2 / math.pi)) * (v + np.float32(0.044715) * v ** 3))) / 2,
    "relu": lambda v: np.maximum(v, 0),
    "silu": lambda v: v * sigmoid(v),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
}

# Section 3. `a` has the attributes, `w` the tensors in float32 (None: absent), `grid` is that of x; the rest are values.


def parameter(a, w, grid):
    return w.weight.reshape(-1, a["width"])


def lookup(a, w, grid, ids):
    return a["scale"] * w.weight[ids]


def mask(a, w, grid, ids):
    return np.concatenate([np.ones(a["before"], bool), ids != a["hidden"], np.ones(a["after"], bool)])


def position(a, w, grid, x, m=None):
    if a["row"] is not None:
        return x + w.weight[a["row"]]
    if m is None:
        return x + w.weight[a["start"]:a["start"] + len(x)]
    return x + w.weight[a["start"] - 1 + m * np.cumsum(m)]


def concat(a, w, grid, *values):
    return np.concatenate(values)


def conv2d(a, w, grid, x):
    (down, right), (above, left), groups = a["stride"], a["padding"], a["groups"]
    outputs, channels, height, width = w.weight.shape
    padded = np.pad(x.reshape(*grid, -1), ((above, above), (left, left), (0, 0)))
    # Of each place of the result the pixels below the kernel: [H', W', D, h, w].
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), (0, 1))[::down, ::right]
    rows = windows.shape[0] * windows.shape[1]
    parts = []
    for group in range(groups):
        below = windows[:, :, group * channels:(group + 1) * channels].reshape(rows, -1)
        kernels = w.weight[group * (outputs // groups):(group + 1) * (outputs // groups)]
        parts.append(below @ kernels.reshape(len(kernels), -1).T)
    result = np.concatenate(parts, axis=1)
    return result if w.bias is None else result + w.bias


def average_pool(a, w, grid, x):
    (height, width), (down, along), (top, left) = a["kernel"], a["stride"] or a["kernel"], a["padding"]
    lines, columns = (grid[0] + 2 * top - height) // down + 1, (grid[1] + 2 * left - width) // along + 1
    x, rows = x.reshape(*grid, -1), []
    for y in range(lines):
        for z in range(columns):
            (first, begin), (end, stop) = (y * down - top, z * along - left), (y * down - top + height, z * along - left + width)
            seen = x[max(first, 0):end, max(begin, 0):stop]
            rows.append(seen.mean(axis=(0, 1), dtype=np.float64))
    return np.stack(rows)


def batch_norm(a, w, grid, x):
    return (x - w.mean) / np.sqrt(w.variance.astype(np.float64) + a["epsilon"]) * w.weight + w.bias


def layer_norm(a, w, grid, x):
    x = x.astype(np.float64)
    centred = x - x.mean(axis=1, keepdims=True)
    result = centred / np.sqrt((centred ** 2).mean(axis=1, keepdims=True) + a["epsilon"]) * w.weight
    return result if w.bias is None else result + w.bias


def linear(a, w, grid, x):
    result = x @ w.weight.T
    return result if w.bias is None else result + w.bias


def scale(a, w, grid, x):
    return x * w.weight


def add(a, w, grid, *values):
    return sum(sign * value for sign, value in zip(a["signs"], values))


def multiply(a, w, grid, x, z):
    return x * z


def rotate(a, w, grid, x, c, s):
    heads, skip = a["heads"], a["skip"]
    turned = len(x) - skip
    # [t, head, pair, member], members last.
    split = x[skip:].reshape(turned, heads, -1, 2) if a["pairs"] == "adjacent" \
        else x[skip:].reshape(turned, heads, 2, -1).swapaxes(2, 3)
    e, o, c, s = split[..., 0], split[..., 1], c[:turned, None], s[:turned, None]
    pairs = (e * c - o * s, o * c + e * s)
    joined = np.stack(pairs, axis=3 if a["pairs"] == "adjacent" else 2)
    return np.concatenate([x[:skip], joined.reshape(turned, -1)])


def attention(a, w, grid, q, k, v, m=None):
    visible = np.ones((len(q), len(k)), bool) if m is None else np.broadcast_to(m, (len(q), len(k)))
    if a["causal"]:
        visible = visible & np.tri(len(q), dtype=bool)
    if not visible.any(axis=1).all():
        raise ValueError("a query sees no key")
    q, k, v = (value.reshape(len(value), a["heads"], -1).swapaxes(0, 1) for value in (q, k, v))  # [head, row, d]
    scores = np.where(visible, q @ k.swapaxes(1, 2) / np.float32(math.sqrt(q.shape[2])), -np.inf).astype(np.float64)
    shares = np.exp(scores - scores.max(axis=2, keepdims=True))
    shares /= shares.sum(axis=2, keepdims=True)
    return (shares.astype(np.float32) @ v).swapaxes(0, 1).reshape(q.shape[1], -1)


def mean(a, w, grid, x, m=None):
    rows = x[a["skip"]:] if m is None else x[a["skip"]:][m[a["skip"]:]]
    if not len(rows):
        raise ValueError("no row is visible")
    return rows.mean(axis=0, keepdims=True, dtype=np.float64)


def pick(a, w, grid, x, ids=None):
    if a["row"] is not None:
        return x[[-1 if a["row"] == "last" else a["row"]]]
    # argmax gives the first place of what is largest; of false alone that is 0.
    return x[[np.argmax(ids if a["token"] == "largest" else ids == a["token"])]]


OPERATIONS = {operation.__name__: operation for operation in (
    parameter, lookup, mask, position, concat, conv2d, average_pool, batch_norm, layer_norm, linear, scale, add, multiply,
    rotate, attention, mean, pick)}


def run(call, tensors, shape, inputs, addend):
    """One step: the operation, and how a tail operation ends."""
    w = SimpleNamespace(**{key: tensors(call.tensors[key][0]) if key in call.tensors else None
                           for key in ("weight", "bias", "mean", "variance")})
    try:
        result = OPERATIONS[call.op](call.attributes, w, shape and shape.grid, *inputs)
    except ValueError as error:
        raise Refusal(f"{call.place}: {error}") from None
    if result.dtype == bool:
        return result
    result = result.astype(np.float32)
    if addend is not None:
        result = result + addend
    return ACTIVATIONS[call.activation](result).astype(np.float32)


class Model:
    """A pack that runs. Everything that section 4 demands is checked before a block of weights is read."""

    def __init__(self, pack):
        self.pack, self.weights = pack, {}
        require("network" in pack.items, "pack", "there is no section network")
        self.network = check(pack.bytes("network"), pack.items)

    def tensor(self, name):
        if name not in self.weights:
            self.weights[name] = self.pack.tensor(name).astype(np.float32)
        return self.weights[name]

    def input(self, tower, sample):
        """What section 2.1 makes of pixels [C, H, W] or of a list of ids."""
        if tower.kind == IMAGE:
            require(sample.shape == tower.pixels, "image", f"pixels are {sample.shape}, {tower.pixels} is needed")
            return sample.astype(np.float32).reshape(len(sample), -1).T
        ids = np.asarray(sample, np.int64)
        least = 0 if tower.padding is not None else tower.least
        require(least <= len(ids) <= tower.most, "text", f"{len(ids)} ids, {least} to {tower.most} are allowed")
        if tower.padding is not None:
            ids = np.concatenate([ids, np.full(tower.most - len(ids), tower.padding)])
        for call in tower.steps:
            if call.op == "lookup":
                rows = call.attributes["rows"]
                require(((0 <= ids) & (ids < rows)).all(), call.place, f"ids are {min(ids)} to {max(ids)}, the table has {rows} rows")
        return ids

    def stages(self, kind, sample):
        """Every named stage of one sample, [T, D], and under None the embedding [E]."""
        tower, found = self.network.towers[kind], {}
        values = {0: self.input(tower, sample)}
        last = {at: number for number, call in enumerate(tower.steps) for at in [*call.inputs, call.add]}
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for number, call in enumerate(tower.steps):
                inputs = [values[at] for at in call.inputs]
                shape = tower.values[call.inputs[0]] if inputs else None
                values[call.result] = run(call, self.tensor, shape, inputs, values.get(call.add))
                if call.stage:
                    found[call.stage] = values[call.result]
                for at in {*call.inputs, call.add}:
                    if last.get(at) == number and at != tower.embedding:
                        values.pop(at, None)
            output = values[tower.embedding][0].astype(np.float64)
            length = np.sqrt((output ** 2).sum())
        require(np.isfinite(output).all() and length > 0, kind, "the embedding is zero or has an element that is not finite")
        found[None] = (output / length).astype(np.float32)
        return found

    def embed(self, kind, samples):
        """Embeddings [N, E] of pixels [N, C, H, W] (`"image"`) or of lists of ids (`"text"`)."""
        require(kind in self.network.towers, "pack", f"there is no {kind} tower")
        tower = self.network.towers[kind]
        width = tower.values[tower.embedding].width
        return np.array([self.stages(kind, sample)[None] for sample in samples], np.float32).reshape(-1, width)

    def logits(self, images, texts):
        """Section 2.4: [N, M]."""
        scores = self.network.scores
        require(scores, "pack", "there are no scores")
        with np.errstate(over="ignore"):
            factor = np.float32(np.exp(self.tensor(scores.scale).astype(np.float64).reshape(())))
        bias = self.tensor(scores.bias).reshape(()) if scores.bias is not None else np.float32(0)
        require(np.isfinite(factor) and np.isfinite(bias), "scores", f"factor is {factor}, bias is {bias}, finite ones are needed")
        return factor * (images @ texts.T) + bias


def read_array(path, name):
    """A tensor of a safetensors file, or the array of an .npy file."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:6] == b"\x93NUMPY":
        return np.load(path, allow_pickle=False)
    size = int.from_bytes(data[:8], "little")
    require(data[8:9] == b"{" and size <= len(data) - 8, path, "is neither .npy nor .safetensors")
    header = json.loads(data[8:8 + size])
    require(name in header, path, f"there is no tensor {name}")
    kinds = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "I64": "<i8", "I32": "<i4", "U8": "<u1"}
    entry = header[name]
    require(entry["dtype"] in kinds, path, f"{name} is {entry['dtype']}, one of {', '.join(kinds)} is read")
    start, end = entry["data_offsets"]
    return np.frombuffer(data[8 + size + start:8 + size + end], kinds[entry["dtype"]]).reshape(entry["shape"])


def read_ids(path):
    texts = []
    for row in read_array(path, "input_ids"):
        ends = np.flatnonzero(row < 0)
        texts.append(row[:ends[0]] if len(ends) else row)
    return texts


def read(path, how):
    """What a file of inputs holds; or an end that names it, not the pack."""
    try:
        return how(path)
    except (ValueError, TypeError, OSError) as error:
        sys.exit(str(error) if str(path) in str(error) else f"{path}: {error}")


def main():
    parser = argparse.ArgumentParser(description="Embed pixels and token ids with a pack.")
    parser.add_argument("pack")
    parser.add_argument("--pixels", metavar="FILE", help="pixel_values [N, C, H, W]")
    parser.add_argument("--ids", metavar="FILE", help="input_ids [M, L]; a negative id ends its text")
    parser.add_argument("-o", "--output", metavar="OUT.npz")
    options = parser.parse_args()
    pixels = options.pixels and read(options.pixels, lambda path: read_array(path, "pixel_values"))
    ids = options.ids and read(options.ids, read_ids)
    try:
        model, found = Model(Pack(options.pack)), {}
        if pixels is not None:
            found["image_embeds"] = model.embed(IMAGE, pixels)
        if ids is not None:
            found["text_embeds"] = model.embed(TEXT, ids)
        if len(found) == 2 and model.network.scores:
            found["logits"] = model.logits(found["image_embeds"], found["text_embeds"])
    except (ValueError, OSError) as error:
        sys.exit(f"{options.pack}: {error}")
    if options.output:
        np.savez(options.output, **found)
    else:
        print(json.dumps({name: value.tolist() for name, value in found.items()}))


if __name__ == "__main__":
    main()
