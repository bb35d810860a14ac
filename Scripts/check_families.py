#!/usr/bin/env python3
"""Writes towers of every family as networks (Formats/network.md), runs them with Formats/run.py, and compares the embeddings with
those of the family's own library: tiny models with random weights.

Usage: Scripts/check_families.py [--only WORD]     (needs torch, transformers, open_clip_torch, timm)

Prints a line for each tower, the largest difference of an element of L2-normalised embeddings, and fails above 1e-5.
"""
import argparse
import pathlib
import sys
import tempfile

import numpy as np
import torch

import importing_torchvision  # noqa: F401
import open_clip
import open_clip_models
import timm
import transformers
from transformers.models.m2m_100.modeling_m2m_100 import M2M100Encoder

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Formats"))
from check_network import pack_of  # noqa: E402
from run import Model  # noqa: E402

FAMILIES = []


def family(function):
    FAMILIES.append(function)
    return function


class Net:
    """A tower in the making. Values are names; tensors are given as they are and named in their order."""

    def __init__(self, **given):
        self.kind = "image" if "pixels" in given else "text"
        self.document = {"input": given, "steps": []}
        self.tensors = []

    def step(self, op, *sources, add=None, activation=None, tensors=None, **attributes):
        keys = {}
        for key, tensor in (tensors or {}).items():
            if tensor is not None:
                keys[key] = f"t{len(self.tensors)}"
                self.tensors.append((keys[key], 1 if self.kind == "image" else 2, tensor.detach().float().numpy()))
        to = f"v{len(self.document['steps'])}"
        read = {"from": sources[0] if len(sources) == 1 else list(sources)} if sources else {}
        tail = {key: value for key, value in (("add", add), ("activation", activation)) if value is not None}
        self.document["steps"].append({"op": op, **read, "to": to, **attributes, **keys, **tail})
        return to

    def linear(self, x, module, **tail):
        weight, bias = module if isinstance(module, tuple) else (module.weight, module.bias)
        return self.step("linear", x, width=len(weight), tensors={"weight": weight.flatten(1), "bias": bias}, **tail)

    def norm(self, x, module):
        return self.step("layer_norm", x, epsilon=module.eps, tensors={"weight": module.weight, "bias": module.bias})

    def batch_norm(self, x, module, **tail):
        return self.step("batch_norm", x, epsilon=module.eps, tensors={
            "weight": module.weight, "bias": module.bias, "mean": module.running_mean, "variance": module.running_var}, **tail)

    def conv(self, x, module, **tail):
        return self.step("conv2d", x, width=module.out_channels, kernel=list(module.kernel_size), stride=list(module.stride),
                         padding=[0, 0] if module.padding == "valid" else list(module.padding), groups=module.groups,
                         tensors={"weight": module.weight, "bias": module.bias}, **tail)

    def parameter(self, rows):
        rows = rows.reshape(-1, rows.shape[-1])
        return self.step("parameter", width=rows.shape[1], rows=len(rows), tensors={"weight": rows})

    def position(self, x, table, *mask, **where):
        table = table.reshape(-1, table.shape[-1])
        return self.step("position", x, *mask, rows=len(table), tensors={"weight": table}, **(where or {"start": 0}))

    def lookup(self, table, **more):
        return self.step("lookup", "ids", rows=len(table), width=table.shape[1], tensors={"weight": table}, **more)

    def scale(self, x, gamma, **tail):
        return self.step("scale", x, tensors={"weight": gamma.flatten()}, **tail)

    def attend(self, x, q, k, v, heads, mask=None, **more):
        values = [self.linear(x, module) for module in (q, k, v)]
        return self.step("attention", *values, *([mask] if mask else []), heads=heads, **more)

    def pre(self, x, norm1, qkv, out, norm2, fc1, fc2, heads, act, scales=(None, None), **more):
        """A block with its norms before attention and MLP."""
        mixed = self.attend(self.norm(x, norm1), *qkv, heads, **more)
        x = self.branch(mixed, out, x, scales[0])
        return self.branch(self.linear(self.norm(x, norm2), fc1, activation=act), fc2, x, scales[1])

    def branch(self, h, module, x, gamma):
        return self.linear(h, module, add=x) if gamma is None else self.scale(self.linear(h, module), gamma, add=x)

    def post(self, x, qkv, out, norm1, fc1, fc2, norm2, heads, act, mask):
        """A block with its norms behind them."""
        x = self.norm(self.linear(self.attend(x, *qkv, heads, mask), out, add=x), norm1)
        return self.norm(self.linear(self.linear(x, fc1, activation=act), fc2, add=x), norm2)

    def pool(self, x, latent, q, k, v, out, norm, fc1, fc2, heads, act):
        """Attention of a learned query, with an MLP."""
        mixed = self.step("attention", self.linear(self.parameter(latent), q), self.linear(x, k), self.linear(x, v), heads=heads)
        y = self.linear(mixed, out)
        return self.linear(self.linear(self.norm(y, norm), fc1, activation=act), fc2, add=y)

    def embed(self, output, samples):
        self.document["output"] = output
        with tempfile.TemporaryDirectory() as folder:
            model = Model(pack_of(folder, {self.kind: self.document}, self.tensors))
            return model.embed(self.kind, samples), sum(array.size for _, _, array in self.tensors)


