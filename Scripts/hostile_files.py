"""Files made to hurt, besides containers of weights: packs, networks, tokenizers, pictures. `Scripts/hostile`
gives them to clip-pack. Only what Python brings along is needed.
"""
import hashlib, json, math, struct, zlib

BLOCK = 1 << 24


def zeros(count):
    """A zstd frame of `count` zeros: some bytes stand for 128 kB (RFC 8878, an RLE block each)."""
    frame = struct.pack("<IBB", 0xFD2FB528, 0, 0x38)
    while count:
        size = min(count, 1 << 17)
        count -= size
        frame += struct.pack("<I", size << 3 | 1 << 1 | (count == 0))[:3] + b"\0"
    return frame


def pack(sections, tensors=(), evidence=(), attachments=()):
    """A pack whose checksums are right. Sections: name → bytes. Tensors: name, tower, shape, and how many
    blocks of zeros of 16 MB it has; without any, all its elements. `evidence` and `attachments`: sections as well."""
    blocks, manifests = [], []

    def section(name, data, flags):
        parts = [data[at:at + BLOCK] for at in range(0, len(data), BLOCK)]
        blocks.extend((0, part) for part in parts)
        return (struct.pack("<BBH", 1, flags, len(name)) + name.encode() + struct.pack("<BBQ", 0, 1, len(data))
                + b"".join(hashlib.sha256(part).digest() for part in parts))

    content = b"".join(section(name, data, 1) for name, data in sections.items())
    block = hashlib.sha256(bytes(BLOCK)).digest() if tensors else b""
    for name, tower, shape, count in tensors:
        whole = b"" if count else bytes(4 * math.prod(shape))
        content += struct.pack("<BBH", 2, 1, len(name)) + name.encode() + struct.pack(
            f"<BBBB{len(shape)}QB", tower, 0, 9, len(shape), *shape, 1) + struct.pack("<BBQ", 0, 9, count * BLOCK or len(whole)) + (block * count or hashlib.sha256(whole).digest())
        blocks += [(1, zeros(BLOCK))] * count or [(0, whole)]
    manifests = [content] + [b"".join(section(name, data, 0) for name, data in part) for part in (evidence, attachments)]
    body, placements = bytearray(), bytearray()
    for encoding, stored in blocks:
        body += bytes(-(160 + len(body)) % 64)
        placements += struct.pack("<B3xIQQ", encoding, zlib.crc32(stored), 160 + len(body), len(stored))
        body += stored
    index = b"".join(manifests) + bytes(placements)
    preamble = b"\x89CLIP\r\n\x1a" + struct.pack(
        "<HHIQQQIIIIII", 1, 0, 0, 160 + len(body) + len(index), 160 + len(body), len(index), zlib.crc32(index), 0,
        *map(len, manifests), BLOCK)
    preamble += hashlib.sha256(manifests[0]).digest() + hashlib.sha256(manifests[1]).digest() + bytes(28)
    return preamble + struct.pack("<I", zlib.crc32(preamble)) + bytes(body) + index


def network(steps, least=1, most=16):
    return json.dumps({"text": {"input": {"ids": {"least": least, "most": most}}, "steps": steps + [MEAN], "output": "e"}}).encode()


def step(**members):
    return {name.rstrip("_"): value for name, value in members.items()}


LOOKUP = step(op="lookup", from_="ids", to="x", width=8, rows=16, weight="t")
MEAN = step(op="mean", from_="x", to="e")
TABLE = ("t", 2, (16, 8), 0)


def packs():
    """Label, command, and the bytes of a pack."""
    more = [step(op="scale", from_="x", to="x", weight=f"s{i}") for i in range(100_000)]
    yield "a network of 100,000 steps", "verify", pack({"network": network([LOOKUP] + more)})
    more = [step(op="add", from_=["x", "x"], to="x") for _ in range(100_000)]
    yield "a network of 100,000 sums", "verify", pack({"network": network([LOOKUP] + more)}, [TABLE])
    yield "a network nested 200,000 deep", "verify", pack({"network": b'{"text":' * 200_000})
    yield "a network of 60 MB of spaces", "verify", pack({"network": b"{" + b" " * 60_000_000 + b"}"})
    yield "a table of 2⁴⁰ rows", "verify", pack({"network": network([dict(LOOKUP, rows=2**40)])}, [("t", 2, (2**40, 8), 1)])
    yield "a table of 2²⁸ rows and 64 blocks", "verify", pack({"network": network([dict(LOOKUP, rows=2**28)])}, [("t", 2, (2**28, 8), 64)])
    yield "a table of 2²⁵ rows, 1 GB of zeros in 36 kB", "verify", pack({"network": network([LOOKUP])}, [("t", 2, (2**25, 8), 64)])
    yield "a text of 2⁴⁰ ids", "verify", pack({"network": network([LOOKUP], most=2**40)}, [TABLE])
    yield "a text of 2²⁸ ids", "verify", pack({"network": network([LOOKUP], most=2**28)}, [TABLE])
    yield "3 GB of zeros that no step names", "verify", pack({"network": network([LOOKUP])}, [TABLE, ("u", 2, (48, BLOCK), 192)])
    good = network([LOOKUP])
    yield "1,001 signatures", "verify", pack(
        {"network": good}, [TABLE], attachments=[(f"signature/ed25519/{i:064x}", bytes(64)) for i in range(1_001)])
    yield "100,000 sections", "verify", pack({"network": good}, [TABLE], attachments=[(f"note/{i}", b"") for i in range(100_000)])
    yield "a tokenizer of 2²¹ merges", "tokenize", pack({"network": good, "tokenizer": json.dumps(
        {"type": "clip_bpe", "vocabulary": ["a"], "merges": ["a a"] * (1 << 21)}).encode()}, [TABLE])
    yield "a tokenizer of tables of 2⁶² bytes", "tokenize", pack(
        {"network": good, "tokenizer": b'{"type":"pipeline","tables":{"ids":4611686018427387904}}'}, [TABLE])
    yield "a tokenizer of a million words", "tokenize", pack({"network": good, "tokenizer": json.dumps(
        {"type": "clip_bpe", "vocabulary": ["a"] * 900_000, "merges": [], "start": 0, "end": 0, "unknown": 0, "padding": 0, "added": []}).encode()}, [TABLE])
    yield "evidence of a million numbers", "verify", pack({"network": good}, [TABLE], [("evidence", b'{"reached":[' + b"1," * 1_000_000 + b"1]}")])
    yield "evidence of 300,000 tensors", "verify", pack(
        {"network": good}, [TABLE], [("evidence", json.dumps({"tensors": [{"name": "t", "bits": 1}] * 300_000}).encode())])
    yield "provenance of a million files", "inspect", pack({"network": good}, [TABLE], [("provenance", b'{"files":[' + b"{}," * 1_000_000 + b"{}]}")])


