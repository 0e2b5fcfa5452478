"""Writes loglikelihood.json: what SmolLM2-135M-Instruct thinks of a long text, in float32, by transformers.

usage: make_loglikelihood.py TEXT_FILE [MODEL_DIR]      (default: models/downloaded/smollm2-135m-instruct of scripts/get_models)
"""
import os
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from write import write

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENS = 1024


def main(text_file, folder):
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    ids = tokenizer(open(text_file).read(), add_special_tokens=False).input_ids[:TOKENS]
    told = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0].double(), dim=-1)
    logprobs = told[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0].tolist()
    write(os.path.join(HERE, "loglikelihood.json"), {
        "model": "smollm2-135m-instruct", "dtype": "float32", "ids": ids, "sum": round(sum(logprobs), 6),
        "first": [float(f"{p:.7g}") for p in logprobs[:50]]})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else os.path.join(HERE, "../../models/downloaded/smollm2-135m-instruct"))