def parts(weight, bias=None, count=3):
    """q, k and v of what is stacked."""
    return [*zip(weight.chunk(count), bias.chunk(count) if bias is not None else [None] * count)]


def randomise(model, seed=1):
    """Every parameter and running statistic: nothing that is left out goes unnoticed."""
    random = torch.Generator().manual_seed(seed)
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if not value.is_floating_point() or "rope" in name or "freqs" in name or "mask" in name or "k_bias" in name:
            continue
        noise = torch.randn(value.shape, generator=random)
        if name.endswith("running_var"):
            value.data = noise.abs() + 0.5
        elif value.ndim < 2:
            value.data = 0.3 * noise + (1 if name.endswith("weight") or "gamma" in name else 0)
        elif "embed" in name and "patch" not in name or "token" in name or "latent" in name or "probe" in name or "query" in name:
            value.data = noise
        else:
            value.data = noise * (1.5 / value[0].numel() ** 0.5)
    return model.eval()


def pixels(*shape):
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(2))


def linears(block, *names):
    return [block.get_submodule(name) for name in names]


# transformers


def hf_blocks(net, x, layers, heads, act, **more):
    for one in layers:
        attention = one.self_attn
        x = net.pre(x, one.layer_norm1, linears(attention, "q_proj", "k_proj", "v_proj"), attention.out_proj, one.layer_norm2,
                    one.mlp.fc1, one.mlp.fc2, heads, act, **more)
    return x


SIZES = dict(hidden_size=24, intermediate_size=56, num_hidden_layers=2, num_attention_heads=3)


def clip_image(net, vision, projection, act):
    body = vision.vision_model if hasattr(vision, "vision_model") else vision
    x = net.conv("pixels", body.embeddings.patch_embedding)
    x = net.step("concat", net.parameter(body.embeddings.class_embedding), x)
    x = net.norm(net.position(x, body.embeddings.position_embedding.weight), body.pre_layrnorm)
    x = hf_blocks(net, x, body.encoder.layers, 3, act)
    return net.linear(net.norm(net.step("pick", x, row=0), body.post_layernorm), projection)


def clip_text(net, text, projection, act, token):
    body = text.text_model if hasattr(text, "text_model") else text
    x = net.position(net.lookup(body.embeddings.token_embedding.weight), body.embeddings.position_embedding.weight)
    x = hf_blocks(net, x, body.encoder.layers, 3, act, causal=True)
    return net.linear(net.norm(net.step("pick", x, "ids", token=token), body.final_layer_norm), projection)


@family
def clip_image_of_transformers():
    config = transformers.CLIPVisionConfig(**SIZES, image_size=30, patch_size=7, projection_dim=16, hidden_act="quick_gelu")
    model = randomise(transformers.CLIPVisionModelWithProjection(config))
    net, x = Net(pixels=[3, 30, 30]), pixels(3, 30, 30)
    return net, clip_image(net, model.vision_model, model.visual_projection, "quick_gelu"), x, model(pixel_values=x).image_embeds


def clip_text_of_transformers(kind, end, token, act="gelu", config=transformers.CLIPTextConfig, prefix="CLIP"):
    config = config(**SIZES, vocab_size=60, max_position_embeddings=20, projection_dim=16, hidden_act=act, eos_token_id=end,
                    bos_token_id=0, pad_token_id=1)
    model = randomise(getattr(transformers, f"{prefix}TextModelWithProjection")(config))
    net = Net(ids={"least": 1, "most": 20})
    ids = torch.tensor([[3, 9, 59, 59, 4], [59, 8, 8, 8, 7]]) if end == 2 and token == "largest" else torch.tensor(
        [[3, 9, 50, end, 4], [8, end, 8, end, 7]])
    return net, clip_text(net, model.text_model, model.text_projection, act, token), ids, model(input_ids=ids).text_embeds


@family
def clip_text_largest_id():
    return clip_text_of_transformers("CLIP", 2, "largest", "quick_gelu")


@family
def clip_text_end_token():
    return clip_text_of_transformers("CLIP", 40, 40)


