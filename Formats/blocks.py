"""Byte planes and rANS: encodings 2 and 3 of clippack.md, sections 5 and 5.1. Needs NumPy."""
import numpy as np


def require(condition, text):
    if not condition:
        raise ValueError(text)


def merge_planes(planes, width, rotated):
    """The elements of `width` bytes whose planes these are, most significant first."""
    words = np.frombuffer(planes, np.uint8).reshape(width, -1).T.copy().view(f">u{width}").ravel()
    if rotated:
        words = (words >> 1) | (words << (8 * width - 1))
    return words.astype(f"<u{width}").tobytes()


def decode_rans(stored, size, element):
    """The block's bytes: int8 codes, or int16 codes whose low bits lie apart."""
    require(element in ("I8", "I16") and (element == "I8" or size % 2 == 0), "rans of another type")
    if element == "I8":
        return symbols_of(stored, size).tobytes()
    require(len(stored) > 0, "low bits are cut short")
    count, bits = size // 2, stored[0]
    plane = -(-count // 8)
    require(bits <= 8 and len(stored) > 1 + bits * plane, "low bits are cut short")
    planes = np.frombuffer(stored, np.uint8, bits * plane, 1).reshape(bits, plane)
    low = np.unpackbits(planes, axis=1, count=count, bitorder="little").astype(np.int16)
    codes = symbols_of(stored[1 + bits * plane:], count).astype(np.int16) << bits
    for bit in range(bits):
        codes |= low[bit] << bit
    return codes.astype("<i2").tobytes()


def symbols_of(stored, count):
    """`count` int8 codes of a rANS stream."""
    require(len(stored) >= 2 and stored[0] < stored[1], "first is not below last")
    first, symbols = stored[0], stored[1] - stored[0] + 1
    head = 2 + 2 * symbols + 128
    require(len(stored) >= head and len(stored) % 2 == 0, "ends in its table")
    frequency = np.frombuffer(stored, "<u2", symbols, 2).astype(np.uint64)
    require(frequency.max() < 4096 and frequency.sum() == 4096, "frequencies do not add up")
    symbol = np.repeat(np.arange(symbols), frequency.astype(int))
    bias = np.arange(4096, dtype=np.uint64) - (np.cumsum(frequency) - frequency)[symbol]
    words = np.frombuffer(stored, "<u2", offset=head).astype(np.uint64)
    x, at = np.frombuffer(stored, "<u4", 32, head - 128).astype(np.uint64), 0
    codes = np.empty(count, np.int8)
    for start in range(0, count, 32):  # all lanes at once; those below 65536 take words in their order
        x, rest = x[:count - start], x[count - start:]
        slot = (x & 4095).astype(int)
        codes[start:start + 32] = symbol[slot] + first - 128
        x = frequency[symbol[slot]] * (x >> 12) + bias[slot]
        hungry = np.flatnonzero(x < 65536)
        require(at + len(hungry) <= len(words), "words end before codes do")
        x[hungry] = x[hungry] << 16 | words[at:at + len(hungry)]
        x, at = np.concatenate([x, rest]), at + len(hungry)
    require(at == len(words) and (x == 65536).all(), "words or lanes do not end with the codes")
    return codes
