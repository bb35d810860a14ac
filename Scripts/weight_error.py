#!/usr/bin/env python3
"""What a uniform grid with entropy coding takes at the weight error of GGUF's types.

    python Scripts/weight_error.py            needs NumPy; a minute at most

For Gaussian weights and for Student-t weights with 4 degrees of freedom (heavy tails, one scale): the
step at which the grid has the signal-to-noise ratio that a GGUF type reaches on the same distribution,
and the bits a weight that the codes then take: entropy plus the cost of rANS blocks (section 5.1 of
Formats/clippack.md: tables, lanes and frequencies of 12 bits, counted exactly block by block).
GGUF's figures were measured with ggml_quantize_chunk on rows of 4096.
"""
import sys

import numpy as np

# Type: (bits, dB on Gaussian weights, dB on Student-t(4) weights).
GGUF = {
    "Q8_0": (8.50, 45.4, 42.7), "Q6_K": (6.56, 35.0, 32.8), "Q5_K": (5.50, 28.8, 27.2),
    "Q5_0": (5.50, 27.4, 24.7), "Q4_K": (4.50, 22.9, 21.2), "Q4_0": (4.50, 21.3, 18.7),
    "Q3_K": (3.44, 16.4, 14.7), "Q2_K": (2.63, 10.6, 9.3),
}
# Saving in percent that is asked for: on Gaussian, on Student-t(4). Q8_0: at most 7.9 bits.
FLOORS = {name: (6, 12) for name in GGUF} | {"Q4_0": (11, 20), "Q5_0": (11, 20), "Q8_0": (7, 0)}
BLOCK = 1 << 18


def rans_bits(codes):
    """Bits a code of one block, its table and lanes included."""
    low = 0
    while max(abs(int(codes.min())), int(codes.max())) >> low > 127:
        low += 1
    counts = np.bincount((codes >> low) + 128, minlength=256).astype(float)
    p = counts[counts > 0] / counts.sum()
    slots = 1 + p * (4096 - len(p))  # every code that occurs has a slot at least
    table = 16 * (np.ptp(np.flatnonzero(counts)) + 1) + 64 * 8 + 16
    return low - (p * np.log2(slots / 4096)).sum() + table / len(codes)


def grid(weights, step):
    """Bits a weight and signal-to-noise ratio in dB."""
    codes = np.rint(weights / step).astype(np.int64)
    error = ((weights - codes * step) ** 2).mean()
    bits = np.mean([rans_bits(codes[at:at + BLOCK]) for at in range(0, len(codes), BLOCK)])
    return bits, 10 * np.log10((weights ** 2).mean() / error)


def at(weights, decibels):
    low, high = 1e-3, 4.0
    for _ in range(22):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if grid(weights, middle)[1] > decibels else (low, middle)
    return grid(weights, low)[0]


def main():
    random, failed = np.random.default_rng(1), 0
    sets = {"Gaussian": random.standard_normal(2 * BLOCK), "Student-t(4)": random.standard_t(4, 2 * BLOCK)}
    print(f"{'':8}" + "".join(f"{name:>32}" for name in sets))
    for name, (bits, *levels) in GGUF.items():
        line = f"{name:8}"
        for weights, level, floor in zip(sets.values(), levels, FLOORS[name]):
            ours = at(weights, level)
            saved = 100 * (1 - ours / bits)
            failed += saved < floor
            line += f"{bits:7.2f} → {ours:5.2f} bits {saved:5.1f} % {'' if saved >= floor else f'< {floor}':5}"
        print(line)
    return failed > 0


if __name__ == "__main__":
    sys.exit(int(main()))
