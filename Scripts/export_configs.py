#!/usr/bin/env python3
"""Write Tests/Fixtures/configs/*.json: what Python makes of configurations as they are published.

Usage: Scripts/export_configs.py     (needs transformers 5.23, open_clip_torch 3.3, pillow)

Each case holds a file as it may be found (`config`) and the normalised form (`normalised`) that
clip-pack writes for it, filled with the values that transformers or open_clip read from the file.
Every normalised form is loaded again here and compared, so a Swift test that finds clip-pack's
output equal to it has shown that transformers loads that output too.
"""

import json
import pathlib
import sys
import unittest.mock

import torch
from transformers import CLIPConfig, CLIPTextConfig, CLIPVisionConfig
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

try:
    import torchvision  # noqa: F401
except ImportError:  # open_clip needs it for pictures only, and none occur here
    for name in ("torchvision", "torchvision.ops", "torchvision.ops.misc",
                 "torchvision.transforms", "torchvision.transforms.functional"):
        sys.modules[name] = unittest.mock.MagicMock()
import open_clip.model  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/configs"

COMMON = ["model_type", "hidden_size", "intermediate_size", "num_hidden_layers",
          "num_attention_heads", "projection_dim", "hidden_act", "layer_norm_eps"]
VISION = COMMON + ["image_size", "patch_size", "num_channels"]
TEXT = COMMON + ["vocab_size", "max_position_embeddings", "eos_token_id"]

# Keys of generation and of old releases, as save_pretrained wrote them.
NOISE = {
    "_name_or_path": "", "add_cross_attention": False, "architectures": None,
    "bad_words_ids": None, "begin_suppress_tokens": None, "bos_token_id": 0,
    "chunk_size_feed_forward": 0, "cross_attention_hidden_size": None,
    "decoder_start_token_id": None, "diversity_penalty": 0.0, "do_sample": False,
    "early_stopping": False, "encoder_no_repeat_ngram_size": 0, "eos_token_id": 2,
    "exponential_decay_length_penalty": None, "finetuning_task": None, "forced_bos_token_id": None,
    "forced_eos_token_id": None, "id2label": {"0": "LABEL_0", "1": "LABEL_1"},
    "initializer_factor": 1.0, "initializer_range": 0.02, "is_decoder": False,
    "is_encoder_decoder": False, "label2id": {"LABEL_0": 0, "LABEL_1": 1}, "length_penalty": 1.0,
    "max_length": 20, "min_length": 0, "no_repeat_ngram_size": 0, "num_beam_groups": 1,
    "num_beams": 1, "num_return_sequences": 1, "output_attentions": False,
    "output_hidden_states": False, "output_scores": False, "pad_token_id": 1, "prefix": None,
    "problem_type": None, "pruned_heads": {}, "remove_invalid_values": False,
    "repetition_penalty": 1.0, "return_dict": True, "return_dict_in_generate": False,
    "sep_token_id": None, "suppress_tokens": None, "task_specific_params": None,
    "temperature": 1.0, "tf_legacy_loss": False, "tie_encoder_decoder": False,
    "tie_word_embeddings": True, "tokenizer_class": None, "top_k": 50, "top_p": 1.0,
    "torch_dtype": None, "torchscript": False, "transformers_version": "4.16.0.dev0",
    "typical_p": 1.0, "use_bfloat16": False, "attention_dropout": 0.0, "dropout": 0.0,
}

