#!/usr/bin/env python3
"""Writes Sources/Tokenizers/Unicode/*Table*.swift from what the reference tokenizer does.

The Rust library `tokenizers` mixes several versions of Unicode: its own normalisation crate, the
lower case of its compiler's standard library and Oniguruma's character classes. No single version of
the standard agrees with it, and neither does a Swift release, so every scalar is tried in the library
itself and the answers become tables.

    pip install tokenizers==0.23.3
    Scripts/make_unicode_tables.py
"""
import itertools
import pathlib
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

FOLDER = pathlib.Path(__file__).parent.parent / "Sources/Tokenizers/Unicode"
SCALARS = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
NFC = normalizers.NFC().normalize_str
NFD = normalizers.NFD().normalize_str
LOWER = normalizers.Lowercase().normalize_str
HANGUL = range(0xAC00, 0xD7A4)


def matching(pattern):
    """The scalars that match, by the engine that splits text."""
    split = pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True)
    found = set()
    for i in range(0, len(SCALARS), 4096):
        chunk = "".join(SCALARS[i : i + 4096])
        for _, (a, b) in split.pre_tokenize_str(chunk):
            found.update(map(ord, chunk[a:b]))
    return found


def classes():
    """Break points: first scalar of a run << 2 | class of the run."""
    letters, numbers, spaces = matching(r"[\p{L}]+"), matching(r"[\p{N}]"), matching(r"\s+")
    others = matching(r"[^\s\p{L}\p{N}]+")
    assert len(letters) + len(numbers) + len(spaces) + len(others) == len(SCALARS)
    assert letters == matching(r"\p{L}+") and numbers == matching(r"\p{N}+")
    replace = normalizers.Replace(Regex(r"\s+"), "!").normalize_str
    assert spaces == {ord(c) for c in SCALARS if c != "!" and replace(c) == "!"}
    runs, last = [], None
    for scalar in range(0x110000):
        kind = 1 if scalar in letters else 2 if scalar in numbers else 3 if scalar in spaces else 0
        if kind != last:
            runs.append(scalar << 2 | kind)
        last = kind
    return runs


def lower_case():
    """Triples: first, last | stride << 24, offset modulo 2³²."""
    lower = {ord(c): LOWER(c) for c in SCALARS if LOWER(c) != c}
    assert {c for c in lower if len(lower[c]) > 1} == {0x130} and lower.pop(0x130) == "i\u0307"
    assert LOWER("ΑΣ ΟΔΟΣ.") == "ας οδος.".replace("ς", "σ"), "no final sigma"
    runs = []
    for scalar, text in sorted(lower.items()):
        offset = ord(text) - scalar
        if runs:
            run = runs[-1]
            stride = scalar - run[1]
            if offset == run[3] and stride in (1, 2) and run[2] in (None, stride):
                run[1], run[2] = scalar, stride
                continue
        runs.append([scalar, scalar, None, offset])
    return [n for a, b, stride, offset in runs for n in (a, b | (stride or 1) << 24, offset % 2**32)]


def decompositions():
    """Singletons (scalar, its equivalent), and pairs (scalar | excluded << 31, first, second)."""
    full = {c: NFD(c) for c in SCALARS if NFD(c) != c and ord(c) not in HANGUL}
    whole = {}
    for c, parts in full.items():
        whole.setdefault(parts, c)
    singletons, pairs = [], []
    for c, parts in full.items():
        if len(parts) == 1:
            singletons += [ord(c), ord(parts)]
            continue
        head = parts[:-1] if len(parts) == 2 else NFC(parts[:-1])
        if len(head) > 1:
            head = whole[parts[:-1]]
        excluded = NFC(c) != c
        assert NFC(parts) == c or excluded
        pairs.append((ord(c) | excluded << 31, ord(head), ord(parts[-1])))
    kept = {(a, b) for c, a, b in pairs if not c >> 31}
    for second in {b for _, b in kept}:  # nothing else composes with these
        answers = NFC("".join(c + chr(second) + "\n" for c in SCALARS if c != "\n")).split("\n")
        for c, answer in zip((c for c in SCALARS if c != "\n"), answers):
            if len(answer) == 1 and NFD(answer) == NFD(c) + NFD(chr(second)):
                assert (ord(c), second) in kept or ord(answer) in HANGUL or ord(NFC(c)) != ord(c), (
                    hex(ord(c)), hex(second))
    return singletons, [n for pair in pairs for n in pair]


