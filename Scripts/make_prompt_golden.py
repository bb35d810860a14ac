#!/usr/bin/env python3
"""Writes what transformers and NumPy make of a few labels in a few templates, with the demo model:

    Scripts/make_prompt_golden.py Tests/Fixtures/demo > Tests/Fixtures/prompts.json

A label's embedding is the mean of the normalised embeddings of its sentences, normalised again, as
OpenAI's notebook "Prompt Engineering for ImageNet" has it. Needs the pip packages torch,
transformers and numpy.
"""
import json
import sys

import numpy
import torch
from transformers import CLIPModel, CLIPTokenizer

TEMPLATES = [
    "a photo of {}.", "a drawing of {} on {}", "{}", "this is a picture of {}, and of nothing else"]
LABELS = ["a red shape", "two green squares", "a blue circle on white"]


@torch.no_grad()
def main():
    folder = sys.argv[1]
    model, tokenizer = CLIPModel.from_pretrained(folder).eval(), CLIPTokenizer.from_pretrained(folder)
    embeddings = []
    for label in LABELS:
        rows = []
        for template in TEMPLATES:
            ids = tokenizer(template.replace("{}", label), return_tensors="pt").input_ids
            pooled = model.text_model(input_ids=ids).pooler_output
            row = model.text_projection(pooled)[0].double().numpy()
            rows.append(row / numpy.linalg.norm(row))
        mean = numpy.mean(rows, axis=0)
        embeddings.append([round(float(x), 8) for x in mean / numpy.linalg.norm(mean)])
    json.dump({"templates": TEMPLATES, "labels": LABELS, "embeddings": embeddings}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
