#!/usr/bin/env python3
"""Writes what a Python implementation answers, for `clip-pack verify --reference OUTPUTS.safetensors`.

    export_reference.py CHECKPOINT --images a.png b.jpg --texts "a cat" "a dog" -o OUTPUTS.safetensors
    export_reference.py CHECKPOINT --random 4 --hidden-states -o OUTPUTS.safetensors
    export_reference.py open_clip_model.safetensors --open-clip ViT-B-32 --random 4 -o OUTPUTS.safetensors

CHECKPOINT is a folder or hub id that transformers loads (CLIPModel, CLIPTextModelWithProjection,
CLIPVisionModelWithProjection), or with --open-clip a file of weights in open_clip's or OpenAI's names.
Everything is computed in float32, whatever the file stores.

Needs the pip packages torch, transformers, safetensors, pillow; with --open-clip also open_clip_torch, torchvision.

| tensor                   | shape        | type | what                                                          |
| ------------------------ | ------------ | ---- | ------------------------------------------------------------- |
| pixel_values             | [N, 3, H, W] | f32  | images, resized, cropped and normalised                       |
| input_ids                | [M, L]       | i64  | texts: start, pieces, end, then padding                       |
| image_embeds             | [N, D]       | f32  | L2-normalised                                                 |
| text_embeds              | [M, D]       | f32  | L2-normalised                                                 |
| logits_per_image         | [N, M]       | f32  | exp(logit_scale) · image_embeds · text_embedsᵀ                |
| vision_hidden_states.K   | [N, T, W]    | f32  | after K layers; 0: what enters the first (after pre_layrnorm) |
| text_hidden_states.K     | [M, L, W]    | f32  | after K layers; 0: token plus position embedding              |
| vision_pooled            | [N, W]       | f32  | class token after post_layernorm                              |
| text_pooled              | [M, W]       | f32  | end token after final_layer_norm                              |

The last four only with --hidden-states. A checkpoint with one tower gives that tower's tensors.
"""
import argparse
import contextlib
import json
import pathlib

import torch
import torch.nn.functional as F
import transformers
from PIL import Image
from safetensors.torch import save_file


# Random inputs

def random_pixels(count, side, seed):
    """Blobs plus noise, with about the mean and variance of normalised photos: [count, 3, side, side]."""
    random = torch.Generator().manual_seed(seed)
    blobs = F.interpolate(torch.randn(count, 3, 4, 4, generator=random), size=(side, side), mode="bilinear")
    return blobs + 0.5 * torch.randn(count, 3, side, side, generator=random)


def random_ids(count, length, vocabulary, start, end, padding, seed):
    """Texts of every sort of length, the first with nothing between start and end, the second full: [count, length].

    The pieces between may be any id but start and end, so an end that is not the largest id is possible.
    """
    random = torch.Generator().manual_seed(seed)
    pieces = torch.tensor([i for i in range(vocabulary) if i not in (start, end)])
    ids = torch.full((count, length), padding)
    for row in range(count):
        inner = (0, length - 2)[row] if row < 2 else int(torch.randint(1, length - 1, (1,), generator=random))
        ids[row, 0] = start
        ids[row, 1:1 + inner] = pieces[torch.randint(len(pieces), (inner,), generator=random)]
        ids[row, 1 + inner] = end
    return ids


def special_ids(text_config):
    """Start and end: with OpenAI's legacy eos_token_id 2 they are the two largest ids."""
    if text_config.eos_token_id == 2:
        return text_config.vocab_size - 2, text_config.vocab_size - 1
    return text_config.bos_token_id, text_config.eos_token_id


# Models

@contextlib.contextmanager
def watched(layers, name, into):
    """Notes what enters the first layer and what leaves each as `name`.0, `name`.1, …"""
    def note(index, value):
        into[f"{name}.{index}"] = value[0] if isinstance(value, tuple) else value

    def before(_, positional, named):
        note(0, positional[0] if positional else named["hidden_states"])

    handles = [layers[0].register_forward_pre_hook(before, with_kwargs=True)]
    for index, layer in enumerate(layers, 1):
        handles.append(layer.register_forward_hook(lambda *call, index=index: note(index, call[-1])))
    yield
    for handle in handles:
        handle.remove()


