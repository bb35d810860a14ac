#!/usr/bin/env python3
"""Trains the demo checkpoint: a small CLIP (Hugging Face layout) on pictures that this script draws.

    train_demo.py Tests/Fixtures                 trains, measures, writes demo/ and pictures/
    train_demo.py Tests/Fixtures --measure       as before, but with the model that is there

Needs the pip packages torch, transformers, numpy, pillow. Takes under half an hour on two cores.

A picture shows one to four copies of a shape. Its scene has seven attributes (`ATTRIBUTES`); a caption
mentions some of them in varied wording. Training is CLIP's contrastive loss; another picture's caption
that happens to be true of this picture does not count against it.

Every weight is rounded to float16 and stored as float32, as in Hugging Face's copies of OpenAI's CLIP.
Seeds are fixed; the same versions on the same machine give the same file.
"""
import argparse
import collections
import io
import itertools
import json
import math
import multiprocessing
import pathlib
import re
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

SIDE = 64  # of the square the model sees, in pixels
PATCH = 16
CONTEXT = 77  # text positions, as in CLIP
START, END = "<|startoftext|>", "<|endoftext|>"

COLOURS = {
    "red": (215, 35, 35), "orange": (245, 140, 25), "yellow": (245, 225, 40), "green": (35, 150, 55),
    "cyan": (50, 205, 215), "blue": (35, 65, 205), "purple": (125, 45, 165), "pink": (250, 140, 185),
}
BACKGROUNDS = {"white": (248, 248, 248), "black": (14, 14, 14), "grey": (132, 132, 132), "brown": (98, 66, 40)}
SHAPES = ["circle", "square", "triangle", "star", "heart", "cross", "ring", "crescent"]
TEXTURES = ["plain", "striped", "dotted", "checkered"]
COUNTS = ["one", "two", "three", "four"]
# A group has neither one position nor a size worth a word: the last value is never mentioned.
POSITIONS = ["left", "right", "top", "bottom", "centre", "-"]
SIZES = ["small", "large", "-"]
ATTRIBUTES = {
    "count": COUNTS, "colour": list(COLOURS), "shape": SHAPES, "texture": TEXTURES,
    "size": SIZES, "position": POSITIONS, "background": list(BACKGROUNDS),
}
COLOUR_NAMES, BACKGROUND_NAMES = list(COLOURS), list(BACKGROUNDS)
PICTURE_QUESTION = "colour, background"  # what the committed pictures are labelled by
Scene = collections.namedtuple("Scene", ATTRIBUTES)  # of indices; -1 in a caption: not mentioned

# Wordings: the first of each list is the one that labels use.
WORDS = {
    "purple": ["purple", "violet"], "cyan": ["cyan", "turquoise"], "grey": ["grey", "gray"],
    "circle": ["circle", "disc"], "square": ["square", "box"], "cross": ["cross", "plus sign"],
    "ring": ["ring", "hoop"], "crescent": ["crescent", "moon"],
    "plain": ["plain", "solid"], "striped": ["striped", "stripy"], "dotted": ["dotted", "spotted"],
    "checkered": ["checkered", "chequered"], "small": ["small", "little", "tiny"], "large": ["large", "big", "huge"],
    "two": ["two", "2", "a pair of"], "three": ["three", "3"], "four": ["four", "4"],
    "left": ["on the left", "at the left", "on the left side"], "right": ["on the right", "at the right", "on the right side"],
    "top": ["at the top", "in the upper part", "near the top"], "bottom": ["at the bottom", "in the lower part", "near the bottom"],
    "centre": ["in the centre", "in the center", "in the middle"],
}
TEMPLATES = [
    "{}", "{}.", "a picture of {}", "a photo of {}.", "This is a photo of {}.", "an image of {}", "a drawing of {}",
    "a picture showing {}", "this is {}", "it's {}", "one can see {}", "here: {}!", "{}, drawn by a program",
]
LABEL_TEMPLATE = "This is a photo of {}."


# Scenes and captions

def random_scene(rng):
    count = int(rng.choice(4, p=[0.64, 0.12, 0.12, 0.12]))
    pick = lambda name: int(rng.integers(len(ATTRIBUTES[name])))
    size, position = (int(rng.integers(2)), int(rng.integers(5))) if count == 0 else (2, 5)
    return Scene(count, pick("colour"), pick("shape"), pick("texture"), size, position, pick("background"))


