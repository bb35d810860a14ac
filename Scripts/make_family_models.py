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
import sys

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


def own_chinese_clip(folder, seed, **vision):
    """As cn_clip has it: pip download --no-deps cn_clip==1.6.0, unpacked on PYTHONPATH."""
    import types
    where = next((place for place in map(pathlib.Path, sys.path) if (place / "cn_clip/clip").is_dir()), None)
    if where is None:
        print(f"{folder.name}: left as it is, for lack of cn_clip")
        return
    # Its tokenizer and the processing of pictures want more packages; the model does not.
    for name in ("cn_clip", "cn_clip.clip"):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(where / name.replace(".", "/"))]
    sys.modules["cn_clip.clip"]._tokenizer = types.SimpleNamespace(vocab={"[PAD]": 0})
    from cn_clip.clip.model import CLIP
    size = vision["image_resolution"]
    model = CLIP(
        embed_dim=20, **vision, vision_patch_size=16, vocab_size=70,
        text_attention_probs_dropout_prob=0, text_hidden_act="gelu", text_hidden_dropout_prob=0, text_hidden_size=64,
        text_initializer_range=0.02, text_intermediate_size=44, text_max_position_embeddings=12, text_num_attention_heads=1,
        text_num_hidden_layers=1, text_type_vocab_size=2, tokenizer=sys.modules["cn_clip.clip"]._tokenizer).eval()
    generator = randomise(model, seed)
    with torch.no_grad():
        model.logit_scale.fill_(2.3)
        pixels = torch.randn((3, 3, size, size), generator=generator)
        ids = torch.randint(4, 70, (4, 9), generator=generator)
        for row, end in enumerate((3, 9, 7, 2)):
            ids[row, end:] = 0
        images, texts = (F.normalize(value, dim=-1) for value in (model.encode_image(pixels), model.encode_text(ids)))
        reference = {"pixel_values": pixels, "input_ids": ids, "image_embeds": images, "text_embeds": texts,
                     "logits_per_image": model.logit_scale.exp() * images @ texts.T}
    write(folder, model, None, "", reference)


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


def combined(folder, seed, config, stages=(), towers=None, trunk=None, pictures=2, dtype=torch.float16):
    """A model of open_clip; `towers` is what its configuration cannot say, `trunk` arguments of its timm model."""
    model = open_clip_models.build(config, trunk)
    generator = open_clip_models.randomise(model, seed)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.copy_(tensor.to(dtype) if tensor.is_floating_point() else tensor)  # what the file holds
    layers = config["text_cfg"]["layers"]
    stages = [*stages, *open_clip_models.block_stages("text", "text.transformer.resblocks", layers)]
    reference = open_clip_models.answers(model, *open_clip_models.inputs(config, generator, pictures), stages)
    described = {"model_cfg": config, **({"towers": towers} if towers else {})}
    write(folder, model, described, "open_clip_config.json", reference, dtype)


def open_clip_switches(folder):
    blocks = open_clip_models.block_stages("vision", "visual.transformer.resblocks", 2)

    def model(*given):
        combined(*given, pictures=3, dtype=torch.float32)

    model(
        folder / "open-clip-mean", 5,
        dict(embed_dim=20, init_logit_bias=-10, custom_text=True,
             vision_cfg=dict(image_size=23, patch_size=7, layers=2, width=36, head_width=12, mlp_ratio=2.51, ls_init_value=0.1,
                             pool_type="avg", no_ln_pre=True, final_ln_after_pool=True, act_kwargs={"approximate": "tanh"}),
             text_cfg=dict(context_length=9, vocab_size=50, width=24, heads=2, layers=2, no_causal_mask=True, pool_type="last",
                           proj_bias=True, pad_id=1, norm_kwargs={"eps": 1e-4})), blocks)
    model(
        folder / "open-clip-queries", 6,
        dict(embed_dim=30, quick_gelu=True,
             vision_cfg=dict(image_size=20, patch_size=6, layers=2, width=32, head_width=16, attentional_pool=True,
                             attn_pooler_queries=5, attn_pooler_heads=5, norm_kwargs={"eps": 1e-6}),
             text_cfg=dict(context_length=8, vocab_size=40, width=30, heads=3, layers=1, ls_init_value=1, embed_cls=True,
                           proj_type="none")), blocks)
    vision = dict(image_size=16, patch_size=8, layers=1, width=24, head_width=24, output_tokens=True)
    text = dict(context_length=6, vocab_size=30, width=24, heads=2, layers=2, output_tokens=True, embed_cls=True)
    model(
        folder / "open-clip-captions", 7,
        dict(embed_dim=24, vision_cfg=dict(vision, attentional_pool=True, attn_pooler_queries=4, attn_pooler_heads=3),
             text_cfg=text, multimodal_cfg=dict(context_length=6, vocab_size=30, width=24, heads=2, layers=1)),
        open_clip_models.block_stages("vision", "visual.transformer.resblocks", 1))
    model(
        folder / "open-clip-eos", 8,
        dict(embed_dim=16, vision_cfg=dict(image_size=18, patch_size=5, layers=2, width=16, head_width=8, pool_type="avg"),
             text_cfg=dict(context_length=10, vocab_size=40, width=16, heads=1, layers=2, pool_type="eos", eos_id=2)), blocks)


