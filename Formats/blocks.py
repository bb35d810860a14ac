"""Byte planes, rANS, the trellis and panels: encodings 2 to 5 of clippack.md, sections 5 to 5.3. Needs NumPy."""
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


def decode_trellis(stored, size, element):
    """The block's int8 codes, whose columns are paths through the machine of section 5.2."""
    require(element == "I8" and len(stored) >= 4, "trellis of another type, or without columns")
    columns = int(np.frombuffer(stored, "<u4", 1)[0])
    require(1 <= columns <= size, "no such columns")
    even, at = read_table(stored, 4, -63, 63)
    odd, at = read_table(stored, at, -64, 63)
    return decode_lanes(stored, at, size, [even, odd], columns).tobytes()


def panels_size(size, columns):
    """The bytes that a block of `size` codes takes in panels of 32 rows."""
    return -(-size // columns // 32) * -(-columns // 4) * 128


def decode_panels(stored, size, columns):
    """The block's int8 codes, row by row."""
    panels = np.frombuffer(stored, np.int8).reshape(-1, -(-columns // 4), 32, 4)
    rows = panels.transpose(0, 2, 1, 3).reshape(panels.shape[0] * 32, -1)
    count = size // columns
    require(not rows[count:].any() and not rows[:, columns:].any(), "padding of panels is not zero")
    return rows[:count, :columns].tobytes()


def symbols_of(stored, count):
    """`count` int8 codes of a rANS stream."""
    table, at = read_table(stored, 0)
    return decode_lanes(stored, at, count, [table], count)


def read_table(stored, at, least=-128, most=127):
    """Of each slot its symbol, the symbol's frequency, and the slot less its start; and what follows."""
    require(len(stored) >= at + 2 and stored[at] < stored[at + 1], "first is not below last")
    first, symbols = stored[at], stored[at + 1] - stored[at] + 1
    require(least <= first - 128 and stored[at + 1] - 128 <= most, "codes beyond 127")
    require(len(stored) >= at + 2 + 2 * symbols, "ends in its table")
    frequency = np.frombuffer(stored, "<u2", symbols, at + 2).astype(np.int64)
    require(frequency.max() < 4096 and frequency.sum() == 4096, "frequencies do not add up")
    symbol = np.repeat(np.arange(symbols), frequency)
    bias = np.arange(4096) - (np.cumsum(frequency) - frequency)[symbol]
    return (symbol + first - 128, frequency[symbol], bias), at + 2 + 2 * symbols


def decode_lanes(stored, at, count, tables, columns):
    """`count` codes, by the one table or by that of the quantiser of each column's state."""
    require(len(stored) >= at + 128 and len(stored) % 2 == at % 2, "ends in its lanes")
    x = np.frombuffer(stored, "<u4", 32, at).astype(np.int64)
    words, word = np.frombuffer(stored, "<u2", offset=at + 128).astype(np.int64), 0
    symbol, frequency, bias = (np.concatenate(part) for part in zip(*tables))
    codes, states, i, column = np.empty(count, np.int8), np.zeros(columns, np.int64), 0, 0
    while i < count:  # lanes at once that lie in one row; those below 65536 take words in their order
        n = min(32 - i % 32, columns - column, count - i)
        lanes, state = slice(i % 32, i % 32 + n), states[column:column + n]
        quantiser = state & 1 if len(tables) > 1 else 0
        slot = (x[lanes] & 4095) + 4096 * quantiser
        k = symbol[slot]
        codes[i:i + n] = 2 * k + quantiser if len(tables) > 1 else k
        states[column:column + n] = (state >> 1) ^ 24 * quantiser ^ 5 * (k & 1)
        moved = frequency[slot] * (x[lanes] >> 12) + bias[slot]
        needs_word = np.flatnonzero(moved < 65536)
        require(word + len(needs_word) <= len(words), "words end before codes do")
        moved[needs_word] = moved[needs_word] << 16 | words[word:word + len(needs_word)]
        x[lanes], word, i, column = moved, word + len(needs_word), i + n, (column + n) % columns
    require(word == len(words) and (x == 65536).all(), "words or lanes do not end with the codes")
    return codes