@family
def metaclip_2_text():
    return clip_text_of_transformers("MetaClip2", 2, 2, config=transformers.MetaClip2TextConfig, prefix="MetaClip2")


@family
def siglip_image_of_transformers():
    model = randomise(transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**SIZES, image_size=29, patch_size=7)))
    body = getattr(model, "vision_model", model)
    net, x = Net(pixels=[3, 29, 29]), pixels(3, 29, 29)
    y = net.position(net.conv("pixels", body.embeddings.patch_embedding), body.embeddings.position_embedding.weight)
    y = net.norm(hf_blocks(net, y, body.encoder.layers, 3, "gelu_tanh"), body.post_layernorm)
    head = body.head
    q, k, v = parts(head.attention.in_proj_weight, head.attention.in_proj_bias)
    y = net.pool(y, head.probe, q, k, v, head.attention.out_proj, head.layernorm, head.mlp.fc1, head.mlp.fc2, 3, "gelu_tanh")
    return net, y, x, model(pixel_values=x).pooler_output


@family
def siglip_text_of_transformers():
    model = randomise(transformers.SiglipTextModel(transformers.SiglipTextConfig(**SIZES, vocab_size=60, max_position_embeddings=8)))
    body = getattr(model, "text_model", model)
    net = Net(ids={"exactly": 8, "padding": 1})
    y = net.position(net.lookup(body.embeddings.token_embedding.weight), body.embeddings.position_embedding.weight)
    y = net.norm(hf_blocks(net, y, body.encoder.layers, 3, "gelu_tanh"), body.final_layer_norm)
    ids = [[5, 9, 1], [4, 3, 2, 8, 9, 7, 6, 5]]
    padded = torch.tensor([ids[0] + [1] * 5, ids[1]])
    return net, net.linear(net.step("pick", y, row="last"), body.head), ids, model(input_ids=padded).pooler_output


def bert_blocks(net, x, layers, heads, mask):
    for one in layers:
        attention = one.attention
        x = net.post(x, linears(attention.self, "query", "key", "value"), attention.output.dense, attention.output.LayerNorm,
                     one.intermediate.dense, one.output.dense, one.output.LayerNorm, heads, "gelu", mask)
    return x


def bert(net, body, mask, *by_mask, **where):
    embeddings = body.embeddings
    x = net.lookup(embeddings.word_embeddings.weight)
    x = net.position(x, embeddings.token_type_embeddings.weight, row=0)
    x = net.norm(net.position(x, embeddings.position_embeddings.weight, *by_mask, **where), embeddings.LayerNorm)
    layers = body.encoder.layers if hasattr(body.encoder, "layers") else body.encoder.layer
    return bert_blocks(net, x, layers, 3, mask)


PADDED = torch.tensor([[5, 9, 8, 1, 1, 1], [4, 30, 3, 2, 8, 7]])


@family
def chinese_clip_text():
    config = transformers.ChineseCLIPTextConfig(**SIZES, vocab_size=60, max_position_embeddings=20, pad_token_id=1)
    model = randomise(transformers.ChineseCLIPTextModel(config, add_pooling_layer=False))
    net = Net(ids={"least": 1, "most": 20})
    mask = net.step("mask", "ids", hidden=1)
    expected = model(input_ids=PADDED, attention_mask=(PADDED != 1).long()).last_hidden_state[:, 0]
    return net, net.step("pick", bert(net, model, mask), row=0), PADDED, expected


@family
def xlm_roberta_mean_with_mlp():
    config = transformers.XLMRobertaConfig(**SIZES, vocab_size=60, max_position_embeddings=20, pad_token_id=1, type_vocab_size=1,
                                           layer_norm_eps=1e-5)
    model = randomise(transformers.XLMRobertaModel(config, add_pooling_layer=False))
    projection = randomise(torch.nn.Sequential(
        torch.nn.Linear(24, 20, bias=False), torch.nn.GELU(), torch.nn.Linear(20, 16, bias=False)))
    net = Net(ids={"least": 1, "most": 18})
    mask = net.step("mask", "ids", hidden=1)
    y = net.step("mean", bert(net, model, mask, mask, start=2), mask)
    y = net.linear(net.linear(y, projection[0], activation="gelu"), projection[2])
    seen = (PADDED != 1).long()
    hidden = model(input_ids=PADDED, attention_mask=seen).last_hidden_state
    return net, y, PADDED, projection((hidden * seen[..., None]).sum(1) / seen.sum(1, keepdim=True))


