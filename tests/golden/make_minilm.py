"""Writes minilm.json: sentence vectors of all-MiniLM-L6-v2 in float32 (mean pooling, unit length), by transformers.

usage: make_minilm.py [MODEL_DIR]      (default: models/downloaded/all-minilm-l6-v2 of scripts/get_models)
"""
import json
import os
import sys

import torch
from tokenizers import Tokenizer
from transformers import AutoModel

from write import numbers, write

HERE = os.path.dirname(os.path.abspath(__file__))
TEXTS = [
    "a weir holds back water",
    "a dam on a river",
    "The quick brown fox jumps over the lazy dog.",
    "x",
    ".",
    " ",
    "Ünïcödé: naïve café, Straße, ΑΒΓ, привет",
    "川の水位が上がっています 🌊🚣",
    "What is the capital of France? Paris is the capital and largest city of France.",
    "tabs\tand\nnewlines\r\nand   runs of spaces",
    "supercalifragilisticexpialidocious pneumonoultramicroscopicsilicovolcanoconiosis",
    " ".join(f"Sentence {i} says that water flows downhill and that a weir slows it." for i in range(40)),
]


def main(folder):
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    with open(os.path.join(folder, "sentence_bert_config.json")) as f:
        longest = json.load(f)["max_seq_length"]
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    texts = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        vector = torch.nn.functional.normalize(hidden.mean(0), dim=0)
        tokenizer.no_truncation()
        whole = len(tokenizer.encode(text).ids)
        tokenizer.enable_truncation(longest)
        texts.append({"text": text, "ids": ids, "tokens_uncut": whole, "vector": numbers(vector)})
        print(f"{len(ids)} of {whole} tokens: {text[:50]!r} {numbers(vector)[:3]}")
    write(os.path.join(HERE, "minilm.json"), {"model": "all-minilm-l6-v2", "dtype": "float32",
                                              "max_seq_length": longest, "texts": texts})


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../models/downloaded/all-minilm-l6-v2"))
