#!/usr/bin/env python3
"""Puts one tiny CLIP with random weights into every container that PyTorch has had.

    Scripts/make_containers.py Tests/Fixtures/containers

All files hold the tensors of model.safetensors (script/: those of script/open_clip_model.safetensors), so all packs of them
have one content digest. Needs the pip packages torch, transformers, safetensors, numpy. Seeds are fixed; torch writes
the same bytes again but for ids of no meaning.
"""
import argparse
import collections
import json
import os
import pathlib
import sys

import numpy
import torch
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel

VISION = dict(hidden_size=16, num_attention_heads=2, num_hidden_layers=1, image_size=12, patch_size=4,
              intermediate_size=24, hidden_act="gelu")
TEXT = dict(hidden_size=12, num_attention_heads=3, num_hidden_layers=2, max_position_embeddings=7, vocab_size=21,
            intermediate_size=48, hidden_act="gelu", eos_token_id=20, bos_token_id=19, pad_token_id=1)
WIDTH = 8


def model():
    torch.manual_seed(12)
    clip = CLIPModel(CLIPConfig(vision_config=VISION, text_config=TEXT, projection_dim=WIDTH))
    with torch.no_grad():
        for parameter in clip.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.3)
        clip.logit_scale.copy_(torch.tensor(2.5))
    return clip.eval()


def strided(tensors):
    """The same values where they lie in other orders, in larger storages and in shared ones."""
    result = collections.OrderedDict()
    shared = torch.cat([t.flatten() for t in tensors.values() if t.dim() == 1])
    start = 0
    for index, (name, tensor) in enumerate(tensors.items()):
        if tensor.dim() == 1:
            result[name] = shared[start:start + len(tensor)]
            start += len(tensor)
        elif tensor.dim() == 2 and index % 3 == 0:
            result[name] = tensor.t().contiguous().t()
        elif tensor.dim() == 2:
            wide = torch.full((tensor.shape[0] + 1, 2 * tensor.shape[1] + 3), 9.0)
            view = wide[1:, 2:2 + 2 * tensor.shape[1]:2]
            view.copy_(tensor)
            result[name] = view
        elif tensor.dim() == 4:
            result[name] = tensor.permute(2, 0, 3, 1).contiguous().permute(1, 3, 0, 2)
        else:
            result[name] = torch.full((5,), 7.0)[3:4].copy_(tensor).reshape(())
    assert all(torch.equal(result[n], t) for n, t in tensors.items())
    assert any(not t.is_contiguous() for t in result.values())
    return result


def training(clip):
    """A checkpoint as a training under DistributedDataParallel writes it, with what it keeps beside the model."""
    optimizer = torch.optim.AdamW(clip.parameters(), lr=1e-3)
    sum(p.sum() for p in clip.parameters()).backward()
    before = {name: tensor.clone() for name, tensor in clip.state_dict().items()}
    optimizer.step()
    clip.load_state_dict(before)
    optimizer.param_groups[0]["lr"] = numpy.float64(1e-3)
    return {
        "epoch": 3, "name": "tiny", "state_dict": {"module." + n: t for n, t in clip.state_dict().items()},
        "optimizer": optimizer.state_dict(), "scaler": None, "args": argparse.Namespace(batch_size=64, lr=1e-3),
        "rng_state": torch.get_rng_state()}


class Node(torch.nn.Module):
    """A module of any structure, which TorchScript writes as OpenAI's files have it."""

    def forward(self, x):
        return x


def scripted(tensors, buffers):
    root = Node()
    for name, tensor in {**tensors, **buffers}.items():
        *path, last = name.split(".")
        module = root
        for part in path:
            if part not in dict(module.named_children()):
                module.add_module(part, Node())
            module = getattr(module, part)
        if name in buffers:
            module.register_buffer(last, tensor)
        else:
            module.register_parameter(last, torch.nn.Parameter(tensor, requires_grad=False))
    return torch.jit.script(root)