@family
def altclip_text():
    config = transformers.AltCLIPTextConfig(**SIZES, vocab_size=60, max_position_embeddings=20, pad_token_id=1, project_dim=20)
    model = randomise(transformers.AltCLIPTextModel(config))
    projection = randomise(torch.nn.Linear(20, 16, bias=False))
    net = Net(ids={"least": 1, "most": 18})
    mask = net.step("mask", "ids", hidden=1)
    y = net.norm(net.step("pick", bert(net, model.roberta, mask, mask, start=2), row=0), model.pre_LN)
    y = net.linear(net.linear(y, model.transformation), projection)
    expected = projection(model(input_ids=PADDED, attention_mask=(PADDED != 1).long()).pooler_output)
    return net, y, PADDED, expected


@family
def nllb_text():
    config = transformers.M2M100Config(
        d_model=24, encoder_layers=2, encoder_attention_heads=3, encoder_ffn_dim=56, vocab_size=60, max_position_embeddings=20,
        pad_token_id=1, scale_embedding=True, activation_function="relu")
    model = randomise(M2M100Encoder(config))
    net = Net(ids={"least": 1, "most": 18})
    mask = net.step("mask", "ids", hidden=1)
    x = net.lookup(model.embed_tokens.weight, scale=24 ** 0.5)
    x = net.position(x, model.embed_positions.get_embedding(20, 24, 1), mask, start=2)
    for one in model.layers:
        x = net.pre(x, one.self_attn_layer_norm, linears(one.self_attn, "q_proj", "k_proj", "v_proj"), one.self_attn.out_proj,
                    one.final_layer_norm, one.fc1, one.fc2, 3, "relu", mask=mask)
    projection = randomise(torch.nn.Linear(24, 16, bias=False))
    y = net.linear(net.norm(net.step("pick", x, row=0), model.layer_norm), projection)
    model.embed_positions.make_weights(22, 24, 1)
    expected = projection(model(input_ids=PADDED, attention_mask=(PADDED != 1).long()).last_hidden_state[:, 0])
    return net, y, PADDED, expected


# open_clip


def open_blocks(net, x, transformer, act="gelu", **more):
    for one in transformer.resblocks:
        scales = [getattr(scale, "gamma", None) for scale in (one.ls_1, one.ls_2)]
        x = net.pre(x, one.ln_1, parts(one.attn.in_proj_weight, one.attn.in_proj_bias), one.attn.out_proj, one.ln_2,
                    one.mlp.c_fc, one.mlp.c_proj, one.attn.num_heads, act, scales, **more)
    return x


def open_model(vision=None, text=None, **more):
    vision = {"image_size": 28, "layers": 2, "width": 24, "head_width": 8, "patch_size": 7, **(vision or {})}
    text = {"context_length": 10, "vocab_size": 60, "width": 24, "heads": 3, "layers": 2, **(text or {})}
    return randomise(open_clip.model.CustomTextCLIP(embed_dim=16, vision_cfg=vision, text_cfg=text, **more))


def open_image(net, visual, act="gelu"):
    x = net.step("concat", net.parameter(visual.class_embedding), net.conv("pixels", visual.conv1))
    x = net.position(x, visual.positional_embedding)
    if not isinstance(visual.ln_pre, torch.nn.Identity):
        x = net.norm(x, visual.ln_pre)
    return open_blocks(net, x, visual.transformer, act)


def open_image_case(vision, finish, **more):
    visual = open_model(vision=vision, **more).visual
    net, x = Net(pixels=[3, 28, 28]), pixels(3, 28, 28)
    y = finish(net, visual, open_image(net, visual, "quick_gelu" if more.get("quick_gelu") else "gelu"))
    return net, net.linear(y, (visual.proj.T, None)), x, visual(x)


@family
def open_clip_image():
    return open_image_case({}, lambda net, visual, x: net.norm(net.step("pick", x, row=0), visual.ln_post), quick_gelu=True)


@family
def open_clip_image_with_layer_scale():
    return open_image_case({"ls_init_value": 0.1}, lambda net, visual, x: net.norm(net.step("pick", x, row=0), visual.ln_post))


@family
def open_clip_image_average():
    return open_image_case({"pool_type": "avg"}, lambda net, visual, x: net.step("mean", net.norm(x, visual.ln_post), skip=1))


@family
def clipa_image():
    return open_image_case({"no_ln_pre": True, "pool_type": "avg", "final_ln_after_pool": True},
                           lambda net, visual, x: net.norm(net.step("mean", x, skip=1), visual.ln_post))


