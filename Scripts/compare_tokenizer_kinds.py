#!/usr/bin/env python3
"""Compares our tokenizers of every kind with the libraries that define them, on generated texts, and the
tokenizer.json that we write with ours.

    pip install transformers==5.24.0 tokenizers==0.23.3 sentencepiece==0.2.3 protobuf
    Scripts/compare_tokenizer_kinds.py [KIND…] [--count 100000] [--seed 1] [--folder FOLDER]

FOLDER is Tests/Fixtures/tokenizers unless given; it has a folder for each kind.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import tokenizers

from tokenizer_kinds import KINDS, SPECIALS, is_fair, reference
from tokenizer_texts import texts

ROOT = pathlib.Path(__file__).parent.parent
parser = argparse.ArgumentParser()
parser.add_argument("kinds", nargs="*")
parser.add_argument("--count", type=int, default=100_000)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "Tests/Fixtures/tokenizers")
parser.add_argument("--package", type=pathlib.Path, default=ROOT)
parser.add_argument("--configuration", choices=["debug", "release"], default="release")
options = parser.parse_args()
# Debug as Scripts/test builds it.
build = ["--disable-xctest", "-c", options.configuration] + {
    "release": ["-Xswiftc", "-enable-testing"], "debug": ["-Xcc", "-O2"]}[options.configuration]
subprocess.run(["swift", "build", "--build-tests", *build], cwd=options.package, check=True)
status = 0
strings = SPECIALS + texts(options.count, options.seed)[: options.count - len(SPECIALS)]
for kind in options.kinds or KINDS:
    folder = (options.folder / kind).resolve()
    encode = reference(kind, folder)
    fair = [text for text in strings if is_fair(kind, text)]
    ids = []
    for i in range(0, len(fair), 1000):
        ids += encode(fair[i : i + 1000])
    with tempfile.TemporaryDirectory() as temporary:
        golden, export = pathlib.Path(temporary, "golden.jsonl"), pathlib.Path(temporary, "tokenizer.json")
        with golden.open("w", encoding="utf-8", newline="\n") as file:
            for string, row in zip(fair, ids):
                print(json.dumps({"text": string, "ids": row}), file=file)
        run = subprocess.run(
            ["swift", "test", "--skip-build", *build, "--filter", "TokenizerComparisonTests"],
            cwd=options.package, capture_output=True, text=True, env=os.environ | {
                "CLIP_PACK_TOKENIZER_KIND": str(folder), "CLIP_PACK_TOKENIZER_GOLDEN": str(golden),
                "CLIP_PACK_TOKENIZER_EXPORT": str(export)})
        said = [line for line in run.stdout.splitlines() if line.startswith("compared")]
        print(f"{kind}: {said[0] if said else 'the test did not run'}; in {getattr(encode, 'differing', 0)} "
              "of them tokenizers replaces by grapheme cluster", flush=True)
        if run.returncode or not said:
            status = 1
            print(run.stdout[-8000:], run.stderr[-2000:], file=sys.stderr)
        if export.exists():
            exported = tokenizers.Tokenizer.from_file(str(export))
            found = [e.ids for i in range(0, len(fair), 1000) for e in exported.encode_batch(fair[i : i + 1000])]
            wrong = [i for i, (a, b) in enumerate(zip(found, ids)) if a != b]
            print(f"{kind}: of the exported tokenizer.json's ids {len(wrong)} differ", flush=True)
            for i in wrong[:5]:
                print(f"  {fair[i]!r}: {found[i]}, not {ids[i]}")
sys.exit(status)
