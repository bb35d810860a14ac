"""The words of the section `network`: checks 1 and 2 of `network.md`, section 4. `read(data)` gives the document as towers and
scores of known words, or raises `Refusal`; what they mean together is the matter of `network.py`.
"""
import json, re
from dataclasses import dataclass, field

import numpy as np

# Section 4. A caller may lower each.
LIMITS = dict(
    bytes=1 << 20, nesting=8, rounds=1024, body=1024, first=1024, steps=16384, name=32, stage=64, tensor_name=1024,
    width=1 << 20, channels=64, table=1 << 24, edge=16384, ids=65536, rows=1 << 20, scores=1 << 26, kernel=64, floats=1 << 26,
    alive=1 << 28, work=1 << 44)
NEWER = "a newer clip-pack is needed"
IMAGE, TEXT = "image", "text"
ACTIVATIONS = ("quick_gelu", "gelu", "gelu_tanh", "relu", "silu", "sigmoid", "tanh")


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


AN_ID = whole(0, (1 << 31) - 1)
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
    "average_pool": Operation(takes(1), {"kernel": KERNEL}, {
        "stride": (pair(1, "kernel"), None), "padding": (pair(0, "kernel"), [0, 0])}),
    "batch_norm": Operation(takes(1), {"epsilon": epsilon}, {}, ("weight", "bias", "mean", "variance"), tail=True),
    "layer_norm": Operation(takes(1), {"epsilon": epsilon}, {}, ("weight", "bias?")),
    "linear": Operation(takes(1), {"width": WIDTH}, {}, ("weight", "bias?"), tail=True),
    "scale": Operation(takes(1), {}, {}, ("weight",), tail=True),
    "add": Operation(takes(1, 8), {}, {"signs": (signs, None)}, activation=True),
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
    if op in ("conv2d", "average_pool"):
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
        tower.pixels = (whole(1, "channels")(place, "C", pixels[0], limits), *(whole(1, "edge")(place, name, edge, limits)
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
    both = IMAGE in document and TEXT in document
    require(both == ("scores" in document), "network", "scores is missing" if both else "scores without both towers")
    if not both:
        return None
    value = members("scores", document["scores"], ["rule", "scale"], ["bias"])
    return Scores(one_of("softmax", "sigmoid")("scores", "rule", value["rule"], limits),
                  *(text_of("scores", name, value[name], limits) for name in ("scale", "bias") if name in value))


def read(data, limits=LIMITS):
    """The towers, image first, and the scores or None."""
    document = parse(data, limits)
    members("network", document, [], [IMAGE, TEXT, "scores"])
    towers = [read_tower(kind, document[kind], limits) for kind in (IMAGE, TEXT) if kind in document]
    require(towers, "network", "image or text is needed")
    scores = read_scores(document, limits)
    return towers, scores
