#!/usr/bin/env python3
"""Writes Formats/vectors/operations.json: each operation of Formats/network.md as torch, transformers and timm compute it.

Usage: Scripts/make_network_goldens.py     (needs torch, transformers, timm)

A case is a tower, what it is given, and the values of its stages. Tensors and pixels are not stored: they are the numbers
that `check_network.numbers` makes of their names.
"""
import json
import pathlib
import sys

import torch
import torch.nn.functional as F

import importing_torchvision  # noqa: F401
from timm.layers.pos_embed_sincos import apply_rot_embed_cat
from transformers.activations import QuickGELUActivation
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaEmbeddings

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Formats"))
from check_network import numbers  # noqa: E402

IDS = [3, 7, 2, 9, 9, 1, 2]
CASES = []


def tensor(name, *shape, factor=1.0):
    return torch.from_numpy(numbers(name, shape, factor))


def case(name, steps, tensors, expected, image=None, ids=None, factors=None):
    """`expected` maps stages to torch tensors [T, D]; the last step makes the output or is averaged."""
    tower = {"input": {"pixels": image} if image else {"ids": {"least": 1, "most": 16}}, "steps": steps}
    tower["output"] = steps[-1]["to"]
    CASES.append({
        "name": name, **({"image": tower} if image else {"text": tower, "ids": ids or IDS}), "tensors": tensors,
        **({"factors": factors} if factors else {}),
        "expected": {stage: [[float(f"{number:.8g}") for number in row] for row in value.double().tolist()]
                     for stage, value in expected.items()}})


def step(op, source, to, **keys):
    stage = {"stage": "y"} if to == "y" else {}
    return {"op": op, **({"from": source} if source else {}), "to": to, **keys, **stage}


AVERAGE = step("mean", "y", "e")
X = tensor("pixels", 4, 3, 5)  # C, H, W
ROWS = X.reshape(4, 15).T
TABLE = tensor("table", 12, 8)
LOOKUP = step("lookup", "ids", "x", width=8, rows=12, weight="table")
TOKENS = F.embedding(torch.tensor(IDS), TABLE)


def on_pixels(name, expected, tensors, *steps, image=(4, 3, 5), **more):
    case(name, [*steps, AVERAGE], tensors, {"y": expected}, image=list(image), **more)


def on_ids(name, expected, tensors, *steps, average=True, **more):
    case(name, [LOOKUP, *steps, *([AVERAGE] if average else [])], {"table": [12, 8], **tensors}, {"y": expected}, **more)


def rows_of(planes):
    return planes[0].reshape(planes.shape[1], -1).T


# 3.1 to 3.5

on_ids("parameter of one extent, before the tokens", torch.cat([tensor("class", 8)[None], TOKENS]), {"class": [8]},
       step("parameter", None, "c", width=8, weight="class"), step("concat", ["c", "x"], "y"))
on_ids("parameter of two extents, behind them, three inputs",
       torch.cat([TOKENS, tensor("p", 3, 8), tensor("q", 1, 8)]), {"p": [3, 8], "q": [1, 8]},
       step("parameter", None, "p", width=8, rows=3, weight="p"), step("parameter", None, "q", width=8, rows=1, weight="q"),
       step("concat", ["x", "p", "q"], "y"))
case("lookup with a scale", [step("lookup", "ids", "y", width=8, rows=12, scale=11.3137085, weight="table"), AVERAGE],
     {"table": [12, 8]}, {"y": F.embedding(torch.tensor(IDS), TABLE) * torch.tensor(11.3137085)})
on_ids("position with start", TOKENS + F.embedding(torch.arange(2, 9), tensor("at", 20, 8)), {"at": [20, 8]},
       step("position", "x", "y", rows=20, start=2, weight="at"))
on_ids("position with row", TOKENS + tensor("at", 3, 8)[1], {"at": [3, 8]}, step("position", "x", "y", rows=3, row=1, weight="at"))
padded = [0, 4, 1, 5, 5, 1, 1]
create = XLMRobertaEmbeddings.create_position_ids_from_input_ids
positions = create(torch.tensor([padded]), 1)[0]
on_ids("position by mask, as XLM-RoBERTa counts, the padding's own row for what is hidden",
       F.embedding(torch.tensor(padded), TABLE) + F.embedding(positions, tensor("at", 18, 8)), {"at": [18, 8]},
       step("mask", "ids", "m", hidden=1), step("position", ["x", "m"], "y", rows=18, start=2, weight="at"), ids=padded)