@torch.no_grad()
def transformers_reference(model, pixels=None, ids=None, hidden_states=False):
    """Answers of a transformers CLIP with one or both towers, float32, in evaluation mode."""
    out, inner = {}, {}
    if pixels is not None:
        with watched(model.vision_model.encoder.layers, "vision_hidden_states", inner):
            inner["vision_pooled"] = model.vision_model(pixel_values=pixels).pooler_output
        out["pixel_values"] = pixels
        out["image_embeds"] = F.normalize(model.visual_projection(inner["vision_pooled"]), dim=1)
    if ids is not None:
        with watched(model.text_model.encoder.layers, "text_hidden_states", inner):
            inner["text_pooled"] = model.text_model(input_ids=ids).pooler_output
        out["input_ids"] = ids
        out["text_embeds"] = F.normalize(model.text_projection(inner["text_pooled"]), dim=1)
    if pixels is not None and ids is not None:
        out["logits_per_image"] = model(pixel_values=pixels, input_ids=ids).logits_per_image
    return out | inner if hidden_states else out


@torch.no_grad()
def open_clip_reference(model, pixels=None, ids=None, hidden_states=False):
    """Answers of an `open_clip.CLIP`, float32, in evaluation mode."""
    out, inner, normed = {}, {}, {}
    keep = lambda name: lambda *call: normed.update({name: call[-1]})
    if pixels is not None:
        handle = model.visual.ln_post.register_forward_hook(keep("vision"))
        with watched(model.visual.transformer.resblocks, "vision_hidden_states", inner):
            out |= {"pixel_values": pixels, "image_embeds": model.encode_image(pixels, normalize=True)}
        handle.remove()
        inner["vision_pooled"] = normed["vision"][:, 0]
    if ids is not None:
        handle = model.ln_final.register_forward_hook(keep("text"))
        with watched(model.transformer.resblocks, "text_hidden_states", inner):
            out |= {"input_ids": ids, "text_embeds": model.encode_text(ids, normalize=True)}
        handle.remove()
        inner["text_pooled"] = normed["text"][torch.arange(len(ids)), ids.argmax(1)]
    if pixels is not None and ids is not None:
        out["logits_per_image"] = model.get_logits(pixels, ids)[0]
    return out | inner if hidden_states else out


def load_transformers(checkpoint):
    kinds = {
        "clip": transformers.CLIPModel, "clip_text_model": transformers.CLIPTextModelWithProjection,
        "clip_vision_model": transformers.CLIPVisionModelWithProjection}
    kind = transformers.AutoConfig.from_pretrained(checkpoint).model_type
    if kind not in kinds:
        raise SystemExit(f"model_type is {kind}, allowed are {', '.join(kinds)} ({checkpoint})")
    return kinds[kind].from_pretrained(checkpoint, dtype=torch.float32).eval()


def open_clip_configuration(name):
    """The configuration of a model that open_clip knows, or of a JSON file with or without `model_cfg` around it."""
    import open_clip
    path = pathlib.Path(name)
    found = json.loads(path.read_text()) if path.suffix == ".json" else open_clip.get_model_config(name)
    if found is None:
        raise SystemExit(f"open_clip knows no model {name}; give a name from open_clip.list_models() or a .json file")
    return found.get("model_cfg", found), found.get("preprocess_cfg", {})


def load_open_clip(checkpoint, configuration):
    import open_clip
    model = open_clip.CLIP(**configuration)
    open_clip.load_checkpoint(model, str(checkpoint))
    return model.float().eval()


def write(path, tensors, implementation):
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    save_file(tensors, path, metadata={"format": "pt", "implementation": implementation})