def piece(text):
    return b"\x0a" + bytes([len(text) + 2]) + b"\x0a" + bytes([len(text)]) + text


def tokenizers():
    """Label, and the files of a folder."""
    model = {"type": "Unigram", "unk_id": 0, "vocab": [["a", 0]]}
    yield "300,000 equal added tokens", {"tokenizer.json": json.dumps(
        {"added_tokens": [{"id": 0, "content": "<x>"}] * 300_000, "model": model})}
    yield "a million pieces of one text", {"tokenizer.json": json.dumps(
        {"model": dict(model, vocab=[["a", 0]] * 1_000_000)})}
    yield "tokenizer.json nested 500,000 deep", {"tokenizer.json": '{"normalizer":' + "[" * 500_000}
    yield "a normalizer that doubles 40 times", {"tokenizer.json": json.dumps({"normalizer": {"type": "Sequence", "normalizers": [
        {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}] * 40}, "model": model})}
    yield "merges of a million lines", {"vocab.json": '{"a":0}', "merges.txt": "#version\n" + "a a\n" * 1_000_000}
    yield "a vocabulary of one id 2⁶²", {"vocab.json": '{"a":4611686018427387904}', "merges.txt": "#version\n"}
    yield "a vocabulary of 40 MB in one word", {"vocab.json": '{"' + "a" * 40_000_000 + '":0}', "merges.txt": "#version\n"}
    yield "two million SentencePiece pieces", {"spiece.model": piece(b"a") * 2_000_000, "tokenizer_config.json": '{"tokenizer_class":"T5Tokenizer"}'}
    yield "a SentencePiece piece of 2⁶³ bytes", {"spiece.model": b"\x0a" + b"\xff" * 8 + b"\x7f", "tokenizer_config.json": '{"tokenizer_class":"T5Tokenizer"}'}
    yield "a vocab.txt of two million lines", {"vocab.txt": "a\n" * 2_000_000, "tokenizer_config.json": '{"tokenizer_class":"BertTokenizer"}'}


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, chunks, depth=8, color=2, interlace=0):
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))
            + b"".join(chunk(kind, body) for kind, body in chunks) + chunk(b"IEND", b""))


def jpeg_scans(edge, count):
    """A progressive JPEG of many scans that each say nothing."""
    def segment(marker, body):
        return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body
    tables = segment(0xDB, bytes([0]) + bytes([1] * 64)) + segment(0xC4, bytes([0]) + bytes([1] + [0] * 15) + b"\0")
    tables += segment(0xC4, bytes([0x10]) + bytes([1] + [0] * 15) + b"\0")
    frame = segment(0xC2, struct.pack(">BHHB", 8, edge, edge, 1) + bytes([1, 0x11, 0]))
    scan = segment(0xDA, bytes([1, 1, 0, 0, 0, 0])) + bytes(64)
    return b"\xff\xd8" + tables + frame + scan * count + b"\xff\xd9"


def pictures():
    """Label, the file's name, its bytes, and whether it may be read as Pillow reads it."""
    rows = zlib.compress(b"\0\0\0\0" * 4)
    small = [(b"IDAT", zlib.compress(b"\0" + b"\xff" * 3))]
    yield "a text of 1 GB in 1 MB", "a.png", png(1, 1, [(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 30), 9))] + small), True
    yield "a colour profile of 1 GB", "a.png", png(1, 1, [(b"iCCP", b"a\0\0" + zlib.compress(bytes(1 << 30), 9))] + small), True
    yield "a million empty IDAT", "a.png", png(1, 1, [(b"IDAT", b"")] * 1_000_000 + small), True
    yield "a million texts", "a.png", png(1, 1, [(b"tEXt", b"a\0b")] * 1_000_000 + small), True
    yield "a text of 100 MB", "a.png", png(1, 1, [(b"tEXt", b"a\0" + bytes(100_000_000))] + small), True
    yield "pixels of 1 GB behind one row", "a.png", png(1, 1, [(b"IDAT", zlib.compress(bytes(1 << 30), 9))]), True
    yield "an edge of 2³¹ − 1", "a.png", png(2**31 - 1, 1, [(b"IDAT", rows)]), False
    yield "interlaced, 13,000 squared, no data", "a.png", png(13_000, 13_000, [(b"IDAT", rows)], interlace=1), False
    yield "10,000 scans of 8,000 squared", "a.jpg", jpeg_scans(8_000, 10_000), False
    yield "a JPEG of 100 MB of comments", "a.jpg", b"\xff\xd8" + (b"\xff\xfe\xff\xff" + bytes(65_533)) * 1_500, False