def combining_classes():
    """Pairs: first scalar of a run | class << 24, last scalar."""
    def swaps(a, b):
        return NFD("a" + a + b) == "a" + b + a != "a" + a + b

    representatives = {}
    for c in SCALARS:
        kind = unicodedata.ucd_3_2_0.combining(c)
        if kind and kind == unicodedata.combining(c) and NFD(c) == c:
            representatives.setdefault(kind, c)
    for c in SCALARS:  # classes that are newer than Unicode 3.2
        if unicodedata.combining(c) and NFD(c) == c:
            representatives.setdefault(unicodedata.combining(c), c)
    ends = representatives[1], representatives[240]
    kinds = sorted(  # without those that the library does not know yet
        k for k, c in representatives.items() if swaps(c, ends[0]) or swaps(ends[1], c))
    for a, b in itertools.product(kinds, kinds):
        assert swaps(representatives[a], representatives[b]) == (a > b), (a, b)
    found = {}
    for c in SCALARS:
        if NFD(c) != c:
            continue
        if not swaps(c, ends[0]) and not swaps(ends[1], c):
            continue
        same = [k for k in kinds
                if not swaps(c, representatives[k]) and not swaps(representatives[k], c)]
        assert len(same) == 1, hex(ord(c))
        found[ord(c)] = same[0]
    runs = []
    for scalar, kind in sorted(found.items()):
        if runs and runs[-1][1] == scalar - 1 and runs[-1][2] == kind:
            runs[-1][1] = scalar
        else:
            runs.append([scalar, scalar, kind])
    return [n for first, last, kind in runs for n in (first | kind << 24, last)]


def breaks(flags, bits):
    """Break points: first scalar of a run << bits | flags of the run."""
    runs, last = [], None
    for scalar in range(0x110000):
        value = flags.get(scalar, 0)
        if value != last:
            runs.append(scalar << bits | value)
        last = value
    return runs


def bert_classes():
    """1: dropped by `clean_text`, 2: a word of its own, 4: dropped by `strip_accents`."""
    def bert(**only):
        options = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
        return normalizers.BertNormalizer(**options | only).normalize_str

    clean, strip, split = bert(clean_text=True), bert(strip_accents=True), pre_tokenizers.BertPreTokenizer()
    parts = {ord(c): len(split.pre_tokenize_str(f"a{c}a")) for c in SCALARS}
    white = {c for c, count in parts.items() if count == 2}
    words = pre_tokenizers.WhitespaceSplit()
    assert white == {ord(c) for c in SCALARS if len(words.pre_tokenize_str(f"a{c}a")) == 2}
    assert white == matching(r"\s+"), "char::is_whitespace is \\s"
    assert all(clean(chr(c)) in ("", " ") for c in white)
    return breaks({ord(c): (clean(c) == "") | (parts[ord(c)] == 3) << 1 | (strip(c) == "") << 2
                   for c in SCALARS}, 3)


def sigma_classes():
    """1: cased, 2: case-ignorable, where Python's `str.lower` looks for a final sigma."""
    flags = {}
    for c in SCALARS:
        if f"1{c}Σ".lower().endswith("ς"):
            flags[ord(c)] = 1
        elif f"A{c}Σ".lower().endswith("ς"):
            flags[ord(c)] = 2
    return breaks(flags, 2)


def table(name, comment, numbers):
    lines, line = [], "   "
    for number in numbers:
        word = f" 0x{number:_x}," if number >> 28 else f" 0x{number:x},"
        if len(line) + len(word) > 100:
            lines.append(line)
            line = "   "
        line += word
    lines.append(line)
    comment = "\n".join("  /// " + text for text in comment)
    return f"{comment}\n  static let {name}: [UInt32] = [\n" + "\n".join(lines) + "\n  ]\n"


def write(file, text):
    head = (f"// Made by Scripts/make_unicode_tables.py from tokenizers {tokenizers.__version__};"
            " do not edit.\n\n")
    (FOLDER / file).write_text(head + "extension UnicodeTables {\n" + text + "}\n")


write("UnicodeTables+Classes.swift", table("classBreaks", [
    "Where a run of scalars of one class begins: first scalar << 2 | class, in ascending order.",
    "Class 1 is `\\p{L}`, 2 `\\p{N}`, 3 `\\s`, 0 anything else."], classes()))
write("UnicodeTables+LowerCase.swift", table("lowerCaseRuns", [
    "Triples in ascending order: first scalar with a lower case, last one | stride << 24, and what",
    "to add, modulo 2³². U+0130, the only one whose lower case is two scalars, is not among them."],
    lower_case()))
singletons, pairs = decompositions()
write("UnicodeTables+Decompositions.swift", table("singletons", [
    "Pairs in ascending order: a scalar and the single one that it is canonically equivalent to."],
    singletons) + "\n" + table("pairs", [
    "Triples in ascending order: a scalar and the two that it decomposes into. The highest bit of",
    "the first marks a scalar that composition never gives back. Without Hangul syllables."],
    pairs))
write("UnicodeTables+CombiningClasses.swift", table("combiningClassRuns", [
    "Pairs in ascending order: first scalar of a run | its canonical combining class << 24, last",
    "scalar. All others have class 0."], combining_classes()))
write("UnicodeTables+Bert.swift", table("bertClassBreaks", [
    "Where a run of scalars of the same flags begins: first scalar << 3 | flags, in ascending order.",
    "1: left out by `clean_text`, 2: punctuation, 4: left out by `strip_accents`."], bert_classes()))
write("UnicodeTables+Sigma.swift", table("sigmaClassBreaks", [
    "Where a run of scalars of one class begins: first scalar << 2 | class, in ascending order.",
    f"1: cased, 2: case-ignorable, as Python with Unicode {unicodedata.unidata_version} has them."],
    sigma_classes()))
