"""Models with a text tower of another library's, small, with random weights, and what they answer. Used by make_family_models.py."""
import json
import tempfile

import torch
import torch.nn.functional as F
import importing_torchvision  # noqa: F401
import transformers
from safetensors.torch import save_file

import open_clip_models

VISION = dict(image_size=21, patch_size=6, layers=2, width=24, head_width=12, mlp_ratio=2.2)


def ids_of(generator, vocabulary, length, padding):
    ids = torch.randint(4, vocabulary, (4, length), generator=generator)
    for row, end in enumerate((3, length, length - 2, 2)):
        ids[row, end - 1] = 2
        ids[row, end:] = padding
    return ids


def open_clip_tower(folder, seed, name, config, width, says_all, padding=1, vision=VISION, **text):
    """An open_clip model with a text tower of transformers.

    says_all: whether hf_model_config says what the base model is; else it follows from name and shapes.
    """
    with tempfile.TemporaryDirectory() as base:
        config.save_pretrained(base)
        described = dict(context_length=9, **text)
        model = open_clip_models.build({
            "embed_dim": width, "vision_cfg": vision,
            "text_cfg": dict(described, hf_model_name=base, hf_model_pretrained=False)})
    generator = open_clip_models.randomise(model, seed)
    if config.model_type != "m2m_100":
        with torch.no_grad():  # as PyTorch keeps it
            model.text.transformer.embeddings.word_embeddings.weight[padding] = 0
    size = vision["image_size"]
    pixels = torch.randn((3, 3, size, size), generator=generator)
    ids = ids_of(generator, config.vocab_size, 9, padding)
    encoder = model.text.transformer
    blocks = "encoder.layer" if hasattr(encoder, "encoder") else "layers"
    reference = open_clip_models.answers(
        model, pixels, ids, open_clip_models.block_stages("text", f"text.transformer.{blocks}", len(encoder.get_submodule(blocks))))
    words = dict(described, hf_model_name=name)
    if says_all:
        words["hf_model_config"] = {key: value for key, value in config.to_dict().items() if key in KEYS}
    write(folder, model, reference)
    (folder / "open_clip_config.json").write_text(json.dumps(
        {"model_cfg": {"embed_dim": width, "vision_cfg": vision, "text_cfg": words}}, indent=2) + "\n")


KEYS = ["model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act", "layer_norm_eps",
        "vocab_size", "max_position_embeddings", "type_vocab_size", "pad_token_id", "d_model", "encoder_layers",
        "encoder_attention_heads", "encoder_ffn_dim"]


def write(folder, model, reference, name="model.safetensors"):
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / name, metadata={"format": "pt"})
    save_file({name: tensor.contiguous() for name, tensor in reference.items()}, folder / "reference.safetensors")


def open_clip_towers(folder):
    sizes = dict(hidden_size=36, num_attention_heads=3, num_hidden_layers=2, intermediate_size=44, vocab_size=70)
    wide = dict(sizes, hidden_size=64, num_attention_heads=1)
    m2m = dict(encoder_layers=2, encoder_attention_heads=3, encoder_ffn_dim=44, d_model=36, vocab_size=70, pad_token_id=1,
               decoder_layers=1, decoder_attention_heads=3, decoder_ffn_dim=44, max_position_embeddings=20, scale_embedding=True,
               activation_function="relu")
    open_clip_tower(folder / "hf-bert", 20, "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract",
                    transformers.BertConfig(**sizes, max_position_embeddings=12), 20, True, 0,
                    hf_proj_type="mlp", hf_pooler_type="cls_last_hidden_state_pooler")
    open_clip_tower(folder / "hf-bert-pooler", 21, "bert-base-uncased",
                    transformers.BertConfig(**wide, max_position_embeddings=10), 16, False, 0,
                    hf_proj_type="linear", hf_pooler_type="cls_pooler")
    open_clip_tower(folder / "hf-xlm-roberta", 22, "xlm-roberta-base",
                    transformers.XLMRobertaConfig(**wide, max_position_embeddings=13, type_vocab_size=1, layer_norm_eps=1e-5,
                                                  pad_token_id=1), 24, False)
    open_clip_tower(folder / "hf-roberta", 23, "roberta-base",
                    transformers.RobertaConfig(**sizes, max_position_embeddings=12, layer_norm_eps=1e-5, pad_token_id=1), 36, True,
                    hf_proj_type=None)
    open_clip_tower(folder / "hf-nllb", 24, "facebook/nllb-200-distilled-600M",
                    transformers.M2M100Config(**dict(m2m, d_model=64, encoder_attention_heads=1, decoder_attention_heads=1)), 20,
                    False, hf_proj_type="linear", hf_pooler_type="cls_pooler")
    open_clip_tower(folder / "hf-nllb-mean", 25, "facebook/nllb-200-distilled-1.3B",
                    transformers.M2M100Config(**m2m), 24, True, hf_proj_type="mlp", hf_pooler_type="mean_pooler")