@family
def coca_image():
    def finish(net, visual, x):
        pool = visual.attn_pool
        weights = parts(pool.attn.in_proj_weight, pool.attn.in_proj_bias)
        query = net.linear(net.norm(net.parameter(pool.query), pool.ln_q), weights[0])
        context = net.norm(x, pool.ln_k)
        y = net.step("attention", query, net.linear(context, weights[1]), net.linear(context, weights[2]), heads=4)
        return net.step("pick", net.norm(net.linear(y, pool.attn.out_proj), visual.ln_post), row=0)
    vision = {"attentional_pool": True, "attn_pooler_queries": 5, "attn_pooler_heads": 4, "output_tokens": False, "width": 16}
    return open_image_case(vision, finish)


def open_text_case(text, given, samples, padded, pooled, **more):
    model = open_model(text=text).text
    net = Net(ids=given)
    x = net.position(net.lookup(model.token_embedding.weight), model.positional_embedding)
    y = pooled(net, net.norm(open_blocks(net, x, model.transformer, **more), model.ln_final))
    projection = model.text_projection
    y = net.linear(y, projection if isinstance(projection, torch.nn.Linear) else (projection.T, None))
    return net, y, samples, model(torch.tensor(padded))


@family
def open_clip_text():
    ids = [[3, 9, 59, 4, 59, 5, 5, 5, 5, 5], [59, 8, 8, 8, 7, 1, 1, 1, 1, 1]]
    return open_text_case({}, {"least": 1, "most": 10}, ids, ids, lambda net, x: net.step("pick", x, "ids", token="largest"), causal=True)


@family
def siglip_text_of_open_clip():
    ids = [[3, 9, 5], [9, 8, 8, 8, 7]]
    return open_text_case({"no_causal_mask": True, "pool_type": "last", "proj_bias": True, "norm_kwargs": {"eps": 1e-6}},
                          {"exactly": 10, "padding": 1}, ids, [one + [1] * (10 - len(one)) for one in ids],
                          lambda net, x: net.step("pick", x, row="last"))


@family
def mobileclip_text():
    ids = [[3, 9, 59], [9, 59, 8, 8, 7]]
    return open_text_case({"no_causal_mask": True}, {"exactly": 10, "padding": 0}, ids, [one + [0] * (10 - len(one)) for one in ids],
                          lambda net, x: net.step("pick", x, "ids", token="largest"))


@family
def coca_text():
    model = open_model(text={"embed_cls": True, "pad_id": 0, "context_length": 9, "output_tokens": False}).text
    net = Net(ids={"exactly": 9, "padding": 0})
    mask = net.step("mask", "ids", hidden=0, before=1)
    x = net.step("concat", net.lookup(model.token_embedding.weight), net.parameter(model.cls_emb))
    x = open_blocks(net, net.position(x, model.positional_embedding), model.transformer, causal=True, mask=mask)
    y = net.linear(net.norm(net.step("pick", x, row="last"), model.ln_final), (model.text_projection.T, None))
    ids = [[3, 9, 5], [9, 8, 8, 8, 7, 6, 5, 4, 3]]
    return net, y, ids, model(torch.tensor([ids[0] + [0] * 6, ids[1]]))


@family
def modified_resnet():
    visual = open_clip.modified_resnet.ModifiedResNet([2, 3, 1, 2], 16, 4, 64, 8)
    visual = randomise(visual)
    net, x = Net(pixels=[3, 64, 64]), pixels(3, 64, 64)
    y = "pixels"
    for conv, norm in ((visual.conv1, visual.bn1), (visual.conv2, visual.bn2), (visual.conv3, visual.bn3)):
        y = net.batch_norm(net.conv(y, conv), norm, activation="relu")
    y = net.step("average_pool", y, kernel=[2, 2])

    def pool(y, module):
        return y if isinstance(module, torch.nn.Identity) else net.step("average_pool", y, kernel=[module.kernel_size] * 2)
    for layer in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
        for block in layer:
            short = y
            if block.downsample is not None:
                pooled = y if block.stride == 1 else net.step("average_pool", y, kernel=[block.stride] * 2)
                short = net.batch_norm(net.conv(pooled, block.downsample[1]), block.downsample[2])
            z = net.batch_norm(net.conv(y, block.conv1), block.bn1, activation="relu")
            z = net.batch_norm(net.conv(z, block.conv2), block.bn2, activation="relu")
            y = net.batch_norm(net.conv(pool(z, block.avgpool), block.conv3), block.bn3, add=short, activation="relu")
    pool = visual.attnpool
    y = net.position(net.step("concat", net.step("mean", y), y), pool.positional_embedding)
    query = net.linear(net.step("pick", y, row=0), pool.q_proj)
    y = net.step("attention", query, net.linear(y, pool.k_proj), net.linear(y, pool.v_proj), heads=4)
    return net, net.linear(y, pool.c_proj), x, visual(x)


