"""The kinds of tokenizers beside CLIP's: small tables of each, and the library that defines its ids.

Used by make_tokenizer_kinds.py and compare_tokenizer_kinds.py.

    pip install transformers==5.24.0 tokenizers==0.23.3 sentencepiece==0.2.3 protobuf
"""
import collections
import io
import json
import pathlib
import random

import sentencepiece
import tokenizers
from sentencepiece import sentencepiece_model_pb2 as protobuf
from tokenizers import AddedToken, Regex, models, normalizers, pre_tokenizers, processors
from transformers import BertTokenizer, SiglipTokenizer

from tokenizer_texts import WORDS

MARK = "▁"
SYLLABLES = [
    "ba be bi bo bu sta ste tri ing er ed pho to ca mi lo ne ra shi zu que ou ght the of an and",
    "na ña né çe ü ß ö ä øre å ła żu ě ř", "λο γο σ ς να μα τε ή ώ ρι", "на ко ст ра ет ов ий ы э ж",
    "か き く け こ さ し す せ そ ー ん ア イ ウ エ オ", "日 本 東 京 的 一 是 了 我 不", "가 나 다 라 마 바 사 각 한 글",
    "ال من في على م ن ي", "0 1 2 3 4 5 99 2024 ! ? . , - ' # @ _ & % ( )"]
SPECIALS = ["<s>", "</s>", "<pad>", "<unk>", "<mask>", "<eos>", "<bos>", "[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "<0x41>",
            "eng_Latn", "fra_Latn", "<s>a", " </s> ", "a</s>b", "▁", "▁▁a", "##s", "A_b-c."]
# Few enough that the table stays small; with entries that begin others, and some that leave nothing.
RULES = {"ﬁ": "fi", "½": "1⁄2", "²": "2", "①": "1", "Ⅷ": "VIII", "ｶ": "カ", "ｶﾞ": "ガ", "e\u0301": "é",
         "A\u0300": "À", "\u1100\u1161": "\uac00", "\u1100\u1161\u11a8": "\uac01",
         "\t": " ", "\n": " ", "\r": " ", "\u00a0": " ",
         "\u3000": " ", "\u200b": " ", "\ufeff": "", "\x01": "", "\x7f": "", "…": "...", "㌀": "アパート", "¨": " \u0308"}


def captions():
    made = [f"a {kind} of {count} {size} {colour} {thing}s {place}, it's the {rank} one we've seen"
            for kind in ("photo", "drawing", "close-up", "rendering", "sculpture")
            for count, rank in (("one", "first"), ("two", "second"), ("several", "last"))
            for size in ("small", "large", "enormous") for colour in ("red", "green", "dark blue")
            for thing in ("cat", "bicycle", "elephant", "mountain", "café")
            for place in ("running in the street", "under a tree", "beside the river", "at night")]
    made += WORDS * 20
    # A language of its own for each script, so that there are pieces to learn.
    rng = random.Random(11)
    for syllables in SYLLABLES:
        parts = syllables.split()
        words = ["".join(rng.choices(parts, k=rng.randint(1, 4))) for _ in range(400)]
        made += [" ".join(rng.choices(words, [1 / (i + 3) for i in range(400)], k=8)) for _ in range(300)]
    return made


def train(folder, model_type, size=1000, rules=None, **options):
    """A SentencePiece model; the same bytes every time."""
    model = io.BytesIO()
    if rules:
        path = folder / "rules.tsv"
        path.write_text("".join(
            "{}\t{}\n".format(*(" ".join(f"{ord(c):X}" for c in text) for text in rule)) for rule in rules.items()))
        options["normalization_rule_tsv"] = str(path)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(captions()), model_writer=model, model_type=model_type, vocab_size=size, num_threads=1,
        character_coverage=0.9995, hard_vocab_limit=False, minloglevel=2, **options)
    if rules:
        path.unlink()
    return model.getvalue()


def proto(data):
    message = protobuf.ModelProto()
    message.ParseFromString(data)
    return message


def dump(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def fairseq(message):
    pieces = [(name, 0.0) for name in ("<s>", "<pad>", "</s>", "<unk>")]
    return pieces + [(p.piece, p.score) for p in message.pieces[3:]]


def merges(message):
    """As transformers derives them: every way to cut a piece in two, by score, id and parts."""
    normal = {p.piece: (p.score, i) for i, p in enumerate(message.pieces) if p.type == 1}
    ranked = [(-score, i, piece[:cut], piece[cut:]) for piece, (score, i) in normal.items()
              for cut in range(1, len(piece)) if piece[:cut] in normal and piece[cut:] in normal]
    return [(left, right) for _, _, left, right in sorted(ranked)]


def template(tokenizer, single):
    special = [(word, tokenizer.token_to_id(word)) for word in single.split() if word != "$A"]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, special_tokens=special)


def save(tokenizer, folder, config):
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    dump(folder / "tokenizer_config.json", config)


