"""Writes tagger.json: the emissions of models/minilm-ner-crf for the inputs of its golden.json, which has those of a few only.

usage: make_tagger.py      (wants transformers and safetensors, the default models and the head's weights; see README.md)
"""
import json
import os

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertModel

from write import numbers, write

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "..", "models")
HEAD = os.path.join(MODELS, "minilm-ner-crf")


def head_of(weights):
    lstm = torch.nn.LSTM(384, 64, bidirectional=True, batch_first=True).double()
    lstm.load_state_dict({name[len("lstm."):]: value for name, value in weights.items() if name.startswith("lstm.")})

    def emissions(layers, words):
        mixed = (weights["mix.weight"][:, None, None] * torch.stack(layers)).sum(0)[words]
        return lstm(mixed[None])[0][0] @ weights["linear.weight"].T + weights["linear.bias"]

    return emissions


@torch.no_grad()
def main():
    trunk = BertModel.from_pretrained(os.path.join(MODELS, "downloaded", "all-minilm-l6-v2"), dtype=torch.float64).eval()
    weights = load_file(os.path.join(HEAD, "head.safetensors"))
    head = head_of({name: value.double() for name, value in weights.items()})
    with open(os.path.join(HEAD, "golden.json"), encoding="utf-8") as f:
        cases = json.load(f)["cases"]
    lines = []
    for case in cases:
        ids = torch.tensor([case["token_ids"]]) if case.get("token_ids") else ids_of(case)
        layers = [layer[0] for layer in trunk(input_ids=ids, output_hidden_states=True).hidden_states]
        words = case["first_piece"]
        lines.append(numbers(head(layers, words)) if words else [])
        if "emissions_float64" in case:
            assert (torch.tensor(case["emissions_float64"]) - torch.tensor(lines[-1])).abs().max() < 1e-5
    write(os.path.join(HERE, "tagger.json"), {"emissions": lines})


def ids_of(case):
    tokenizer = Tokenizer.from_file(os.path.join(MODELS, "downloaded", "all-minilm-l6-v2", "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    return torch.tensor([tokenizer.encode(case["text"]).ids])


if __name__ == "__main__":
    main()
