#!/usr/bin/env python3
"""Makes CLIP checkpoints with random weights, each with reference.safetensors, the answers of Python.

    make_models.py Tests/Fixtures/models                       the small ones (`SMALL`), about 4 MB, seconds
    make_models.py Tests/Fixtures/models --only gelu sharded   some of them
    make_models.py OUT --vit-b32 --dist student --dtype bfloat16 --tokenizer DIR
                                                               one of ViT-B/32's size (float32: 605 MB)

The small ones differ in everything a configuration allows: widths, head counts, patch and image sizes, activation,
end-token rule, padding, file type, names. Weights are drawn so that attention is neither uniform nor one-hot and every
layer matters; LayerNorms and biases are random too, so that nothing left out goes unnoticed.

Needs the pip packages torch, transformers, safetensors, pillow. Seeds are fixed.
"""
import argparse
import copy
import dataclasses
import json
import math
import pathlib
import shutil
import zlib

import torch
import transformers
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, CLIPTextModelWithProjection, CLIPVisionModelWithProjection
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from export_reference import random_ids, random_pixels, special_ids, transformers_reference, write

SOURCE = f"transformers {transformers.__version__}, torch {torch.__version__}"
TYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclasses.dataclass
class Model:
    """One small checkpoint. `vision` and `text` are transformers' configuration keys."""
    vision: dict
    text: dict
    projection: int
    towers: str = "both"  # or image, text
    file: str = "float32"  # element type of every tensor
    shards: int = 1
    names: str = "transformers"  # or open_clip, openai
    padding: str = "end"  # of the reference's texts: the end token, or zero
    logit_scale: float = 3.9
    weights: str | None = None  # the model whose weights these are


def vision(width, heads, layers, image, patch, inner=None, act="quick_gelu", **more):
    return dict(
        hidden_size=width, num_attention_heads=heads, num_hidden_layers=layers, image_size=image, patch_size=patch,
        intermediate_size=inner or 4 * width, hidden_act=act, **more)


def text(width, heads, layers, length, vocabulary, inner=None, act="quick_gelu", start=None, end=2, **more):
    """`end` 2 is OpenAI's legacy value: the end token is the largest id; another value is the end token."""
    return dict(
        hidden_size=width, num_attention_heads=heads, num_hidden_layers=layers, max_position_embeddings=length,
        vocab_size=vocabulary, intermediate_size=inner or 4 * width, hidden_act=act, eos_token_id=end,
        bos_token_id=vocabulary - 2 if start is None else start, pad_token_id=1, **more)


SMALL = {
    "gelu": Model(
        vision(48, 3, 2, 28, 7, inner=96, act="gelu"), text(40, 5, 2, 24, 200, inner=80, act="gelu", end=199), 56),
    "quick-gelu": Model(
        vision(40, 2, 2, 24, 8, inner=100), text(24, 4, 3, 77, 240, inner=72), 32, padding="zero", logit_scale=4.6052),
    # 60 is no multiple of 14: the last four rows and columns of pixels are never seen.
    "cropped-image": Model(
        vision(36, 6, 2, 60, 14, inner=50), text(20, 1, 2, 20, 220, act="gelu", start=7, end=100), 24, logit_scale=3.0),
    # The end token is a small id, and so is the padding: only its first occurrence counts.
    "early-end": Model(
        vision(28, 7, 2, 48, 16, inner=64, act="gelu", layer_norm_eps=1e-6),
        text(32, 8, 2, 16, 180, inner=60, start=0, end=5, layer_norm_eps=1e-6), 100,
        logit_scale=4.2),
    "patch-32": Model(
        vision(16, 8, 3, 64, 32), text(32, 16, 2, 12, 160, inner=40), 72, padding="zero"),
    "float16": Model(
        vision(120, 8, 1, 42, 14, inner=60), text(36, 6, 2, 32, 300, act="gelu", start=298, end=299), 40, file="float16", padding="zero"),
    "bfloat16": Model(
        vision(56, 2, 2, 32, 8, inner=120), text(48, 3, 2, 40, 260, inner=99), 44, file="bfloat16", logit_scale=4.5),
    "sharded": Model(
        vision(40, 1, 2, 28, 7, inner=80, act="gelu"), text(32, 2, 2, 18, 190, act="gelu"), 36, shards=3),
    "text-only": Model(
        {}, text(44, 11, 2, 30, 210, inner=132), 33, towers="text"),
    "image-only": Model(
        vision(36, 4, 3, 30, 10, inner=90, act="gelu"), {}, 20, towers="image"),
    # The weights of quick-gelu in open_clip's names: both must answer the same.
    "open-clip": Model(
        vision(40, 2, 2, 24, 8, inner=100), text(24, 4, 3, 77, 240, inner=72), 32, padding="zero", logit_scale=4.6052,
        names="open_clip", weights="quick-gelu"),
    # As OpenAI's archives: no configuration, float16 matrices among float32 vectors, heads of 64.
    "openai-bare": Model(
        vision(64, 1, 1, 32, 8), text(128, 2, 1, 16, 120), 48, names="openai", padding="zero"),
}