# Inputs of a checkpoint

def transformers_inputs(arguments, model):
    config, pixels, ids = model.config, None, None
    if arguments.towers != "text" and hasattr(model, "visual_projection"):
        vision = getattr(config, "vision_config", config)
        if arguments.images:
            from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
            processor = CLIPImageProcessorPil.from_pretrained(arguments.checkpoint)
            pixels = processor([Image.open(file) for file in arguments.images], return_tensors="pt").pixel_values
        elif arguments.random:
            pixels = random_pixels(arguments.random, vision.image_size, arguments.seed)
    if arguments.towers != "image" and hasattr(model, "text_projection"):
        text = getattr(config, "text_config", config)
        if arguments.texts:
            tokenizer = transformers.CLIPTokenizer.from_pretrained(arguments.checkpoint)
            ids = tokenizer(
                arguments.texts, padding="max_length", truncation=True, max_length=text.max_position_embeddings,
                return_tensors="pt").input_ids
        elif arguments.random:
            start, end = special_ids(text)
            ids = random_ids(
                arguments.random, text.max_position_embeddings, text.vocab_size, start, end,
                end if arguments.padding == "end" else 0, arguments.seed)
    return pixels, ids


def open_clip_inputs(arguments, model, preprocessing):
    import open_clip
    pixels, ids = None, None
    if arguments.towers != "text":
        side = model.visual.image_size
        side = side[0] if isinstance(side, (tuple, list)) else side
        if arguments.images:
            keys = {key: tuple(preprocessing[key]) for key in ("mean", "std") if key in preprocessing}
            transform = open_clip.image_transform(side, is_train=False, **keys)
            pixels = torch.stack([transform(Image.open(file)) for file in arguments.images])
        elif arguments.random:
            pixels = random_pixels(arguments.random, side, arguments.seed)
    if arguments.towers != "image":
        if arguments.texts:
            ids = open_clip.SimpleTokenizer(context_length=model.context_length)(arguments.texts)
        elif arguments.random:
            ids = random_ids(
                arguments.random, model.context_length, model.vocab_size, model.vocab_size - 2, model.vocab_size - 1,
                model.vocab_size - 1 if arguments.padding == "end" else 0, arguments.seed)
    return pixels, ids


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--images", nargs="+", metavar="FILE")
    parser.add_argument("--texts", nargs="+", metavar="TEXT")
    parser.add_argument("--random", type=int, metavar="N", help="N random images (without --images) and N random texts (without --texts)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--padding", choices=["end", "zero"], default="end", help="of random texts (default end)")
    parser.add_argument("--towers", choices=["both", "image", "text"], default="both")
    parser.add_argument("--hidden-states", action="store_true", help="also the state after every layer, and before the projections")
    parser.add_argument("--open-clip", metavar="CONFIG", help="use open_clip: a model name it knows, or a configuration as .json")
    arguments = parser.parse_args()
    if not (arguments.images or arguments.texts or arguments.random):
        parser.error("no inputs; give --images, --texts or --random")

    if arguments.open_clip:
        import open_clip
        configuration, preprocessing = open_clip_configuration(arguments.open_clip)
        model = load_open_clip(arguments.checkpoint, configuration)
        inputs, answer = open_clip_inputs(arguments, model, preprocessing), open_clip_reference
        implementation = f"open_clip {open_clip.__version__}"
    else:
        model = load_transformers(arguments.checkpoint)
        inputs, answer = transformers_inputs(arguments, model), transformers_reference
        implementation = f"transformers {transformers.__version__}"
    tensors = answer(model, *inputs, arguments.hidden_states)
    if not tensors:
        parser.error("the checkpoint has no tower for these inputs")
    write(arguments.output, tensors, f"{implementation}, torch {torch.__version__}")
    for name, value in tensors.items():
        print(f"{name:28} {str(list(value.shape)):20} {value.dtype}")


if __name__ == "__main__":
    main()
