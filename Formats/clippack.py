"""An independent reader of packs, written from the specification `clippack.md` alone.

    python clippack.py PACK [--tensors OUT.npz]    list and validate it all; dump every tensor decoded

As a module: `Pack(path).tensors()`, `.json(name)`, `.validate()`; `Refusal` names the rule of section 8.
"""
import argparse, hashlib, json, math, mmap, os, struct, sys, zlib
from types import SimpleNamespace

import numpy as np
import blocks

MAGIC = b"\x89CLIP\r\n\x1a"
# Element types by code: name, bits, and the NumPy type that holds them (none: left as bytes).
ELEMENTS = {code: (name, int(bits), *kind) for code, (name, bits, *kind) in enumerate((row.split() for row in (
    "U8 8 <u1,I8 8 <i1,U16 16 <u2,I16 16 <i2,F16 16 <f2,BF16 16 <u2,U32 32 <u4,I32 32 <i4,F32 32 <f4,"
    "U64 64 <u8,I64 64 <i8,F64 64 <f8,BOOL 8 <u1,C64 64 <c8,F8_E4M3 8,F8_E5M2 8,F8_E8M0 8,F8_E4M3FNUZ 8,"
    "F8_E5M2FNUZ 8,F4 4,F6_E2M3 6,F6_E3M2 6").split(",")), 1)}
U8, I8, I16, F16, BF16, F32 = 1, 2, 4, 5, 6, 9
SECTION, TENSOR, PLAIN, GRID = 1, 2, 0, 1  # kinds, codecs
VALUES, CODES, STEPS = 0, 1, 2  # roles
RAW, ZSTD, PLANES, RANS, TRELLIS, PANELS = 0, 1, 2, 3, 4, 5  # encodings
SECTIONS = {"network": "content", "configuration": "content", "preprocessing": "content", "tokenizer": "content",
            "tokenizer_tables": "content", "recipe": "content", "provenance": "evidence", "evidence": "evidence"}


class Refusal(ValueError):
    """A pack that must not be read, and the rule of section 8 that says so."""


def require(condition, rule, text):
    if not condition:
        raise Refusal(f"8.{rule}: {text}")


class Cursor:
    def __init__(self, data, rule, what):
        self.rest, self.rule, self.what = data, rule, what

    def bytes(self, count):
        left = len(self.rest)
        require(count <= left, self.rule, f"{self.what}: {count} bytes are needed, {left} are left")
        taken, self.rest = bytes(self.rest[:count]), self.rest[count:]
        return taken

    def take(self, layout):
        values = struct.unpack("<" + layout, self.bytes(struct.calcsize("<" + layout)))
        return values[0] if len(values) == 1 else values