# timm


def timm_blocks(net, x, blocks, act="gelu"):
    for one in blocks:
        x = net.pre(x, one.norm1, parts(one.attn.qkv.weight, one.attn.qkv.bias), one.attn.proj, one.norm2, one.mlp.fc1, one.mlp.fc2,
                    one.attn.num_heads, act)
    return x


def timm_image(name, size, finish, seed=1, **more):
    trunk = randomise(timm.create_model(name, pretrained=False, **more), seed)
    net, x = Net(pixels=[3, size, size]), pixels(3, size, size)
    return net, finish(net, trunk), x, trunk(x)


VIT = dict(img_size=28, patch_size=7, embed_dim=24, depth=2, num_heads=3)


def with_class(net, trunk):
    x = net.step("concat", net.parameter(trunk.cls_token), net.conv("pixels", trunk.patch_embed.proj))
    return net.position(x, trunk.pos_embed)


@family
def biomedclip_image():
    def finish(net, trunk):
        x = net.norm(timm_blocks(net, with_class(net, trunk), trunk.blocks), trunk.norm)
        return net.linear(net.step("pick", x, row=0), trunk.head)
    return timm_image("vit_base_patch16_224", 28, finish, **VIT, num_classes=16)


@family
def siglip_image_of_timm():
    def finish(net, trunk):
        x = net.position(net.conv("pixels", trunk.patch_embed.proj), trunk.pos_embed)
        x = net.norm(timm_blocks(net, x, trunk.blocks), trunk.norm)
        pool = trunk.attn_pool
        k, v = parts(pool.kv.weight, pool.kv.bias, 2)
        return net.pool(x, pool.latent, pool.q, k, v, pool.proj, pool.norm, pool.mlp.fc1, pool.mlp.fc2, pool.num_heads, "gelu")
    return timm_image("vit_base_patch16_siglip_224", 28, finish, **VIT, num_classes=0)


def eva_qkv(attention):
    if attention.qkv is None:
        return attention.q_proj, attention.k_proj, attention.v_proj
    if attention.qkv.bias is not None:
        return parts(attention.qkv.weight, attention.qkv.bias)
    q, k, v = attention.qkv.weight.chunk(3)
    return (q, attention.q_bias), (k, None), (v, attention.v_bias)


def eva_blocks(net, trunk, x, skip):
    tables = None
    if trunk.rope is not None:
        sines, cosines = trunk.rope.get_embed().chunk(2, -1)  # each number twice, for both of a pair
        tables = [net.parameter(table[:, ::2]) for table in (cosines, sines)]
    for one in trunk.blocks:
        attention, heads = one.attn, one.attn.num_heads
        post = isinstance(one, timm.models.eva.EvaBlockPostNorm)
        h = x if post else net.norm(x, one.norm1)
        q, k, v = (net.linear(h, module) for module in eva_qkv(attention))
        if tables:
            q, k = (net.step("rotate", value, *tables, heads=heads, pairs="adjacent", skip=skip) for value in (q, k))
        h = net.step("attention", q, k, v, heads=heads)
        if not isinstance(attention.norm, torch.nn.Identity):
            h = net.norm(h, attention.norm)
        if post:
            x = net.step("add", x, net.norm(net.linear(h, attention.proj), one.norm1))
            h = net.linear(net.linear(x, one.mlp.fc1, activation="gelu"), one.mlp.fc2)
            x = net.step("add", x, net.norm(h, one.norm2))
            continue
        x = net.linear(h, attention.proj, add=x)
        h = net.norm(x, one.norm2)
        if hasattr(one.mlp, "fc1_g"):
            h = net.step("multiply", net.linear(h, one.mlp.fc1_g, activation="silu"), net.linear(h, one.mlp.fc1_x))
            h = net.norm(h, one.mlp.norm)
        else:
            h = net.linear(h, one.mlp.fc1, activation="gelu")
        x = net.linear(h, one.mlp.fc2, add=x)
    return x


def eva_finish(net, trunk):
    x = net.norm(eva_blocks(net, trunk, with_class(net, trunk), 1), trunk.norm)
    return net.linear(net.step("pick", x, row=0), trunk.head)


@family
def eva01_image():
    return timm_image("eva_giant_patch14_clip_224", 28, eva_finish, **VIT, mlp_ratio=2.5, num_classes=16)


@family
def eva02_image():
    return timm_image("eva02_base_patch16_clip_224", 28, eva_finish, **VIT, num_classes=16)


@family
def eva02_enormous_image():
    return timm_image("eva02_enormous_patch14_clip_224", 28, eva_finish, **VIT, mlp_ratio=3, num_classes=16)


