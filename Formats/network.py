"""Reads and checks the section `network`, as `network.md` says: `check(text, index)` gives a `Network` whose towers are
flat lists of steps with known shapes, or raises `Refusal`. The numbers of the checks are those of section 4.
"""
import json, math, re
from dataclasses import dataclass, field

import numpy as np

# Section 4. A caller may lower each.
LIMITS = dict(
    bytes=1 << 20, nesting=8, rounds=1024, body=1024, first=1024, steps=16384, name=32, stage=64, tensor_name=1024,
    width=1 << 20, table=1 << 24, edge=16384, ids=65536, rows=1 << 20, scores=1 << 26, kernel=64, floats=1 << 26,
    alive=1 << 28, work=1 << 44)
NEWER = "a newer clip-pack is needed"
IMAGE, TEXT = "image", "text"
TOWER_CODES = {IMAGE: 1, TEXT: 2, "scores": 0}
ACTIVATIONS = ("quick_gelu", "gelu", "gelu_tanh", "relu", "silu", "sigmoid", "tanh")
FLOATS = {5: "F16", 6: "BF16", 9: "F32"}  # element types of the index that weights may have


class Refusal(ValueError):
    """What is wrong with a network, or with what it is given, and where."""


def require(condition, place, text):
    if not condition:
        raise Refusal(f"{place}: {text}")


def show(value):
    text = json.dumps(value, separators=(",", ":"))
    return text if len(text) <= 60 else text[:57] + "..."


# Check 1: the text