def siglip(folder):
    (folder / "spiece.model").write_bytes(train(
        folder, "unigram", normalization_rule_name="nmt_nfkc", pad_id=0, eos_id=1, unk_id=2, bos_id=-1))
    dump(folder / "tokenizer_config.json", {
        "tokenizer_class": "SiglipTokenizer", "do_lower_case": True, "model_max_length": 64, "pad_token": "</s>"})


def xlmr_model(folder):
    (folder / "sentencepiece.bpe.model").write_bytes(train(folder, "unigram", rules=RULES, unk_id=0, bos_id=1, eos_id=2))
    dump(folder / "tokenizer_config.json", {"tokenizer_class": "XLMRobertaTokenizer"})


def xlmr(folder):
    message = proto(train(folder, "unigram", rules=RULES, unk_id=0, bos_id=1, eos_id=2))
    tokenizer = tokenizers.Tokenizer(models.Unigram(fairseq(message) + [("<mask>", 0.0)], unk_id=3))
    tokenizer.normalizer = normalizers.Precompiled(message.normalizer_spec.precompiled_charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True, normalized=True)])
    template(tokenizer, "<s> $A </s>")
    save(tokenizer, folder, {"tokenizer_class": "XLMRobertaTokenizer", "pad_token": "<pad>"})


def t5(folder):
    message = proto(train(folder, "unigram", rules=RULES, pad_id=0, eos_id=1, unk_id=2, bos_id=-1))
    extra = [f"<extra_id_{i}>" for i in range(3)]
    tokenizer = tokenizers.Tokenizer(models.Unigram(
        [(p.piece, p.score) for p in message.pieces] + [(name, 0.0) for name in extra], unk_id=2))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(message.normalizer_spec.precompiled_charsmap),
        normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), MARK)])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>", *extra])
    template(tokenizer, "$A </s>")
    save(tokenizer, folder, {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "</s>"})


def siglip2(folder):
    message = proto(train(
        folder, "bpe", 1400, normalization_rule_name="identity", byte_fallback=True, add_dummy_prefix=False, pad_id=0, eos_id=1,
        bos_id=2, unk_id=3, remove_extra_whitespaces=False, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>",
        user_defined_symbols=["\n\n", MARK * 2, MARK * 4]))
    tokenizer = tokenizers.Tokenizer(models.BPE(
        {p.piece: i for i, p in enumerate(message.pieces)}, merges(message), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(" ", MARK)])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous")
    tokenizer.add_special_tokens(["<pad>", "<eos>", "<bos>", "<unk>"])
    tokenizer.add_tokens([AddedToken(name, normalized=False) for name in ("\n\n", MARK * 2, MARK * 4)])
    template(tokenizer, "$A <eos>")
    save(tokenizer, folder, {"tokenizer_class": "GemmaTokenizer", "pad_token": "<pad>"})


