"""Checks the section `network` as `network.md`, section 4, says: `check(data, index)` gives a `Network` whose towers are flat
lists of steps with known shapes, or raises `Refusal`. Checks 1 and 2 are in `network_words.py`.
"""
import math
from dataclasses import dataclass

from network_words import IMAGE, LIMITS, NEWER, TEXT, Refusal, Repeat, Scores, Step, read, require, show

TOWER_CODES = {IMAGE: 1, TEXT: 2, "scores": 0}  # in the index
FLOATS = {5: "F16", 6: "BF16", 9: "F32"}  # element types of the index that weights may have


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
    if op in ("conv2d", "average_pool"):
        kinds("map")
        kernel, grid = given["kernel"], []
        for edge, size, stride, padding in zip(x.grid, kernel, given["stride"] or kernel, given["padding"]):
            require(size <= edge + 2 * padding, place, f"kernel is {size}, the padded map is {edge + 2 * padding}")
            grid.append((edge + 2 * padding - size) // stride + 1)
        if op == "average_pool":
            return Shape("rows", Extent(grid[0] * grid[1]), x.width, tuple(grid)), {}
        width, groups = given["width"], given["groups"]
        require(x.width % groups == 0 and width % groups == 0, place,
                f"groups is {groups}, which does not divide the widths {x.width} and {width}")
        return (Shape("rows", Extent(grid[0] * grid[1]), width, tuple(grid)),
                {"weight": [width, x.width // groups, *kernel], "bias": [width]})
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
            first, name = Shape("ids", Extent(0, True)), "ids"
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
    towers, scores = read(data, limits)
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
