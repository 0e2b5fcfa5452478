"""Writes beams.json: beam searches of the tiny models by transformers, in every spelling of their options.

usage: make_beams.py
"""
import json
import os
import random

import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

HERE = os.path.dirname(os.path.abspath(__file__))
DECODERS = ("llama-gqa-tied", "gpt2", "mistral-window", "qwen3-head-norms")
ENCODER_DECODERS = ("t5-tied-gated", "t5-untied-plain")
OPTIONS = (
    dict(num_beams=4),
    dict(num_beams=4, num_return_sequences=4, length_penalty=2.0),
    dict(num_beams=3, num_return_sequences=2, length_penalty=-1.0),
    dict(num_beams=3, length_penalty=0.0, early_stopping="never"),
    dict(num_beams=2, num_return_sequences=2, early_stopping=True),
    dict(num_beams=4, early_stopping="never", length_penalty=1.5),
    dict(num_beams=4, num_return_sequences=3, no_repeat_ngram_size=2),
    dict(num_beams=5, no_repeat_ngram_size=1, early_stopping=True),
    dict(num_beams=3, min_tokens=6),
)
MOST = 16


def searched(model, inputs, stops, options):
    options = dict(options)
    least = options.pop("min_tokens", 0)
    out = model.generate(**inputs, **options, do_sample=False, max_new_tokens=MOST, min_new_tokens=least or None, eos_token_id=stops,
                         pad_token_id=stops[0], return_dict_in_generate=True, output_scores=True)
    begun = inputs.get("decoder_input_ids", inputs["input_ids"]).shape[1]
    texts = []
    for row in out.sequences.tolist():
        text = row[begun:]
        end = next((i + 1 for i, token in enumerate(text) if token in stops and i >= least), len(text))
        texts.append(text[:end])
    return texts, [round(score, 5) for score in out.sequences_scores.tolist()]


def cases(name, sides):
    folder = os.path.join(HERE, "tiny", name)
    kind = AutoModelForSeq2SeqLM if sides else AutoModelForCausalLM
    model = kind.from_pretrained(folder, dtype=torch.float32).eval()
    golden = json.load(open(os.path.join(folder, "golden.json")))
    given = [(one.get("source_ids"), one.get("decoder_ids") or one.get("ids")) for one in golden["sources" if sides else "prompts"]][:2]
    chance = random.Random(name)
    for source, prompt in given:
        inputs = {"input_ids": torch.tensor([source or prompt])}
        start = [model.generation_config.decoder_start_token_id] if sides else []
        if sides:
            inputs["decoder_input_ids"] = torch.tensor([prompt if prompt[:1] == start else start + prompt])
        with torch.no_grad():
            logits = model(**inputs).logits[0, -1]
        # Ids that come often, so that texts end in the middle.
        stops = sorted(chance.sample(logits.topk(12).indices.tolist()[2:], 2))
        for options in OPTIONS:
            with torch.no_grad():
                texts, scores = searched(model, inputs, stops, options)
            yield {"model": name, **({"source": source} if sides else {}), "prompt": prompt, "stop_token_ids": stops, **options,
                   "texts": texts, "scores": scores}


def main():
    torch.set_num_threads(1)
    found = [case for name in DECODERS for case in cases(name, False)]
    found += [case for name in ENCODER_DECODERS for case in cases(name, True)]
    lines = ",\n".join(json.dumps(case) for case in found)
    with open(os.path.join(HERE, "beams.json"), "w") as out:
        out.write(f'{{"max_tokens": {MOST}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