def gemma_model(folder):
    (folder / "tokenizer.model").write_bytes(train(
        folder, "bpe", 1400, normalization_rule_name="identity", byte_fallback=True, add_dummy_prefix=False, pad_id=0, eos_id=1,
        bos_id=2, unk_id=3, remove_extra_whitespaces=False, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>"))
    dump(folder / "tokenizer_config.json", {
        "tokenizer_class": "GemmaTokenizer", "add_bos_token": True, "add_eos_token": True, "pad_token": "<pad>"})


def nllb(folder):
    message = proto(train(folder, "bpe", rules=RULES, unk_id=0, bos_id=1, eos_id=2))
    tokenizer = tokenizers.Tokenizer(models.BPE(
        {piece: i for i, (piece, _) in enumerate(fairseq(message))}, merges(message), unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(message.normalizer_spec.precompiled_charsmap), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.add_special_tokens([
        "<s>", "<pad>", "</s>", "<unk>", "eng_Latn", "fra_Latn", AddedToken("<mask>", lstrip=True, normalized=True)])
    template(tokenizer, "eng_Latn $A </s>")
    save(tokenizer, folder, {"tokenizer_class": "NllbTokenizer", "pad_token": "<pad>"})


def bert_vocabulary(lower):
    """Special tokens, characters, and the most frequent beginnings and continuations of words."""
    counts = collections.Counter()
    backend = BertTokenizer(vocab={"[UNK]": 0}, do_lower_case=lower).backend_tokenizer
    for caption in captions():
        normal = backend.normalizer.normalize_str(caption)
        counts.update(word for word, _ in backend.pre_tokenizer.pre_tokenize_str(normal))
    parts, characters = collections.Counter(), set()
    for word, count in counts.items():
        characters.update(word)
        for a in range(len(word)):
            for b in range(a + 2, len(word) + 1):
                parts["##" * (a > 0) + word[a:b]] += count * (b - a)
    common = sorted(parts, key=lambda part: (-parts[part], part))[:700]
    known = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + sorted(characters)
    return known + ["##" + c for c in sorted(characters) if c.isalnum()] + common


def bert(folder):
    (folder / "vocab.txt").write_text("\n".join(bert_vocabulary(True)) + "\n", encoding="utf-8")
    dump(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True})


def bert_cased(folder):
    vocabulary = {token: i for i, token in enumerate(bert_vocabulary(False))}
    tokenizer = BertTokenizer(vocab=vocabulary, do_lower_case=False).backend_tokenizer
    save(tokenizer, folder, {"tokenizer_class": "BertTokenizer", "do_lower_case": False})


def roberta(folder):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    counts = collections.Counter(
        word for caption in captions() for word, _ in split.pre_tokenize_str(" " + caption))
    words = [(list(word), count) for word, count in sorted(counts.items())]
    vocabulary, found = ["<s>", "<pad>", "</s>", "<unk>", *alphabet], []
    while len(found) < 400:
        pairs = collections.Counter()
        for word, count in words:
            for pair in zip(word, word[1:]):
                if "".join(pair) not in vocabulary:
                    pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        found.append(best)
        vocabulary.append("".join(best))
        for word, _ in words:
            for i in range(len(word) - 1, 0, -1):
                if (word[i - 1], word[i]) == best:
                    word[i - 1 : i + 1] = ["".join(best)]
    vocabulary.append("<mask>")
    tokenizer = tokenizers.Tokenizer(models.BPE({token: i for i, token in enumerate(vocabulary)}, found))
    tokenizer.pre_tokenizer = split
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    save(tokenizer, folder, {"tokenizer_class": "RobertaTokenizer", "pad_token": "<pad>"})


KINDS = {make.__name__.replace("_", "-"): make for make in (
    siglip, xlmr_model, xlmr, t5, siglip2, gemma_model, nllb, bert, bert_cased, roberta)}


class Longest:
    """`tokenizers` with SentencePiece's rule for tables of replacements: the longest match.

    The library up to 0.23 looks replacements up by grapheme cluster, which loses accents and does not
    compose Korean; its crate has taken over SentencePiece's rule since. Here SentencePiece replaces, and the
    library reads the result without its table.
    """
    def __init__(self, text):
        whole = json.loads(text)
        steps = whole["normalizer"].get("normalizers", [whole["normalizer"]])
        charsmap = next(step for step in steps if step["type"] == "Precompiled")["precompiled_charsmap"]
        without = [step for step in steps if step["type"] != "Precompiled"]
        whole["normalizer"] = {"type": "Sequence", "normalizers": without}
        self.inner = tokenizers.Tokenizer.from_str(json.dumps(whole))
        self.outer = tokenizers.Tokenizer.from_str(text)
        self.rule = self.replacer(charsmap)
        self.differing = 0

    @staticmethod
    def replacer(charsmap):
        import base64
        message = protobuf.ModelProto()
        for piece, kind in (("<unk>", 2), ("a", 1)):
            message.pieces.add(piece=piece, score=0, type=kind)
        message.trainer_spec.model_type = 1
        spec = message.normalizer_spec
        spec.precompiled_charsmap = base64.b64decode(charsmap)
        spec.add_dummy_prefix = spec.remove_extra_whitespaces = spec.escape_whitespaces = False
        return sentencepiece.SentencePieceProcessor(model_proto=message.SerializeToString()).normalize

    def __call__(self, texts):
        ids = []
        for text in texts:
            # Added tokens are sought in the text as it was given; what stands between them is replaced.
            pieces, position = [], 0
            for token, (start, end) in self.parts(text):
                pieces += [self.rule(text[position:start]), text[start:end]]
                position = end
            pieces.append(self.rule(text[position:]))
            found = self.inner.encode("".join(pieces)).ids
            self.differing += found != self.outer.encode(text).ids
            ids.append(found)
        return ids

    def parts(self, text):
        raw = {t.content for t in self.inner.get_added_tokens_decoder().values() if not t.normalized}
        position = 0
        while position < len(text):
            found = max((t for t in raw if text.startswith(t, position)), key=len, default=None)
            if found:
                yield found, (position, position + len(found))
            position += len(found or "x")


def reference(kind, folder):
    """What gives the ids of many texts."""
    if kind == "siglip":
        tokenizer = SiglipTokenizer.from_pretrained(folder)
        return lambda texts: [tokenizer(text)["input_ids"] for text in texts]
    if kind == "bert":
        tokenizer = BertTokenizer.from_pretrained(folder)
        return lambda texts: tokenizer(texts)["input_ids"]
    if kind == "xlmr-model":
        model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
        return lambda texts: [[0, *[i + 1 if i else 3 for i in ids], 2] for ids in model.encode(texts)]
    if kind == "gemma-model":
        model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
        return lambda texts: [[2, *ids, 1] for ids in model.encode(texts)]
    text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    if '"Precompiled"' in text:
        return Longest(text)
    tokenizer = tokenizers.Tokenizer.from_str(text)
    return lambda texts: [encoding.ids for encoding in tokenizer.encode_batch(texts)]


def is_fair(kind, text):
    """SentencePiece itself knows no added tokens, which transformers' classes seek in texts."""
    return kind not in ("xlmr-model", "gemma-model") or not any(
        name in text for name in ("<s>", "</s>", "<pad>", "<unk>", "<mask>", "<eos>", "<bos>"))
