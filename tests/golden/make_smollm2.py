"""Writes smollm2.json: greedy text and logits of SmolLM2-135M-Instruct in float32, by transformers.

usage: make_smollm2.py [MODEL_DIR]      (default: models/downloaded/smollm2-135m-instruct of scripts/get_models)
"""
import os
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from write import greedy, top, write

HERE = os.path.dirname(os.path.abspath(__file__))
CHATS = [
    [("user", "Name three rivers.")],
    [("user", "What does a weir do?")],
    [("system", "You answer in one short sentence."), ("user", "Why is the sky blue?")],
    [("user", "Write a haiku about rain.")],
    [("user", "Count from 1 to 20, separated by commas: 1, 2, 3, 2026, 4")],
    [("user", "Translate to French: good morning, my friend!"), ("assistant", "Bonjour, mon ami !"),
     ("user", "And to Spanish?")],
    [("user", "Erkläre kurz: Was ist ein Fluss? 🌊 川とは何ですか")],
    [("user", "Write a Python function that returns the n-th Fibonacci number.\n\n```python\ndef fib(n):\n```")],
]


def main(folder):
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    stops = {tokenizer.convert_tokens_to_ids("<|im_end|>")}
    chats = []
    for chat in CHATS:
        messages = [{"role": role, "content": content} for role, content in chat]
        prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids = tokenizer(prompt, add_special_tokens=False).input_ids
        logits = model(input_ids=torch.tensor([ids])).logits[0]
        output, gap = greedy(model, ids, 64)
        stop = next((i for i, t in enumerate(output) if t in stops), None)
        shown = output[:stop] if stop is not None else output
        entry = {
            "messages": messages,
            "prompt": prompt,
            "prompt_ids": ids,
            "output_ids": output,
            "stop_at": stop,
            "text": tokenizer.decode(shown),
            "smallest_gap": float(f"{gap:.4g}"),
            "last_logits": top(logits[-1], 50),
        }
        if not chats:
            entry["positions"] = [dict(position=p, **top(logits[p], 20)) for p in (0, len(ids) // 2, len(ids) - 1)]
        chats.append(entry)
        print(f"{len(ids)} tokens, stop at {stop}, smallest gap {gap:.4g}: {shown[:8]} {entry['text'][:60]!r}")
    write(os.path.join(HERE, "smollm2.json"), {"model": "smollm2-135m-instruct", "dtype": "float32", "chats": chats})


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../models/downloaded/smollm2-135m-instruct"))
