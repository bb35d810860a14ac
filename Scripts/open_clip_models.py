"""Models of open_clip with random weights, small, and what they answer. Used by make_family_models.py and coverage."""
import contextlib

import torch
import torch.nn.functional as F
import importing_torchvision  # noqa: F401
import open_clip
import open_clip.coca_model
import timm
import timm.models.vision_transformer_hybrid
import timm.models.vitamin


@contextlib.contextmanager
def shrunk_trunks(arguments):
    """Lets open_clip build timm's models with other arguments than their names stand for, or by a function of these."""
    create = timm.create_model
    timm.create_model = arguments if callable(arguments) else lambda name, **given: create(name, **{**given, **arguments})
    try:
        yield
    finally:
        timm.create_model = create


def build(config, trunk=None):
    """What open_clip builds from a `model_cfg`; `trunk` are arguments of the timm model."""
    config = {key: value for key, value in config.items() if key != "custom_text"}
    if "hf_model_name" in config["text_cfg"]:
        config["text_cfg"] = {**config["text_cfg"], "hf_model_pretrained": False}
    kind = open_clip.coca_model.CoCa if "multimodal_cfg" in config else open_clip.model.CustomTextCLIP
    with shrunk_trunks(trunk or {}):
        return kind(**config).eval()


def randomise(model, seed):
    """Every parameter and running statistic, so that nothing that is left out cancels."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in sorted(model.state_dict().items()):
            if not tensor.is_floating_point():
                continue
            drawn = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(drawn.abs() + 0.5)
            elif any(word in name for word in ("norm", ".bn", ".ln_", "downsample.1")) and tensor.ndim == 1:
                tensor.copy_(drawn * 0.2 + (1 if name.endswith("weight") else 0))
            elif tensor.numel() == max(tensor.shape, default=0) and tensor.numel() > 1:
                tensor.copy_(drawn * 0.3)
            elif tensor.ndim >= 2:
                tensor.copy_(drawn * (1.3 / max(1, tensor[0].numel()) ** 0.5))
        model.logit_scale.fill_(2.1)
        if getattr(model, "logit_bias", None) is not None:
            model.logit_bias.fill_(-3.7)
    return generator


def inputs(config, generator, pictures=3, texts=4):
    """Random pixels, and ids as the tower's tokenizer would fill them up."""
    size, text = config["vision_cfg"].get("image_size", 224), config["text_cfg"]
    pixels = torch.randn((pictures, 3, size, size), generator=generator)
    length, vocabulary = text.get("context_length", 77), text.get("vocab_size", 49408)
    ids = torch.randint(3, vocabulary - 1, (texts, length), generator=generator)
    end = text.get("eos_id", 2) if text.get("pool_type") == "eos" else vocabulary - 1
    for row in range(texts):
        place = (3 + 5 * row) % length
        ids[row, place] = end
        ids[row, place + 1:] = text.get("pad_id", 0)
    return pixels, ids


def rows(value):
    """Of a stage: [pictures, rows, width]."""
    value = value[0] if isinstance(value, tuple) else value
    return value.flatten(2).transpose(1, 2) if value.ndim == 4 else value


def answers(model, pixels, ids, stages=()):
    """The reference that `clip-pack verify --reference` takes.

    `stages` are pairs of a name there and a module whose result it is, or whose first input where the name ends in ` in`.
    """
    found, handles = {}, []
    for name, path in stages:
        module = model.get_submodule(path)
        if name.endswith(" in"):
            handles.append(module.register_forward_pre_hook(
                lambda _, given, name=name[:-3]: found.__setitem__(name, rows(given[0]).clone())))
        else:
            handles.append(module.register_forward_hook(
                lambda _, given, made, name=name: found.__setitem__(name, rows(made).clone())))
    with torch.no_grad():
        images, texts = (F.normalize(value, dim=-1) for value in (model.encode_image(pixels), model.encode_text(ids)))
        logits = model.logit_scale.exp() * images @ texts.T
        if getattr(model, "logit_bias", None) is not None:
            logits = logits + model.logit_bias
    for handle in handles:
        handle.remove()
    return {"pixel_values": pixels, "input_ids": ids, "image_embeds": images, "text_embeds": texts,
            "logits_per_image": logits, **found}


def conv_stem(size, channels, heads, depth=2):
    """Makes timm's vit_base_mci_224, whose stem takes no arguments, of other sizes."""
    def embed(**given):
        stem = timm.models.vision_transformer_hybrid.ConvStem(
            channels=channels, stride=(4, 2, 2), kernel_size=(4, 2, 2), padding=0, act_layer=torch.nn.GELU)
        return timm.models.vision_transformer_hybrid.HybridEmbed(backbone=stem, proj=False, **given)

    def create(name, num_classes, global_pool, **_):
        return timm.models.VisionTransformer(
            img_size=size, patch_size=1, embed_dim=channels[-1], depth=depth, num_heads=heads, no_embed_class=True,
            embed_layer=embed, num_classes=num_classes, global_pool=global_pool)
    return create


def vitamin(size, widths, depths, stem, embed_dim, depth=2, **more):
    """Makes timm's ViTamin, whose stages of convolutions take no arguments, of other sizes."""
    def create(name, **given):
        given = {key: value for key, value in given.items() if key != "drop_path_rate"}
        sizes = timm.models.vitamin.VitCfg(embed_dim=(*widths, embed_dim), depths=(*depths, 1), stem_width=stem)
        return timm.models.vitamin._create_vitamin(name, embed_cfg=sizes, **{
            "img_size": size, "embed_dim": embed_dim, "depth": depth, "mlp_layer": timm.models.vitamin.GeGluMlp, "mlp_ratio": 2.,
            "class_token": False, "global_pool": "avg", **more, **given})
    return create


def map_stages(depths):
    """What each block of each stage makes."""
    return [(f"vision_stage {stage} block {block}", f"visual.trunk.stages.{stage}.blocks.{block}")
            for stage, depth in enumerate(depths) for block in range(depth)]


def block_stages(tower, path, count):
    """The input of the first of `count` blocks, and what each makes."""
    return [(f"{tower}_hidden_states.0 in", f"{path}.0")] + [
        (f"{tower}_hidden_states.{index + 1}", f"{path}.{index}") for index in range(count)]