class Pack:
    def __init__(self, path):
        with open(path, "rb") as file:
            require(os.fstat(file.fileno()).st_size >= 160, 1, "file is shorter than 160 bytes")
            self.data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self._read_preamble()
        self._read_index()

    def _read_preamble(self):
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
        require(160 <= self.index_offset == file_size - index_size, 3, "index does not end the file")
        require(sum(self.manifest_sizes) <= index_size, 3, "manifests are longer than the index")
        require(self.storage in (0, 1), 4, f"storage is {self.storage}")
        require(self.block_size in {1 << bits for bits in range(16, 25)}, 4, f"block_size is {self.block_size}")
        self.index = self.data[self.index_offset:]
        require(index_crc == zlib.crc32(self.index), 5, "index_crc is wrong")

    def _read_index(self):
        self.items, start = {}, 0
        digests = (self.content_digest, self.evidence_digest, None)
        for manifest, size, digest in zip(("content", "evidence", "attachment"), self.manifest_sizes, digests):
            data, start = self.index[start:start + size], start + size
            require(digest in (None, hashlib.sha256(data).digest()), 5, f"{manifest}_digest is wrong")
            cursor = Cursor(data, 6, f"{manifest} manifest")
            while cursor.rest:
                item = self._read_item(cursor, manifest)
                require(item.name not in self.items, 6, f"name {item.name!r} is there twice")
                self.items[item.name] = item
        self._read_placements(Cursor(self.index[start:], 8, "placements"))

    def _read_item(self, cursor, manifest):
        kind, flags, length = cursor.take("BBH")
        require(kind in (SECTION, TENSOR), 6, f"kind is {kind}")
        require(flags in (0, 1), 6, f"flags are {flags}")
        require(1 <= length <= 1024, 6, f"name of {length} bytes, 1 to 1024 are allowed")
        try:
            name = cursor.bytes(length).decode("utf-8")
        except UnicodeDecodeError:
            raise Refusal(f"8.6: a name in the {manifest} manifest is not UTF-8") from None
        item = SimpleNamespace(kind=kind, flags=flags, name=name, manifest=manifest)
        if kind == SECTION:
            home = SECTIONS.get(name)
            require(home or not flags, 6, f"section {name!r} is required and not known")
            require(home in (None, manifest), 6, f"section {name!r} is in the {manifest} manifest")
            item.streams = [self._read_stream(cursor, 0)]
            require((item.streams[0].role, item.streams[0].element_type) == (VALUES, U8), 6, f"{name}: not bytes")
            return item
        require(not flags or manifest == "content", 6, f"{name}: model's tensor in the {manifest} manifest")
        item.tower, item.codec, item.element_type, rank = cursor.take("BBBB")
        require(item.tower <= 2 and rank <= 8, 6, f"{name}: tower is {item.tower}, rank is {rank}")
        require(item.element_type in ELEMENTS, 6, f"{name}: element_type is {item.element_type}")
        item.shape = struct.unpack(f"<{rank}Q", cursor.bytes(8 * rank))
        item.count = math.prod(item.shape)
        require(math.prod(extent or 1 for extent in item.shape) < 1 << 63, 7, f"{name}: {item.shape} overflows")
        count = cursor.take("B")
        require(1 <= count <= 16, 6, f"{name}: stream_count is {count}, 1 to 16 are allowed")
        columns = item.count // item.shape[0] if item.count and item.shape else item.count
        item.streams = [self._read_stream(cursor, columns) for _ in range(count)]
        self._check_codec(item)
        return item

    def _read_stream(self, cursor, columns):
        role, element_type, size = cursor.take("BBQ")
        require(element_type in ELEMENTS, 6, f"element_type of a stream is {element_type}")
        paneled = role == CODES and element_type == I8 and 0 < 32 * columns <= self.block_size
        whole = self.block_size // (32 * columns) * 32 * columns if paneled else self.block_size
        digests = cursor.bytes(-(-size // whole) * 32)  # bounds size by what the file holds
        return SimpleNamespace(role=role, element_type=element_type, size=size, columns=columns * paneled, blocks=[
            SimpleNamespace(size=min(whole, size - at * whole), digest=digests[at * 32:][:32])
            for at in range(len(digests) // 32)])

    def _check_codec(self, item):
        if item.codec == PLAIN:
            stored = item.streams[0].element_type
            require(stored == item.element_type or (item.element_type == F32 and stored in (F16, BF16)), 7,
                    f"{item.name}: element_type {stored} cannot hold {item.element_type}")
            bits = item.count * ELEMENTS[stored][1]
            require(bits % 8 == 0, 7, f"{item.name}: {item.count} elements do not end at a byte")
            wanted = [(VALUES, stored, bits // 8)]
        elif item.codec == GRID:
            require(item.element_type == F32, 7, f"{item.name}: element_type is {item.element_type}, grid is of F32")
            codes = I16 if item.streams[0].element_type == I16 else I8
            wanted = [(CODES, codes, item.count * (2 if codes == I16 else 1)), (STEPS, F32, 4 * (item.shape[0] if item.shape else 1))]
        else:
            return
        found = [(stream.role, stream.element_type, stream.size) for stream in item.streams]
        require(found == wanted, 7, f"{item.name}: streams (role, type, size) are {found}, codec demands {wanted}")

    def _read_placements(self, cursor):
        self.blocks, end = [], 160
        for item, stream, block in ((i, s, b) for i in self.items.values() for s in i.streams for b in s.blocks):
            block.encoding, reserved, block.crc, block.offset, stored = cursor.take("B3sIQQ")
            require(not any(reserved), 8, f"{item.name}: reserved bytes of a placement are not zero")
            start, block.end = end, block.offset + stored
            end = block.end
            require(start <= block.offset and end <= self.index_offset, 8,
                    f"{item.name}: block at {block.offset} to {end}, not in {start} to {self.index_offset}")
            if block.encoding == RAW:
                require(stored == block.size, 8, f"{item.name}: raw block of {stored} bytes, not {block.size}")
            elif block.encoding == PANELS:
                require(stream.columns and stored == blocks.panels_size(block.size, stream.columns), 8,
                        f"{item.name}: panels of {stored} bytes for {block.size} codes")
            elif block.encoding in (ZSTD, PLANES, RANS, TRELLIS):
                require(0 < stored < block.size, 8, f"{item.name}: {block.size} bytes encoded in {stored}")
            self.blocks.append((item, stream, block))
        require(not cursor.rest, 8, f"{len(cursor.rest)} bytes follow the placements")

    def _decode(self, item, stream, block):
        stored, where = self.data[block.offset:block.end], f"{item.name}, block at {block.offset}"
        require(zlib.crc32(stored) == block.crc, 9, f"{where}: crc is wrong")
        require(block.encoding in (RAW, ZSTD, PLANES, RANS, TRELLIS, PANELS), 9, f"{where}: encoding is {block.encoding}")
        if block.encoding == RAW:
            return bytes(stored)
        if block.encoding in (RANS, TRELLIS, PANELS):
            decode = blocks.decode_rans if block.encoding == RANS else blocks.decode_trellis
            try:
                if block.encoding == PANELS:
                    return blocks.decode_panels(stored, block.size, stream.columns)
                return decode(bytes(stored), block.size, ELEMENTS[stream.element_type][0])
            except ValueError as error:
                raise Refusal(f"8.9: {where}: {error}") from None
        import zstandard  # needed for compact packs only
        try:
            size = zstandard.frame_content_size(stored)
            require(size in (-1, block.size), 9, f"{where}: frame of {size} bytes, block of {block.size}")
            decoded = zstandard.ZstdDecompressor().decompress(stored, block.size, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise Refusal(f"8.9: {where}: {error}") from None
        require(len(decoded) == block.size, 9, f"{where}: decodes to {len(decoded)} bytes, not {block.size}")
        if block.encoding == ZSTD: return decoded
        width = {F16: 2, BF16: 2, F32: 4}.get(stream.element_type)
        require(width and len(decoded) % width == 0, 9, f"{where}: planes of element_type {stream.element_type}")
        return blocks.merge_planes(decoded, width, stream.element_type != F16)

    def bytes(self, name, at=0):
        """One stream of an item, decoded: all of a section."""
        item = self.items[name]
        return b"".join(self._decode(item, item.streams[at], block) for block in item.streams[at].blocks)

    def json(self, name):
        def unique(pairs):
            require(len(dict(pairs)) == len(pairs), 9, f"{name}: an object has a key twice")
            return dict(pairs)
        return json.loads(self.bytes(name).decode("utf-8"), object_pairs_hook=unique)

    def _elements(self, name, at):
        element_type = self.items[name].streams[at].element_type
        values = np.frombuffer(self.bytes(name, at), (ELEMENTS[element_type] + ("<u1",))[2])
        return (values.astype("<u4") << 16).view("<f4") if element_type == BF16 else values

    def tensor(self, name):
        """Decoded; BF16 widened to float32; floats of 4, 6 and 8 bits left as bytes."""
        item, values = self.items[name], self._elements(name, 0)
        if item.codec == GRID:
            columns, steps = item.count // max(item.shape[:1] + (1,)), self._elements(name, 1)
            values = values.astype(np.float32).reshape(-1, columns or 1) * steps[:len(values), None]
        elif item.element_type == F32:
            values = values.astype(np.float32)
        return values if ELEMENTS[item.element_type][1] < 8 else values.reshape(item.shape)

    def tensors(self):
        """Every tensor of a known codec, by name."""
        return {name: self.tensor(name) for name, item in self.items.items()
                if item.kind == TENSOR and item.codec in (PLAIN, GRID)}

    def validate(self):
        end = 160
        for item, stream, block in self.blocks + [(None, None, None)]:
            start = block.offset if block else self.index_offset
            require(start - end < 16384 and not any(self.data[end:start]), 11, f"{start - end} bytes of padding at {end}")
            if block:
                digest = hashlib.sha256(self._decode(item, stream, block)).digest()
                require(digest == block.digest, 10, f"{item.name}, block at {start}: digest is wrong")
                end = block.end


def main():
    parser = argparse.ArgumentParser(description="List and validate a pack.")
    parser.add_argument("pack")
    parser.add_argument("--tensors", metavar="OUT.npz", help="write every decoded tensor")
    options = parser.parse_args()
    try:
        pack = Pack(options.pack)
        print(("compact", "mapped")[pack.storage], len(pack.data), "bytes, content", pack.content_digest.hex())
        for item in pack.items.values():
            stored = sum(block.end - block.offset for stream in item.streams for block in stream.blocks)
            what = "section" if item.kind == SECTION else f"{ELEMENTS[item.element_type][0]} {list(item.shape)}"
            print(f"  {item.manifest:10} {item.name}  {what}  {stored} bytes")
        pack.validate()
        print(f"valid: {len(pack.items)} items, {len(pack.blocks)} blocks")
        if options.tensors:
            np.savez(options.tensors, **pack.tensors())
    except (Refusal, OSError) as error:
        sys.exit(f"{options.pack}: {error}")


if __name__ == "__main__":
    main()
