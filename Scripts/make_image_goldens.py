#!/usr/bin/env python3
"""Draws the pictures of Tests/Fixtures/images and writes down what Pillow and transformers make of them.

    python3 Scripts/make_image_goldens.py

Needs: pillow, numpy, transformers 5. Every picture is drawn here, from a fixed seed. `goldens.json` has
CRC-32s of levels (height, width, 3) and of little-endian float32 pixels (3, height, width).
"""
import io
import json
import pathlib
import struct
import warnings
import zlib

import importing_torchvision  # noqa: F401  (before transformers, where torchvision is installed)
import numpy
import PIL
import transformers
from PIL import Image
from transformers.image_transforms import convert_to_rgb
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

warnings.simplefilter("ignore")
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/images"
FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
NAMES = {0: "grey", 2: "rgb", 3: "palette", 4: "grey-alpha", 6: "rgba"}
random = numpy.random.default_rng(20240229)


# PNG, written here because Pillow writes neither every depth nor interlacing.

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def scanlines(samples, depth):
    """(height, width, channels) samples as filtered lines; filters 0 to 4 in turn."""
    lines, previous = [], b""
    for y, row in enumerate(samples.reshape(samples.shape[0], -1)):
        bits = "".join(f"{int(value):0{depth}b}" for value in row)
        bits += "0" * (-len(bits) % 8)
        line = int(bits, 2).to_bytes(len(bits) // 8, "big")
        step = max(1, samples.shape[2] * depth // 8)
        kind = y % 5
        lines.append(bytes([kind]) + filtered(kind, line, previous or bytes(len(line)), step))
        previous = line
    return b"".join(lines)


def filtered(kind, line, above, step):
    out = bytearray()
    for i, value in enumerate(line):
        left = line[i - step] if i >= step else 0
        up, corner = above[i], above[i - step] if i >= step else 0
        estimate = left + up - corner
        nearest = min((left, up, corner), key=lambda v: abs(estimate - v))
        out.append((value - [0, left, up, (left + up) // 2, nearest][kind]) % 256)
    return bytes(out)


def png(samples, depth, color, interlaced=False, chunks=()):
    height, width = samples.shape[:2]
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
                  (1, 0, 2, 1)]
    parts = [samples[top::down, left::across] for top, left, down, across in passes]
    data = b"".join(scanlines(part, depth) for part in parts if part.size)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    packed = zlib.compress(data, 9)
    middle = len(packed) // 2  # image data in two chunks
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + b"".join(chunk(kind, body) for kind, body in chunks)
            + chunk(b"IDAT", packed[:middle]) + chunk(b"IDAT", packed[middle:]) + chunk(b"IEND", b""))


def noise(height, width, depth, color):
    samples = random.integers(0, 1 << depth, (height, width, CHANNELS[color]))
    samples[:, : width // 2] = samples[:1, : width // 2]  # and some that compresses
    if depth == 16:
        samples[:, ::3] %= 300  # levels that 16-bit grey does not clip
    return samples


def every_png():
    depths = {0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]}
    for color, all_depths in depths.items():
        for depth in all_depths:
            palette = [(b"PLTE", random.bytes(3 << min(depth, 8)))] if color == 3 else []
            name = f"{NAMES[color]}-{depth}"
            for interlaced in [False, True]:
                samples = noise(11, 13, depth, color)
                yield f"{name}{'-interlaced' * interlaced}", png(
                    samples, depth, color, interlaced, palette)
            if color in (4, 6):
                continue
            samples = noise(11, 13, depth, color)
            if color == 3:
                alphas = random.bytes(1 << depth >> 1)
                yield f"{name}-alphas", png(samples, depth, 3, False, [*palette, (b"tRNS", alphas)])
                yield f"{name}-clear", png(samples, depth, 3, True, [*palette, (b"tRNS", b"\xff\0")])
            else:
                key = b"".join(struct.pack(">H", int(v)) for v in samples[5, 5])
                yield f"{name}-key", png(samples, depth, color, False, [(b"tRNS", key)])
    small = noise(3, 3, 8, 2) % 256
    yield "gamma", png(small, 8, 2, False, [(b"gAMA", struct.pack(">I", 30000))])
    yield "one-pixel", png(numpy.array([[[12, 200, 90]]]), 8, 2)
    yield "long", png((numpy.arange(20000)[None, :, None] * [1, 3, 7] // 64
                       + numpy.arange(4)[:, None, None] * 40) % 256, 8, 2)
    yield "tall", png(noise(301, 2, 8, 2), 8, 2)


def scene(height, width):
    """Smooth areas, edges and texture."""
    y, x = numpy.mgrid[0:height, 0:width]
    waves = [128 + 100 * numpy.sin((x * (c + 1) + y * (3 - c)) / 9) for c in range(3)]
    levels = numpy.stack(waves, -1)
    levels[(x - width / 2) ** 2 + (y - height / 3) ** 2 < (height / 4) ** 2] = [250, 30, 40]
    levels[height // 2 :, : width // 3] += random.integers(-40, 40, (height - height // 2, width // 3, 3))
    return Image.fromarray(levels.clip(0, 255).astype(numpy.uint8))


def every_jpeg():
    picture = scene(37, 50)

    def jpeg(image, **options):
        out = io.BytesIO()
        image.save(out, "JPEG", **options)
        return out.getvalue()

    for number, name in enumerate(["444", "422", "420"]):
        yield f"baseline-{name}", jpeg(picture, quality=88, subsampling=number)
    yield "progressive", jpeg(picture, quality=80, progressive=True)
    yield "restarts", jpeg(picture, quality=75, restart_marker_blocks=2)
    yield "grey", jpeg(picture.convert("L"), quality=70)
    yield "grey-progressive", jpeg(picture.convert("L"), quality=70, progressive=True)
    yield "as-rgb", jpeg(picture, quality=80, keep_rgb=True)
    inks = [*picture.split(), scene(50, 37).convert("L").rotate(90, expand=True)]
    cmyk = jpeg(Image.merge("CMYK", inks), quality=80)
    yield "cmyk", cmyk
    # The same components, declared as luminance, chrominance and black by Adobe's marker.
    at = cmyk.index(b"Adobe") + 11
    yield "ycck", cmyk[:at] + b"\x02" + cmyk[at + 1 :]
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "turned", jpeg(picture, quality=60, exif=exif)
    yield "one-pixel", jpeg(picture.crop((0, 0, 1, 1)))
    yield "scene", jpeg(scene(150, 201), quality=60)
    yield "portrait", jpeg(scene(200, 61), quality=50)


def every_webp():
    picture = scene(37, 50)
    clear = picture.convert("RGBA")
    clear.putalpha(scene(37, 50).convert("L"))

    def webp(image, **options):
        out = io.BytesIO()
        image.save(out, "WEBP", **options)
        return out.getvalue()

    for quality in (5, 80, 100):
        yield f"lossy-{quality}", webp(picture, quality=quality)
    yield "lossy-sharp", webp(picture, quality=60, use_sharp_yuv=True, method=6)
    yield "lossless", webp(picture, lossless=True)
    yield "lossy-alpha", webp(clear, quality=70, alpha_quality=40)
    yield "lossless-alpha", webp(clear, lossless=True)
    # Colours below full transparency, which encoders drop unless told to keep them.
    keyed = clear.copy()
    keyed.putalpha(clear.getchannel("A").point(lambda level: 0 if level < 128 else 255))
    yield "lossless-exact", webp(keyed, lossless=True, exact=True)
    yield "palette", webp(picture.quantize(7).convert("RGB"), lossless=True)
    yield "extended", webp(picture, quality=50, icc_profile=b"none", exif=b"Exif\0\0MM\0*\0\0\0\b\0\0")
    yield "one-pixel", webp(picture.crop((3, 3, 4, 4)), quality=90)
    yield "scene", webp(scene(149, 202), quality=40)
    for name, options in (("animated", {"quality": 60}), ("animated-lossless", {"lossless": True})):
        yield name, webp(clear, save_all=True, append_images=[clear.rotate(90), picture], duration=50, **options)
    for alpha in (False, True):  # a first frame that is smaller than the canvas
        yield f"placed{'-alpha' * alpha}", placed(webp((clear if alpha else picture).crop((0, 0, 21, 13)), lossless=True), alpha)


def placed(still, has_alpha):
    """An animation of one frame of 21 by 13 pixels at (8, 4) of a canvas of 40 by 30."""
    def chunk(kind, data):
        return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    def whole(*values):
        return b"".join(struct.pack("<I", value)[:3] for value in values)
    frame = whole(4, 2, 20, 12, 100) + b"\0" + still[12:]
    body = (b"WEBP" + chunk(b"VP8X", bytes([2 + 16 * has_alpha, 0, 0, 0]) + whole(39, 29))
            + chunk(b"ANIM", bytes([10, 20, 30, 255, 0, 0])) + chunk(b"ANMF", frame))
    return chunk(b"RIFF", body)


def crc(array):
    return f"{zlib.crc32(numpy.ascontiguousarray(array).tobytes()):08x}"


def opened(name, alpha="white"):
    with Image.open(FOLDER / name) as image:
        if alpha == "drop":
            return image.convert("RGB")
        return Image.fromarray(convert_to_rgb(image, return_numpy=True))


def resizes():
    sizes = {
        "scene.jpg": [(1, 1), (67, 50), (300, 224), (201, 40), (64, 150), (250, 7), (3, 299), (200, 149)],
        "portrait.jpg": [(1, 1), (31, 100), (30, 138), (30, 139), (62, 199), (60, 198), (60, 197), (99, 50)],
        "lossy-alpha.webp": [(1, 1), (2, 30), (30, 2), (51, 38), (25, 18), (5, 11), (49, 36), (64, 48)],
        "ycck.jpg": [(1, 1), (25, 18), (51, 38), (7, 111), (64, 64), (50, 20), (20, 37), (224, 224)],
        "rgba-8.png": [(1, 1), (2, 30), (30, 2), (26, 22), (13, 5), (5, 11), (12, 10), (64, 48)],
        "one-pixel.png": [(1, 1), (2, 1), (1, 9), (7, 7), (33, 5), (16, 17), (100, 1), (20, 20)],
        "long.png": [(1, 1), (224, 4), (20000, 1), (19999, 2), (50, 30), (7, 3), (3, 40), (400, 4)],
        "tall.png": [(1, 1), (1, 150), (5, 9), (64, 64), (1, 301), (2, 1), (9, 300), (3, 602)],
        "grey-16.png": [(1, 1), (6, 5), (14, 12), (39, 33), (13, 1), (1, 11), (20, 3), (3, 20)],
    }
    for name, targets in sizes.items():
        picture = opened(name)
        for width, height in targets:
            yield {"file": name, "width": width, "height": height, "levels": {
                key: crc(picture.resize((width, height), number)) for key, number in FILTERS.items()}}


def rounded_crop(picture, size, height, width):
    """OpenAI's order: torchvision's resize and centre crop, which rounds half to even and pads after."""
    short, long = sorted(picture.size)
    longer = int(size * long / short)
    picture = picture.resize((size, longer) if picture.width <= picture.height else (longer, size), 3)
    levels = numpy.asarray(picture)
    down, across = max(0, height - levels.shape[0]), max(0, width - levels.shape[1])
    levels = numpy.pad(levels, ((down // 2, (down + 1) // 2), (across // 2, (across + 1) // 2), (0, 0)))
    top = int(round((levels.shape[0] - height) / 2.0))
    left = int(round((levels.shape[1] - width) / 2.0))
    return Image.fromarray(levels[top : top + height, left : left + width])


def tensors():
    for name in ["scene.jpg", "portrait.jpg", "long.png", "tall.png", "rgba-8.png", "one-pixel.png", "cmyk.jpg"]:
        for short, height, width, filter in [(24, 24, 24, 3), (25, 16, 19, 3), (9, 20, 13, 3), (10, 13, 12, 2),
                                             (16, 16, 16, 1)]:
            for offset in ["floor", "round"]:
                picture = opened(name)
                options = {"do_resize": True, "do_center_crop": True}
                if offset == "round":
                    if filter != 3:
                        continue
                    picture = rounded_crop(picture, short, height, width)
                    options = {"do_resize": False, "do_center_crop": False}
                processor = CLIPImageProcessorPil(
                    size={"shortest_edge": short}, resample=filter,
                    crop_size={"height": height, "width": width}, **options)
                values = processor(picture, return_tensors="np")["pixel_values"][0]
                yield {"file": name, "shortest_edge": short, "crop_height": height, "crop_width": width,
                       "offset": offset, "resample": filter, "values": crc(values.astype("<f4"))}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for suffix, pictures in [("png", every_png()), ("jpg", every_jpeg()), ("webp", every_webp())]:
        for name, data in pictures:
            (FOLDER / f"{name}.{suffix}").write_bytes(data)
    decoded = []
    for path in sorted(FOLDER.iterdir()):
        white, drop = opened(path.name), opened(path.name, "drop")
        entry = {"file": path.name, "width": white.width, "height": white.height,
                 "white": crc(white), "drop": crc(drop)}
        if path.name in ("one-pixel.png", "gamma.png"):
            entry["levels"] = numpy.asarray(white).ravel().tolist()
        decoded.append(entry)
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": 2}, crop_size={"height": 2, "width": 2})
    values = processor(opened("gamma.png"), return_tensors="np")["pixel_values"][0]
    goldens = {
        "made_by": f"Scripts/make_image_goldens.py, Pillow {PIL.__version__}, "
                   f"transformers {transformers.__version__}",
        "decoded": decoded, "resized": list(resizes()), "tensors": list(tensors()),
        "gamma_2x2_bits": values.astype("<f4").view("<u4").ravel().tolist(),
    }
    lines = ["{"]
    for key, value in goldens.items():
        body = json.dumps(value)
        if isinstance(value, list) and isinstance(value[0], dict):
            body = "[\n" + ",\n".join("    " + json.dumps(item) for item in value) + "\n  ]"
        lines.append(f'  "{key}": {body},')
    (FOLDER / "goldens.json").write_text("\n".join(lines)[:-1] + "\n}\n")


if __name__ == "__main__":
    main()
