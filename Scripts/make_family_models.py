#!/usr/bin/env python3
"""Makes small checkpoints of families besides CLIP, with random weights and reference.safetensors, the answers of their own library.

    make_family_models.py Tests/Fixtures/families

Everything is random: norms, biases, probes and batch-norm statistics too, so that nothing that is left out cancels. The
references are what `clip-pack verify --reference` takes (`export_reference.py` says what each tensor is).

Needs the pip packages torch, transformers, open_clip_torch, timm, safetensors. Seeds are fixed.
"""
import argparse
import json
import pathlib

import torch
import torch.nn.functional as F
import importing_torchvision  # noqa: F401
import open_clip
import open_clip_models
import text_tower_models
import transformers
from safetensors.torch import save_file


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in sorted(model.state_dict().items()):
            if not tensor.is_floating_point():
                continue
            drawn = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(drawn.abs() + 0.5)
            elif "norm" in name.lower() or "_LN" in name or ".bn" in name or ".ln_" in name or "downsample.1" in name:
                tensor.copy_(drawn * 0.2 + (1 if name.endswith("weight") else 0))
            elif tensor.ndim >= 2:
                tensor.copy_(drawn * (1.3 / max(1, tensor[0].numel()) ** 0.5))
            elif tensor.ndim == 1 and tensor.numel() > 1:
                tensor.copy_(drawn * 0.3)
    return generator


def write(folder, model, config, config_name, reference, dtype=torch.float32):
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.to(dtype).contiguous() if tensor.is_floating_point() else tensor.contiguous()
               for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    if config is not None:
        (folder / config_name).write_text(json.dumps(config, indent=2) + "\n")
    save_file({name: tensor.contiguous() for name, tensor in reference.items()}, folder / "reference.safetensors")


def siglip(folder, seed, vision, text):
    config = transformers.SiglipConfig(vision_config=vision, text_config=text)
    model = transformers.SiglipModel(config).eval()
    generator = randomise(model, seed)
    with torch.no_grad():
        model.logit_scale.fill_(2.1)
        model.logit_bias.fill_(-3.7)
        size = vision["image_size"]
        pixels = torch.randn((3, 3, size, size), generator=generator)
        ids = torch.randint(2, text["vocab_size"], (4, text["max_position_embeddings"]), generator=generator)
        ids[0, 3:] = 1
        ids[2, 1:] = 1
        found = model(input_ids=ids, pixel_values=pixels, output_hidden_states=True)
        reference = {
            "pixel_values": pixels, "input_ids": ids,
            "image_embeds": found.image_embeds, "text_embeds": found.text_embeds,
            "logits_per_image": found.logits_per_image,
            "vision_pooled": found.vision_model_output.pooler_output,
        }
        for tower, output in (("vision", found.vision_model_output), ("text", found.text_model_output)):
            for index, state in enumerate(output.hidden_states):
                reference[f"{tower}_hidden_states.{index}"] = state
    described = {"model_type": "siglip", "vision_config": vision, "text_config": text}
    write(folder, model, described, "config.json", reference)


def with_bert(folder, seed, model, described, padding, longest, older=None):
    """Of transformers' classes with a text tower of BERT's kind, and of MetaCLIP 2.

    older: what names begin with in files of earlier releases.
    """
    model = model.eval()
    generator = randomise(model, seed)
    vision, text = model.config.vision_config, model.config.text_config
    with torch.no_grad():
        model.logit_scale.fill_(2.3)
        pixels = torch.randn((3, 3, vision.image_size, vision.image_size), generator=generator)
        ids = torch.randint(4, text.vocab_size, (4, longest), generator=generator)
        for row, end in enumerate((3, longest, longest - 2, 2)):
            ids[row, end - 1] = 2
            ids[row, end:] = padding
        found = model(input_ids=ids, pixel_values=pixels, attention_mask=(ids != padding).long(), output_hidden_states=True)
        reference = {
            "pixel_values": pixels, "input_ids": ids, "logits_per_image": found.logits_per_image,
            "image_embeds": F.normalize(found.image_embeds, dim=-1), "text_embeds": F.normalize(found.text_embeds, dim=-1),
        }
        for tower, output in (("vision", found.vision_model_output), ("text", found.text_model_output)):
            for index, state in enumerate(output.hidden_states):
                reference[f"{tower}_hidden_states.{index}"] = state.clone()
            pooled = output.pooler_output  # some classes project it first
            stage = "projected" if pooled.shape[-1] == model.config.projection_dim else "pooled"
            reference[f"{tower}_{stage}"] = pooled.clone()
    state = model.state_dict()
    for new, old in (older or {}).items():
        state = {name.replace(new, old): tensor for name, tensor in state.items()}
    model.state_dict = lambda: state
    write(folder, model, described, "config.json", reference)


