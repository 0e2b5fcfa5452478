"""Model folders as they are found, from their files to answers: what cannot be used costs no more than itself, and the log says it."""
import json
import os
import shutil

import numpy as np
import pytest
import requests

from conftest import golden
from daemon import ROOT, Daemon

TINY = os.path.join(ROOT, "tests/golden/tiny")
HUB_NAME = "meta-llama/Tiny"
CASES = [case for case in golden("sentence.json")["cases"] if case["name"] in
         ("new list normalized", "second pooling", "prompt", "prompt left out of weightedmean")]


def write(folder, name, value):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(value if isinstance(value, str) else json.dumps(value))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    root = str(tmp_path_factory.mktemp("found"))
    flags = []
    for i, case in enumerate(CASES):
        folder = shutil.copytree(os.path.join(TINY, "bert-mean"), os.path.join(root, f"vectors-{i}"))
        for name, value in case["files"].items():
            write(folder, name, value)
        flags += ["--model", folder]
    llama = shutil.copytree(os.path.join(TINY, "llama-gqa-tied"), os.path.join(root, "a, folder"))
    write(llama, "chat_template.jinja", "{% for m in messages %}")
    write(llama, "generation_config.json", {"temperature": 2.5, "top_p": 0, "presence_penalty": 1.1, "surprise": 1})
    flags += ["--model", f'{HUB_NAME}="{llama}"']
    with Daemon(*flags, "--dtype", "float32") as daemon:
        yield daemon.ready()


@pytest.mark.parametrize("index", range(len(CASES)), ids=[case["name"].replace(" ", "-") for case in CASES])
def test_vectors_are_those_of_sentence_transformers(found, index):
    answer = found.post("/v1/embeddings", {"model": f"vectors-{index}", "input": golden("sentence.json")["texts"]}).json()
    for item, expected in zip(answer["data"], CASES[index]["vectors"], strict=True):
        np.testing.assert_allclose(item["embedding"], expected, atol=1e-4)
    assert answer["usage"]["prompt_tokens"] == sum(len(ids) for ids in CASES[index]["ids"])


def test_a_hub_name_is_reachable(found):
    for path in (HUB_NAME, HUB_NAME.replace("/", "%2F")):
        assert requests.get(f"{found.url}/v1/models/{path}", timeout=10).json()["id"] == HUB_NAME


def test_a_template_that_cannot_be_used_costs_only_chat(found):
    assert found.complete("the weir", model=HUB_NAME, max_tokens=4)["choices"][0]["text"]
    refused = found.post("/v1/chat/completions", {"model": HUB_NAME, "messages": [{"role": "user", "content": "hi"}]})
    assert refused.status_code == 400
    assert "has no chat template that can be used" in refused.json()["error"]["message"]


def test_the_log_says_what_is_not_applied_once(found):
    log = "".join(found.log)
    for words in ("temperature is 2.5: 2 is used", "presence_penalty is 1.1: of penalties only repetition_penalty is applied",
                  "generation_config.json: not known and not read: surprise", "chat is refused: "):
        assert log.count(words) == 1, words
