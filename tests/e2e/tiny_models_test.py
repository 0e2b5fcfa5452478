"""All tiny models of one process: every spelling of a configuration, from the file to the answer."""
import os

import numpy as np
import pytest
import requests

from conftest import golden
from daemon import ROOT, Daemon

TINY = os.path.join(ROOT, "tests/golden/tiny")
NAMES = sorted(os.listdir(TINY))


@pytest.fixture(scope="module")
def tiny():
    models = [word for name in NAMES for word in ("--model", os.path.join(TINY, name))]
    with Daemon(*models, "--dtype", "float32") as daemon:
        yield daemon.ready()


def test_all_are_served(tiny):
    state = requests.get(tiny.url + "/ready", timeout=10).json()
    assert sorted(m["name"] for m in state["models"]) == NAMES


@pytest.mark.parametrize("name", [n for n in NAMES if "prompts" in golden(f"tiny/{n}/golden.json")])
def test_greedy_text_of_decoders(tiny, name):
    for prompt in golden(f"tiny/{name}/golden.json")["prompts"]:
        answer = tiny.complete(prompt["ids"], model=name, max_tokens=24, ignore_eos=True, return_token_ids=True)
        assert answer["choices"][0]["token_ids"] == prompt["output_ids"]


@pytest.mark.parametrize("name", [n for n in NAMES if "sources" in golden(f"tiny/{n}/golden.json")])
def test_greedy_text_of_encoder_decoders(tiny, name):
    for source in golden(f"tiny/{name}/golden.json")["sources"]:
        answer = tiny.complete(source["source_ids"], model=name, decoder_prompt=source["decoder_ids"], max_tokens=24, ignore_eos=True,
                               return_token_ids=True)
        assert answer["choices"][0]["token_ids"] == source["output_ids"]


@pytest.mark.parametrize("name", [n for n in NAMES if "vector" in golden(f"tiny/{n}/golden.json").get("texts", [{}])[0]])
def test_vectors_of_bert(tiny, name):
    texts = [t for t in golden(f"tiny/{name}/golden.json")["texts"] if t["text"] is not None]
    answer = tiny.post("/v1/embeddings", {"model": name, "input": [t["text"] for t in texts]}).json()
    for item, text in zip(answer["data"], texts):
        expected = np.array(text["vector"])
        if not os.path.exists(os.path.join(TINY, name, "modules.json")):  # nothing says how: mean and unit length
            expected /= np.linalg.norm(expected)
        np.testing.assert_allclose(item["embedding"], expected, atol=1e-4)
    assert answer["usage"]["prompt_tokens"] == sum(len(t["ids"]) for t in texts)
