"""Writes added_tokens.json: what transformers makes of tokens that stand only beside tokenizer.json (text/tiny's).

usage: USE_TORCH=0 make_added_tokens.py
"""
import json
import os
import shutil
import tempfile

from transformers import PreTrainedTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
TEXTS = ["hi<|stop|>there", "a <|stop|> b", "say newword and Newword", "x <mask> y", "the<|eot|>end", "one<|im_end|> two<tool_call>",
         "no tokens at all"]


def token(content, **flags):
    return {"content": content, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True,
            **flags}


CONFIG = "tokenizer_config.json"
MAP = "special_tokens_map.json"
ADDED = "added_tokens.json"
# name: files beside tokenizer.json
CASES = {
    "nothing beside it": {},
    "decoder": {CONFIG: {"added_tokens_decoder": {"900": token("<|stop|>"), "10000": token("<|eot|>"),
                                                  "901": token("newword", special=False, normalized=True)},
                         "eos_token": "<|stop|>"}},
    "decoder with spaces": {CONFIG: {"added_tokens_decoder": {"900": token("<mask>", lstrip=True),
                                                              "901": token("<|stop|>", rstrip=True)}}},
    "decoder of a known token": {CONFIG: {"added_tokens_decoder": {"0": token("<|im_end|>", special=False, rstrip=True)}}},
    "eos alone": {CONFIG: {"eos_token": "<|stop|>", "pad_token": "<|eot|>"}},
    "eos as an object": {CONFIG: {"eos_token": {"__type": "AddedToken", "content": "<|stop|>", "lstrip": True,
                                                "rstrip": False, "normalized": False, "single_word": False}}},
    "added_tokens.json": {ADDED: {"<|eot|>": 950, "<|stop|>": 940, "newword": 930},
                          CONFIG: {"eos_token": "<|stop|>"}},
    "special_tokens_map.json": {MAP: {"eos_token": "<|stop|>", "mask_token": {"content": "<mask>", "lstrip": True,
                                                                               "rstrip": False, "normalized": False,
                                                                               "single_word": False}}},
    "a list": {CONFIG: {"extra_special_tokens": ["<|eot|>", "<|stop|>"]}},
    "an older list": {CONFIG: {"additional_special_tokens": ["<|stop|>"]}},
    "decoder decides": {CONFIG: {"added_tokens_decoder": {"900": token("<|stop|>")}}, ADDED: {"<|eot|>": 950},
                        MAP: {"mask_token": "<mask>"}},
    "a piece of the vocabulary": {CONFIG: {"eos_token": "the"}},
}


def encodings(files):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(os.path.join(HERE, "tiny", "tokenizer.json"), folder)
        for name, value in files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                json.dump(value, f)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        rows = []
        for text in TEXTS:
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            rows.append({"ids": ids, "skipped": tokenizer.decode(ids, skip_special_tokens=True,
                                                                clean_up_tokenization_spaces=False)})
        return {"size": max(tokenizer.get_vocab().values()) + 1, "rows": rows}


def main():
    cases = [{"name": name, "files": files, **encodings(files)} for name, files in CASES.items()]
    with open(os.path.join(HERE, "added_tokens.json"), "w", encoding="utf-8") as f:
        f.write(json.dumps({"texts": TEXTS, "cases": cases}, ensure_ascii=False).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()