CONFIGS = {
    "everything missing": {"model_type": "clip"},
    "parts without model_type": {"text_config": {"hidden_size": 64, "num_attention_heads": 4},
                                 "vision_config": {}},
    "as ViT-B/32 is published": {
        "_commit_hash": None, "architectures": ["CLIPModel"], "initializer_factor": 1.0,
        "logit_scale_init_value": 2.6592, "model_type": "clip", "projection_dim": 512,
        "text_config": NOISE | {
            "hidden_act": "quick_gelu", "hidden_size": 512, "intermediate_size": 2048,
            "layer_norm_eps": 1e-05, "max_position_embeddings": 77,
            "model_type": "clip_text_model", "num_attention_heads": 8, "num_hidden_layers": 12,
            "projection_dim": 512, "vocab_size": 49408},
        "text_config_dict": None, "torch_dtype": "float32", "transformers_version": None,
        "vision_config": NOISE | {
            "hidden_act": "quick_gelu", "hidden_size": 768, "image_size": 224,
            "intermediate_size": 3072, "layer_norm_eps": 1e-05,
            "model_type": "clip_vision_model", "num_attention_heads": 12, "num_channels": 3,
            "num_hidden_layers": 12, "patch_size": 32, "projection_dim": 512},
        "vision_config_dict": None},
    "as ViT-L/14 is published, with dictionaries that override": {
        "architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": 768,
        "text_config": NOISE | {"hidden_size": 512, "num_hidden_layers": 2, "eos_token_id": 2},
        "text_config_dict": {"hidden_size": 768, "intermediate_size": 3072,
                             "num_attention_heads": 12, "num_hidden_layers": 12,
                             "projection_dim": 768},
        "torch_dtype": "float32",
        "vision_config": NOISE | {"hidden_size": 1024, "patch_size": 16, "image_size": 336},
        "vision_config_dict": {"hidden_size": 1024, "intermediate_size": 4096,
                               "num_attention_heads": 16, "num_hidden_layers": 24,
                               "patch_size": 14, "projection_dim": 768}},
    "gelu, other epsilons, dtype": {
        "model_type": "clip", "dtype": "bfloat16", "projection_dim": 1024,
        "text_config": {"hidden_act": "gelu", "layer_norm_eps": 1e-06, "hidden_size": 1024,
                        "num_attention_heads": 16, "eos_token_id": 49407, "bos_token_id": 49406},
        "vision_config": {"hidden_act": "gelu", "layer_norm_eps": 1e-12, "hidden_size": 1280,
                          "num_attention_heads": 16, "patch_size": [14, 14],
                          "image_size": [378, 378]}},
    "parts that are null": {"model_type": "clip", "text_config": None, "vision_config": None},
    "text only, 23 layers": NOISE | {
        "architectures": ["CLIPTextModelWithProjection"], "model_type": "clip_text_model",
        "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16,
        "num_hidden_layers": 23, "hidden_act": "gelu", "projection_dim": 512,
        "torch_dtype": "float16"},
    "text only, nothing said": {"model_type": "clip_text_model"},
    "vision only": {
        "architectures": ["CLIPVisionModelWithProjection"], "model_type": "clip_vision_model",
        "hidden_size": 1280, "image_size": 224, "intermediate_size": 5120, "patch_size": 14,
        "num_attention_heads": 16, "num_hidden_layers": 32, "hidden_act": "gelu",
        "projection_dim": 1024, "torch_dtype": "float16"},
    "a small vocabulary, and an end beyond it": {
        "model_type": "clip", "projection_dim": 7,
        "text_config": {"vocab_size": 99, "hidden_size": 30, "num_attention_heads": 5,
                        "intermediate_size": 37, "eos_token_id": 49407,
                        "max_position_embeddings": 9, "num_hidden_layers": 1},
        "vision_config": {"hidden_size": 36, "num_attention_heads": 3, "image_size": 31,
                          "patch_size": 5, "num_hidden_layers": 2, "intermediate_size": 50}},
}

PREPROCESSORS = {
    "everything missing": {},
    "old: numbers": {
        "crop_size": 224, "do_center_crop": True, "do_normalize": True, "do_resize": True,
        "feature_extractor_type": "CLIPFeatureExtractor",
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 224},
    "objects": {
        "crop_size": {"height": 336, "width": 336}, "do_center_crop": True,
        "do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.5, 1.0],
        "image_processor_type": "CLIPImageProcessor", "resample": 2,
        "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": 336},
        "use_square_size": False},
    "an exact size, no crop": {
        "size": {"height": 64, "width": 64}, "do_center_crop": False, "resample": 1,
        "image_processor_type": "CLIPImageProcessorFast"},
    "arrays": {"size": [64, 48], "crop_size": [48, 32]},
    "nothing done": {"do_resize": False, "do_center_crop": False, "do_rescale": False,
                     "do_normalize": False},
    "one number for three channels": {"image_mean": 0.5, "image_std": 0.25,
                                      "rescale_factor": 0.5},
}

OPEN_CLIP = {
    "defaults": {"embed_dim": 32, "vision_cfg": {}, "text_cfg": {}},
    "quick_gelu, narrow heads": {
        "embed_dim": 24, "quick_gelu": True,
        "vision_cfg": {"image_size": 28, "layers": 2, "width": 48, "head_width": 16,
                       "patch_size": 7, "mlp_ratio": 2.7, "norm_kwargs": {"eps": 1e-06}},
        "text_cfg": {"context_length": 16, "vocab_size": 99, "width": 40, "heads": 5, "layers": 3,
                     "mlp_ratio": 3.0}},
}


