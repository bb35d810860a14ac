#!/usr/bin/env python3
"""Compares our pixels with Pillow's and transformers', for every picture in some folders.

    python3 Scripts/compare_pixels.py FOLDER… [--quick]

Needs: pillow, numpy, transformers 5. Each picture is decoded with both alpha rules, resized with every
filter up and down, and prepared for a CLIP; all must be equal bit for bit. What Pillow refuses, we must
refuse too; what we refuse, Pillow must refuse, or the file's name must begin with an x, as PngSuite's
corrupt files do. Our side runs as a test that answers requests (Tests/ImagesTests/ImageRequests.swift).
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy
from PIL import Image

warnings.simplefilter("ignore")
ROOT = pathlib.Path(__file__).resolve().parent.parent
FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
CROPS = [(224, 224, 224, "floor", 3), (336, 336, 336, "floor", 3), (30, 33, 17, "floor", 3),
         (31, 64, 64, "floor", 1), (65, 64, 64, "floor", 5)]


def sizes(width, height):
    """Targets that shrink, grow, keep one edge, distort and vanish."""
    yield from [(1, 1), (7, 5), (224, 224), (width, 3), (max(1, width // 3), height),
                (max(1, width * 2 // 3), max(1, height * 3 // 2)), (width + 1, height + 1),
                (width + 3, max(1, height // 2)), (max(1, width - 3), max(1, height - 7))]


def rgb(path, alpha):
    """Pillow's pixels; on white as transformers composites."""
    with Image.open(path) as image:
        if alpha == "drop":
            return image.convert("RGB")
        from transformers.image_transforms import convert_to_rgb
        return Image.fromarray(convert_to_rgb(image, return_numpy=True))


def expected(fields):
    path, alpha, kind, *rest = fields
    image = rgb(path, alpha)
    if kind == "resize":
        image = image.resize((int(rest[0]), int(rest[1])), resample=int(rest[2]))
    if kind != "pixels":
        levels = numpy.asarray(image)
        return f"{levels.shape[0]} {levels.shape[1]}\n".encode() + levels.tobytes()
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": int(rest[0])}, resample=int(rest[4]),
        crop_size={"height": int(rest[1]), "width": int(rest[2])})
    values = processor(image, return_tensors="np")["pixel_values"][0]
    assert values.dtype == numpy.float32
    return f"{values.shape[1]} {values.shape[2]}\n".encode() + values.tobytes()


def requests(path, quick):
    for alpha in ["white", "drop"]:
        yield [path, alpha, "decode"]
    for size in CROPS[:1] if quick else CROPS:
        yield [path, "white", "pixels", *size]
    if quick:
        return
    try:
        with Image.open(path) as image:
            width, height = image.size
    except Exception:
        return
    for size in sizes(width, height):
        for number in FILTERS.values():
            yield [path, "white", "resize", *size, number]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="decode and one preprocessing only")
    parser.add_argument("--swift-test", default="swift test -Xcc -O2",
                        help="how our side is run")
    arguments = parser.parse_args()
    paths = sorted(p.resolve() for folder in arguments.folders for p in folder.rglob("*")
                   if p.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"})
    with tempfile.TemporaryDirectory() as scratch:
        work = []
        for path in paths:
            for fields in requests(str(path), arguments.quick):
                work.append((os.path.join(scratch, str(len(work))), [str(f) for f in fields]))
        listing = os.path.join(scratch, "requests")
        with open(listing, "w") as file:
            for answer, fields in work:
                file.write("\t".join([answer, *fields]) + "\n")
        subprocess.run(
            [*arguments.swift_test.split(), "--filter", "ImageRequests"], cwd=ROOT, check=True,
            env={**os.environ, "CLIP_PACK_IMAGE_REQUESTS": listing}, stdout=subprocess.DEVNULL)
        sys.exit(compare(work, len(paths)))


def compare(work, files):
    equal = refused = wrong = stricter = 0
    for answer, fields in work:
        ours = open(answer, "rb").read()
        name = os.path.basename(fields[0])
        try:
            theirs, error = expected(fields), None
        except Exception as problem:
            theirs, error = None, problem
        if ours.startswith(b"error: "):
            if fields[2] == "decode" and fields[1] == "white":
                print(f"refused  {name}: {ours[7:].decode()}   [Pillow: {error}]")
            refused += 1
            if theirs is not None and not name.startswith("x"):
                stricter += 1
                print("STRICTER", *fields)
        elif theirs is None:
            wrong += 1
            print("ACCEPTED", *fields, f"[Pillow: {error}]")
        elif ours != theirs:
            wrong += 1
            print("DIFFERS ", *fields)
        else:
            equal += 1
    print(f"{files} files, {len(work)} comparisons: {equal} equal, {refused} refused, "
          f"{wrong} wrong, {stricter} refused by us alone")
    return 1 if wrong or stricter else 0


if __name__ == "__main__":
    main()