# 3.6 to 3.11

PLANES = X[None]
FAR = tensor("+far", 1, 8)
on_pixels("conv2d 1 × 1", rows_of(F.conv2d(PLANES, tensor("w", 6, 4, 1, 1))), {"w": [6, 4, 1, 1]},
          step("conv2d", "pixels", "y", width=6, kernel=[1, 1], weight="w"))
on_pixels("conv2d, a window of another height than width, with bias",
          rows_of(F.conv2d(PLANES, tensor("w", 2, 4, 2, 3), tensor("b", 2))), {"w": [2, 4, 2, 3], "b": [2]},
          step("conv2d", "pixels", "y", width=2, kernel=[2, 3], weight="w", bias="b"))
on_pixels("conv2d with stride and padding, each of two kinds",
          rows_of(F.conv2d(PLANES, tensor("w", 3, 4, 2, 3), None, (1, 2), (1, 2))), {"w": [3, 4, 2, 3]},
          step("conv2d", "pixels", "y", width=3, kernel=[2, 3], stride=[1, 2], padding=[1, 2], weight="w"))
on_pixels("conv2d in groups", rows_of(F.conv2d(PLANES, tensor("w", 6, 2, 3, 3), tensor("b", 6), 1, 1, 1, 2)),
          {"w": [6, 2, 3, 3], "b": [6]},
          step("conv2d", "pixels", "y", width=6, kernel=[3, 3], padding=[1, 1], groups=2, weight="w", bias="b"))
on_pixels("conv2d by channel, two results each", rows_of(F.conv2d(PLANES, tensor("w", 8, 1, 3, 3), None, 2, 1, 1, 4)), {"w": [8, 1, 3, 3]},
          step("conv2d", "pixels", "y", width=8, kernel=[3, 3], stride=[2, 2], padding=[1, 1], groups=4, weight="w"))
on_pixels("conv2d that does not reach the last pixels", rows_of(F.conv2d(PLANES, tensor("w", 5, 4, 2, 2), None, 2)), {"w": [5, 4, 2, 2]},
          step("conv2d", "pixels", "y", width=5, kernel=[2, 2], stride=[2, 2], weight="w"))
on_pixels("conv2d with addend and activation",
          F.relu(rows_of(F.conv2d(PLANES, tensor("w", 4, 4, 3, 3), tensor("b", 4), 1, 1)) + ROWS), {"w": [4, 4, 3, 3], "b": [4]},
          step("conv2d", "pixels", "y", width=4, kernel=[3, 3], padding=[1, 1], weight="w", bias="b", add="pixels", activation="relu"))
on_pixels("average_pool, with a rest", rows_of(F.avg_pool2d(PLANES, (2, 2))), {}, step("average_pool", "pixels", "y", kernel=[2, 2]))
on_pixels("average_pool of another height than width", rows_of(F.avg_pool2d(PLANES, (3, 1))), {},
          step("average_pool", "pixels", "y", kernel=[3, 1]))
on_pixels("average_pool of windows that overlap and reach beyond the map",
          rows_of(F.avg_pool2d(PLANES, (3, 3), 2, 1, count_include_pad=False)), {},
          step("average_pool", "pixels", "y", kernel=[3, 3], stride=[2, 2], padding=[1, 1]))
on_pixels("average_pool with stride and padding, each of two kinds",
          rows_of(F.avg_pool2d(PLANES, (2, 3), (1, 2), (1, 1), count_include_pad=False)), {},
          step("average_pool", "pixels", "y", kernel=[2, 3], stride=[1, 2], padding=[1, 1]))
on_pixels("batch_norm", rows_of(F.batch_norm(PLANES, tensor("m", 4), tensor("|v", 4), tensor("w", 4), tensor("b", 4), eps=1e-5)),
          {"w": [4], "b": [4], "m": [4], "|v": [4]},
          step("batch_norm", "pixels", "y", epsilon=1e-5, weight="w", bias="b", mean="m", variance="|v"))