def open_clip(t):
    """The names and shapes of open_clip, attention and linear layers in float16 as OpenAI published them."""
    result = {"logit_scale": t["logit_scale"]}
    towers = (("visual.", "vision_model", 1), ("", "text_model", 2))
    for to, of, layers in towers:
        for layer in range(layers):
            source, target = f"{of}.encoder.layers.{layer}.", f"{to}transformer.resblocks.{layer}."
            for kind in ("weight", "bias"):
                parts = [t[f"{source}self_attn.{x}_proj.{kind}"] for x in "qkv"]
                result[f"{target}attn.in_proj_{kind}"] = torch.cat(parts).half()
                result[f"{target}attn.out_proj.{kind}"] = t[f"{source}self_attn.out_proj.{kind}"].half()
                result[f"{target}ln_1.{kind}"] = t[f"{source}layer_norm1.{kind}"]
                result[f"{target}ln_2.{kind}"] = t[f"{source}layer_norm2.{kind}"]
                result[f"{target}mlp.c_fc.{kind}"] = t[f"{source}mlp.fc1.{kind}"].half()
                result[f"{target}mlp.c_proj.{kind}"] = t[f"{source}mlp.fc2.{kind}"].half()
    for kind in ("weight", "bias"):
        result[f"ln_final.{kind}"] = t[f"text_model.final_layer_norm.{kind}"]
        result[f"visual.ln_pre.{kind}"] = t[f"vision_model.pre_layrnorm.{kind}"]
        result[f"visual.ln_post.{kind}"] = t[f"vision_model.post_layernorm.{kind}"]
    result["token_embedding.weight"] = t["text_model.embeddings.token_embedding.weight"]
    result["positional_embedding"] = t["text_model.embeddings.position_embedding.weight"]
    result["text_projection"] = t["text_projection.weight"].t().contiguous().half()
    result["visual.class_embedding"] = t["vision_model.embeddings.class_embedding"]
    result["visual.conv1.weight"] = t["vision_model.embeddings.patch_embedding.weight"].half()
    result["visual.positional_embedding"] = t["vision_model.embeddings.position_embedding.weight"]
    result["visual.proj"] = t["visual_projection.weight"].t().contiguous().half()
    return {name: tensor.clone() for name, tensor in result.items()}


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "Tests/Fixtures/containers")
    for folder in (out / "shards", out / "script"):
        folder.mkdir(parents=True, exist_ok=True)
    clip = model()
    tensors = collections.OrderedDict((n, t.detach().clone()) for n, t in clip.state_dict().items())
    os.chdir(out)
    config = {"model_type": "clip", "projection_dim": WIDTH, "vision_config": VISION, "text_config": TEXT}
    for path in ("config.json", "shards/config.json"):
        pathlib.Path(path).write_text(json.dumps(config, indent=1) + "\n")

    save_file(dict(tensors), "model.safetensors", metadata={"format": "pt"})
    for protocol in (2, 4, 5):
        torch.save(clip.state_dict(), f"zip-{protocol}.bin", pickle_protocol=protocol)
        torch.save(tensors, f"legacy-{protocol}.bin", pickle_protocol=protocol, _use_new_zipfile_serialization=False)
    torch.save(strided(tensors), "strided.bin")
    torch.save(strided(tensors), "legacy-strided.bin", _use_new_zipfile_serialization=False)
    torch.save(dict(clip.named_parameters()), "parameters.pt")
    torch.save({"model": tensors, "ema": collections.OrderedDict((n, t.clone()) for n, t in tensors.items())}, "same-twice.pt")
    torch.save(clip, "whole-module.pt")
    torch.save(training(clip), "training.ckpt")

    names = list(tensors)
    halves = {"pytorch_model-00001-of-00002.bin": names[::2], "pytorch_model-00002-of-00002.bin": names[1::2]}
    for file, part in halves.items():
        torch.save({n: tensors[n] for n in part}, f"shards/{file}")
    index = {"metadata": {"total_size": sum(t.numel() * 4 for t in tensors.values())},
             "weight_map": {n: f for f, part in halves.items() for n in part}}
    pathlib.Path("shards/pytorch_model.bin.index.json").write_text(json.dumps(index, indent=1) + "\n")

    openai = open_clip(tensors)
    integers = {n: torch.tensor(v) for n, v in (("input_resolution", 12), ("context_length", 7), ("vocab_size", 21))}
    save_file({**openai, **integers}, "script/open_clip_model.safetensors", metadata={"format": "pt"})
    torch.jit.save(scripted(openai, integers), "script/ViT-tiny.pt")
    config = {"model_cfg": {
        "embed_dim": WIDTH,
        "vision_cfg": {"image_size": 12, "layers": 1, "width": 16, "head_width": 8, "patch_size": 4, "mlp_ratio": 1.5},
        "text_cfg": {"context_length": 7, "vocab_size": 21, "width": 12, "heads": 3, "layers": 2}}}
    pathlib.Path("script/open_clip_config.json").write_text(json.dumps(config, indent=1) + "\n")


if __name__ == "__main__":
    main()
