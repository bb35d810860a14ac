"""Texts that tokenizers get wrong, from a seed. Used by the two scripts beside it."""
import random
import unicodedata

WORDS = """a photo of the cat dog street running Running WORLD's it's don't you're we've I'm they'll he'd
can't O'Neill rock'n'roll naïve café Ångström ŒUVRE straße ΟΔΟΣ Σίσυφος İstanbul ıI DŽ ǅ ﬁancé ½ ² ① Ⅷ 東京
日本語 한국어 각 عربى עברית हिन्दी ไทย 🙂 1234 3.14 99% C++ e.g. http://x.y/z?q=1&r=2 user@mail.com #tag &amp; &lt;b&gt;
supercalifragilistic antidisestablishmentarianism zzzzzzzz xkcd qwrtpsdfg""".split()
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'LL", "'Re", "''", "'", "’s"]
SPECIALS = ["<|startoftext|>", "<|endoftext|>", "<|StartOfText|>", "<|ENDOFTEXT|>", "<|EndOfText|>",
            "<|startoftext|", "|endoftext|>", "<|endoftext |>", "<|", "|>", "</w>", "<w>",
            "<|startoftext|><|startoftext|>", "<|ſtartoftext|>", "<|\u212aendoftext|>"]
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u0085", "\u1680", "\u2003", "\u2028", "\u3000",
          "\u200b", "\ufeff", "\u180e", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x1f"]
EMOJI = ["👨\u200d👩\u200d👧\u200d👦", "👍🏽", "🇩🇪", "🏴\U000e0067\U000e0062\U000e007f", "❤️", "☺︎", "1️⃣", "🤷🏾\u200d♀️", "🙂🙃", "😀"]
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
MARKS = [c for c in SCALARS if unicodedata.combining(chr(c))]
DECOMPOSING = [c for c in SCALARS if unicodedata.normalize("NFD", chr(c)) != chr(c) and not 0xAC00 <= c < 0xD7A4]
JAMO = list(range(0x1100, 0x1200)) + list(range(0xA960, 0xA980)) + list(range(0xD7B0, 0xD800))
SYLLABLES = list(range(0xAC00, 0xD7A4))
CASED = [c for c in SCALARS if chr(c).lower() != chr(c) or chr(c).upper() != chr(c)]
PUNCTUATION = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + list("…—–“”‘’«»¿¡§¶•†‡※")
DIGITS = [c for c in SCALARS if unicodedata.category(chr(c))[0] == "N"]


def several(rng, items, low=1, high=8):
    return [rng.choice(items) for _ in range(rng.randint(low, high))]


def characters(rng, items, low=1, high=8):
    return "".join(map(chr, several(rng, items, low, high)))


def block(number):
    """256 neighbours; those that are no scalars are replaced by others."""
    return [c if not 0xD800 <= c < 0xE000 else c & 0xFF for c in range(number << 8, (number + 1) << 8)]


def piece(rng):
    kind = rng.randrange(22)
    if kind <= 4: return rng.choice(WORDS)
    if kind == 5: return rng.choice(WORDS).upper() + rng.choice(CONTRACTIONS)
    if kind == 6: return "".join(several(rng, CONTRACTIONS, 1, 4))
    if kind == 7: return rng.choice(SPECIALS)
    if kind == 8: return "".join(several(rng, PUNCTUATION, 1, 6))
    if kind == 9: return "".join(several(rng, EMOJI, 1, 3))
    if kind == 10: return characters(rng, SCALARS, 1, 6)
    if kind == 11: return characters(rng, block(rng.randrange(0x320)), 1, 10)
    if kind == 12: return rng.choice("aeouAEOUnNcsdtkgyxß") + characters(rng, MARKS, 1, 5)
    if kind == 13: return characters(rng, DECOMPOSING, 1, 4) + characters(rng, MARKS, 0, 3)
    if kind == 14: return unicodedata.normalize("NFD", characters(rng, DECOMPOSING + SYLLABLES, 1, 4))
    if kind == 15: return characters(rng, JAMO + SYLLABLES[:: 28] + SYLLABLES[:50], 1, 6)
    if kind == 16: return characters(rng, CASED, 1, 8)
    if kind == 17: return characters(rng, DIGITS, 1, 4) + str(rng.randrange(10 ** rng.randint(1, 9)))
    if kind == 18: return characters(rng, range(0x20), 1, 3)
    if kind == 19: return "".join(several(rng, "abcdefghijklmnopqrstuvwxyz", 1, 14))
    if kind == 20: return characters(rng, range(0x80, 0x250), 1, 6)
    return rng.choice("abcdeéñ") + characters(rng, [0x300, 0x301, 0x302, 0x308, 0x30A, 0x323, 0x327, 0x328, 0x334, 0x338, 0x345, 0x5B0, 0x5B4], 1, 6)


def text(rng):
    pieces = []
    for _ in range(rng.choice([1, 1, 2, 3, 5, 8, 12])):
        pieces.append(piece(rng))
        if rng.random() < 0.6:
            pieces.append(" " if rng.random() < 0.6 else rng.choice(SPACES))
    return "".join(pieces)


def fixed():
    """Every scalar's neighbourhood once, and what chance would miss."""
    yield from ["", " ", "\0", "\n", "'", "<|", "<|startoftext|>", "<|endoftext|>", "</w>", "a" * 2000,
                "é" * 700, "🙂" * 300, "!?" * 500, "0123456789" * 60, "ab " * 400, "\u0301" * 300,
                "e" + "\u0316\u0301" * 200, "가" * 300, " ".join(WORDS), "".join(WORDS)]
    yield from WORDS + CONTRACTIONS + SPECIALS + SPACES + EMOJI


def texts(count, seed, sweep=True):
    """`count` texts; with `sweep` the first of them hold every scalar of Unicode."""
    rng = random.Random(seed)
    made = list(fixed())
    if sweep:
        made += ["x".join(map(chr, SCALARS[i : i + 64])) for i in range(0, 0x32000, 64)]
        made += ["x".join(map(chr, SCALARS[i : i + 512])) for i in range(0x32000, len(SCALARS), 512)]
        # Every decomposition, and every mark before and after marks of a low, a middle and a high class.
        parts = [unicodedata.normalize("NFD", chr(c)) for c in DECOMPOSING]
        made += [" ".join(parts[i : i + 32]) for i in range(0, len(parts), 32)]
        runs = [f"a{chr(c)}\u0334 e{chr(c)}\u0316{chr(c)} o\u0345{chr(c)}\u0301" for c in MARKS]
        made += [" ".join(runs[i : i + 16]) for i in range(0, len(runs), 16)]
    while len(made) < count:
        made.append(text(rng))
    return made[:count]