def plural(noun):
    return noun + ("es" if noun[-1] in "sx" else "s")


def caption(mention, word):
    """The phrase for a scene whose unmentioned attributes are -1; `word` chooses among wordings (of a word, or given)."""
    value = {name: ATTRIBUTES[name][i] for name, i in mention._asdict().items() if i >= 0}
    several = mention.count > 0
    noun = word(value["shape"]) if "shape" in value else "shape"
    if several:
        noun = plural(noun)
    adjectives = [word(value[name]) for name in ("size", "texture", "colour") if name in value]
    phrase = " ".join(adjectives + [noun])
    article = word(value["count"]) if several else "an" if phrase[0] in "aeiou" else "a"
    phrase = f"{article} {phrase}"
    if "position" in value:
        phrase += " " + word(value["position"])
    if "background" in value:
        ground = word(value["background"])
        phrase += " " + word(f"on a {ground} background", f"on {ground}", f"against a {ground} background")
    return phrase


def first_word(*choices):
    """The wording of labels: the first of those there are."""
    return WORDS.get(choices[0], choices)[0]


def random_caption(scene, rng):
    """A caption that is true of the scene, and the attributes that it mentions."""
    def word(*choices):
        options = WORDS.get(choices[0], choices)
        return options[0] if rng.random() < 0.5 else options[rng.integers(len(options))]

    chance = {"count": 1, "colour": 0.85, "shape": 0.9, "texture": 0.5, "size": 0.3, "position": 0.4, "background": 0.3}
    never = {"size": 2, "position": 5}
    mention = Scene(*(
        value if rng.random() < chance[name] and value != never.get(name) else -1
        for name, value in scene._asdict().items()))
    return TEMPLATES[rng.integers(len(TEMPLATES))].format(caption(mention, word)), mention


# Pictures

def outline(shape, rng):
    """Polygons (filled, then cut out) of a shape of radius about 1 around the origin, turned a little."""
    def arc(cx, cy, r, n=48):
        t = np.linspace(0, 2 * np.pi, n, endpoint=False)
        return np.stack([cx + r * np.cos(t), cy + r * np.sin(t)], 1)

    def regular(n, radii=(1,)):
        t = -np.pi / 2 + np.arange(n * len(radii)) * 2 * np.pi / (n * len(radii))
        r = np.tile(radii, n)
        return np.stack([r * np.cos(t), r * np.sin(t)], 1)

    cut = []
    if shape == "circle":
        fill = arc(0, 0, 0.95)
    elif shape == "square":
        fill = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * 0.82
    elif shape == "triangle":
        fill = regular(3) * 1.1 + [0, 0.2]
    elif shape == "star":
        fill = regular(5, (1.1, 0.45))
    elif shape == "heart":
        t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
        fill = np.stack([16 * np.sin(t) ** 3, -y - 2], 1) / 16
    elif shape == "cross":
        a = 0.32
        fill = np.array([[-a, -1], [a, -1], [a, -a], [1, -a], [1, a], [a, a], [a, 1], [-a, 1], [-a, a], [-1, a], [-1, -a], [-a, -a]])
    elif shape == "ring":
        fill, cut = arc(0, 0, 1), [arc(0, 0, 0.55)]
    else:  # crescent
        fill, cut = arc(0, 0, 1), [arc(0.45, -0.1, 0.8)]
    turn = math.radians(rng.uniform(-12, 12))
    matrix = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return fill @ matrix, [c @ matrix for c in cut]


def places(scene, rng):
    """Centre and radius of each copy, in units of the square's side."""
    if scene.count == 0:
        r = rng.uniform(0.13, 0.18) if scene.size == 0 else rng.uniform(0.26, 0.31)
        edge, middle = rng.uniform(r + 0.01, r + 0.06), lambda: rng.uniform(0.46, 0.54)
        x = {"left": edge, "right": 1 - edge}.get(POSITIONS[scene.position], middle())
        y = {"top": edge, "bottom": 1 - edge}.get(POSITIONS[scene.position], middle())
        return [(x, y, r)]
    while True:  # until a draw has no overlap
        r = rng.uniform(0.13, 0.18)
        points = rng.uniform(r + 0.01, 0.99 - r, size=(scene.count + 1, 2))
        if all(np.hypot(*(a - b)) > 2.25 * r for a, b in itertools.combinations(points, 2)):
            return [(x, y, r) for x, y in points]