def families_with_bert(folder):
    image = dict(hidden_size=24, num_attention_heads=2, num_hidden_layers=2, intermediate_size=52, image_size=21, patch_size=6)
    text = dict(hidden_size=36, num_attention_heads=3, num_hidden_layers=2, intermediate_size=44, vocab_size=70)

    def described(kind, image, text, width, **more):
        return {"model_type": kind, "projection_dim": width, "vision_config": image, "text_config": text, **more}
    for name, seed, width, vision, words in (
            ("metaclip2", 10, 20, image, dict(text, max_position_embeddings=9, eos_token_id=2)),
            ("metaclip2-gelu", 11, 28, dict(image, hidden_act="gelu", layer_norm_eps=1e-6),
             dict(text, num_hidden_layers=1, max_position_embeddings=7, eos_token_id=2, hidden_act="gelu"))):
        config = transformers.MetaClip2Config(vision_config=dict(vision, projection_dim=width), text_config=dict(words, projection_dim=width),
                                              projection_dim=width)
        with_bert(folder / name, seed, transformers.MetaClip2Model(config), described("metaclip_2", vision, words, width), 1, 7)
    for name, seed, width, vision, words in (
            ("chinese-clip", 12, 20, image, dict(text, max_position_embeddings=11)),
            ("chinese-clip-relu", 13, 16, dict(image, hidden_act="gelu"),
             dict(text, max_position_embeddings=8, pad_token_id=1, hidden_act="relu", layer_norm_eps=1e-6, type_vocab_size=3))):
        config = transformers.ChineseCLIPConfig(vision_config=vision, text_config=words, projection_dim=width)
        with_bert(folder / name, seed, transformers.ChineseCLIPModel(config), described("chinese_clip", vision, words, width),
                  words.get("pad_token_id", 0), 8)
    for name, seed, width, vision, words, older in (
            ("altclip", 14, 20, image, dict(text, max_position_embeddings=12, project_dim=28), None),
            ("altclip-4", 15, 16, dict(image, num_hidden_layers=1),
             dict(text, max_position_embeddings=11, project_dim=32, pad_token_id=2, layer_norm_eps=1e-6, type_vocab_size=2),
             {"roberta.encoder.layers.": "roberta.encoder.layer."})):
        config = transformers.AltCLIPConfig(vision_config=vision, text_config=words, projection_dim=width)
        with_bert(folder / name, seed, transformers.AltCLIPModel(config), described("altclip", vision, words, width),
                  words.get("pad_token_id", 1), 8, older)
    for name, seed, width, kind, cls, words, older in (
            ("pair-bert", 16, 20, "bert", transformers.BertConfig, dict(text, max_position_embeddings=9), None),
            ("pair-xlm-roberta", 17, 16, "xlm-roberta", transformers.XLMRobertaConfig,
             dict(text, max_position_embeddings=12, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1),
             {"vision_model.": "vision_model.vision_model."})):
        config = transformers.VisionTextDualEncoderConfig.from_vision_text_configs(
            transformers.CLIPVisionConfig(**image), cls(**words), projection_dim=width)
        with_bert(folder / name, seed, transformers.VisionTextDualEncoderModel(config),
                  described("vision-text-dual-encoder", dict(image, model_type="clip_vision_model"), dict(words, model_type=kind), width),
                  words.get("pad_token_id", 0), 8, older)


def resnet(folder, seed, embed, vision, text, has_config, quick):
    model = open_clip.model.CLIP(embed, vision, text, quick_gelu=quick).eval()
    generator = randomise(model, seed)
    model.half().float()  # what the file holds
    with torch.no_grad():
        model.logit_scale.fill_(3.5)
        size = vision["image_size"]
        pixels = torch.randn((3, 3, size, size), generator=generator)
        length, vocabulary = text["context_length"], text["vocab_size"]
        ids = torch.randint(1, vocabulary - 2, (4, length), generator=generator)
        for row, end in enumerate((3, 5, length - 1, 2)):
            ids[row, end] = vocabulary - 1
            ids[row, end + 1:] = 0
        images = F.normalize(model.encode_image(pixels), dim=-1)
        texts = F.normalize(model.encode_text(ids), dim=-1)
        reference = {
            "pixel_values": pixels, "input_ids": ids, "image_embeds": images, "text_embeds": texts,
            "logits_per_image": model.logit_scale.exp() * images @ texts.T,
        }
    config = {"model_cfg": {"embed_dim": embed, "quick_gelu": quick, "vision_cfg": vision, "text_cfg": text}}
    write(folder, model, config if has_config else None, "open_clip_config.json", reference, torch.float16)