# Weights

def heavy_tails(shape, random):
    """Student's t with 4 degrees of freedom, variance 1, each row scaled by its own log-normal factor."""
    normal = torch.randn(shape, generator=random)
    chi = torch.rand(shape, generator=random).clamp_min_(1e-12).log_().add_(
        torch.rand(shape, generator=random).clamp_min_(1e-12).log_())  # chi² of 4 degrees of freedom, over -2
    rows = torch.randn(shape[:1] + (1,) * (len(shape) - 1), generator=random).mul_(0.35).exp_()
    return normal.div_(chi.mul_(-0.5).sqrt_()).mul_(rows / math.sqrt(2))


def gaussian(shape, random):
    return torch.randn(shape, generator=random)


@torch.no_grad()
def randomise(model, seed, logit_scale, draw=gaussian, attention=1.7, depth=1.0):
    """Draws every weight. `attention` is the gain of q and k: attention logits spread by about its square."""
    random = torch.Generator().manual_seed(seed)
    for name, weight in sorted(model.named_parameters()):
        part = name.split(".")[-2] if "." in name else name
        if name == "logit_scale":
            weight.fill_(logit_scale)
        elif "norm" in part or "layrnorm" in part:
            weight.copy_(0.3 * torch.randn(weight.shape, generator=random)).add_(1.0 if name.endswith("weight") else 0.0)
        elif name.endswith("bias"):
            weight.copy_(0.2 * torch.randn(weight.shape, generator=random))
        elif "embedding" in name and "patch" not in name:
            scale = 0.5 if "position" in name else 1.0
            weight.copy_(draw(weight.shape, random) if weight.ndim > 1 else gaussian(weight.shape, random)).mul_(scale)
        else:
            gain = attention if part in ("q_proj", "k_proj") else 1.0 if "projection" in part else depth
            weight.copy_(draw(weight.shape, random)).mul_(gain / math.sqrt(weight[0].numel()))
    return model.eval()


# Names of open_clip and OpenAI

def open_clip_names(state):
    """The same weights in open_clip's names: q, k, v stacked, projections transposed."""
    whole = {
        "vision_model.embeddings.class_embedding": "visual.class_embedding",
        "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
        "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
        "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
        "text_model.embeddings.position_embedding.weight": "positional_embedding",
        "logit_scale": "logit_scale",
    }
    prefixes = {
        "vision_model.pre_layrnorm": "visual.ln_pre", "vision_model.post_layernorm": "visual.ln_post",
        "vision_model.encoder.layers": "visual.transformer.resblocks",
        "text_model.final_layer_norm": "ln_final", "text_model.encoder.layers": "transformer.resblocks",
    }
    within = {
        ".self_attn.out_proj": ".attn.out_proj", ".layer_norm1": ".ln_1", ".layer_norm2": ".ln_2",
        ".mlp.fc1": ".mlp.c_fc", ".mlp.fc2": ".mlp.c_proj",
    }
    out = {"visual.proj": state["visual_projection.weight"].T, "text_projection": state["text_projection.weight"].T}
    for name, value in state.items():
        if name in whole:
            out[whole[name]] = value
            continue
        prefix = next((p for p in prefixes if name.startswith(p + ".")), None)
        if prefix is None or ".k_proj." in name or ".v_proj." in name:
            continue
        new = prefixes[prefix] + name[len(prefix):]
        if ".q_proj." in name:
            value = torch.cat([state[name.replace(".q_proj.", f".{p}_proj.")] for p in "qkv"])
            new = new.replace(".self_attn.q_proj.", ".attn.in_proj_")
        for old, replacement in within.items():
            new = new.replace(old + ".", replacement + ".")
        out[new] = value
    return {name: value.contiguous() for name, value in out.items()}