on_pixels("batch_norm with addend and activation",
          F.silu(rows_of(F.batch_norm(PLANES, tensor("m", 4), tensor("|v", 4), tensor("w", 4), tensor("b", 4), eps=0.1)) + ROWS),
          {"w": [4], "b": [4], "m": [4], "|v": [4]},
          step("batch_norm", "pixels", "y", epsilon=0.1, weight="w", bias="b", mean="m", variance="|v", add="pixels", activation="silu"))
on_ids("layer_norm", F.layer_norm(TOKENS, [8], tensor("w", 8), tensor("b", 8), 1e-5), {"w": [8], "b": [8]},
       step("layer_norm", "x", "y", epsilon=1e-5, weight="w", bias="b"))
on_ids("layer_norm without bias, with a large epsilon", F.layer_norm(TOKENS, [8], tensor("w", 8), None, 0.5), {"w": [8]},
       step("layer_norm", "x", "y", epsilon=0.5, weight="w"))
on_ids("layer_norm of rows far from zero, where the mean of squares would not do",
       F.layer_norm((TOKENS + F.embedding(torch.tensor([0] * 7), FAR)).double(), [8], tensor("w", 8).double(), None, 1e-12),
       {"+far": [1, 8], "w": [8]}, step("position", "x", "n", rows=1, row=0, weight="+far"),
       step("layer_norm", "n", "y", epsilon=1e-12, weight="w"))
