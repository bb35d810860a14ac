#!/usr/bin/env python3
"""Makes LoRA adapters for the tiny CLIP of make_containers.py, and what PEFT makes of both.

    Scripts/make_adapters.py Tests/Fixtures/containers

adapter-plain/ scales by alpha / r, adapter-stable/ by alpha / sqrt(r) and has a rank and an alpha of its own for some
layers, as a pickle. Each has merged.safetensors, the layers that PEFT's merge_and_unload has changed. Needs the pip
packages torch, transformers, safetensors and peft. Seeds are fixed.
"""
import pathlib
import sys

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPModel


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "Tests/Fixtures/containers")
    base = load_file(out / "model.safetensors")
    for name, safe, options in (
            ("plain", True, dict(r=3, lora_alpha=8, target_modules=["q_proj", "v_proj", "fc1"])),
            ("stable", False, dict(r=2, lora_alpha=5, target_modules=["q_proj", "out_proj", "visual_projection"],
                                   use_rslora=True, rank_pattern={"out_proj": 4}, alpha_pattern={"visual_projection": 3}))):
        model = CLIPModel(CLIPConfig.from_pretrained(out))
        model.load_state_dict(base)
        torch.manual_seed(5)
        tuned = get_peft_model(model, LoraConfig(**options))
        with torch.no_grad():
            for parameter_name, parameter in tuned.named_parameters():
                if "lora_" in parameter_name:
                    parameter.copy_(torch.randn(parameter.shape) * 0.2)
        folder = out / f"adapter-{name}"
        tuned.save_pretrained(folder, safe_serialization=safe)
        (folder / "README.md").unlink(missing_ok=True)
        merged = tuned.merge_and_unload().state_dict()
        changed = {n: t.contiguous() for n, t in merged.items() if not torch.equal(t, base[n])}
        save_file(changed, folder / "merged.safetensors")
        print(folder, len(changed), "layers")


if __name__ == "__main__":
    main()
