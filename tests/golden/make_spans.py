"""Writes spans.json: what transformers' token-classification pipeline makes of seeded tiny BERTs, with the logits it saw.

usage: make_spans.py      (wants transformers; see README.md)
"""
import os

import torch
from transformers import AutoTokenizer, BertConfig, BertForTokenClassification, pipeline

from write import numbers, write

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENIZER = os.path.join(HERE, "tiny", "bert-mean")
TEXTS = [
    "",
    "the weir",
    "Water flows down, and the quick brown fox jumps again!",
    "Überall  Wasser\n(the dam: 3 weirs) holds back the river.",
    "日本 the hill of forts 😀 fox-dog the lazy one",
    "supercalifragilistic watermills thawing the riverbacks; rivers, weirs, seas",
]
LABELS = {
    "BIO": ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
    "IOB1": ["I-PER", "O", "I-LOC", "B-LOC"],
    "none": ["LOC", "O", "PER"],
    "mixed": ["O", "B-X", "X", "I-X", "I-Y-Z"],
}
AGGREGATIONS = ["none", "simple", "first", "max"]


def model_of(labels, seed):
    torch.manual_seed(seed)
    names = dict(enumerate(labels))
    config = BertConfig(vocab_size=288, hidden_size=32, intermediate_size=64, num_attention_heads=4, num_hidden_layers=2,
                        max_position_embeddings=64, id2label=names, label2id={name: i for i, name in names.items()})
    model = BertForTokenClassification(config).eval()
    model.classifier.weight.data.normal_(0, 0.4)
    return model


def case_of(tokenizer, model, text):
    logits = model(**tokenizer(text, return_tensors="pt")).logits[0]
    spans = {}
    for aggregation in AGGREGATIONS:
        tag = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy=aggregation)
        name = "entity" if aggregation == "none" else "entity_group"
        spans[aggregation] = [
            [each[name], each["start"], each["end"], text[each["start"]:each["end"]], float(f"{each['score']:.7g}")]
            for each in (tag(text) if text else [])
        ]
    return {"text": text, "logits": numbers(logits), "spans": spans}


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    cases = []
    for seed, (name, labels) in enumerate(LABELS.items()):
        model = model_of(labels, seed)
        cases += [{"scheme": name, "labels": labels, **case_of(tokenizer, model, text)} for text in TEXTS]
    write(os.path.join(HERE, "spans.json"), {"cases": cases})


if __name__ == "__main__":
    main()
