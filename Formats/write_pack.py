"""Writes small packs, for tests of readers: sections as they are and float32 tensors, all blocks raw. From `clippack.md` alone.

    write(path, {"network": b"…"}, [("name", tower, array), …])
"""
import hashlib, struct, zlib

import numpy as np

BLOCK = 1 << 16


def stream(element_type, data):
    """A stream of values: its entry in the manifest, and its blocks."""
    blocks = [data[at:at + BLOCK] for at in range(0, len(data), BLOCK)]
    return struct.pack("<BBQ", 0, element_type, len(data)) + b"".join(hashlib.sha256(block).digest() for block in blocks), blocks


def write(path, sections, tensors, flags=1):
    """`tensors`: name, tower (0, 1, 2) and an array; `flags` is theirs."""
    manifest, blocks = b"", []
    for name, data in sections.items():
        entry, more = stream(1, data)
        manifest += struct.pack("<BBH", 1, 1, len(name.encode())) + name.encode() + entry
        blocks += more
    for name, tower, array in tensors:
        array = np.asarray(array, "<f4")
        entry, more = stream(9, array.tobytes())
        manifest += struct.pack("<BBH", 2, flags, len(name.encode())) + name.encode()
        manifest += struct.pack(f"<BBBB{array.ndim}QB", tower, 0, 9, array.ndim, *array.shape, 1) + entry
        blocks += more
    body, placements = b"", b""
    for block in blocks:
        body += bytes(-len(body) % 64 + (32 if not body else 0))  # offsets are multiples of 64, and the preamble has 160 bytes
        offset = 160 + len(body)
        placements += struct.pack("<B3sIQQ", 0, b"", zlib.crc32(block), offset, len(block))
        body += block
    index = manifest + placements
    preamble = b"\x89CLIP\r\n\x1a" + struct.pack(
        "<HHIQQQIIIIII", 1, 0, 0, 160 + len(body) + len(index), 160 + len(body), len(index), zlib.crc32(index), 0,
        len(manifest), 0, 0, BLOCK)
    preamble += hashlib.sha256(manifest).digest() + hashlib.sha256(b"").digest() + bytes(28)
    with open(path, "wb") as file:
        file.write(preamble + struct.pack("<I", zlib.crc32(preamble)) + body + index)