def timm_transformers(folder):
    def text(**more):
        return {"context_length": 7, "vocab_size": 30, "width": 16, "heads": 2, "layers": 1, **more}

    def image(name, size, **more):
        return {"timm_model_name": name, "image_size": size, "timm_pool": "token", "timm_proj": None, **more}

    def model(name, seed, config, trunk, towers=None):
        trunk = {"img_size": config["vision_cfg"]["image_size"], "depth": 2, **trunk}
        towers = {"image": {"num_heads": trunk["num_heads"], **(towers or {})}}
        stages = open_clip_models.block_stages("vision", "visual.trunk.blocks", trunk["depth"])
        combined(folder / name, seed, {"custom_text": True, **config}, stages, towers, trunk)

    sigmoid = dict(no_causal_mask=True, pool_type="last", proj_bias=True, norm_kwargs={"eps": 1e-6})
    model("timm-siglip", 9, dict(
        embed_dim=36, init_logit_bias=-10,
        vision_cfg=image("vit_base_patch16_siglip_224", 22, timm_pool="map", timm_proj="none"),
        text_cfg=text(**sigmoid, pad_id=1)), dict(embed_dim=36, num_heads=3, patch_size=7, mlp_ratio=2.61))
    model("timm-siglip-giant", 10, dict(
        embed_dim=24, init_logit_bias=-10,
        vision_cfg=image("vit_giantopt_patch16_siglip_256", 16, timm_pool="map", timm_proj="none"),
        text_cfg=text(**sigmoid, proj_type="linear", act_kwargs={"approximate": "tanh"})),
        dict(embed_dim=24, num_heads=2, patch_size=8))
    model("timm-token", 11, dict(
        embed_dim=20, vision_cfg=image("vit_base_patch16_224", 18, timm_pool="", timm_proj="linear"),
        text_cfg=text()), dict(embed_dim=28, num_heads=7, patch_size=6, mlp_ratio=2))
    model("timm-clip", 12, dict(
        embed_dim=20, vision_cfg=image("vit_large_patch14_clip_224", 18, timm_proj="mlp", timm_proj_bias=True),
        text_cfg=text(no_causal_mask=True)), dict(embed_dim=24, num_heads=2, patch_size=6, mlp_ratio=3, init_values=0.1))
    model("timm-eva-1", 13, dict(
        embed_dim=20, vision_cfg=image("eva_giant_patch14_224", 17), text_cfg=text()),
        dict(embed_dim=22, num_heads=2, patch_size=5, mlp_ratio=2.7))
    model("timm-eva-2", 14, dict(
        embed_dim=20, vision_cfg=image("eva02_base_patch16_clip_224", 20), text_cfg=text()),
        dict(embed_dim=24, num_heads=3, patch_size=5, ref_feat_shape=(6, 6)), {"ref_feat_shape": 6})
    model("timm-eva-2-post", 15, dict(
        embed_dim=20, vision_cfg=image("eva02_enormous_patch14_clip_224", 16), text_cfg=text()),
        dict(embed_dim=24, num_heads=2, patch_size=8, mlp_ratio=2.2))
    model("timm-perception", 16, dict(
        embed_dim=20, vision_cfg=image("vit_pe_core_base_patch16_224", 20, timm_pool="map"), text_cfg=text()),
        dict(embed_dim=32, num_heads=4, patch_size=5, ref_feat_shape=(4, 4), mlp_ratio=2),
        {"ref_feat_shape": 4, "rope_grid_offset": 1, "rope_grid_indexing": "xy"})
    model("timm-perception-big", 17, dict(
        embed_dim=20, vision_cfg=image("vit_pe_core_gigantic_patch14_448", 18, timm_pool="map"), text_cfg=text()),
        dict(embed_dim=24, num_heads=2, patch_size=6, ref_feat_shape=(5, 5), mlp_ratio=2, attn_pool_num_heads=3),
        {"ref_feat_shape": 5, "rope_grid_indexing": "xy", "attn_pool_num_heads": 3})