def combined(folder, seed, config, stages=(), towers=None, trunk=None):
    """A model of open_clip; `towers` is what its configuration cannot say, `trunk` arguments of its timm model."""
    model = open_clip_models.build(config, trunk)
    generator = open_clip_models.randomise(model, seed)
    layers = config["text_cfg"]["layers"]
    stages = [*stages, *open_clip_models.block_stages("text", "text.transformer.resblocks", layers)]
    reference = open_clip_models.answers(model, *open_clip_models.inputs(config, generator), stages)
    described = {"model_cfg": config, **({"towers": towers} if towers else {})}
    write(folder, model, described, "open_clip_config.json", reference)


def open_clip_switches(folder):
    blocks = open_clip_models.block_stages("vision", "visual.transformer.resblocks", 2)
    combined(
        folder / "open-clip-mean", 5,
        dict(embed_dim=20, init_logit_bias=-10, custom_text=True,
             vision_cfg=dict(image_size=23, patch_size=7, layers=2, width=36, head_width=12, mlp_ratio=2.51, ls_init_value=0.1,
                             pool_type="avg", no_ln_pre=True, final_ln_after_pool=True, act_kwargs={"approximate": "tanh"}),
             text_cfg=dict(context_length=9, vocab_size=50, width=24, heads=2, layers=2, no_causal_mask=True, pool_type="last",
                           proj_bias=True, pad_id=1, norm_kwargs={"eps": 1e-4})), blocks)
    combined(
        folder / "open-clip-queries", 6,
        dict(embed_dim=30, quick_gelu=True,
             vision_cfg=dict(image_size=20, patch_size=6, layers=2, width=32, head_width=16, attentional_pool=True,
                             attn_pooler_queries=5, attn_pooler_heads=5, norm_kwargs={"eps": 1e-6}),
             text_cfg=dict(context_length=8, vocab_size=40, width=30, heads=3, layers=1, ls_init_value=1, embed_cls=True,
                           proj_type="none")), blocks)
    vision = dict(image_size=16, patch_size=8, layers=1, width=24, head_width=24, output_tokens=True)
    text = dict(context_length=6, vocab_size=30, width=24, heads=2, layers=2, output_tokens=True, embed_cls=True)
    combined(
        folder / "open-clip-captions", 7,
        dict(embed_dim=24, vision_cfg=dict(vision, attentional_pool=True, attn_pooler_queries=4, attn_pooler_heads=3),
             text_cfg=text, multimodal_cfg=dict(context_length=6, vocab_size=30, width=24, heads=2, layers=1)),
        open_clip_models.block_stages("vision", "visual.transformer.resblocks", 1))
    combined(
        folder / "open-clip-eos", 8,
        dict(embed_dim=16, vision_cfg=dict(image_size=18, patch_size=5, layers=2, width=16, head_width=8, pool_type="avg"),
             text_cfg=dict(context_length=10, vocab_size=40, width=16, heads=1, layers=2, pool_type="eos", eos_id=2)), blocks)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=pathlib.Path)
    folder = parser.parse_args().output
    siglip(folder / "siglip", 1,
           dict(hidden_size=36, num_attention_heads=3, num_hidden_layers=2, intermediate_size=52, image_size=21, patch_size=6),
           dict(hidden_size=24, num_attention_heads=2, num_hidden_layers=3, intermediate_size=44, vocab_size=60,
                max_position_embeddings=9, projection_size=36))
    siglip(folder / "siglip-gelu", 2,
           dict(hidden_size=32, num_attention_heads=1, num_hidden_layers=1, intermediate_size=96, image_size=16, patch_size=4,
                hidden_act="gelu", layer_norm_eps=1e-5),
           dict(hidden_size=32, num_attention_heads=4, num_hidden_layers=2, intermediate_size=64, vocab_size=40,
                max_position_embeddings=6, hidden_act="gelu", layer_norm_eps=1e-5, projection_size=32))
    families_with_bert(folder)
    text = dict(context_length=9, vocab_size=50, width=64, heads=1, layers=1)
    resnet(folder / "resnet", 3, 24, dict(layers=[2, 1, 3, 1], width=4, image_size=64), text, False, True)
    resnet(folder / "resnet-gelu", 4, 20, dict(layers=[1, 2, 1, 2], width=2, image_size=96, head_width=32),
           dict(context_length=7, vocab_size=40, width=48, heads=4, layers=2), True, False)
    open_clip_switches(folder)
    text_tower_models.open_clip_towers(folder)
    text_tower_models.text_encoders(folder)


main()