class MCLIP(torch.nn.Module):
    """pt_multilingual_clip.MultilingualCLIP"""

    def __init__(self, encoder, width):
        super().__init__()
        self.transformer = encoder
        self.LinearTransformation = torch.nn.Linear(encoder.config.hidden_size, width)

    def forward(self, ids, seen):
        hidden = self.transformer(input_ids=ids, attention_mask=seen).last_hidden_state
        return self.LinearTransformation((hidden * seen[..., None]).sum(1) / seen.sum(1, keepdim=True))


def randomise(model, seed):
    model.logit_scale = torch.nn.Parameter(torch.zeros(()))
    generator = open_clip_models.randomise(model, seed)
    del model.logit_scale
    return generator


def m_clip(folder, seed, base, encoder, width):
    model = MCLIP(encoder, width).eval()
    generator = randomise(model, seed)
    ids = ids_of(generator, encoder.config.vocab_size, 9, encoder.config.pad_token_id)
    with torch.no_grad():
        texts = model(ids, (ids != encoder.config.pad_token_id).long())
    write(folder, model, {"input_ids": ids, "text_embeds": F.normalize(texts, dim=-1), "text_projected": texts})
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["MultilingualCLIP"], "model_type": "M-CLIP", "modelBase": base, "numDims": width,
        "transformerDimensions": encoder.config.hidden_size}, indent=2) + "\n")


def sentence_transformer(folder, seed, encoder, width, sentences, activation, below):
    """below: whether the encoder lies in a folder of its own, as it did in earlier releases."""
    root = folder / "0_Transformer" if below else folder
    generator = randomise(encoder, seed)
    dense = torch.nn.Linear(encoder.config.hidden_size, width, bias=activation == "Tanh")
    with torch.no_grad():
        for tensor in dense.state_dict().values():
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.3)
        ids = ids_of(generator, encoder.config.vocab_size, sentences, encoder.config.pad_token_id)
        seen = (ids != encoder.config.pad_token_id).long()
        hidden = encoder(input_ids=ids, attention_mask=seen).last_hidden_state
        texts = dense((hidden * seen[..., None]).sum(1) / seen.sum(1, keepdim=True))
        texts = torch.tanh(texts) if activation == "Tanh" else texts
    write(root, encoder, {})
    (root / "reference.safetensors").unlink()
    encoder.config.save_pretrained(root)
    (root / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": sentences, "do_lower_case": False}) + "\n")
    linear = torch.nn.Module()
    linear.linear = dense
    write(folder / "2_Dense", linear, {})
    (folder / "2_Dense" / "reference.safetensors").unlink()
    name = {"Tanh": "activation.Tanh", "Identity": "linear.Identity"}[activation]
    (folder / "2_Dense" / "config.json").write_text(json.dumps({
        "in_features": encoder.config.hidden_size, "out_features": width, "bias": activation == "Tanh",
        "activation_function": f"torch.nn.modules.{name}"}) + "\n")
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({
        "word_embedding_dimension": encoder.config.hidden_size, "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False}) + "\n")
    paths = [("0_Transformer" if below else "", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense")]
    (folder / "modules.json").write_text(json.dumps([
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (path, kind) in enumerate(paths)], indent=2) + "\n")
    save_file({"input_ids": ids, "text_embeds": F.normalize(texts, dim=-1), "text_projected": texts},
              folder / "reference.safetensors")


def text_encoders(folder):
    wide = dict(hidden_size=64, num_attention_heads=1, num_hidden_layers=2, intermediate_size=44, vocab_size=70)
    m_clip(folder / "m-clip", 30, "xlm-roberta-large", transformers.XLMRobertaModel(transformers.XLMRobertaConfig(
        **wide, max_position_embeddings=13, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1)), 20)
    m_clip(folder / "m-clip-labse", 31, "sentence-transformers/LaBSE", transformers.BertModel(transformers.BertConfig(
        **dict(wide, hidden_size=128, num_attention_heads=2, num_hidden_layers=1), max_position_embeddings=11), add_pooling_layer=False), 24)
    small = dict(dim=36, n_heads=3, n_layers=2, hidden_dim=44, vocab_size=70, max_position_embeddings=14)
    sentence_transformer(folder / "sentence-transformers", 32,
                         transformers.DistilBertModel(transformers.DistilBertConfig(**small)).eval(), 20, 8, "Identity", False)
    sentence_transformer(folder / "sentence-transformers-2", 33,
                         transformers.DistilBertModel(transformers.DistilBertConfig(**dict(small, n_layers=1, activation="relu"))).eval(),
                         24, 9, "Tanh", True)