def texture(name, width, height, side, rng):
    """Where the second tone goes, as a boolean [height, width]."""
    turn, period = rng.uniform(0, np.pi), side * rng.uniform(0.085, 0.115)
    y, x = np.mgrid[:height, :width].astype(np.float32) / period
    u, v = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    if name == "striped":
        return u % 1 < 0.5
    if name == "dotted":
        return np.hypot(u % 1 - 0.5, v % 1 - 0.5) < 0.31
    return (u % 1 < 0.5) != (v % 1 < 0.5)


def draw(scene, rng, width, height, grain=4):
    """The picture of a scene: what matters lies in the central square, as a centre crop keeps it."""
    scale = 2  # drawn larger and reduced, for smooth edges
    w, h, side = width * scale, height * scale, min(width, height) * scale
    left, top = (w - side) / 2, (h - side) / 2
    vary = lambda rgb, by: np.clip(np.array(rgb, np.float32) + rng.uniform(-by, by, 3), 0, 255)
    ground, first = vary(BACKGROUNDS[ATTRIBUTES["background"][scene.background]], 12), vary(list(COLOURS.values())[scene.colour], 14)
    second = first * 0.35 if rng.random() < 0.5 else first * 0.25 + 255 * 0.75

    mask = Image.new("L", (w, h))
    pen = ImageDraw.Draw(mask)
    for x, y, r in places(scene, rng):
        fill, cut = outline(SHAPES[scene.shape], rng)
        place = lambda polygon: [tuple(p) for p in (polygon * r + [x, y]) * side + [left, top]]
        pen.polygon(place(fill), fill=255)
        for polygon in cut:
            pen.polygon(place(polygon), fill=0)
    ink = Image.new("RGB", (w, h), tuple(int(v) for v in first))
    if scene.texture > 0:
        where = texture(TEXTURES[scene.texture], w, h, side, rng)
        ink.paste(tuple(int(v) for v in second), mask=Image.fromarray(where.astype(np.uint8) * 255))
    picture = Image.new("RGB", (w, h), tuple(int(v) for v in ground))
    picture.paste(ink, mask=mask)
    pixels = np.asarray(picture.reduce(scale), np.float32)
    slope = rng.uniform(-10, 10, 2)
    light = np.linspace(-slope[0], slope[0], width)[None, :, None] + np.linspace(-slope[1], slope[1], height)[:, None, None]
    noise = rng.normal(0, rng.uniform(0, grain), (height, width, 1))
    return Image.fromarray(np.clip(pixels + light + noise + 0.5, 0, 255).astype(np.uint8))


def training_picture(index):
    rng = np.random.default_rng([1, index])
    scene = random_scene(rng)
    side = int(rng.integers(SIDE, 2 * SIDE))
    picture = draw(scene, rng, side, side).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(picture), scene


def unseen_picture(index, single=True, grain=4):
    """A picture of a random size; no training picture shares its seed."""
    rng = np.random.default_rng([2, index])
    scene = random_scene(rng)
    while single and scene.count > 0:
        scene = random_scene(rng)
    width, height = (int(v) for v in rng.integers(72, 320, 2))
    return draw(scene, rng, width, height, grain), scene


# Vocabulary

