"""Writes tiny/{roberta,xlm-roberta,distilbert,mpnet}-*: seeded encoders as Hugging Face directories, each with golden.json by
transformers. Those of BERT are made by make_tiny.py.

usage: make_tiny_encoders.py [NAME...]      (default: all)
"""
import os
import shutil
import sys

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (DistilBertConfig, DistilBertForSequenceClassification, DistilBertForTokenClassification, DistilBertModel,
                          MPNetConfig, MPNetForMaskedLM, MPNetForSequenceClassification, MPNetForTokenClassification, MPNetModel,
                          RobertaConfig, RobertaForMaskedLM, RobertaForSequenceClassification, RobertaModel, XLMRobertaConfig,
                          XLMRobertaForTokenClassification, XLMRobertaModel)

from make_tiny import CORPUS, OUT, bert_tokenizer, save_json, sentence_transformers_files, seeded
from write import numbers, write

TEXTS = ["the weir", "Water flows down, and the fox jumps!", "the river " * 12, ("the dam", "the lazy dog")]
TASK_TEXTS = TEXTS + [("the river and the hill", "back")]
LONGEST = 64  # tokens that each model takes
MARKS = dict(bos_token="<s>", eos_token="</s>", sep_token="</s>", cls_token="<s>", unk_token="<unk>", pad_token="<pad>",
             mask_token="<mask>")
BYTES = 384  # of the vocabulary of a tokenizer of bytes
SIZES = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, layer_norm_eps=1e-5, bos_token_id=0)
ROBERTA = dict(**SIZES, vocab_size=BYTES, max_position_embeddings=LONGEST + 2, type_vocab_size=1, pad_token_id=1, eos_token_id=2)
# The padding's id is not 1, so that the table of positions begins elsewhere.
XLM = dict(**SIZES, vocab_size=288, max_position_embeddings=LONGEST + 5, type_vocab_size=2, pad_token_id=4, eos_token_id=1)

MPNET = {**ROBERTA}
del MPNET["type_vocab_size"]
DISTILBERT = dict(dim=32, hidden_dim=64, n_layers=2, n_heads=4, vocab_size=288, max_position_embeddings=LONGEST, pad_token_id=0)


def of_words(folder):
    """BERT's, whose template gives the second text of a pair the type 1, though DistilBERT has no types."""
    return bert_tokenizer(folder, LONGEST)


def of_bytes(folder):
    """RoBERTa's: BPE of bytes, <s> and </s> around a text, two </s> between the texts of a pair."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=BYTES, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return save_tokenizer(folder, tokenizer, "RobertaTokenizer")


def of_unigrams(folder):
    """XLM-RoBERTa's: unigrams, the same marks around the texts."""
    special = ["<s>", "</s>", "<unk>", "<mask>", "<pad>"]
    words = sorted({"▁" + word for line in CORPUS for word in line.split()})
    letters = sorted({letter for word in words for letter in word})
    tokenizer = Tokenizer(models.Unigram(
        [(piece, 0.0) for piece in special] + [(word, -4.0) for word in words] + [(letter, -8.0) for letter in letters], unk_id=2))
    tokenizer.add_special_tokens(special)
    tokenizer.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    return save_tokenizer(folder, tokenizer, "XLMRobertaTokenizer")


def save_tokenizer(folder, tokenizer, name):
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    save_json(folder, "tokenizer_config.json", {"tokenizer_class": name, **MARKS, "model_max_length": LONGEST})
    return tokenizer


