"""Writes tiny/gru: a seeded language model of two GRU layers in the layout that README.md describes, and its golden.json by torch.nn.GRU.

usage: make_tiny_gru.py
"""
import os
import shutil

import torch
from safetensors.torch import load_file, save_file

from make_tiny import FEW_PIECES, OUT, pieces, random_prompts, save_decoder_tokenizer, save_json, seeded
from write import numbers, write

FOLDER = os.path.join(OUT, "gru")
CONFIG = {"architectures": ["GruForCausalLM"], "model_type": "gru", "vocab_size": FEW_PIECES, "hidden_size": 24, "embedding_size": 16,
          "num_hidden_layers": 2, "max_position_embeddings": 128, "tie_word_embeddings": False, "bos_token_id": 0, "eos_token_id": 1,
          "pad_token_id": 1, "dtype": "float32"}
SEED = 129


class GruForCausalLM(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = torch.nn.Embedding(config["vocab_size"], config["embedding_size"])
        self.rnn = torch.nn.GRU(config["embedding_size"], config["hidden_size"], config["num_hidden_layers"], batch_first=True)
        self.lm_head = torch.nn.Linear(config["hidden_size"], config["vocab_size"])

    def forward(self, ids, state=None):
        """(logits (tokens, vocabulary), the state of each layer after the last token)."""
        states, state = self.rnn(self.embed_tokens(torch.tensor([ids])), state)
        return self.lm_head(states)[0], state


def greedy(model, ids, count):
    """Greedy continuation past any stop token: (ids, smallest gap between the best and the second logit of a step)."""
    (logits, state), out, gap = model(ids), [], float("inf")
    for _ in range(count):
        best = torch.topk(logits[-1], 2)
        gap = min(gap, (best.values[0] - best.values[1]).item())
        out.append(best.indices[0].item())
        logits, state = model(out[-1:], state)
    return out, gap


def main():
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    shutil.rmtree(FOLDER, ignore_errors=True)
    save_json(FOLDER, "config.json", CONFIG)
    save_file(seeded(GruForCausalLM(CONFIG), SEED).state_dict(), os.path.join(FOLDER, "model.safetensors"), {"format": "pt"})
    save_decoder_tokenizer(FOLDER, pieces(["<s>", "</s>", "<unk>"]))
    model = GruForCausalLM(CONFIG).eval()
    model.load_state_dict(load_file(os.path.join(FOLDER, "model.safetensors")))
    rows = []
    for ids in random_prompts(SEED + 100, FEW_PIECES, (5, 21, 40)):
        output, gap = greedy(model, ids, 24)
        rows.append({"ids": ids, "output_ids": output, "smallest_gap": float(f"{gap:.4g}"), "logits": numbers(model(ids)[0])})
        print(f"gru: {len(ids)} tokens, smallest gap {gap:.4g}, {output[:8]}")
    write(os.path.join(FOLDER, "golden.json"), {"kind": "gru", "prompts": rows})


if __name__ == "__main__":
    main()
