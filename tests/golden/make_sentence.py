"""Writes sentence.json: vectors by sentence-transformers of tiny/bert-mean under other modules.json, poolings and prompts.

usage: make_sentence.py      (wants sentence-transformers; see README.md)
"""
import json
import os
import shutil
import tempfile

import torch
from sentence_transformers import SentenceTransformer

from write import numbers, write

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "tiny", "bert-mean")
TEXTS = ["the weir", "Water flows down, and the fox jumps!"]
TRANSFORMER = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
POOLING = {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}
NORMALIZE = {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}
SECOND = {"idx": 3, "name": "3", "path": "3_Pooling", "type": "sentence_transformers.models.Pooling"}
MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
PROMPT = {"prompts": {"query": "the dam: ", "none": ""}, "default_prompt_name": "query", "similarity_fn_name": "cosine"}


def new(modes, include_prompt=True):
    return {"embedding_dimension": 32, "pooling_mode": modes, "include_prompt": include_prompt}


def old(*fields):
    return {"word_embedding_dimension": 32, **{field: True for field in fields}}


# name: files of the folder beside tiny/bert-mean's own
CASES = {f"new {mode}": {"1_Pooling/config.json": new(mode)} for mode in MODES}
CASES |= {
    "new list": {"1_Pooling/config.json": new(["mean", "max", "cls"])},
    "new list normalized": {"modules.json": [TRANSFORMER, POOLING, NORMALIZE], "2_Normalize/config.json": {},
                            "1_Pooling/config.json": new(["mean_sqrt_len_tokens", "weightedmean"])},
    "old none": {"1_Pooling/config.json": old()},
    "old two": {"1_Pooling/config.json": old("pooling_mode_mean_tokens", "pooling_mode_max_tokens")},
    "old sqrt": {"1_Pooling/config.json": old("pooling_mode_mean_sqrt_len_tokens")},
    "second pooling": {"modules.json": [TRANSFORMER, POOLING, NORMALIZE, SECOND], "2_Normalize/config.json": {},
                       "1_Pooling/config.json": new("cls"), "3_Pooling/config.json": new("max")},
    "prompt": {"1_Pooling/config.json": new("mean"), "config_sentence_transformers.json": PROMPT},
    "no prompt": {"1_Pooling/config.json": new("mean"),
                  "config_sentence_transformers.json": {**PROMPT, "default_prompt_name": None}},
    "empty prompt": {"1_Pooling/config.json": new("mean"),
                     "config_sentence_transformers.json": {**PROMPT, "default_prompt_name": "none"}},
}
CASES["cut"] = {"modules.json": [TRANSFORMER, POOLING, NORMALIZE], "2_Normalize/config.json": {},
                "1_Pooling/config.json": new("mean"), "config_sentence_transformers.json": {"truncate_dim": 7}}
CASES |= {f"prompt left out of {mode}": {"1_Pooling/config.json": new(mode, False),
                                         "config_sentence_transformers.json": PROMPT} for mode in MODES}


def answers(files):
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.join(scratch, "model")
        shutil.copytree(MODEL, folder)
        for name, value in files.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                json.dump(value, f)
        model = SentenceTransformer(folder, device="cpu")
        prompt = model.prompts.get(model.default_prompt_name) or ""
        inputs = [model.preprocess([text], prompt=prompt) for text in TEXTS]
        left_out = 0 if not prompt or files["1_Pooling/config.json"]["include_prompt"] else inputs[0]["prompt_length"]
        return {"ids": [each["input_ids"][0].tolist() for each in inputs], "left_out": int(left_out),
                "vectors": numbers(model.encode(TEXTS, convert_to_tensor=True))}


def main():
    torch.set_num_threads(1)
    cases = [{"name": name, "files": files, **answers(files)} for name, files in CASES.items()]
    write(os.path.join(HERE, "sentence.json"), {"texts": TEXTS, "cases": cases})


if __name__ == "__main__":
    main()