def timm_maps(folder):
    def model(name, seed, trunk, depths, arguments, towers=None, size=40, **more):
        vision = {"timm_model_name": trunk, "image_size": size, "timm_pool": "avg", "timm_proj": None, **more}
        config = dict(embed_dim=20, custom_text=True, vision_cfg=vision, text_cfg=dict(
            context_length=7, vocab_size=30, width=16, heads=2, layers=1, no_causal_mask=True))
        combined(folder / name, seed, config, open_clip_models.map_stages(depths), towers, arguments)

    model("timm-convnext", 18, "convnext_base", (1, 2, 2, 1), dict(depths=(1, 2, 2, 1), dims=(8, 12, 20, 28)),
          timm_pool="", timm_proj="linear")
    model("timm-convnext-wide", 19, "convnext_xxlarge", (2, 1, 1, 2), dict(depths=(2, 1, 1, 2), dims=(6, 10, 16, 24)),
          timm_pool="", timm_proj="mlp")
    model("timm-mobile", 20, "fastvit_mci0", (1, 1, 2, 1), dict(
        layers=(1, 1, 2, 1), embed_dims=(2, 4, 8, 32), mlp_ratios=(3, 3, 2, 2)), size=36)
    model("timm-mobile-2", 21, "fastvit_mci3", (1, 1, 2, 1, 1), dict(
        layers=(1, 1, 2, 1, 1), embed_dims=(2, 4, 8, 32, 32), mlp_ratios=(3, 2, 2, 1, 2)), size=36)
    blocks = open_clip_models.block_stages("vision", "visual.trunk.blocks", 2)
    for name, seed, trunk, size, depths, arguments in (
            ("timm-vitamin", 23, "vitamin_base_224", 37, (2, 1), dict(widths=(8, 12), stem=8)),
            ("timm-vitamin-xlarge", 24, "vitamin_xlarge_256", 32, (1, 3), dict(widths=(8, 16), stem=6, pos_embed="none"))):
        stages = [(f"vision_stage {stage} block {block}", f"visual.trunk.patch_embed.backbone.stages.{stage}.{block}")
                  for stage, depth in enumerate(depths) for block in range(depth)]
        combined(
            folder / name, seed,
            dict(embed_dim=20, custom_text=True,
                 vision_cfg={"timm_model_name": trunk, "image_size": size, "timm_pool": "", "timm_proj": "linear"},
                 text_cfg=dict(context_length=7, vocab_size=30, width=16, heads=2, layers=1)),
            [*stages, *blocks], {"image": {"num_heads": 3}},
            open_clip_models.vitamin(size, depths=depths, embed_dim=24, num_heads=3, **arguments))
    vision = {"timm_model_name": "vit_base_mci_224", "image_size": 36, "timm_pool": "token", "timm_proj": None}
    combined(
        folder / "timm-mobile-base", 22,
        dict(embed_dim=20, custom_text=True, vision_cfg=vision,
             text_cfg=dict(context_length=7, vocab_size=30, width=16, heads=2, layers=1)),
        open_clip_models.block_stages("vision", "visual.trunk.blocks", 2), {"image": {"num_heads": 3}},
        open_clip_models.conv_stem(36, (6, 5, 24), heads=3))


