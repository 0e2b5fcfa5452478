"""Writes tiny/t5-*: seeded T5 models as Hugging Face directories, each with golden.json by transformers.

usage: make_tiny_t5.py [NAME...]      (default: all)
"""
import json
import os
import shutil
import sys

import torch
from tokenizers import processors
from transformers import T5Config, T5ForConditionalGeneration

from make_tiny import FEW_PIECES, OUT, pieces, random_prompts, save_json, seeded
from write import numbers, write

START, END = 0, 1
T5 = dict(num_layers=2, vocab_size=FEW_PIECES, decoder_start_token_id=START, pad_token_id=START, eos_token_id=END)


def older_spelling(tied):
    """What transformers 4 wrote: whether states are scaled follows from whether the table is shared."""
    def edit(config):
        config["tie_word_embeddings"] = tied
        del config["scale_decoder_outputs"]
    return edit


# name: (seed, config, dtype of the file, whether it has its own lm_head.weight, edit of config.json, lengths of sources and
# of given decoder texts). A source of length 1 is the end token alone.
T5S = {
    "t5-tied-gated": (87, dict(d_model=32, num_heads=3, d_kv=16, d_ff=40, feed_forward_proj="gated-gelu"), torch.bfloat16, False,
                      older_spelling(True), (11, 30, 1), (1, 5, 2)),
    "t5-untied-plain": (94, dict(d_model=24, num_heads=4, d_kv=8, d_ff=48, feed_forward_proj="relu"), torch.float32, True,
                        older_spelling(False), (11, 30, 1), (1, 5, 2)),
    # As transformers 5 writes it: it says that the table is shared, has a table for the logits all the same, and does not scale.
    "t5-far": (90, dict(d_model=20, num_heads=3, d_kv=10, d_ff=20, num_decoder_layers=3, relative_attention_num_buckets=8,
                        relative_attention_max_distance=12, feed_forward_proj="gated-gelu", tie_word_embeddings=False),
               torch.float32, True, None, (40, 40, 40), (1, 5, 16)),
}


def made(config, seed, has_head):
    model = T5ForConditionalGeneration(config)
    if has_head:
        model.lm_head.weight = torch.nn.Parameter(torch.empty(config.vocab_size, config.d_model))
    model = seeded(model, seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith(".q.weight"):  # T5 does not divide its scores by the root of a head's size
                p.mul_(config.d_kv ** -0.5)
            elif not has_head and name == "shared.weight":  # else a token would mostly be followed by itself
                p.mul_(0.5)
            elif not has_head and name.endswith((".o.weight", ".wo.weight")):
                p.mul_(2.5)
    return model


@torch.no_grad()
def greedy(model, source, given, count):
    """Greedy continuation of the decoder's text past any end: (ids, smallest gap between the best and the second logit)."""
    encoded = model.encoder(input_ids=source)
    ids, gap = list(given), float("inf")
    for _ in range(count):
        logits = model(encoder_outputs=encoded, decoder_input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
        best = torch.topk(logits, 2)
        gap = min(gap, (best.values[0] - best.values[1]).item())
        ids.append(best.indices[0].item())
    return ids[len(given):], gap


def make(name):
    seed, changes, dtype, has_head, edit, source_lengths, given_lengths = T5S[name]
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    made(T5Config(**T5, **changes), seed, has_head).to(dtype).save_pretrained(folder)
    save_tokenizer(folder)
    if edit:
        with open(os.path.join(folder, "config.json")) as f:
            config = json.load(f)
        edit(config)
        save_json(folder, "config.json", config)
    model = T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    assert torch.equal(model.lm_head.weight, model.shared.weight) != has_head
    rows = []
    for source, given in zip(random_prompts(seed + 100, FEW_PIECES, source_lengths),
                             random_prompts(seed + 200, FEW_PIECES, given_lengths)):
        source[-1], given[0] = END, START
        output, gap = greedy(model, torch.tensor([source]), given, 24)
        result = model(input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([given]))
        rows.append({"source_ids": source, "decoder_ids": given, "output_ids": output, "smallest_gap": float(f"{gap:.4g}"),
                     "encoder_last_hidden": numbers(result.encoder_last_hidden_state[0]), "logits": numbers(result.logits[0])})
        print(f"{name}: {len(source)} and {len(given)} tokens, smallest gap {gap:.4g}, {output[:8]}")
    write(os.path.join(folder, "golden.json"), {"kind": "t5", "sources": rows})


def save_tokenizer(folder):
    tokenizer = pieces(["<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", END)])
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    save_json(folder, "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>",
                                                "pad_token": "<pad>", "unk_token": "<unk>", "model_max_length": 64})
    save_json(folder, "generation_config.json", {"decoder_start_token_id": START, "eos_token_id": END, "pad_token_id": START})


def main(names):
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    for name in names or T5S:
        make(name)


if __name__ == "__main__":
    main(sys.argv[1:])
