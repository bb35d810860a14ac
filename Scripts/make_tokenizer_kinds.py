#!/usr/bin/env python3
"""Writes Tests/Fixtures/tokenizers: a small table of every kind of tokenizer but CLIP's, and the ids that
the library which defines the kind gives 500 hard texts.

    pip install transformers==5.24.0 tokenizers==0.23.3 sentencepiece==0.2.3 protobuf
    Scripts/make_tokenizer_kinds.py [KIND…]
"""
import json
import pathlib
import random
import sys

from tokenizer_kinds import KINDS, SPECIALS, dump, is_fair, reference
from tokenizer_texts import texts

FOLDER = pathlib.Path(__file__).parent.parent / "Tests/Fixtures/tokenizers"

rng = random.Random(7)
strings = SPECIALS + [t for t in texts(2000, seed=5, sweep=False) if len(t) < 60]
for i in range(40):  # special tokens between other text
    at = rng.randrange(100, 400)
    strings.insert(at, strings[at] + rng.choice(SPECIALS) + rng.choice(["", " ", "  "]) + strings[at + 1])
strings = strings[:500]
FOLDER.mkdir(parents=True, exist_ok=True)
with (FOLDER / "texts.jsonl").open("w", encoding="utf-8", newline="\n") as file:
    for string in strings:
        print(json.dumps(string, ensure_ascii=False), file=file)
for kind in sys.argv[1:] or KINDS:
    folder = FOLDER / kind
    folder.mkdir(exist_ok=True)
    KINDS[kind](folder)
    encode = reference(kind, folder)
    rows = [ids if is_fair(kind, text) else None for text, ids in zip(strings, encode(strings))]
    with (folder / "ids.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            print(json.dumps(row, separators=(",", ":")), file=file)
    size = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{kind}: {size} bytes, {sum(row is not None for row in rows)} texts, "
          f"{getattr(encode, 'differing', 0)} where tokenizers replaces otherwise")