def open_clip_configuration(model):
    side = lambda c: {
        "layers": c["num_hidden_layers"], "width": c["hidden_size"], "mlp_ratio": c["intermediate_size"] / c["hidden_size"]}
    v, t = model.vision, model.text
    return {
        "model_cfg": {
            "embed_dim": model.projection, "quick_gelu": v["hidden_act"] == "quick_gelu",
            "vision_cfg": side(v) | {
                "head_width": v["hidden_size"] // v["num_attention_heads"], "image_size": v["image_size"], "patch_size": v["patch_size"]},
            "text_cfg": side(t) | {
                "heads": t["num_attention_heads"], "context_length": t["max_position_embeddings"], "vocab_size": t["vocab_size"]}},
        "preprocess_cfg": {"mean": CLIPImageProcessorPil.image_mean, "std": CLIPImageProcessorPil.image_std},
    }


def rounded_as_openai(state):
    """Float16 where OpenAI's `convert_weights` makes it so (linear layers with their biases, convolution, projections)."""
    half = ("_proj.", ".fc1.", ".fc2.", "_projection.", "patch_embedding.")
    return {name: value.half() if any(part in name for part in half) else value for name, value in state.items()}


# Writing

def build(model):
    """The transformers model of a description, not yet with weights."""
    if model.towers == "text":
        return CLIPTextModelWithProjection(transformers.CLIPTextConfig(**model.text, projection_dim=model.projection))
    if model.towers == "image":
        return CLIPVisionModelWithProjection(transformers.CLIPVisionConfig(**model.vision, projection_dim=model.projection))
    return CLIPModel(CLIPConfig(
        vision_config=model.vision | {"projection_dim": model.projection}, text_config=model.text | {"projection_dim": model.projection},
        projection_dim=model.projection))


@torch.no_grad()
def round_weights(network, kind):
    for weight in network.parameters():
        weight.copy_(weight.to(kind).float())


def references(network, padding, seed, images=2, texts=3, hidden_states=True):
    config, pixels, ids = network.config, None, None
    if hasattr(network, "visual_projection"):
        pixels = random_pixels(images, getattr(config, "vision_config", config).image_size, seed)
    if hasattr(network, "text_projection"):
        c = getattr(config, "text_config", config)
        start, end = special_ids(c)
        ids = random_ids(texts, c.max_position_embeddings, c.vocab_size, start, end, end if padding == "end" else 0, seed)
    return transformers_reference(network, pixels, ids, hidden_states)


def make_small(name, folder):
    """Writes one of `SMALL` and its reference into a folder."""
    model = SMALL[name]
    seed = zlib.crc32((model.weights or name).encode())
    network = randomise(build(model), seed, model.logit_scale)
    folder.mkdir(parents=True, exist_ok=True)
    if model.names == "openai":
        state = rounded_as_openai(network.state_dict())
        network.load_state_dict(state)  # the float16 values, as float32
        extra = dict(
            input_resolution=model.vision["image_size"], context_length=model.text["max_position_embeddings"],
            vocab_size=model.text["vocab_size"])
        save_file(open_clip_names(state) | {n: torch.tensor(v) for n, v in extra.items()}, folder / "model.safetensors")
    elif model.names == "open_clip":
        save_file(open_clip_names(network.state_dict()), folder / "open_clip_model.safetensors", metadata={"format": "pt"})
        (folder / "open_clip_config.json").write_text(json.dumps(open_clip_configuration(model), indent=2) + "\n")
    else:
        round_weights(network, TYPES[model.file])
        write_transformers(network, folder, TYPES[model.file], model.shards)
    write(folder / "reference.safetensors", references(network, model.padding, seed, hidden_states=not model.weights), SOURCE)


def write_transformers(network, folder, kind, shards=1):
    """The checkpoint in transformers' layout, stored as `kind`. The network is of that type afterwards."""
    size = sum(p.numel() for p in network.parameters()) * kind.itemsize
    values = [p.data for p in network.parameters()]
    network.to(kind).save_pretrained(folder, max_shard_size=size // shards + size // 20 if shards > 1 else "5GB")
    if hasattr(network, "visual_projection"):
        side = getattr(network.config, "vision_config", network.config).image_size
        CLIPImageProcessorPil(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}).save_pretrained(folder)
    network.float()
    for weight, value in zip(network.parameters(), values):
        assert weight.equal(value), "the weights were not rounded to the type of the file"


# What differs from ViT-B/32, whose sizes are transformers' defaults.
SIZES = {
    "ViT-B/32": CLIPConfig(projection_dim=512),
    "ViT-L/14": CLIPConfig(
        vision_config=vision(1024, 16, 24, 224, 14), text_config=text(768, 12, 12, 77, 49408), projection_dim=768),
}


def make_published(size, folder, distribution, kind, tokenizer, seed):
    """Writes a model of the size of one that OpenAI published, configured alike."""
    config = copy.deepcopy(SIZES[size])
    for key, value in dict(eos_token_id=2, bos_token_id=49406, pad_token_id=1).items():
        setattr(config.text_config, key, value)
    draw = {"gaussian": gaussian, "student": heavy_tails}[distribution]
    network = randomise(CLIPModel(config), seed, 4.6052, draw, attention=1.4)
    rounded, stored = {"float32-of-float16": (torch.float16, torch.float32)}.get(kind, (TYPES.get(kind),) * 2)
    round_weights(network, rounded)
    folder.mkdir(parents=True, exist_ok=True)
    write_transformers(network, folder, stored)
    if tokenizer:
        for name in ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
            if (tokenizer / name).exists():
                shutil.copyfile(tokenizer / name, folder / name)
    write(folder / "reference.safetensors", references(network, "end", seed, images=4, texts=4, hidden_states=False), SOURCE)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outdir", type=pathlib.Path)
    parser.add_argument("--only", nargs="+", choices=SMALL, metavar="NAME", help="of the small ones")
    for size in SIZES:
        parser.add_argument(
            "--" + size.lower().replace("/", ""), dest="size", action="store_const", const=size,
            help=f"one of {size}'s size, into OUTDIR itself")
    parser.add_argument("--dist", choices=["gaussian", "student"], default="gaussian")
    parser.add_argument("--dtype", choices=[*TYPES, "float32-of-float16"], default="float32")
    parser.add_argument("--tokenizer", type=pathlib.Path, metavar="DIR", help="its files are copied beside the large one")
    parser.add_argument("--seed", type=int, default=0, help="of the large one")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    transformers.logging.disable_progress_bar()
    if arguments.size:
        make_published(arguments.size, arguments.outdir, arguments.dist, arguments.dtype, arguments.tokenizer, arguments.seed)
        folders = [arguments.outdir]
    else:
        folders = [arguments.outdir / name for name in arguments.only or SMALL]
        for folder in folders:
            make_small(folder.name, folder)
    for folder in folders:
        for file in folder.iterdir():
            file.chmod(0o644)  # safetensors writes private files
        print(f"{folder.name:16} {sum(f.stat().st_size for f in folder.iterdir()):>11,} bytes")


if __name__ == "__main__":
    main()