@family
def perception_encoder_image():
    def finish(net, trunk):
        x = net.norm(with_class(net, trunk), trunk.norm_pre)
        x = net.norm(eva_blocks(net, trunk, x, 1), trunk.norm)
        pool = trunk.attn_pool
        k, v = parts(pool.kv.weight, pool.kv.bias, 2)
        y = net.pool(x, pool.latent, pool.q, k, v, pool.proj, pool.norm, pool.mlp.fc1, pool.mlp.fc2, pool.num_heads, "gelu")
        return net.linear(y, trunk.head)
    return timm_image("vit_pe_core_base_patch16_224", 28, finish, **{**VIT, "embed_dim": 48}, ref_feat_shape=(4, 4), num_classes=16)


@family
def convnext_image():
    def finish(net, trunk):
        x = net.norm(net.conv("pixels", trunk.stem[0]), trunk.stem[1])
        for stage in trunk.stages:
            if not isinstance(stage.downsample, torch.nn.Identity):
                x = net.conv(net.norm(x, stage.downsample[0]), stage.downsample[1])
            for block in stage.blocks:
                h = net.linear(net.norm(net.conv(x, block.conv_dw), block.norm), block.mlp.fc1, activation="gelu")
                x = net.scale(net.linear(h, block.mlp.fc2), block.gamma, add=x)
        return net.linear(net.norm(net.step("mean", x), trunk.head.norm), trunk.head.fc)
    return timm_image("convnext_base", 64, finish, depths=(1, 2, 2, 1), dims=(8, 16, 24, 32), num_classes=16)


@family
def mobileclip_b_image():
    backbone = timm.models.vision_transformer_hybrid.ConvStem(
        channels=(6, 6, 24), stride=(4, 2, 2), kernel_size=(4, 2, 2), padding=0, act_layer=torch.nn.GELU)
    embed = lambda **more: timm.models.vision_transformer_hybrid.HybridEmbed(backbone=backbone, proj=False, **more)
    trunk = randomise(timm.models.VisionTransformer(
        img_size=32, patch_size=1, embed_dim=24, depth=2, num_heads=3, no_embed_class=True, embed_layer=embed, num_classes=16))
    net, x = Net(pixels=[3, 32, 32]), pixels(3, 32, 32)
    y = "pixels"
    for stem in list(trunk.patch_embed.backbone)[:2]:
        y = net.batch_norm(net.conv(y, stem.conv), stem.bn, activation="gelu")
    y = net.position(net.conv(y, trunk.patch_embed.backbone[2].conv), trunk.pos_embed)
    y = timm_blocks(net, net.step("concat", net.parameter(trunk.cls_token), y), trunk.blocks)
    y = net.linear(net.norm(net.step("pick", y, row=0), trunk.norm), trunk.head)
    return net, y, x, trunk(x)


@family
def vitamin_image():
    make = open_clip_models.vitamin(37, (8, 12), (2, 1), stem=8, embed_dim=24, num_heads=3)
    trunk = randomise(make("vitamin_base_224", num_classes=16))
    body = trunk.patch_embed.backbone
    net, x = Net(pixels=[3, 37, 37]), pixels(3, 37, 37)
    y = net.step("add", net.norm(net.conv("pixels", body.stem.conv1), body.stem.norm1), activation="gelu")
    y = net.conv(y, body.stem.conv2)
    for block in [block for stage in body.stages for block in stage]:
        shortcut = y
        if block.stride == 2:
            shortcut = net.step("average_pool", y, kernel=[3, 3], stride=[2, 2], padding=[1, 1])
            if not isinstance(block.shortcut.expand, torch.nn.Identity):
                shortcut = net.linear(shortcut, block.shortcut.expand)
        h = net.linear(net.norm(y, block.pre_norm), block.conv1_1x1, activation="gelu")
        y = net.linear(net.conv(h, block.conv2_kxk, activation="gelu"), block.conv3_1x1, add=shortcut)
    y = net.position(net.conv(net.norm(y, body.pool.norm), body.pool.proj), trunk.pos_embed)
    for block in trunk.blocks:
        attention, mlp = block.attn, block.mlp
        mixed = net.attend(net.norm(y, block.norm1), *parts(attention.qkv.weight, attention.qkv.bias), attention.num_heads)
        y = net.linear(mixed, attention.proj, add=y)
        h = net.norm(net.norm(y, block.norm2), mlp.norm)
        y = net.linear(net.step("multiply", net.linear(h, mlp.w0, activation="gelu"), net.linear(h, mlp.w1)), mlp.w2, add=y)
    y = net.norm(net.step("mean", y), trunk.fc_norm)
    return net, net.linear(y, trunk.head), x, trunk(x)