def pick(config, keys):
    values = {key: getattr(config, key) for key in keys}
    for key in ("image_size", "patch_size"):
        if isinstance(values.get(key), (list, tuple)):
            values[key] = values[key][0]
    return values


def normalise(source):
    if source.get("model_type") == "clip_text_model":
        return {"architectures": ["CLIPTextModelWithProjection"],
                **pick(CLIPTextConfig.from_dict(source), TEXT)}
    if source.get("model_type") == "clip_vision_model":
        return {"architectures": ["CLIPVisionModelWithProjection"],
                **pick(CLIPVisionConfig.from_dict(source), VISION)}
    config = CLIPConfig.from_dict(source)
    both = {"text_config": pick(config.text_config, TEXT),
            "vision_config": pick(config.vision_config, VISION)}
    for part in both.values():  # the one at the top is what CLIPModel projects to
        part["projection_dim"] = config.projection_dim
    return {"architectures": ["CLIPModel"], "model_type": "clip",
            "projection_dim": config.projection_dim, **both}


def normalise_preprocessor(source):
    known = {k: v for k, v in source.items() if not k.endswith("_type")}
    value = CLIPImageProcessorPil(**known)
    result = {"image_processor_type": "CLIPImageProcessor", "do_convert_rgb": True,
              "do_resize": value.do_resize}
    size = {k: v for k, v in dict(value.size).items() if v is not None}
    if value.do_resize:
        result["size"] = {k: size[k] for k in ("shortest_edge", "height", "width") if k in size}
    result |= {"resample": int(value.resample), "do_center_crop": value.do_center_crop}
    if value.do_center_crop:
        result["crop_size"] = {k: dict(value.crop_size)[k] for k in ("height", "width")}
    three = lambda x: [float(x)] * 3 if isinstance(x, (int, float)) else [float(y) for y in x]
    factor = float(value.rescale_factor) if value.do_rescale else 1.0
    result |= {
        "crop_offset": "floor", "do_rescale": factor != 1, "rescale_factor": factor,
        "do_normalize": True,
        "image_mean": three(value.image_mean) if value.do_normalize else [0.0] * 3,
        "image_std": three(value.image_std) if value.do_normalize else [1.0] * 3,
        "alpha": "white"}
    return result


def normalise_open_clip(source):
    """Looks at the model that open_clip builds, not at its defaults."""
    with torch.device("meta"):
        model = open_clip.model.CLIP(**source)

    def tower(transformer, kind):
        block = transformer.resblocks[0]
        activation = type(block.mlp.gelu).__name__
        return {"model_type": kind, "hidden_size": transformer.width,
                "intermediate_size": block.mlp.c_fc.weight.shape[0],
                "num_hidden_layers": transformer.layers,
                "num_attention_heads": block.attn.num_heads,
                "projection_dim": model.visual.output_dim,
                "hidden_act": {"QuickGELU": "quick_gelu", "GELU": "gelu"}[activation],
                "layer_norm_eps": block.ln_1.eps}

    text = tower(model.transformer, "clip_text_model") | {
        "vocab_size": model.vocab_size, "max_position_embeddings": model.context_length,
        "eos_token_id": 2}
    vision = tower(model.visual.transformer, "clip_vision_model") | {
        "image_size": model.visual.image_size[0], "patch_size": model.visual.patch_size[0],
        "num_channels": 3}
    return {"architectures": ["CLIPModel"], "model_type": "clip",
            "projection_dim": model.visual.output_dim, "text_config": text,
            "vision_config": vision}


def write(name, cases, normalise, again):
    rows = []
    for title, source in cases.items():
        normalised = normalise(json.loads(json.dumps(source)))
        assert again(normalised) == normalised, title
        rows.append({"name": title, "config": source, "normalised": normalised})
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / name).write_text(json.dumps(rows, indent=1) + "\n")
    print(f"{name}: {len(rows)} cases")


write("transformers.json", CONFIGS, normalise, normalise)
write("preprocessors.json", PREPROCESSORS, normalise_preprocessor,
      lambda value: normalise_preprocessor(
          {k: v for k, v in value.items() if k not in ("alpha", "crop_offset")}))
write("open_clip.json", OPEN_CLIP, normalise_open_clip, normalise)
