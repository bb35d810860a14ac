"""An independent reader of packs, written from the specification `clippack.md` alone.

    python clippack.py PACK                     list the pack and validate all of it
    python clippack.py PACK --tensors OUT.npz   the same, and dump every decoded tensor

Or as a module: `Pack(path).tensors()`, `.tensor(name)`, `.json(name)`, `.validate()`. Whatever
section 8 says a reader must refuse raises `Refusal`, whose message begins with the rule's number.
"""
import argparse, hashlib, json, mmap, os, struct, sys, zlib
from dataclasses import dataclass, field

import numpy as np
import zstandard

MAGIC = b"\x89CLIP\r\n\x1a"
# Element types by code: name, bits, and the NumPy type that holds them (None: left as bytes).
ELEMENTS = {
    1: ("U8", 8, "<u1"), 2: ("I8", 8, "<i1"), 3: ("U16", 16, "<u2"), 4: ("I16", 16, "<i2"), 5: ("F16", 16, "<f2"),
    6: ("BF16", 16, "<u2"), 7: ("U32", 32, "<u4"), 8: ("I32", 32, "<i4"), 9: ("F32", 32, "<f4"), 10: ("U64", 64, "<u8"),
    11: ("I64", 64, "<i8"), 12: ("F64", 64, "<f8"), 13: ("BOOL", 8, "?"), 14: ("C64", 64, "<c8"),
    15: ("F8_E4M3", 8, None), 16: ("F8_E5M2", 8, None), 17: ("F8_E8M0", 8, None), 18: ("F8_E4M3FNUZ", 8, None),
    19: ("F8_E5M2FNUZ", 8, None), 20: ("F4", 4, None), 21: ("F6_E2M3", 6, None), 22: ("F6_E3M2", 6, None)}
U8, I8, F16, BF16, F32 = 1, 2, 5, 6, 9
PLAIN, GRID = 0, 1
VALUES, CODES, STEPS = 0, 1, 2
RAW, ZSTD, PLANES = 0, 1, 2
SECTIONS = {"configuration", "preprocessing", "tokenizer", "recipe", "provenance", "evidence"}
PADDING = 16384


class Refusal(ValueError):
    def __init__(self, rule, text):
        super().__init__(f"8.{rule}: {text}")


def require(condition, rule, text):
    if not condition:
        raise Refusal(rule, text)


@dataclass
class Block:
    size: int  # decoded
    digest: bytes
    encoding: int = 0
    crc: int = 0
    offset: int = 0
    stored_size: int = 0


@dataclass
class Stream:
    role: int
    element_type: int
    size: int
    blocks: list


@dataclass
class Item:
    manifest: str
    kind: int
    flags: int
    name: str
    streams: list = field(default_factory=list)
    tower: int = 0
    codec: int = 0
    element_type: int = U8
    shape: tuple = ()

    @property
    def count(self):
        count = 1
        for extent in self.shape:
            count *= extent
        return count


class Cursor:
    def __init__(self, data, rule, what):
        self.data, self.at, self.rule, self.what = data, 0, rule, what

    def bytes(self, count):
        left = len(self.data) - self.at
        require(count <= left, self.rule, f"{self.what}: {count} bytes wanted at byte {self.at}, {left} are left")
        self.at += count
        return bytes(self.data[self.at - count:self.at])

    def take(self, layout):
        values = struct.unpack("<" + layout, self.bytes(struct.calcsize("<" + layout)))
        return values[0] if len(values) == 1 else values

    @property
    def ended(self):
        return self.at == len(self.data)