def wide_models():
    """Models of each family that are large enough for 4 bits to say something: what each is called, and what writes it.

    One width and few blocks; the words are few.
    """
    image = dict(hidden_size=192, num_attention_heads=3, num_hidden_layers=4, intermediate_size=768, image_size=96, patch_size=16)
    text = dict(hidden_size=128, num_attention_heads=2, num_hidden_layers=4, intermediate_size=512, vocab_size=600)
    vision = dict(image_size=96, patch_size=16, layers=4, width=192, head_width=64)
    words = dict(context_length=16, vocab_size=600, width=128, heads=2, layers=4)
    found = {}

    def transformers_pair(name, seed, kind, model, text, padding, **tower):
        both = dict(vision_config=dict(image, **tower), text_config=dict(text, **tower), projection_dim=128)
        plain = {"model_type": kind, "vision_config": image, "text_config": text, "projection_dim": 128}
        found[name] = lambda folder: with_bert(folder, seed, model(both), plain, padding, 12)

    def of_open_clip(name, seed, vision, trunk=None, towers=None, text=words, **more):
        config = dict(embed_dim=128, custom_text=True, vision_cfg=vision, text_cfg=text, **more)
        found[name] = lambda folder: combined(folder, seed, config, (), towers, trunk, dtype=torch.float32)

    def of_timm(name, seed, trunk, arguments, towers=None, text=words, pool="token", head=None, size=96, **more):
        vision = {"timm_model_name": trunk, "image_size": size, "timm_pool": pool, "timm_proj": head}
        of_open_clip(name, seed, vision, arguments, towers and {"image": towers}, text, **more)

    def with_language_model(name, seed, base, config, padding, **how):
        found[name] = lambda folder: text_tower_models.open_clip_tower(
            folder, seed, base, config, 128, True, padding, dict(vision, layers=2), **how)

    square = dict(img_size=96, patch_size=16, embed_dim=192, depth=4, num_heads=3)
    heads = {"num_heads": 3}
    fixed = dict(words, no_causal_mask=True, pool_type="last", proj_bias=True, pad_id=1, norm_kwargs={"eps": 1e-6})
    named = dict(text, max_position_embeddings=16)
    transformers_pair(
        "CLIP, in transformers' names", 40, "clip", lambda both: transformers.CLIPModel(transformers.CLIPConfig(**both)),
        dict(named, eos_token_id=2), 1, projection_dim=128)
    found["SigLIP, in transformers' names"] = lambda folder: siglip(folder, 41, image, dict(named, projection_size=192))
    transformers_pair(
        "MetaCLIP 2", 42, "metaclip_2", lambda both: transformers.MetaClip2Model(transformers.MetaClip2Config(**both)),
        dict(named, eos_token_id=2), 1, projection_dim=128)
    transformers_pair(
        "ChineseCLIP", 43, "chinese_clip", lambda both: transformers.ChineseCLIPModel(transformers.ChineseCLIPConfig(**both)), named, 0)
    transformers_pair(
        "AltCLIP", 44, "altclip", lambda both: transformers.AltCLIPModel(transformers.AltCLIPConfig(**both)),
        dict(named, max_position_embeddings=18, project_dim=160), 1)
    found["VisionTextDualEncoder with BERT"] = lambda folder: with_bert(
        folder, 45, transformers.VisionTextDualEncoderModel(
            transformers.VisionTextDualEncoderConfig.from_vision_text_configs(
                transformers.CLIPVisionConfig(**image), transformers.BertConfig(**named), projection_dim=128)),
        {"model_type": "vision-text-dual-encoder", "projection_dim": 128,
         "vision_config": dict(image, model_type="clip_vision_model"), "text_config": dict(named, model_type="bert")}, 0, 12)
    found["OpenAI's ResNets"] = lambda folder: resnet(
        folder, 46, 128, dict(layers=[2, 2, 2, 2], width=16, image_size=96), words, True, True)
    of_open_clip("CLIPA", 47, dict(vision, pool_type="avg", no_ln_pre=True, final_ln_after_pool=True), text=fixed)
    of_open_clip(
        "CoCa", 48, dict(vision, attentional_pool=True, attn_pooler_queries=16, attn_pooler_heads=2, output_tokens=True),
        text=dict(words, embed_cls=True, output_tokens=True), multimodal_cfg=dict(words, layers=1))
    of_timm(
        "SigLIP, in timm's names", 49, "vit_base_patch16_siglip_224", dict(square, embed_dim=128, num_heads=2), {"num_heads": 2},
        fixed, "map", "none", init_logit_bias=-10)
    of_timm("timm's ViT", 50, "vit_base_patch16_224", square, heads, head="linear")
    of_timm("EVA-01", 51, "eva_giant_patch14_224", square, heads)
    of_timm("EVA-02", 52, "eva02_base_patch16_clip_224", dict(square, ref_feat_shape=(6, 6)), dict(heads, ref_feat_shape=6))
    of_timm("EVA-02 enormous", 53, "eva02_enormous_patch14_clip_224", square, heads)
    of_timm(
        "Perception Encoder", 54, "vit_pe_core_base_patch16_224", dict(square, ref_feat_shape=(6, 6)),
        dict(heads, ref_feat_shape=6, rope_grid_offset=1, rope_grid_indexing="xy"), pool="map")
    of_timm("ConvNeXt", 55, "convnext_base", dict(depths=(1, 1, 3, 1), dims=(32, 64, 128, 256)), pool="", head="linear")
    of_timm(
        "MobileCLIP S", 56, "fastvit_mci0", dict(
            layers=(1, 1, 2, 1), embed_dims=(32, 64, 128, 256), mlp_ratios=(3, 3, 3, 3)), pool="avg", size=128)
    of_timm(
        "ViTamin", 64, "vitamin_base_224",
        open_clip_models.vitamin(96, (48, 96), (1, 2), stem=48, embed_dim=192, depth=3, num_heads=3), heads, pool="", head="linear")
    of_timm("MobileCLIP B", 57, "vit_base_mci_224", open_clip_models.conv_stem(96, (24, 48, 192), heads=3, depth=4), heads)
    xlm = dict(max_position_embeddings=18, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1)
    with_language_model(
        "open_clip with BERT", 58, "bert-base-uncased", transformers.BertConfig(**dict(text, max_position_embeddings=16)), 0,
        hf_pooler_type="cls_last_hidden_state_pooler")
    with_language_model("open_clip with RoBERTa", 59, "roberta-base", transformers.RobertaConfig(**dict(text, **xlm)), 1)
    with_language_model("open_clip with XLM-R", 60, "xlm-roberta-base", transformers.XLMRobertaConfig(**dict(text, **xlm)), 1)
    with_language_model("open_clip with NLLB", 61, "facebook/nllb-200-distilled-600M", transformers.M2M100Config(
        encoder_layers=4, encoder_attention_heads=2, encoder_ffn_dim=512, d_model=128, vocab_size=600, pad_token_id=1,
        decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=44, max_position_embeddings=20, scale_embedding=True,
        activation_function="relu"), 1, hf_proj_type="linear", hf_pooler_type="cls_pooler")
    found["M-CLIP"] = lambda folder: text_tower_models.m_clip(
        folder, 62, "xlm-roberta-large", transformers.XLMRobertaModel(transformers.XLMRobertaConfig(**dict(text, **xlm))), 128)
    found["sentence-transformers' DistilBERT"] = lambda folder: text_tower_models.sentence_transformer(
        folder, 63, transformers.DistilBertModel(transformers.DistilBertConfig(
            dim=128, n_heads=2, n_layers=4, hidden_dim=512, vocab_size=600, max_position_embeddings=16)).eval(),
        128, 16, "Identity", False)
    return found


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
    own_chinese_clip(folder / "cn-clip", 65, image_resolution=32, vision_layers=1, vision_width=64)
    own_chinese_clip(folder / "cn-clip-resnet", 66, image_resolution=64, vision_layers=[1, 2, 1, 1], vision_width=4)
    text = dict(context_length=9, vocab_size=50, width=64, heads=1, layers=1)
    resnet(folder / "resnet", 3, 24, dict(layers=[2, 1, 3, 1], width=4, image_size=64), text, False, True)
    resnet(folder / "resnet-gelu", 4, 20, dict(layers=[1, 2, 1, 2], width=2, image_size=96, head_width=32),
           dict(context_length=7, vocab_size=40, width=48, heads=4, layers=2), True, False)
    open_clip_switches(folder)
    timm_transformers(folder)
    timm_maps(folder)
    text_tower_models.open_clip_towers(folder)
    text_tower_models.text_encoders(folder)


if __name__ == "__main__":
    main()