def squeeze(net, x, module, activation):
    if isinstance(module, torch.nn.Identity):
        return x
    gate = net.linear(net.linear(net.step("mean", x), module.fc1, activation="relu"), module.fc2, activation="sigmoid")
    return net.step("multiply", x, gate, **({"activation": activation} if activation else {}))


def branches(net, x, module):
    """The sum of a MobileOne block's branches, as trained."""
    values = [net.batch_norm(net.conv(x, one.conv), one.bn) for one in [module.conv_scale, *(module.conv_kxk or [])] if one is not None]
    values += [net.batch_norm(x, module.identity)] if module.identity is not None else []
    return values


def mobile_one(net, x, module):
    act = None if isinstance(module.act, torch.nn.Identity) else "gelu"
    values = branches(net, x, module)
    plain = isinstance(module.se, torch.nn.Identity)
    y = net.step("add", *values, **({"activation": act} if act and plain else {}))
    return squeeze(net, y, module.se, act)


def conv_mlp(net, x, mlp, gamma):
    h = net.batch_norm(net.conv(x, mlp.conv.conv), mlp.conv.bn)
    return net.scale(net.linear(net.linear(h, mlp.fc1, activation="gelu"), mlp.fc2), gamma, add=x)


@family
def mobileclip_s_image_as_trained():
    encode = timm.models.fastvit.RepConditionalPosEnc
    trunk = timm.models.fastvit.FastVit(
        layers=(1, 1, 2, 1), embed_dims=(8, 16, 32, 64), mlp_ratios=(3, 3, 3, 3), se_downsamples=(False, False, True, True),
        pos_embs=(None, None, None, lambda *given, **more: encode(*given, **more, spatial_shape=(7, 7))),
        token_mixers=("repmixer", "repmixer", "repmixer", "attention"), lkc_use_act=True, num_classes=16)
    trunk = randomise(trunk)
    net, x = Net(pixels=[3, 64, 64]), pixels(3, 64, 64)
    y = "pixels"
    for one in trunk.stem:
        y = mobile_one(net, y, one)
    for stage in trunk.stages:
        if not isinstance(stage.downsample, torch.nn.Identity):
            large, last = stage.downsample.proj
            values = [net.batch_norm(net.conv(y, one.conv), one.bn) for one in (large.large_conv, large.small_conv)]
            plain = isinstance(large.se, torch.nn.Identity)
            y = squeeze(net, net.step("add", *values, **({"activation": "gelu"} if plain else {})), large.se, "gelu")
            y = mobile_one(net, y, last)
        if not isinstance(stage.pos_emb, torch.nn.Identity):
            y = net.conv(y, stage.pos_emb.pos_enc, add=y)
        for block in stage.blocks:
            if hasattr(block, "layer_scale_1"):
                mixer = block.token_mixer
                h = net.attend(net.batch_norm(y, block.norm), *parts(mixer.qkv.weight, mixer.qkv.bias), mixer.num_heads)
                y = net.scale(net.linear(h, mixer.proj), block.layer_scale_1.gamma, add=y)
                y = conv_mlp(net, y, block.mlp, block.layer_scale_2.gamma)
            else:
                mixer = block.token_mixer
                mixed, norm = mobile_one(net, y, mixer.mixer), branches(net, y, mixer.norm)[0]
                y = net.scale(net.step("add", mixed, norm, signs=[1, -1]), mixer.layer_scale.gamma, add=y)
                y = conv_mlp(net, y, block.mlp, block.layer_scale.gamma)
    y = mobile_one(net, y, trunk.final_conv)
    return net, net.linear(net.step("mean", y), trunk.head.fc), x, trunk(x)


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="WORD", default="")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    worst, count = 0.0, 0
    for function in FAMILIES:
        if options.only not in function.__name__:
            continue
        torch.manual_seed(0)
        net, output, samples, expected = function()
        found, weights = net.embed(output, samples.numpy() if isinstance(samples, torch.Tensor) else samples)
        expected = torch.nn.functional.normalize(expected.float(), dim=-1).numpy()
        difference = float(np.abs(found - expected).max())
        spread = float(np.abs(expected[0] - expected[1]).max())
        print(f"{function.__name__.replace('_', ' '):36} {len(net.document['steps']):4} steps {weights:7} weights  {difference:.1e}")
        assert difference <= 1e-5, f"{function.__name__}: {difference} is too much"
        assert spread > 1e-3, f"{function.__name__}: two samples have nearly one embedding, which proves nothing"
        worst, count = max(worst, difference), count + 1
    print(f"{count} towers, the largest difference {worst:.1e}")


if __name__ == "__main__":
    main()