# name: (seed, config, model, tokenizer, pooling, normalise)
VECTORS = {
    "roberta-mean": (71, RobertaConfig(**ROBERTA), RobertaModel, of_bytes, "mean", False),
    "roberta-masked": (72, RobertaConfig(**{**ROBERTA, "hidden_size": 45, "num_attention_heads": 3, "hidden_act": "gelu_new"}),
                       RobertaForMaskedLM, of_bytes, None, False),
    "xlm-roberta-cls": (73, XLMRobertaConfig(**XLM), XLMRobertaModel, of_unigrams, "cls", True),
    "distilbert-mean": (76, DistilBertConfig(**DISTILBERT), DistilBertModel, of_words, "mean", True),
    "distilbert-sinusoidal": (77, DistilBertConfig(**{**DISTILBERT, "dim": 45, "n_heads": 3, "activation": "relu",
                                                      "sinusoidal_pos_embds": True}), DistilBertModel, of_words, None, False),
    "mpnet-mean": (80, MPNetConfig(**MPNET), MPNetModel, of_bytes, "mean", True),
    "mpnet-masked": (81, MPNetConfig(**{**MPNET, "hidden_size": 45, "num_attention_heads": 3, "hidden_act": "relu"}),
                     MPNetForMaskedLM, of_bytes, None, False),
}
WITHOUT_POSITIONS = ("distilbert-sinusoidal",)  # the file has no table of them: they are computed
# name: (seed, config, model, tokenizer, labels)
TASKS = {
    "roberta-classify": (74, RobertaConfig(**ROBERTA), RobertaForSequenceClassification, of_bytes, ["bad", "fair", "good"]),
    "xlm-roberta-tag": (75, XLMRobertaConfig(**XLM), XLMRobertaForTokenClassification, of_unigrams,
                        ["O", "B-THING", "I-THING", "B-PLACE", "I-PLACE"]),
    "distilbert-classify": (78, DistilBertConfig(**DISTILBERT), DistilBertForSequenceClassification, of_words,
                            ["bad", "fair", "good"]),
    "mpnet-classify": (82, MPNetConfig(**MPNET), MPNetForSequenceClassification, of_bytes, ["bad", "fair", "good"]),
    "mpnet-tag": (83, MPNetConfig(**MPNET), MPNetForTokenClassification, of_bytes,
                  ["O", "B-THING", "I-THING", "B-PLACE", "I-PLACE"]),
    "distilbert-tag": (79, DistilBertConfig(**DISTILBERT), DistilBertForTokenClassification, of_words,
                       ["O", "B-THING", "I-THING", "B-PLACE", "I-PLACE"]),
}


def save_model(name, seed, Model, config):
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    model = seeded(Model(config), seed)
    kept = {n: t for n, t in model.state_dict().items() if name not in WITHOUT_POSITIONS or "position_embeddings" not in n}
    model.save_pretrained(folder, state_dict=kept)
    return folder, Model.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def inputs_of(config, ids, type_ids):
    """A model without token types is given none."""
    types = {"token_type_ids": torch.tensor([type_ids])} if getattr(config, "type_vocab_size", 0) else {}
    return {"input_ids": torch.tensor([ids]), **types}


def encodings(tokenizer, texts):
    for text in texts:
        encoding = tokenizer.encode(*text) if isinstance(text, tuple) else tokenizer.encode(text)
        assert len(encoding.ids) <= LONGEST
        yield text, encoding.ids, encoding.type_ids


def longest_input(config, seed):
    """As many tokens as the model takes, of all its types; none is the padding."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, config.vocab_size, (LONGEST,), generator=generator).tolist()
    return None, ids, torch.randint(0, getattr(config, "type_vocab_size", 1), (LONGEST,), generator=generator).tolist()


def make_vectors(name):
    seed, config, Model, make_tokenizer, pooling, normalise = VECTORS[name]
    folder, model = save_model(name, seed, Model, config)
    tokenizer = make_tokenizer(folder)
    if pooling:
        sentence_transformers_files(folder, config.hidden_size, pooling, normalise, LONGEST)
    rows = []
    for text, ids, types in [*encodings(tokenizer, TEXTS), longest_input(config, seed)]:
        hidden = model.base_model(**inputs_of(config, ids, types)).last_hidden_state[0]
        vector = hidden[0] if pooling == "cls" else hidden.mean(0)
        if normalise:
            vector = torch.nn.functional.normalize(vector, dim=0)
        rows.append({"text": None if isinstance(text, tuple) else text, "ids": ids, "type_ids": types,
                     "last_hidden_state": numbers(hidden), "vector": numbers(vector)})
        print(f"{name}: {len(ids)} tokens, {numbers(vector)[:3]}")
    write(os.path.join(folder, "golden.json"), {
        "kind": config.model_type, "pooling": pooling or "mean", "normalise": normalise, "texts": rows})


def make_task(name):
    """An encoder with the head of a task: its logits, of the text or of each token."""
    seed, config, Model, make_tokenizer, labels = TASKS[name]
    config.id2label, config.label2id = dict(enumerate(labels)), {label: i for i, label in enumerate(labels)}
    folder, model = save_model(name, seed, Model, config)
    rows = []
    for text, ids, types in encodings(make_tokenizer(folder), TASK_TEXTS):
        logits = model(**inputs_of(config, ids, types)).logits[0]
        rows.append({"text": list(text) if isinstance(text, tuple) else text, "ids": ids, "type_ids": types,
                     "logits": numbers(logits)})
        print(f"{name}: {len(ids)} tokens, {rows[-1]['logits'][:3]}")
    write(os.path.join(folder, "golden.json"), {"kind": name, "labels": labels, "texts": rows})


def main(names):
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    for name in names or [*VECTORS, *TASKS]:
        (make_vectors if name in VECTORS else make_task)(name)


if __name__ == "__main__":
    main(sys.argv[1:])
