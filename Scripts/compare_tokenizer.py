#!/usr/bin/env python3
"""Compares our tokenizer with transformers' on generated texts and says how many differ.

    pip install transformers==5.23.0 tokenizers==0.23.3
    Scripts/compare_tokenizer.py FOLDER [--count 100000] [--seed 1] [--facts facts.json]

FOLDER holds the vocabulary: vocab.json and merges.txt, or tokenizer.json. `--facts` adds text and ids
pairs from elsewhere, which transformers has to agree with too.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import transformers

from tokenizer_texts import texts

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--count", type=int, default=100_000)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--facts", type=pathlib.Path)
parser.add_argument("--configuration", choices=["debug", "release"], default="debug")
options = parser.parse_args()

tokenizer = transformers.CLIPTokenizer.from_pretrained(options.folder)
strings = texts(options.count, options.seed)
ids = []
for i in range(0, len(strings), 1000):
    ids += tokenizer(strings[i : i + 1000])["input_ids"]
facts = json.loads(options.facts.read_text()) if options.facts else []
for fact in facts:
    if tokenizer(fact["text"])["input_ids"] != fact["ids"]:
        print(f"transformers {transformers.__version__} differs from the fact {fact}", file=sys.stderr)
    strings.append(fact["text"])
    ids.append(fact["ids"])
scalars = {c for string in strings for c in string}
print(f"seed {options.seed}: {len(strings)} texts, {len(facts)} of them facts, with {len(scalars)} "
      f"different scalars and {sum(map(len, ids))} ids", file=sys.stderr)

with tempfile.TemporaryDirectory() as folder:
    golden = pathlib.Path(folder, "golden.jsonl")
    with golden.open("w", encoding="utf-8", newline="\n") as file:
        for string, row in zip(strings, ids):
            print(json.dumps({"text": string, "ids": row}), file=file)
    environment = os.environ | {
        "CLIP_PACK_TOKENIZER": str(options.folder.resolve()), "CLIP_PACK_TOKENIZER_GOLDEN": str(golden)}
    command = ["swift", "test", "-c", options.configuration, "--disable-xctest", "--filter",
               "TokenizersTests.TokenizerParityTests"]
    if options.configuration == "release":
        command += ["-Xswiftc", "-enable-testing"]
    sys.exit(subprocess.run(
        command, cwd=pathlib.Path(__file__).parent.parent, env=environment).returncode)
