"""Prints the hex dump of section 9: python annotate.py vectors/example.clippack

Walks the fields in the order of the specification, so that the dump cannot drift from the file.
"""
import struct, sys

from clippack import ELEMENTS, SECTION

data = open(sys.argv[1], "rb").read()
at = 0


def line(chunk, remark):
    text = f"{chunk[0]:02x} × {len(chunk)}" if len(chunk) > 11 and not any(chunk) else chunk.hex(" ")
    print(f"{at:03x}  {text:33}   {remark}".rstrip())


def take(count, name, meaning=""):
    """Bytes, eleven a line at most."""
    global at
    whole = data[at:at + count]
    pieces = [whole] if not any(whole) else [whole[start:start + 11] for start in range(0, count, 11)]
    for number, piece in enumerate(pieces):
        line(piece, name + meaning if number == 0 else "")
        at += len(piece)
    return whole


def number(layout, name, meaning=""):
    global at
    size = struct.calcsize("<" + layout)
    value, = struct.unpack("<" + layout, data[at:at + size])
    line(data[at:at + size], f"{name} = {value}" + (f" {meaning(value)}" if meaning else ""))
    at += size
    return value


def among(*names):
    return lambda value: f"({names[value]})"


def stream():
    number("B", "role", among("values", "codes", "steps"))
    number("B", "element_type", lambda value: f"({ELEMENTS[value][0]})")
    size = number("Q", "size")
    for _ in range(-(-size // block_size)):
        take(32, "digest")
    return -(-size // block_size)


def item():
    kind = number("B", "kind", among("", "section", "tensor"))
    number("B", "flags")
    length = number("H", "name_size")
    take(length, "name", f" \"{data[at:at + length].decode()}\"")
    if kind == SECTION:
        return stream()
    number("B", "tower", among("both", "image", "text"))
    number("B", "codec", among("plain", "grid"))
    number("B", "element_type", lambda value: f"({ELEMENTS[value][0]})")
    for axis in range(number("B", "rank")):
        number("Q", f"extent[{axis}]")
    return sum(stream() for _ in range(number("B", "stream_count")))


take(8, "magic")
number("H", "major_version")
number("H", "minor_version")
number("I", "required_features")
number("Q", "file_size")
index_offset = number("Q", "index_offset")
number("Q", "index_size")
take(4, "index_crc")
number("I", "storage", among("compact", "mapped"))
sizes = [number("I", f"{name}_manifest_size") for name in ("content", "evidence", "attachment")]
block_size = number("I", "block_size")
take(32, "content_digest")
take(32, "evidence_digest", ", of no bytes")
take(28, "reserved")
take(4, "preamble_crc")
print()
first = index_offset + sum(sizes)
for start in range(first, len(data), 24):
    offset, size = struct.unpack_from("<QQ", data, start + 8)
    if offset > at:
        take(offset - at, "padding")
    take(size, f"block {(start - first) // 24}")
print()
blocks = 0
while at < first:
    blocks += item()
    print()
for block in range(blocks):
    number("B", "encoding", among("raw", "zstd", "planes"))
    take(3, "reserved")
    take(4, "crc", f" of block {block}")
    number("Q", "offset")
    number("Q", "stored_size")