ACTIVATIONS = {"quick_gelu": QuickGELUActivation(), "gelu": F.gelu, "gelu_tanh": lambda v: F.gelu(v, approximate="tanh"),
               "relu": F.relu, "silu": F.silu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
for name, function in ACTIVATIONS.items():
    linear = F.linear(TOKENS.double(), tensor("w", 6, 8, factor=8).double(), tensor("b", 6).double())
    on_ids(f"linear with {name}", function(linear), {"w": [6, 8], "b": [6]},
           step("linear", "x", "y", width=6, weight="w", bias="b", activation=name), factors={"w": 8})
on_ids("linear without bias", F.linear(TOKENS, tensor("w", 5, 8)), {"w": [5, 8]}, step("linear", "x", "y", width=5, weight="w"))
on_ids("linear with an addend", F.linear(TOKENS, tensor("w", 8, 8), tensor("b", 8)) + TOKENS, {"w": [8, 8], "b": [8]},
       step("linear", "x", "y", width=8, weight="w", bias="b", add="x"))
on_ids("linear with an addend, then an activation", F.gelu(F.linear(TOKENS, tensor("w", 8, 8)) + TOKENS), {"w": [8, 8]},
       step("linear", "x", "y", width=8, weight="w", add="x", activation="gelu"))
on_ids("activations far from zero", torch.sigmoid(F.linear(TOKENS, tensor("w", 6, 8, factor=1000))), {"w": [6, 8]},
       step("linear", "x", "y", width=6, weight="w", activation="sigmoid"), factors={"w": 1000})
on_ids("scale with addend and activation", torch.tanh(TOKENS * tensor("w", 8) + TOKENS), {"w": [8]},
       step("scale", "x", "y", weight="w", add="x", activation="tanh"))

# 3.12 to 3.14

scaled = torch.tanh(TOKENS * tensor("w", 8))
on_ids("add of three", TOKENS + scaled + TOKENS, {"w": [8]},
       step("scale", "x", "t", weight="w", activation="tanh"), step("add", ["x", "t", "x"], "y"))
on_ids("add of one, for its activation", F.gelu(TOKENS), {}, step("add", "x", "y", activation="gelu"))
on_ids("add of one, negative", -TOKENS, {}, step("add", "x", "y", signs=[-1]))
on_ids("add with signs and activation", F.relu(-TOKENS + scaled), {"w": [8]},
       step("scale", "x", "t", weight="w", activation="tanh"),
       step("add", ["x", "t"], "y", signs=[-1, 1], activation="relu"))
on_ids("multiply", TOKENS * F.linear(TOKENS, tensor("w", 8, 8)), {"w": [8, 8]},
       step("linear", "x", "g", width=8, weight="w"), step("multiply", ["x", "g"], "y"))
on_pixels("multiply by one row, with activation (squeeze and excitation)",
          F.gelu(ROWS * torch.sigmoid(F.linear(ROWS.mean(0, keepdim=True), tensor("w", 4, 4)))), {"w": [4, 4]},
          step("mean", "pixels", "s"), step("linear", "s", "g", width=4, weight="w", activation="sigmoid"),
          step("multiply", ["pixels", "g"], "y", activation="gelu"))


def rotary(name, expected, pairs, columns, skip=0, rows=16):
    on_ids(name, expected, {"c": [rows, columns], "s": [rows, columns]},
           step("parameter", None, "c", width=columns, rows=rows, weight="c"),
           step("parameter", None, "s", width=columns, rows=rows, weight="s"),
           step("rotate", ["x", "c", "s"], "y", heads=2, pairs=pairs, **({"skip": skip} if skip else {})))
    CASES[-1]["text"]["input"]["ids"]["least"] = skip + 1


heads = TOKENS.reshape(7, 2, 4).transpose(0, 1)  # head, t, d
cosines, sines = tensor("c", 16, 2), tensor("s", 16, 2)
halves = apply_rotary_pos_emb(heads[None], heads[None], torch.cat([cosines[:7]] * 2, -1)[None], torch.cat([sines[:7]] * 2, -1)[None])
rotary("rotate halves, as Llama", halves[0][0].transpose(0, 1).reshape(7, 8), "halves", 2)
embedding = torch.cat([sines.repeat_interleave(2, 1), cosines.repeat_interleave(2, 1)], -1)
rotary("rotate adjacent, as timm's EVA", apply_rot_embed_cat(heads, embedding[:7]).transpose(0, 1).reshape(7, 8), "adjacent", 2)
turned = torch.cat([heads[:, :2], apply_rot_embed_cat(heads[:, 2:], embedding[:5])], 1)
rotary("rotate adjacent but the first two rows", turned.transpose(0, 1).reshape(7, 8), "adjacent", 2, skip=2)

# 3.15 to 3.17


def attend(q, k, v, heads, **more):
    split = lambda x: x.reshape(len(x), heads, -1).transpose(0, 1)[None]
    return F.scaled_dot_product_attention(split(q), split(k), split(v), **more)[0].transpose(0, 1).reshape(len(q), -1)


PROJECTIONS = [step("linear", "x", name, width=8, weight=f"w{name}") for name in "qkv"]
SHAPES = {f"w{name}": [8, 8] for name in "qkv"}


def projected(tokens, factor=3):
    return [F.linear(tokens, tensor(f"w{name}", 8, 8, factor=factor)) for name in "qkv"]


def factors(factor=3):
    return {f"w{name}": factor for name in "qkv"}


on_ids("attention", attend(*projected(TOKENS), 2), SHAPES, *PROJECTIONS, step("attention", ["q", "k", "v"], "y", heads=2), factors=factors())
on_ids("attention of one head, causal", attend(*projected(TOKENS), 1, is_causal=True), SHAPES, *PROJECTIONS,
       step("attention", ["q", "k", "v"], "y", heads=1, causal=True), factors=factors())
on_ids("attention with sharp scores", attend(*[x.double() for x in projected(TOKENS, 60)], 4), SHAPES, *PROJECTIONS,
       step("attention", ["q", "k", "v"], "y", heads=4), factors=factors(60))
visible = torch.tensor(padded) != 1
hidden = projected(F.embedding(torch.tensor(padded), TABLE))
on_ids("attention with a mask", attend(*hidden, 2, attn_mask=visible[None].expand(7, 7)), SHAPES, step("mask", "ids", "m", hidden=1),
       *PROJECTIONS, step("attention", ["q", "k", "v", "m"], "y", heads=2), ids=padded, factors=factors())
on_ids("attention, causal with a mask", attend(*hidden, 2, attn_mask=visible[None] & torch.ones(7, 7).tril().bool()), SHAPES,
       step("mask", "ids", "m", hidden=1), *PROJECTIONS, step("attention", ["q", "k", "v", "m"], "y", heads=2, causal=True),
       ids=padded, factors=factors())
tokens = torch.cat([F.embedding(torch.tensor(padded), TABLE), tensor("class", 8)[None]])
on_ids("attention with a mask longer than the text, as CoCa",
       attend(*projected(tokens), 2, attn_mask=torch.cat([torch.tensor([True]), visible])[None] & torch.ones(8, 8).tril().bool()),
       {**SHAPES, "class": [8]}, step("mask", "ids", "m", hidden=1, before=1), step("parameter", None, "c", width=8, weight="class"),
       step("concat", ["x", "c"], "t"), *[{**one, "from": "t"} for one in PROJECTIONS],
       step("attention", ["q", "k", "v", "m"], "y", heads=2, causal=True), ids=padded, factors=factors())
queries = tensor("p", 3, 8)
on_ids("attention of learned queries, a mask behind", attend(queries, torch.cat([hidden[1], hidden[1]])[:7], hidden[2], 2,
                                                             attn_mask=visible[None].expand(3, 7)),
       {"wk": [8, 8], "wv": [8, 8], "p": [3, 8]}, step("parameter", None, "p", width=8, rows=3, weight="p"),
       step("mask", "ids", "m", hidden=1), *PROJECTIONS[1:], step("attention", ["p", "k", "v", "m"], "y", heads=2),
       ids=padded, factors={"wk": 3, "wv": 3})
pixels = [F.linear(ROWS, tensor(f"w{name}", 8, 4, factor=3)) for name in "qkv"]
on_pixels("attention on a map, which stays one", rows_of(F.avg_pool2d(attend(*pixels, 2).T.reshape(1, 8, 3, 5), (3, 5))),
          {f"w{name}": [8, 4] for name in "qkv"},
          *[step("linear", "pixels", name, width=8, weight=f"w{name}") for name in "qkv"],
          step("attention", ["q", "k", "v"], "a", heads=2), step("average_pool", "a", "y", kernel=[3, 5]), factors=factors())
on_ids("mean of all rows", TOKENS.mean(0, keepdim=True), {}, step("mean", "x", "y"), average=False)
on_ids("mean but the first two", TOKENS[2:].mean(0, keepdim=True), {}, step("mean", "x", "y", skip=2), average=False, ids=IDS)
CASES[-1]["text"]["input"]["ids"]["least"] = 3
shown = F.embedding(torch.tensor(padded), TABLE)[visible]
on_ids("mean of the visible rows", shown.mean(0, keepdim=True), {}, step("mask", "ids", "m", hidden=1),
       step("mean", ["x", "m"], "y"), average=False, ids=padded)
on_ids("mean of the visible rows but the first", shown[1:].mean(0, keepdim=True), {}, step("mask", "ids", "m", hidden=1),
       step("mean", ["x", "m"], "y", skip=1), average=False, ids=padded)
CASES[-1]["text"]["input"]["ids"]["least"] = 2
on_ids("pick the first row", TOKENS[:1], {}, step("pick", "x", "y", row=0), average=False)
on_ids("pick the last row", TOKENS[-1:], {}, step("pick", "x", "y", row="last"), average=False)
on_ids("pick the first place of an id", TOKENS[2:3], {}, step("pick", ["x", "ids"], "y", token=2), average=False)
on_ids("pick the first row where the id is missing", TOKENS[:1], {}, step("pick", ["x", "ids"], "y", token=11), average=False)
on_ids("pick the first place of the largest id", TOKENS[torch.tensor(IDS).argmax()][None], {},
       step("pick", ["x", "ids"], "y", token="largest"), average=False)
exact = [3, 7, 2, 0, 0]
case("padding that takes part", [LOOKUP, step("linear", "x", "y", width=3, weight="w"), AVERAGE], {"table": [12, 8], "w": [3, 8]},
     {"y": F.linear(F.embedding(torch.tensor(exact), TABLE), tensor("w", 3, 8))}, ids=[3, 7, 2])
CASES[-1]["text"]["input"] = {"ids": {"exactly": 5, "padding": 0}}

path = ROOT / "Formats/vectors/operations.json"
path.write_text("[\n" + ",\n".join(json.dumps(one, separators=(",", ":")) for one in CASES) + "\n]\n")
print(f"{path.name}: {len(CASES)} cases, {path.stat().st_size} bytes")
