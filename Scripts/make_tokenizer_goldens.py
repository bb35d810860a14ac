#!/usr/bin/env python3
"""Writes Tests/Fixtures/tokenizer: a small vocabulary in CLIP's format, and what transformers makes of
2,000 texts with it.

    pip install transformers==5.23.0 tokenizers==0.23.3
    Scripts/make_tokenizer_goldens.py [--clip FOLDER [--facts facts.json]]

With `--clip`, the folder of CLIP's real vocabulary, also writes clip.jsonl, the ids of 300 texts with
it; `--facts` adds text and ids pairs from public test suites, with their source.
"""
import argparse
import collections
import json
import pathlib
import shutil
import tempfile

from transformers import CLIPTokenizer

from tokenizer_texts import WORDS, texts

FOLDER = pathlib.Path(__file__).parent.parent / "Tests/Fixtures/tokenizer"
SPECIALS = ["<|startoftext|>", "<|endoftext|>"]
MERGES = 500
CAPTIONS = [f"a {kind} of {count} {size} {colour} {thing}s {place}, it's the {rank} one we've seen"
            for kind in ("photo", "drawing", "close-up", "rendering", "sculpture")
            for count, rank in (("one", "first"), ("two", "second"), ("several", "last"))
            for size in ("small", "large", "enormous") for colour in ("red", "green", "dark blue")
            for thing in ("cat", "bicycle", "elephant", "mountain", "café")
            for place in ("running in the street", "under a tree", "beside the river", "at night")]
CAPTIONS += WORDS * 20


def train():
    """512 byte symbols, the merges, start and end: the order of CLIP's own ids.

    Not by the library's trainer, whose choice between equals differs from run to run.
    """
    backend = CLIPTokenizer().backend_tokenizer
    counts = collections.Counter()
    for caption in CAPTIONS:
        normal = backend.normalizer.normalize_str(caption)
        counts.update(word for word, _ in backend.pre_tokenizer.pre_tokenize_str(normal))
    words = [([*word[:-1], word[-1] + "</w>"], n) for word, n in sorted(counts.items())]
    printable = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    symbols = [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]
    vocabulary, merges = symbols + [s + "</w>" for s in symbols], []
    while len(merges) < MERGES:
        pairs = collections.Counter()
        for word, n in words:
            for pair in zip(word, word[1:]):
                if "".join(pair) not in vocabulary:
                    pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        vocabulary.append("".join(best))
        for word, _ in words:
            for i in range(len(word) - 1, 0, -1):
                if (word[i - 1], word[i]) == best:
                    word[i - 1 : i + 1] = ["".join(best)]
    return {token: i for i, token in enumerate(vocabulary + SPECIALS)}, merges


def dump(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def rows(tokenizer, strings, **more):
    return [{"text": s, "ids": tokenizer(s)["input_ids"], **more} for s in strings]


parser = argparse.ArgumentParser()
parser.add_argument("--clip", type=pathlib.Path)
parser.add_argument("--facts", type=pathlib.Path)
options = parser.parse_args()

FOLDER.mkdir(parents=True, exist_ok=True)
vocabulary, merges = train()
dump(FOLDER / "vocab.json", vocabulary)
lines = ["#version: 0.2 - made by Scripts/make_tokenizer_goldens.py"] + [f"{a} {b}" for a, b in merges]
(FOLDER / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
tokenizer = CLIPTokenizer.from_pretrained(FOLDER)
strings = [t for t in texts(2900, seed=2, sweep=False) if len(t) < 80][:2000]
assert len(strings) == 2000
with (FOLDER / "golden.jsonl").open("w", encoding="utf-8", newline="\n") as file:
    for number, row in enumerate(rows(tokenizer, strings)):
        if number < 400:
            row["decoded"] = tokenizer.decode(
                row["ids"], skip_special_tokens=number % 2 == 0, clean_up_tokenization_spaces=False)
        print(json.dumps(row, ensure_ascii=False, separators=(",", ":")), file=file)

# What becomes of the same texts when a folder says it in other ways.
flags = {"single_word": False, "lstrip": False, "rstrip": False}
start = {"content": SPECIALS[0], "normalized": True, **flags}
end = {"content": SPECIALS[1], "normalized": False, **flags}
count = len(vocabulary)
CONFIGURATIONS = {
    "normalized start": {"tokenizer_config.json": {"added_tokens_decoder": {
        str(count - 2): start | {"special": True}, str(count - 1): end | {"special": True}}}},
    "special_tokens_map only": {"special_tokens_map.json": {"bos_token": start, "eos_token": end, "pad_token": "!"}},
    "pad token of Stable Diffusion 2": {"tokenizer_config.json": {"pad_token": "!"}},
    "AddedToken in the configuration": {"tokenizer_config.json": {
        "bos_token": {"__type": "AddedToken", **start}, "eos_token": {"__type": "AddedToken", **end}, "pad_token": None}},
    "more tokens": {"tokenizer_config.json": {"added_tokens_decoder": {
        str(count - 2): start | {"special": True}, str(count - 1): end | {"special": True},
        str(count): {"content": "<Cat-Toy>", "normalized": True, "special": False, **flags},
        str(count + 1): {"content": "<Cat", "normalized": False, "special": False, **flags}}}},
    "added_tokens.json": {"added_tokens.json": {"<cat-toy>": count, "<CAT>": count + 1}},
    "tokenizer.json": {"tokenizer.json": None},
}
HARD = ["", "A cat! <|StartOfText|> <|startoftext|>b<|endoftext|>c<|ENDOFTEXT|>!", "hello!", "!!! a!b",
        "a <CAT-TOY> <Cat-Toy> <cat-toy>", "<CAT><Cat <cat", "x<Cat\u0301 <\u0301"]
made = {}
for name, files in CONFIGURATIONS.items():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for file, content in files.items():
            if file == "tokenizer.json":
                configured = CLIPTokenizer.from_pretrained(
                    FOLDER, bos_token="<|startoftext|>")
                content = json.loads(configured.backend_tokenizer.to_str())
                content["added_tokens"][0]["normalized"] = True
                files[file] = content
            (folder / file).write_text(json.dumps(content))
        for file in ["vocab.json", "merges.txt"] * ("tokenizer.json" not in files):
            shutil.copy(FOLDER / file, folder)
        configured = CLIPTokenizer.from_pretrained(folder)
        made[name] = {"files": files, "padding": configured.pad_token_id if configured.pad_token else count - 1, "rows": rows(configured, HARD)}
        if "tokenizer.json" in files:
            (FOLDER / "json").mkdir(exist_ok=True)
            dump(FOLDER / "json" / "tokenizer.json", files["tokenizer.json"])
            files["tokenizer.json"] = None
dump(FOLDER / "configurations.json", made)

if options.clip:
    tokenizer = CLIPTokenizer.from_pretrained(options.clip)
    # Without special tokens, which folders of the same vocabulary seek in different ways.
    strings = [t for t in texts(1000, seed=3, sweep=False) if len(t) < 60 and "<|" not in t][:300]
    found = rows(tokenizer, strings)
    for fact in json.loads(options.facts.read_text(encoding="utf-8")) if options.facts else []:
        assert tokenizer(fact["text"])["input_ids"] == fact["ids"], fact
        found.append(fact)
    with (FOLDER / "clip.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for row in found:
            print(json.dumps(row, ensure_ascii=False, separators=(",", ":")), file=file)