class Pack:
    def __init__(self, path):
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            require(size >= 160, 1, f"file is {size} bytes, a pack has 160 at least")
            self.data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self._preamble()
        self._index()

    def _preamble(self):
        cursor = Cursor(self.data[:160], 1, "preamble")
        magic, major, self.minor_version, features = cursor.take("8sHHI")
        file_size, self.index_offset, index_size, index_crc, self.storage = cursor.take("QQQII")
        *self.manifest_sizes, self.block_size = cursor.take("IIII")
        self.content_digest, self.evidence_digest, reserved, crc = cursor.take("32s32s28sI")
        require(magic == MAGIC, 2, f"magic is {magic.hex()}")
        require(major == 1, 2, f"major_version is {major}, 1 is read")
        require(crc == zlib.crc32(self.data[:156]), 2, "preamble_crc is wrong")
        require(features == 0, 2, f"required_features is {features:#x}, none are known")
        require(not any(reserved), 2, "reserved bytes of the preamble are not zero")
        require(file_size == len(self.data), 1, f"file is {len(self.data)} bytes, file_size is {file_size}")
        require(self.index_offset >= 160, 3, f"index_offset is {self.index_offset}, inside the preamble")
        require(self.index_offset + index_size == file_size, 3, "index does not end the file")
        require(sum(self.manifest_sizes) <= index_size, 3, "manifests are longer than the index")
        require(self.storage in (0, 1), 4, f"storage is {self.storage}")
        require(self.block_size in {1 << bits for bits in range(16, 25)}, 4, f"block_size is {self.block_size}")
        self.index = self.data[self.index_offset:]
        require(index_crc == zlib.crc32(self.index), 5, "index_crc is wrong")

    def _index(self):
        self.items, start = {}, 0
        digests = (self.content_digest, self.evidence_digest, None)
        for manifest, size, digest in zip(("content", "evidence", "attachment"), self.manifest_sizes, digests):
            data, start = self.index[start:start + size], start + size
            require(digest is None or hashlib.sha256(data).digest() == digest, 5, f"{manifest}_digest is wrong")
            cursor = Cursor(data, 6, f"{manifest} manifest")
            while not cursor.ended:
                item = self._item(cursor, manifest)
                require(item.name not in self.items, 6, f"name {item.name!r} is there twice")
                self.items[item.name] = item
        self._placements(Cursor(self.index[start:], 8, "placements"))

    def _item(self, cursor, manifest):
        kind, flags, length = cursor.take("BBH")
        require(kind in (1, 2), 6, f"kind is {kind}")
        require(flags in (0, 1), 6, f"flags are {flags}")
        require(1 <= length <= 1024, 6, f"name of {length} bytes, 1 to 1024 are allowed")
        try:
            item = Item(manifest, kind, flags, cursor.bytes(length).decode("utf-8"))
        except UnicodeDecodeError:
            raise Refusal(6, f"name before byte {cursor.at} is not UTF-8") from None
        if kind == 1:
            known = item.name in SECTIONS
            require(known or flags == 0, 6, f"section {item.name!r} is required and not known")
            item.streams = [self._stream(cursor)]
            return item
        item.tower, item.codec, item.element_type, rank = cursor.take("BBBB")
        require(rank <= 8, 7, f"{item.name}: rank is {rank}, 8 at most is allowed")
        item.shape = struct.unpack(f"<{rank}Q", cursor.bytes(8 * rank))
        require(item.count < 1 << 64, 7, f"{item.name}: the number of elements overflows")
        count = cursor.take("B")
        require(1 <= count <= 16, 7, f"{item.name}: stream_count is {count}, 1 to 16 are allowed")
        item.streams = [self._stream(cursor) for _ in range(count)]
        self._check_codec(item)
        return item

    def _stream(self, cursor):
        role, element_type, size = cursor.take("BBQ")
        digests = cursor.bytes(-(-size // self.block_size) * 32)  # bounds size by what the file holds
        return Stream(role, element_type, size, [
            Block(min(self.block_size, size - at * self.block_size), digests[at * 32:at * 32 + 32])
            for at in range(len(digests) // 32)])

    def _check_codec(self, item):
        found = [(stream.role, stream.element_type, stream.size) for stream in item.streams]
        if item.codec == PLAIN:
            require(item.element_type in ELEMENTS, 7, f"{item.name}: element_type is {item.element_type}")
            stored = found[0][1]
            require(stored == item.element_type or (item.element_type == F32 and stored in (F16, BF16)), 7,
                    f"{item.name}: element_type {stored} cannot hold {item.element_type}")
            bits = item.count * ELEMENTS[stored][1]
            require(bits % 8 == 0, 7, f"{item.name}: {item.count} elements do not end at a byte")
            wanted = [(VALUES, stored, bits // 8)]
        elif item.codec == GRID:
            require(item.element_type == F32, 7, f"{item.name}: element_type is {item.element_type}, grid is of F32")
            wanted = [(CODES, I8, item.count), (STEPS, F32, 4 * (item.shape[0] if item.shape else 1))]
        else:
            return
        require(found == wanted, 7, f"{item.name}: streams (role, type, size) are {found}, codec demands {wanted}")

    def _placements(self, cursor):
        self.blocks, end = [], 160
        for item in self.items.values():
            for stream in item.streams:
                for block in stream.blocks:
                    block.encoding, reserved, block.crc, block.offset, block.stored_size = cursor.take("B3sIQQ")
                    name, stored = item.name, block.stored_size
                    require(not any(reserved), 8, f"{name}: reserved bytes of a placement are not zero")
                    require(block.offset >= end, 8, f"{name}: block at {block.offset} begins before {end}")
                    end = block.offset + stored
                    require(end <= self.index_offset, 8, f"{name}: block ends at {end}, in the index")
                    if block.encoding == RAW:
                        require(stored == block.size, 8, f"{name}: raw block of {stored} bytes, not {block.size}")
                    else:
                        require(0 < stored < block.size, 8, f"{name}: {block.size} bytes encoded in {stored}")
                    self.blocks.append((item, stream, block))
        require(cursor.ended, 8, f"{len(cursor.data) - cursor.at} bytes follow the placements")

    def _decode(self, item, stream, block):
        stored = self.data[block.offset:block.offset + block.stored_size]
        where = f"{item.name}, block at {block.offset}"
        require(zlib.crc32(stored) == block.crc, 9, f"{where}: crc is wrong")
        require(block.encoding in (RAW, ZSTD, PLANES), 9, f"{where}: encoding is {block.encoding}")
        if block.encoding == RAW:
            return bytes(stored)
        try:
            size = zstandard.frame_content_size(stored)
            require(size in (-1, block.size), 9, f"{where}: frame of {size} bytes, block of {block.size}")
            decoded = zstandard.ZstdDecompressor().decompress(stored, block.size, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise Refusal(9, f"{where}: {error}") from None
        require(len(decoded) == block.size, 9, f"{where}: decodes to {len(decoded)} bytes, not {block.size}")
        return decoded if block.encoding == ZSTD else self._merge(decoded, stream, where)

    def _merge(self, planes, stream, where):
        width = {F16: 2, BF16: 2, F32: 4}.get(stream.element_type)
        require(width and len(planes) % width == 0, 9, f"{where}: planes of element_type {stream.element_type}")
        big = np.frombuffer(planes, np.uint8).reshape(width, -1).T.copy().view(f">u{width}").ravel()
        if stream.element_type != F16:
            big = (big >> 1) | (big << (8 * width - 1))
        return big.astype(f"<u{width}").tobytes()

    def stream(self, item, stream):
        return b"".join(self._decode(item, stream, block) for block in stream.blocks)

    def section(self, name):
        return self.stream(self.items[name], self.items[name].streams[0])

    def json(self, name):
        def unique(pairs):
            require(len(dict(pairs)) == len(pairs), 9, f"{name}: an object has a key twice")
            return dict(pairs)
        return json.loads(self.section(name).decode("utf-8"), object_pairs_hook=unique)

    def tensor(self, name):
        """Decoded; BF16 widened to float32; the 4-, 6- and 8-bit floats left as bytes."""
        item = self.items[name]
        if item.codec not in (PLAIN, GRID):
            raise NotImplementedError(f"{name}: codec {item.codec} is not known")
        values = [self._elements(self.stream(item, stream), stream.element_type) for stream in item.streams]
        if item.codec == GRID:
            codes, steps = values
            rows = codes.astype(np.float32).reshape(len(steps), -1) if len(codes) else codes.astype(np.float32)
            return (rows * steps[:, None] if len(codes) else rows).reshape(item.shape)
        if ELEMENTS[item.element_type][1] < 8:
            return values[0]  # packed: the shape counts elements, not bytes
        return (values[0].astype(np.float32) if item.element_type == F32 else values[0]).reshape(item.shape)

    def _elements(self, data, element_type):
        values = np.frombuffer(data, ELEMENTS[element_type][2] or np.uint8)
        return (values.astype("<u4") << 16).view("<f4") if element_type == BF16 else values

    def tensors(self):
        """Every tensor of a known codec, by name."""
        return {name: self.tensor(name) for name, item in self.items.items()
                if item.kind == 2 and item.codec in (PLAIN, GRID)}

    def validate(self):
        end = 160
        for item, stream, block in self.blocks + [(None, None, None)]:
            start = block.offset if block else self.index_offset
            require(start - end < PADDING, 11, f"{start - end} bytes of padding at {end}")
            require(not any(self.data[end:start]), 11, f"padding at {end} is not zero")
            if block:
                digest = hashlib.sha256(self._decode(item, stream, block)).digest()
                require(digest == block.digest, 10, f"{item.name}, block at {start}: digest is wrong")
                end = start + block.stored_size


def main():
    parser = argparse.ArgumentParser(description="List and validate a pack.")
    parser.add_argument("pack")
    parser.add_argument("--tensors", metavar="OUT.npz", help="write every decoded tensor")
    options = parser.parse_args()
    try:
        pack = Pack(options.pack)
        print(f"{('compact', 'mapped')[pack.storage]} · {len(pack.data)} bytes · content {pack.content_digest.hex()}")
        for item in pack.items.values():
            stored = sum(block.stored_size for stream in item.streams for block in stream.blocks)
            form = f"{ELEMENTS.get(item.element_type, '?')[0]} {list(item.shape)} codec {item.codec}"
            print(f"  {item.manifest:10} {item.name}  {form if item.kind == 2 else 'section'}  {stored} bytes")
        pack.validate()
        print(f"valid: {len(pack.items)} items, {len(pack.blocks)} blocks")
        if options.tensors:
            np.savez(options.tensors, **pack.tensors())
    except (Refusal, OSError) as error:
        sys.exit(f"{options.pack}: {error}")


if __name__ == "__main__":
    main()