def parse(data, limits=LIMITS):
    require(len(data) <= limits["bytes"], "network", f"{len(data)} bytes, {limits['bytes']} are allowed")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(f"network: byte {error.start} is not UTF-8") from None
    depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text, re.S):
        depth += token[0] in "[{"
        depth -= token[0] in "]}"
        require(depth <= limits["nesting"], "network", f"more than {limits['nesting']} arrays and objects are open")

    def unique(pairs):
        seen = set()
        for key, _ in pairs:
            require(key not in seen, "network", f"key {show(key)} is there twice in an object")
            seen.add(key)
        return dict(pairs)

    def constant(word):
        raise Refusal(f"network: {word} is not JSON")

    try:
        document = json.loads(text, object_pairs_hook=unique, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise Refusal(f"network: not JSON from character {error.pos} on") from None
    except Refusal:
        raise
    except ValueError:
        raise Refusal("network: a number of too many digits") from None
    # Half of a surrogate pair can be written as an escape, and is no text.
    halves = any("\ud800" <= letter <= "\udfff" for letter in json.dumps(document, ensure_ascii=False))
    require(not halves, "network", "a string is not Unicode")
    return document


# Check 2: words. A rule takes a place, a name and a value, and returns the value or refuses.


def whole(least, most):
    def rule(place, name, value, limits):
        fits = type(value) is int and least <= value <= (most if type(most) is int else limits[most])
        allowed = f"a whole number from {least} to {most if type(most) is int else limits[most]}"
        require(fits, place, f"{name} is {show(value)}, {allowed} is allowed")
        return value
    return rule


def pair(least, most):
    def rule(place, name, value, limits):
        require(type(value) is list and len(value) == 2, place, f"{name} is {show(value)}, two whole numbers are allowed")
        return [whole(least, most)(place, name, one, limits) for one in value]
    return rule


def epsilon(place, name, value, limits):
    fits = type(value) in (int, float) and 1e-12 <= value <= 1
    require(fits, place, f"{name} is {show(value)}, a number from 1e-12 to 1 is allowed")
    return np.float32(value)


def factor(place, name, value, limits):
    """Finite and not 0, also as binary32."""
    fits = type(value) in (int, float) and abs(value) < 2.0 ** 128
    with np.errstate(over="ignore", under="ignore"):
        rounded = np.float32(value) if fits else np.float32(0)
    require(np.isfinite(rounded) and rounded != 0, place, f"{name} is {show(value)}, a number other than 0 is allowed")
    return rounded


def one_of(*words):
    def rule(place, name, value, limits):
        known = type(value) is str and value in words
        require(known, place, f"{name} is {show(value)}, {' or '.join(map(show, words))} is known: {NEWER}")
        return value
    return rule


def either(word, rule):
    return lambda place, name, value, limits: value if value == word else rule(place, name, value, limits)


def truth(place, name, value, limits):
    require(type(value) is bool, place, f"{name} is {show(value)}, true or false is allowed")
    return value


def signs(place, name, value, limits):
    fits = type(value) is list and all(type(one) is int and one in (1, -1) for one in value)
    require(fits, place, f"{name} is {show(value)}, an array of 1 and -1 is allowed")
    return value


def name_of_value(place, name, value, limits):
    fits = type(value) is str and re.fullmatch("[a-z][a-z0-9_]*", value) and len(value) <= limits["name"]
    require(fits, place, f"{name} is {show(value)}, a name of a-z, 0-9 and _ is allowed, of at most {limits['name']} bytes")
    return value


def text_of(place, name, value, limits):
    require(type(value) is str, place, f"{name} is {show(value)}, a string is allowed")
    return value


AN_ID = whole(0, (1 << 24) - 1)
WIDTH, ROWS, HEADS, SKIP, COUNT = whole(1, "width"), whole(1, "table"), whole(1, "width"), whole(0, "rows"), whole(0, "rows")
KERNEL = pair(1, "kernel")


@dataclass
class Operation:
    """The row of an operation: how many values it reads, its keys, which of them must be there, what it ends with."""
    inputs: range
    needed: dict = field(default_factory=dict)  # attributes: name → rule
    optional: dict = field(default_factory=dict)  # attributes: name → (rule, default)
    tensors: tuple = ()  # "?" marks an optional one
    tail: bool = False
    activation: bool = False


def takes(least, most=None):
    return range(least, (most or least) + 1)


OPERATIONS = {
    "parameter": Operation(takes(0), {"width": WIDTH}, {"rows": (ROWS, None)}, ("weight",)),
    "lookup": Operation(takes(1), {"rows": ROWS, "width": WIDTH}, {"scale": (factor, np.float32(1))}, ("weight",)),
    "mask": Operation(takes(1), {"hidden": AN_ID}, {"before": (COUNT, 0), "after": (COUNT, 0)}),
    "position": Operation(takes(1, 2), {"rows": ROWS}, {"start": (whole(0, "table"), None), "row": (whole(0, "table"), None)},
                          ("weight",)),
    "concat": Operation(takes(2, 8)),
    "conv2d": Operation(takes(1), {"width": WIDTH, "kernel": KERNEL}, {
        "stride": (pair(1, "kernel"), [1, 1]), "padding": (pair(0, "kernel"), [0, 0]), "groups": (whole(1, "width"), 1)},
        ("weight", "bias?"), tail=True),
    "average_pool": Operation(takes(1), {"kernel": KERNEL}),
    "batch_norm": Operation(takes(1), {"epsilon": epsilon}, {}, ("weight", "bias", "mean", "variance"), tail=True),
    "layer_norm": Operation(takes(1), {"epsilon": epsilon}, {}, ("weight", "bias?")),
    "linear": Operation(takes(1), {"width": WIDTH}, {}, ("weight", "bias?"), tail=True),
    "scale": Operation(takes(1), {}, {}, ("weight",), tail=True),
    "add": Operation(takes(2, 8), {}, {"signs": (signs, None)}, activation=True),
    "multiply": Operation(takes(2), activation=True),
    "rotate": Operation(takes(3), {"heads": HEADS, "pairs": one_of("adjacent", "halves")}, {"skip": (SKIP, 0)}),
    "attention": Operation(takes(3, 4), {"heads": HEADS}, {"causal": (truth, False)}),
    "mean": Operation(takes(1, 2), {}, {"skip": (SKIP, 0)}),
    "pick": Operation(takes(1, 2), {}, {
        "row": (either("last", whole(0, "rows")), None), "token": (either("largest", AN_ID), None)}),
}


@dataclass
class Step:
    """A step as it is written; `place` says where."""
    place: str
    op: str
    sources: list
    to: str
    attributes: dict
    tensors: dict  # key → name
    add: str = None
    activation: str = None
    stage: str = None


@dataclass
class Repeat:
    place: str
    rounds: int
    first: int
    prefix: str
    source: str
    to: str
    steps: list


def members(place, value, needed, optional=()):
    """An object with these keys and no others."""
    require(type(value) is dict, place, f"an object is needed, {show(value)} is there")
    for key in value:
        require(key in needed or key in optional, place, f"key {show(key)} is unknown: {NEWER}")
    for key in needed:
        require(key in value, place, f"{key} is missing")
    return value


def array(place, value):
    require(type(value) is list and value, place, f"an array that is not empty is needed, {show(value)} is there")
    return value


def read_step(place, value, repeated, limits):
    require(type(value) is dict, place, f"an object is needed, {show(value)} is there")
    require("op" in value, place, "op is missing")
    operation = OPERATIONS.get(value["op"]) if type(value["op"]) is str else None
    require(operation, place, f"op {show(value['op'])} is unknown: {NEWER}")
    place = f"{place} ({value['op']})"
    tensors = [name.rstrip("?") for name in operation.tensors]
    tail = ["add", "activation"] if operation.tail else ["activation"] if operation.activation else []
    members(place, value,
            ["op", *(["from"] if operation.inputs[-1] else []), "to", *operation.needed,
             *(name for name in operation.tensors if not name.endswith("?"))],
            [*operation.optional, *tensors, *tail, *(["stage"] if value["op"] != "mask" else [])])
    sources = []
    if "from" in value:
        listed = value["from"] if type(value["from"]) is list else [value["from"]]
        sources = [name_of_value(place, "from", name, limits) for name in listed]
        allowed = operation.inputs
        count = f"{allowed[0]}" if len(allowed) == 1 else f"{allowed[0]} to {allowed[-1]}"
        needed = f"{count} name{' is' if count == '1' else 's are'} needed"
        require(len(sources) in allowed, place, f"from is {show(value['from'])}, {needed}")
        require(len(sources) > 1 or type(value["from"]) is str, place, f"from is {show(value['from'])}, a string is needed")
    attributes = {name: rule(place, name, value[name], limits) for name, rule in operation.needed.items()}
    for name, (rule, default) in operation.optional.items():
        attributes[name] = rule(place, name, value[name], limits) if name in value else default
    step = Step(place, value["op"], sources, name_of_value(place, "to", value["to"], limits), attributes,
                {name: text_of(place, name, value[name], limits) for name in tensors if name in value})
    if "add" in value:
        step.add = name_of_value(place, "add", value["add"], limits)
    if "activation" in value:
        step.activation = one_of(*ACTIVATIONS)(place, "activation", value["activation"], limits)
    if "stage" in value:
        step.stage = text_of(place, "stage", value["stage"], limits)
        printable = re.fullmatch("[ -~]+", step.stage) and len(step.stage) <= limits["stage"]
        require(printable, place, f"stage is {show(step.stage)}, 1 to {limits['stage']} bytes of printable ASCII are allowed")
        require(step.stage.count("#") == repeated, place,
                f"stage is {show(step.stage)}, " + ("# once is needed in a repeat" if repeated else "# is of repeats only"))
    check_combination(step)
    return step


def check_combination(step):
    """What section 3 rules out whatever the shapes are."""
    place, op, given, many = step.place, step.op, step.attributes, len(step.sources)
    if op == "position":
        require((given["start"] is None) != (given["row"] is None), place, "one of start and row is needed")
        require(many == 1 or given["row"] is None, place, "row comes without a mask")
        require(many == 1 or given["start"] >= 1, place, f"start is {given['start']}, with a mask at least 1 is allowed")
    if op == "conv2d":
        for kernel, padding in zip(given["kernel"], given["padding"]):
            require(padding < kernel, place, f"padding is {padding}, less than the kernel's {kernel} is allowed")
    if op == "add":
        given["signs"] = given["signs"] or [1] * many
        require(len(given["signs"]) == many, place, f"signs is {show(given['signs'])}, {many} elements are needed")
    if op == "pick":
        require((given["row"] is None) != (given["token"] is None), place, "one of row and token is needed")
        wanted = 1 if given["token"] is None else 2
        require(many == wanted, place, "row reads x alone" if wanted == 1 else "token reads x and ids")


def read_items(place, value, limits):
    items = []
    for number, item in enumerate(array(place, value)):
        here = f"{place}[{number}]"
        if type(item) is not dict or "repeat" not in item:
            items.append(read_step(here, item, False, limits))
            continue
        members(here, item, ["repeat", "prefix", "from", "to", "steps"], ["first"])
        rounds = whole(1, "rounds")(here, "repeat", item["repeat"], limits)
        first = whole(0, "first")(here, "first", item.get("first", 0), limits)
        prefix = text_of(here, "prefix", item["prefix"], limits)
        require(prefix.count("#") == 1, here, f"prefix is {show(prefix)}, # once is needed")
        steps = []
        body = array(f"{here}.steps", item["steps"])
        require(len(body) <= limits["body"], f"{here}.steps", f"{len(body)} steps, {limits['body']} are allowed")
        for at, inner in enumerate(body):
            require(type(inner) is not dict or "repeat" not in inner, f"{here}.steps[{at}]", "a repeat is in a repeat")
            steps.append(read_step(f"{here}.steps[{at}]", inner, True, limits))
        items.append(Repeat(here, rounds, first, prefix, name_of_value(here, "from", item["from"], limits),
                            name_of_value(here, "to", item["to"], limits), steps))
    return items


@dataclass
class Tower:
    kind: str
    items: list
    output: str
    pixels: tuple = None  # C, H, W
    least: int = 0  # of L
    most: int = 0
    padding: int = None  # where a text has exactly `most` ids
    values: list = None  # shapes, in the order in which they are made; 0 is the input
    steps: list = None  # `Call`s
    embedding: int = None  # the number of the output's value


def read_tower(kind, value, limits):
    members(kind, value, ["input", "steps", "output"])
    tower = Tower(kind, None, None)
    place = f"{kind}.input"
    if kind == IMAGE:
        pixels = members(place, value["input"], ["pixels"])["pixels"]
        require(type(pixels) is list and len(pixels) == 3, place, f"pixels is {show(pixels)}, three whole numbers are allowed")
        tower.pixels = (WIDTH(place, "C", pixels[0], limits), *(whole(1, "edge")(place, name, edge, limits)
                                                               for name, edge in zip("HW", pixels[1:])))
    else:
        ids = members(place, value["input"], ["ids"])["ids"]
        length, place = whole(1, "ids"), f"{place}.ids"
        if type(ids) is dict and "exactly" in ids:
            members(place, ids, ["exactly", "padding"])
            tower.least = tower.most = length(place, "exactly", ids["exactly"], limits)
            tower.padding = AN_ID(place, "padding", ids["padding"], limits)
        else:
            members(place, ids, ["least", "most"])
            tower.least, tower.most = (length(place, name, ids[name], limits) for name in ("least", "most"))
            require(tower.least <= tower.most, place, f"least is {tower.least}, most is {tower.most}")
    tower.items = read_items(f"{kind}.steps", value["steps"], limits)
    tower.output = name_of_value(kind, "output", value["output"], limits)
    return tower


@dataclass
class Scores:
    rule: str
    scale: str
    bias: str = None


def read_scores(document, limits):
    if "scores" not in document:
        return None
    require(IMAGE in document and TEXT in document, "scores", "both towers are needed")
    value = members("scores", document["scores"], ["rule", "scale"], ["bias"])
    return Scores(one_of("softmax", "sigmoid")("scores", "rule", value["rule"], limits),
                  *(text_of("scores", name, value[name], limits) for name in ("scale", "bias") if name in value))


# Check 3: size, before anything is expanded


def check_size(tower, limits):
    total = sum(item.rounds * len(item.steps) if type(item) is Repeat else 1 for item in tower.items)
    require(total <= limits["steps"], tower.kind, f"{total} steps, {limits['steps']} are allowed")


# Check 4: names, kinds and shapes


@dataclass(frozen=True)
class Extent:
    """n, or n + L."""
    n: int
    has_l: bool = False

    def at(self, length):
        return self.n + length * self.has_l

    def __str__(self):
        return f"{self.n}" if not self.has_l else "L" if not self.n else f"{self.n} + L"


@dataclass(frozen=True)
class Shape:
    """`kind` is ids, mask or rows; T; D and the grid of rows."""
    kind: str
    rows: Extent
    width: int = None
    grid: tuple = None

    def floats(self, length):
        return self.rows.at(length) * (self.width or 1)

    def __str__(self):
        if self.kind != "rows":
            return f"{'a mask' if self.kind == 'mask' else 'ids'} [{self.rows}]"
        return f"[{self.rows}, {self.width}]" + (f" on {self.grid[0]} × {self.grid[1]}" if self.grid else "")


ONE = Extent(1)
NEEDED = {"ids": "ids are", "mask": "a mask is", "rows": "rows are", "map": "rows with a grid are"}


@dataclass
class Call:
    """A step after expansion: which values it reads and makes, and its tensors with their extents."""
    place: str
    op: str
    inputs: list  # numbers of values
    result: int
    attributes: dict
    tensors: dict  # key → (name in the pack, extents)
    add: int = None
    activation: str = None
    stage: str = None


def infer(tower, step, shapes, limits):
    """The shape that the step makes, and the extents of its tensors."""
    place, given, op = step.place, step.attributes, step.op
    x = shapes[0] if shapes else None

    def kinds(*wanted):
        for at, (shape, kind) in enumerate(zip(shapes, wanted)):
            found = "map" if kind == "map" and shape.grid else shape.kind
            require(found == kind, place, f"input {at} is {shape}, {NEEDED[kind]} needed")

    def least(name, number):
        bound = x.rows.at(tower.least)
        require(number < bound, place, f"{name} is {number}, less than {bound} is allowed")

    if op == "parameter":
        rows, width = given["rows"], given["width"]
        return Shape("rows", Extent(rows or 1), width), {"weight": [width] if rows is None else [rows, width]}
    if op == "lookup":
        kinds("ids")
        if tower.padding is not None:
            require(tower.padding < given["rows"], place, f"padding is {tower.padding}, the table has {given['rows']} rows")
        return Shape("rows", x.rows, given["width"]), {"weight": [given["rows"], given["width"]]}
    if op == "mask":
        kinds("ids")
        return Shape("mask", Extent(given["before"] + x.rows.n + given["after"], x.rows.has_l)), {}
    if op == "position":
        kinds("rows", "mask")
        if given["row"] is not None:
            require(given["row"] < given["rows"], place, f"row is {given['row']}, the table has {given['rows']} rows")
        else:
            end = given["start"] + x.rows.at(tower.most)
            require(end <= given["rows"], place, f"start and x need {end} rows, the table has {given['rows']}")
        for mask in shapes[1:]:
            require(mask.rows == x.rows, place, f"the mask has {mask.rows} elements, x has {x.rows} rows")
        return x, {"weight": [given["rows"], x.width]}
    if op == "concat":
        kinds(*["rows"] * len(shapes))
        for shape in shapes:
            require(shape.width == x.width, place, f"widths are {x.width} and {shape.width}, equal ones are needed")
        lengths = sum(shape.rows.has_l for shape in shapes)
        require(lengths <= 1, place, f"{lengths} inputs have L rows, 1 is allowed")
        return Shape("rows", Extent(sum(shape.rows.n for shape in shapes), lengths == 1), x.width), {}
    if op == "conv2d":
        kinds("map")
        width, groups, kernel = given["width"], given["groups"], given["kernel"]
        require(x.width % groups == 0 and width % groups == 0, place,
                f"groups is {groups}, which does not divide the widths {x.width} and {width}")
        grid = []
        for edge, size, stride, padding in zip(x.grid, kernel, given["stride"], given["padding"]):
            require(size <= edge + 2 * padding, place, f"kernel is {size}, the padded map is {edge + 2 * padding}")
            grid.append((edge + 2 * padding - size) // stride + 1)
        return (Shape("rows", Extent(grid[0] * grid[1]), width, tuple(grid)),
                {"weight": [width, x.width // groups, *kernel], "bias": [width]})
    if op == "average_pool":
        kinds("map")
        for edge, size in zip(x.grid, given["kernel"]):
            require(size <= edge, place, f"kernel is {size}, the map is {edge}")
        grid = tuple(edge // size for edge, size in zip(x.grid, given["kernel"]))
        return Shape("rows", Extent(grid[0] * grid[1]), x.width, grid), {}
    if op in ("batch_norm", "layer_norm", "scale"):
        kinds("rows")
        return x, {name: [x.width] for name in ("weight", "bias", "mean", "variance")}
    if op == "linear":
        kinds("rows")
        width = given["width"]
        return Shape("rows", x.rows, width, x.grid), {"weight": [width, x.width], "bias": [width]}
    if op == "add":
        kinds(*["rows"] * len(shapes))
        for shape in shapes:
            require(shape == x, place, f"inputs are {x} and {shape}, equal ones are needed")
        return x, {}
    if op == "multiply":
        kinds("rows", "rows")
        z = shapes[1]
        require(z == x or (z.rows == ONE and z.width == x.width), place, f"inputs are {x} and {z}, {x} or [1, {x.width}] is needed")
        return x, {}
    if op == "rotate":
        kinds("rows", "rows", "rows")
        heads, skip = given["heads"], given["skip"]
        require(x.width % (2 * heads) == 0, place, f"width is {x.width}, which {heads} heads do not divide into pairs")
        least("skip", skip)
        for table in shapes[1:]:
            fits = table.width == x.width // (2 * heads) and table.rows == shapes[1].rows and not table.rows.has_l
            require(fits and table.rows.n >= x.rows.at(tower.most) - skip, place,
                    f"c and s are {shapes[1]} and {shapes[2]}, at least [{x.rows.at(tower.most) - skip}, {x.width // (2 * heads)}] is needed")
        return x, {}
    if op == "attention":
        kinds("rows", "rows", "rows", "mask")
        key, value, heads = shapes[1], shapes[2], given["heads"]
        require(key.width == x.width == value.width, place,
                f"widths of q, k and v are {x.width}, {key.width} and {value.width}, equal ones are needed")
        require(key.rows == value.rows, place, f"k has {key.rows} rows, v has {value.rows}")
        require(x.width % heads == 0, place, f"width is {x.width}, which {heads} heads do not divide")
        for mask in shapes[3:]:
            require(mask.rows == key.rows, place, f"the mask has {mask.rows} elements, k has {key.rows} rows")
        require(not given["causal"] or key.rows == x.rows, place, f"q has {x.rows} rows, k has {key.rows}: causal needs equal ones")
        scores = x.rows.at(tower.most) * key.rows.at(tower.most)
        require(scores <= limits["scores"], place, f"{scores} pairs of q and k, {limits['scores']} are allowed")
        return x, {}
    if op == "mean":
        kinds("rows", "mask")
        least("skip", given["skip"])
        for mask in shapes[1:]:
            require(mask.rows == x.rows, place, f"the mask has {mask.rows} elements, x has {x.rows} rows")
        return Shape("rows", ONE, x.width), {}
    if op == "pick":
        kinds("rows", "ids")
        if type(given["row"]) is int:
            least("row", given["row"])
        if given["token"] is not None:
            require(x.rows == shapes[1].rows, place, f"x has {x.rows} rows, token needs {shapes[1].rows}")
        return Shape("rows", ONE, x.width), {}
    raise AssertionError(op)


class Builder:
    """Expands a tower into `values` and `calls`."""

    def __init__(self, tower, limits):
        self.tower, self.limits, self.calls, self.stages = tower, limits, [], set()
        if tower.kind == IMAGE:
            channels, height, width = tower.pixels
            first, name = Shape("rows", Extent(height * width), channels, (height, width)), "pixels"
        else:
            exact = tower.padding is not None
            first, name = Shape("ids", Extent(tower.most if exact else 0, not exact)), "ids"
        self.values, self.names = [first], {name: 0}
        self.check_extents(f"{tower.kind}.input", first)
        for item in tower.items:
            if type(item) is Step:
                self.names[item.to] = self.add(item, {})
            else:
                self.repeat(item)

    def check_extents(self, place, shape):
        limits, most = self.limits, self.tower.most
        require(shape.rows.at(most) <= limits["rows"], place, f"{shape.rows.at(most)} rows, {limits['rows']} are allowed")
        require((shape.width or 1) <= limits["width"], place, f"width is {shape.width}, {limits['width']} is allowed")
        for edge in shape.grid or ():
            require(edge <= limits["edge"], place, f"the map has an edge of {edge}, {limits['edge']} is allowed")
        require(shape.floats(most) <= limits["floats"], place, f"{shape.floats(most)} floats, {limits['floats']} are allowed")

    def find(self, place, name, local):
        require(name in local or name in self.names, place, f"value {show(name)} is not known here")
        return local.get(name, self.names.get(name))

    def add(self, step, local, prefix="", number=None):
        place = step.place if number is None else f"{step.place}, round {number}"
        step = Step(**{**vars(step), "place": place})
        inputs = [self.find(place, name, local) for name in step.sources]
        shape, extents = infer(self.tower, step, [self.values[at] for at in inputs], self.limits)
        self.check_extents(place, shape)
        call = Call(place, step.op, inputs, len(self.values), step.attributes,
                    {key: (prefix + name, extents[key]) for key, name in step.tensors.items()}, activation=step.activation)
        if step.add is not None:
            call.add = self.find(place, step.add, local)
            require(self.values[call.add] == shape, place, f"add is {self.values[call.add]}, the result is {shape}")
        if step.stage is not None:
            call.stage = step.stage.replace("#", str(number))
            require(len(call.stage) <= self.limits["stage"], place, f"stage {show(call.stage)} is longer than {self.limits['stage']} bytes")
            require(call.stage not in self.stages, place, f"stage {show(call.stage)} is there twice")
            self.stages.add(call.stage)
        require(step.to not in local and step.to not in self.names, place, f"value {show(step.to)} is known already")
        self.values.append(shape)
        self.calls.append(call)
        return call.result

    def repeat(self, item):
        current = self.find(item.place, item.source, {})
        shape = self.values[current]
        require(shape.kind == "rows", item.place, f"from is {shape}, rows are needed")
        for number in range(item.first, item.first + item.rounds):
            local, prefix = {item.source: current}, item.prefix.replace("#", str(number))
            for step in item.steps:
                local[step.to] = current = self.add(step, local, prefix, number)
            require(self.values[current] == shape, item.place, f"round {number} makes {self.values[current]} of {shape}")
        require(item.to not in self.names, item.place, f"value {show(item.to)} is known already")
        self.names[item.to] = current


# Checks 5 to 8


def check_tensor(place, tower, key, name, extents, index, used, limits):
    length = len(name.encode("utf-8"))
    require(1 <= length <= limits["tensor_name"], place, f"{key} has a name of {length} bytes, 1 to {limits['tensor_name']} are allowed")
    item = index.get(name)
    require(item is not None and item.kind == 2, place, f"{key} {show(name)} is no tensor of the pack")
    require(item.flags == 1, place, f"{key} {show(name)} is no part of the model (flags 0)")
    require(item.tower == TOWER_CODES[tower], place, f"{key} {show(name)} has tower {item.tower}, {TOWER_CODES[tower]} is needed")
    require(item.element_type in FLOATS, place, f"{key} {show(name)} has element_type {item.element_type}, F32, F16 or BF16 is needed")
    require(item.codec in (0, 1), place, f"{key} {show(name)} has codec {item.codec}: {NEWER}")
    fits = list(item.shape) in (extents if tower == "scores" else [extents])
    needed = " or ".join(map(str, extents)) if tower == "scores" else extents
    require(fits, place, f"{key} {show(name)} is {list(item.shape)}, {needed} is needed")
    require(name not in used, place, f"{key} {show(name)} is used already")
    used.add(name)


def check_tensors(towers, scores, index, limits):
    used = set()
    for tower in towers:
        for call in tower.steps:
            for key, (name, extents) in call.tensors.items():
                check_tensor(call.place, tower.kind, key, name, extents, index, used, limits)
    for key in ("scale", "bias") if scores else ():
        if getattr(scores, key) is not None:
            check_tensor("scores", "scores", key, getattr(scores, key), ([], [1]), index, used, limits)
    for name, item in index.items():
        left = item.kind == 2 and item.flags == 1 and name not in used
        require(not left, "network", f"tensor {show(name)} is used by no step")


def check_use(tower, names):
    require(tower.output in names, tower.kind, f"output {show(tower.output)} is not known")
    tower.embedding = names[tower.output]
    read = {at for call in tower.steps for at in [*call.inputs, call.add]} | {tower.embedding}
    require(0 in read, tower.kind, "the input is not read")
    for call in tower.steps:
        require(call.result in read, call.place, "the value is not read")
    shape = tower.values[tower.embedding]
    require(shape.kind == "rows" and shape.rows == ONE, tower.kind, f"output is {shape}, rows [1, E] are needed")


def work(tower, call):
    """Multiply-adds of a step."""
    length = tower.most
    x = tower.values[call.inputs[0]] if call.inputs else None
    floats = tower.values[call.result].floats(length)
    if call.op == "linear":
        return floats * x.width
    if call.op == "conv2d":
        return floats * math.prod(call.tensors["weight"][1][1:])
    if call.op == "attention":
        return 2 * floats * tower.values[call.inputs[1]].rows.at(length)
    return floats


def check_cost(tower, limits):
    last = {tower.embedding: len(tower.steps)}
    for number, call in enumerate(tower.steps):
        for at in [*call.inputs, *([] if call.add is None else [call.add])]:
            last[at] = max(number, last.get(at, 0))
    ends = {}
    for at, number in last.items():
        ends.setdefault(number, []).append(at)
    alive, total = tower.values[0].floats(tower.most), 0
    for number, call in enumerate(tower.steps):
        alive += tower.values[call.result].floats(tower.most)
        require(alive <= limits["alive"], call.place, f"{alive} floats are alive, {limits['alive']} are allowed")
        alive -= sum(tower.values[at].floats(tower.most) for at in ends.get(number, ()))
        total += work(tower, call)
        require(total <= limits["work"], call.place, f"{total} multiply-adds, {limits['work']} are allowed")


@dataclass
class Network:
    towers: dict  # "image", "text" → Tower
    scores: Scores = None


def check(data, index, limits=LIMITS):
    """All of section 4 that can be known before a network runs.

    `data` is the section's bytes; `index` the pack's items by name, each with `kind` (2: tensor), `flags`, `tower`,
    `codec`, `element_type` and `shape`.
    """
    document = parse(data, limits)
    members("network", document, [], [IMAGE, TEXT, "scores"])
    towers = [read_tower(kind, document[kind], limits) for kind in (IMAGE, TEXT) if kind in document]
    scores = read_scores(document, limits)
    require(towers, "network", "image or text is needed")
    for tower in towers:
        check_size(tower, limits)
    builders = [Builder(tower, limits) for tower in towers]
    for tower, builder in zip(towers, builders):
        tower.values, tower.steps = builder.values, builder.calls
    check_tensors(towers, scores, index, limits)
    for tower, builder in zip(towers, builders):
        check_use(tower, builder.names)
    for tower in towers:
        check_cost(tower, limits)
    widths = [tower.values[tower.embedding].width for tower in towers]
    require(len(set(widths)) == 1, "network", f"image has embeddings of width {widths[0]}, text of {widths[-1]}")
    return Network({tower.kind: tower for tower in towers}, scores)
