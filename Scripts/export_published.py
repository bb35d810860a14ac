#!/usr/bin/env python3
"""Writes what transformers answers for a checkpoint as published answers (Formats/published.md), rounded
to four decimals as test suites publish them.

    export_published.py CHECKPOINT -o published.json --name NAME [--pixels 0.25 0.75] [--texts 2] [--seed 0]

Pictures have one value everywhere, texts are random ids; of hidden states and pooled outputs three values of
three rows are kept. `clip-pack verify PACK --published --published-answers published.json` compares.
Needs the pip packages torch, transformers and safetensors.
"""
import argparse
import json
import pathlib

import torch
import transformers

from export_reference import load_transformers, special_ids, transformers_reference


def corner(tensor):
    """Of the last two extents the values 1 to 3, where there are as many."""
    start = [0] * (tensor.dim() - 1) + [1]
    if tensor.dim() == 3:
        start[1] = 1
        tensor = tensor[:, 1:4, 1:4]
    else:
        tensor = tensor[:, 1:4]
    return {"from": start, "values": [[[round(x, 4) for x in row] for row in rows] if isinstance(rows[0], list)
                                      else [round(x, 4) for x in rows] for rows in tensor.tolist()]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--pixels", type=float, nargs="+", default=[0.25, 0.75])
    parser.add_argument("--texts", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    model = load_transformers(arguments.checkpoint)
    vision, text = model.config.vision_config, model.config.text_config
    pixels = torch.stack([torch.full((3, vision.image_size, vision.image_size), value) for value in arguments.pixels])
    start, end = special_ids(text)
    # Eight tokens each: no padding, so that every position counts.
    random = torch.Generator().manual_seed(arguments.seed)
    pieces = torch.tensor([i for i in range(text.vocab_size) if i not in (start, end)])
    ids = pieces[torch.randint(len(pieces), (arguments.texts, 8), generator=random)]
    ids[:, 0], ids[:, -1] = start, end
    answers = transformers_reference(model, pixels, ids, hidden_states=True)
    last = {"vision": vision.num_hidden_layers, "text": text.num_hidden_layers}
    expected = {"logits_per_image": {"from": [0, 0], "values": [
        [round(x, 4) for x in row] for row in answers["logits_per_image"].tolist()]}}
    for tower in ("vision", "text"):
        expected |= {name: corner(answers[name]) for name in (
            f"{tower}_hidden_states.0", f"{tower}_hidden_states.{last[tower]}", f"{tower}_pooled")}
    expected |= {name: corner(answers[name]) for name in ("image_embeds", "text_embeds")}
    config = json.loads((pathlib.Path(arguments.checkpoint) / "config.json").read_text())
    json.dump({
        "format": "clip-pack published answers 1",
        "checkpoints": [{
            "name": arguments.name,
            "configuration": config,
            "answers": [{
                "source": f"transformers {transformers.__version__}, torch {torch.__version__}",
                "pixel_values": arguments.pixels, "input_ids": ids.tolist(), "tolerance": 0.0005,
                "expected": expected}]}]}, open(arguments.output, "w"), indent=1)


if __name__ == "__main__":
    main()