def byte_alphabet():
    """GPT-2's printable stand-ins for the 256 bytes, in the order of CLIP's vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(rest))]


def train_merges(texts, limit):
    """Byte-pair merges by falling count; ties by spelling, so that the result is one."""
    pieces = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^\sa-z0-9]+")
    words = collections.Counter(p for text in texts for p in pieces.findall(text.lower()))
    split = {word: [*word[:-1], word[-1] + "</w>"] for word in words}
    merges = []
    while len(merges) < limit:
        pairs = collections.Counter()
        for word, parts in split.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += words[word]
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for parts in split.values():
            i = 0
            while i < len(parts) - 1:
                if (parts[i], parts[i + 1]) == best:
                    parts[i:i + 2] = ["".join(best)]
                i += 1
    return merges


def write_tokenizer(folder, texts):
    alphabet, merges = byte_alphabet(), train_merges(texts, 512)
    entries = alphabet + [c + "</w>" for c in alphabet] + ["".join(m) for m in merges] + [START, END]
    assert len(set(entries)) == len(entries)
    vocabulary = {entry: i for i, entry in enumerate(entries)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")) + "\n")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "CLIPTokenizer", "bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END,
        "model_max_length": CONTEXT, "do_lower_case": True}, indent=2) + "\n")
    return CLIPTokenizer.from_pretrained(folder)


# Training

def configuration(vocabulary):
    return CLIPConfig(
        projection_dim=96,
        text_config=dict(
            vocab_size=vocabulary, hidden_size=128, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4,
            max_position_embeddings=CONTEXT, bos_token_id=vocabulary - 2, eos_token_id=2, pad_token_id=1,  # 2: OpenAI's, pools at the largest id
            projection_dim=96, hidden_act="quick_gelu"),
        vision_config=dict(
            hidden_size=128, intermediate_size=512, num_hidden_layers=4, num_attention_heads=4, image_size=SIDE, patch_size=PATCH,
            projection_dim=96, hidden_act="quick_gelu"))


def training_data(pictures, captions):
    start = time.time()
    with multiprocessing.Pool(2) as pool:
        drawn = pool.map(training_picture, range(pictures), chunksize=256)
    pixels = torch.from_numpy(np.stack([p for p, _ in drawn]).transpose(0, 3, 1, 2).copy())
    scenes = [scene for _, scene in drawn]
    rng = np.random.default_rng(3)
    texts = [[random_caption(scene, rng) for _ in range(captions)] for scene in scenes]
    print(f"{pictures} pictures, {captions} captions each, in {time.time() - start:.0f} s", flush=True)
    return pixels, scenes, texts


def train(folder, pictures, steps, batch=256, captions=6, rate=1e-3):
    pixels, scenes, texts = training_data(pictures, captions)
    tokenizer = write_tokenizer(folder, (text for row in texts for text, _ in row))
    tokens = tokenizer([text for row in texts for text, _ in row], padding=True, return_tensors="pt")
    ids = tokens.input_ids.view(pictures, captions, -1)
    lengths = tokens.attention_mask.sum(1).view(pictures, captions)
    scenes = torch.tensor(scenes)
    mentions = torch.tensor([[mention for _, mention in row] for row in texts])

    torch.manual_seed(4)
    model = CLIPModel(configuration(len(tokenizer)))
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(tokenizer)} vocabulary entries", flush=True)
    matrices = [p for n, p in model.named_parameters() if p.ndim > 1 and "embedding" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim <= 1 or "embedding" in n]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], lr=rate, betas=(0.9, 0.98), fused=True)
    warm = min(100, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: (s + 1) / warm if s < warm else 0.5 * (1 + math.cos(math.pi * (s - warm) / (steps - warm))))
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (CLIPImageProcessorPil.image_mean, CLIPImageProcessorPil.image_std))
    start, order = time.time(), torch.empty(0, dtype=torch.long)
    for step in range(steps):
        if len(order) < batch:
            order = torch.cat([order, torch.randperm(pictures)])
        chosen, order = order[:batch], order[batch:]
        which = torch.randint(captions, (batch,))
        text = ids[chosen, which][:, :lengths[chosen, which].max()]
        dy, dx = torch.randint(5, (2,)).tolist()
        seen = F.pad(pixels[chosen].float(), (2, 2, 2, 2), mode="replicate")[..., dy:dy + SIDE, dx:dx + SIDE]
        output = model(input_ids=text, pixel_values=(seen / 255 - mean) / std)
        mention = mentions[chosen, which]
        true = ((mention[None] == scenes[chosen][:, None]) | (mention[None] < 0)).all(2)  # [picture, caption]
        logits = output.logits_per_image.masked_fill(true & ~torch.eye(batch, dtype=torch.bool), -1e4)
        target = torch.arange(batch)
        loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=math.log(100))
        if step % 50 == 49:
            print(f"step {step + 1}/{steps}  loss {loss.item():.3f}  scale {model.logit_scale.exp():.1f}  {time.time() - start:.0f} s", flush=True)

    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())
    model.save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}).save_pretrained(folder)


# Measuring

def label_sets():
    """Named lists of (mention, label): the questions that the demo is measured by."""
    def labels(*names, **fixed):
        blank = dict.fromkeys(ATTRIBUTES, -1) | fixed
        ranges = [[i for i, v in enumerate(ATTRIBUTES[n]) if v != "-"] for n in names]
        mentions = [Scene(**(blank | dict(zip(names, values)))) for values in itertools.product(*ranges)]
        return [(m, caption(m, first_word)) for m in mentions]

    return {
        "colour, shape": labels("colour", "shape", count=0),
        "texture, shape": labels("texture", "shape", count=0),
        "position, shape": labels("position", "shape", count=0),
        "colour, background": labels("colour", "background", count=0),
        "texture, colour, shape": labels("texture", "colour", "shape", count=0),
        "size, position, colour, shape": labels("size", "position", "colour", "shape", count=0),
        "count, shape": labels("count", "shape"),
        "count, colour, shape": labels("count", "colour", "shape"),
    }


@torch.no_grad()
def measure(folder, count):
    """Zero-shot top-1 on `count` unseen pictures, through files, image processor and tokenizer."""
    model, tokenizer = CLIPModel.from_pretrained(folder).eval(), CLIPTokenizer.from_pretrained(folder)
    processor = CLIPImageProcessorPil.from_pretrained(folder)

    def embed(single):
        vectors, scenes = [], []
        for index in range(count):
            picture, scene = unseen_picture(index, single)
            file = io.BytesIO()
            picture.save(file, "PNG" if index % 2 else "JPEG", **({} if index % 2 else {"quality": 90}))
            pixels = processor(Image.open(file), return_tensors="pt").pixel_values
            vectors.append(model.get_image_features(pixel_values=pixels).pooler_output)
            scenes.append(scene)
        return F.normalize(torch.cat(vectors), dim=1), scenes

    sets, results = {True: embed(True), False: embed(False)}, {}
    for name, labels in label_sets().items():
        vectors, scenes = sets["count" not in name]
        tokens = tokenizer([LABEL_TEMPLATE.format(text) for _, text in labels], padding=True, return_tensors="pt")
        texts = F.normalize(model.get_text_features(input_ids=tokens.input_ids).pooler_output, dim=1)
        best = (vectors @ texts.T).argmax(1)
        right = [all(m in (-1, s) for m, s in zip(labels[b][0], scene)) for b, scene in zip(best, scenes)]
        results[name] = {"labels": len(labels), "pictures": count, "top1": round(sum(right) / count, 4)}
    main = results[PICTURE_QUESTION]
    return main | {
        "question": PICTURE_QUESTION, "template": LABEL_TEMPLATE,
        "example_label": label_sets()[PICTURE_QUESTION][0][1], "by_question": results}


def write_pictures(folder, count=32):
    """Unseen pictures of many sizes as PNG and JPEG, and the label of each."""
    folder.mkdir(parents=True, exist_ok=True)
    labels, index = {}, 1_000_000
    formats = [("png", {}), ("jpg", {"quality": 90}), ("png", {"optimize": True}), ("jpg", {"quality": 85, "progressive": True})]
    while len(labels) < count:
        picture, scene = unseen_picture(index, grain=0)  # PNG files of noise would be large
        index += 1
        label = caption(
            Scene(count=0, colour=scene.colour, shape=-1, texture=-1, size=-1, position=-1,
                  background=scene.background), first_word)
        if label in labels.values():
            continue
        suffix, options = formats[len(labels) % len(formats)]
        if len(labels) % 8 == 2:
            picture = picture.quantize(256)  # a palette
        name = f"{len(labels):02}-{COLOUR_NAMES[scene.colour]}-on-{BACKGROUND_NAMES[scene.background]}.{suffix}"
        picture.save(folder / name, **options)
        labels[name] = label
    (folder / "labels.json").write_text(json.dumps(labels, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("fixtures", type=pathlib.Path, help="folder that demo/ and pictures/ go into")
    parser.add_argument("--pictures", type=int, default=60_000, help="training pictures (default %(default)s)")
    parser.add_argument("--steps", type=int, default=2000, help="of 256 pictures (default %(default)s)")
    parser.add_argument("--unseen", type=int, default=2000, help="pictures to measure on (default %(default)s)")
    parser.add_argument("--measure", action="store_true", help="do not train: use the model that is there")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    demo = arguments.fixtures / "demo"
    demo.mkdir(parents=True, exist_ok=True)
    if not arguments.measure:
        train(demo, arguments.pictures, arguments.steps)
    write_pictures(arguments.fixtures / "pictures")
    accuracy = measure(demo, arguments.unseen)
    (demo / "accuracy.json").write_text(json.dumps(accuracy, indent=2) + "\n")
    print(json.dumps(accuracy, indent=2))


if __name__ == "__main__":
    main()
