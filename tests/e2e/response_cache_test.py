"""Identical greedy requests and embeddings: answered from memory, and computed once when they come together."""
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from daemon import ROOT, Daemon, events

TINY = os.path.join(ROOT, "tests/golden/tiny")
LLAMA, BERT = "llama-gqa-tied", "bert-mean"


@pytest.fixture(scope="module")
def caching():
    models = [word for name in (LLAMA, BERT) for word in ("--model", os.path.join(TINY, name))]
    with Daemon(*models, "--dtype", "float32", "--response-cache", "1MiB") as daemon:
        yield daemon.ready()


def ask(daemon, prompt, **more):
    answer = daemon.post("/v1/completions", {"model": LLAMA, "prompt": prompt, "temperature": 0, "max_tokens": 12,
                                             "ignore_eos": True, "return_token_ids": True, **more})
    assert answer.status_code == 200, answer.text
    return answer


def test_a_hit_has_the_same_content_under_a_fresh_id(caching):
    first, second = ask(caching, [5, 6, 7]), ask(caching, [5, 6, 7])
    assert first.headers["x-weir-cache"] == "miss"
    assert second.headers["x-weir-cache"] == "hit"
    assert second.json()["choices"] == first.json()["choices"]
    assert second.json()["usage"] == first.json()["usage"]
    assert second.json()["id"] != first.json()["id"]
    assert second.headers["x-request-id"] != first.headers["x-request-id"]


def test_a_hit_streams(caching):
    whole = ask(caching, [8, 9]).json()
    answer = ask(caching, [8, 9], stream=True, stream_options={"include_usage": True})
    assert answer.headers["x-weir-cache"] == "hit"
    parts = [json.loads(data) for data in events(answer) if data != "[DONE]"]
    assert "".join(p["choices"][0]["text"] for p in parts if p["choices"]) == whole["choices"][0]["text"]
    assert parts[-1]["usage"] == whole["usage"]


def test_what_draws_is_not_cached(caching):
    for _ in range(2):
        assert "x-weir-cache" not in ask(caching, [5, 6, 7], temperature=0.7).headers


def test_embeddings(caching):
    body = {"model": BERT, "input": ["a weir", "a dam"]}
    first, second = (caching.post("/v1/embeddings", body) for _ in range(2))
    assert (first.headers["x-weir-cache"], second.headers["x-weir-cache"]) == ("miss", "hit")
    assert second.json()["data"] == first.json()["data"]
    assert second.json()["usage"] == first.json()["usage"]


def test_those_that_come_together_are_computed_once(caching):
    before = caching.metric("weir_requests_total", f'model="{LLAMA}"')
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda i: ask(caching, [11, 12, 13], max_tokens=40), range(12)))
    outcomes = [answer.headers["x-weir-cache"] for answer in answers]
    assert outcomes.count("miss") == 1, outcomes
    assert len({answer.json()["choices"][0]["text"] for answer in answers}) == 1
    assert caching.metric("weir_requests_total", f'model="{LLAMA}"') == before + 1
