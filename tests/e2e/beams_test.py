"""`num_beams`: the texts of Hugging Face's beam search, on tiny models and on the translator."""
import json
import os

import pytest

from conftest import golden
from daemon import HEADS, ROOT, TRANSLATOR, Daemon

TINY = os.path.join(ROOT, "tests/golden/tiny")
CASES = golden("beams.json")["cases"]
MOST = golden("beams.json")["max_tokens"]
MODELS = sorted({case["model"] for case in CASES})
OPTIONS = ("num_beams", "num_return_sequences", "length_penalty", "early_stopping", "no_repeat_ngram_size", "min_tokens")
GOLDEN = json.load(open(os.path.join(HEADS, TRANSLATOR, "golden.json")))["rows"]


@pytest.fixture(scope="module")
def daemon():
    models = [word for name in MODELS for word in ("--model", os.path.join(TINY, name))]
    with Daemon(*models, "--model", os.path.join(HEADS, TRANSLATOR), "--dtype", "float32") as running:
        yield running.ready()


def ask(daemon, **body):
    answer = daemon.post("/v1/completions", {"return_token_ids": True, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("name", MODELS)
def test_texts_are_those_of_the_reference(daemon, name):
    for case in (case for case in CASES if case["model"] == name):
        options = {option: case[option] for option in OPTIONS if option in case}
        sides = {"prompt": case["source"], "decoder_prompt": case["prompt"]} if "source" in case else {"prompt": case["prompt"]}
        answer = ask(daemon, model=name, **sides, max_tokens=MOST, ignore_eos=True, stop_token_ids=case["stop_token_ids"], **options)
        assert [choice["token_ids"] for choice in answer["choices"]] == case["texts"], case
        assert [choice["index"] for choice in answer["choices"]] == list(range(len(case["texts"])))
        assert answer["usage"]["completion_tokens"] == sum(map(len, case["texts"]))
        for choice in answer["choices"]:
            ended = choice["token_ids"][-1] in case["stop_token_ids"]
            assert choice["finish_reason"] == ("stop" if ended else "length")


def test_translations_are_those_of_the_reference(daemon):
    answer = ask(daemon, model=TRANSLATOR, prompt=[row["text"] for row in GOLDEN], num_beams=4, max_tokens=63)
    assert [choice["token_ids"] for choice in answer["choices"]] == [row["beam4_ids"] for row in GOLDEN]
    assert [choice["text"] for choice in answer["choices"]] == [row["beam4_text"] for row in GOLDEN]


@pytest.mark.parametrize("field, value", [
    ("stream", True), ("n", 2), ("temperature", 0.5), ("presence_penalty", 1), ("repetition_penalty", 1.2), ("logit_bias", {"5": 1}),
    ("bad_words", ["a"]), ("allowed_token_ids", [5]), ("stop", "a"), ("logprobs", 1), ("prompt_logprobs", 1), ("top_k", 3), ("echo", True)])
def test_what_a_search_does_not_take_is_refused_by_name(daemon, field, value):
    refused = daemon.post("/v1/completions", {"model": MODELS[0], "prompt": [5], "num_beams": 2, field: value})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == field
    assert f'"{field}" is not supported with num_beams above 1' in refused.json()["error"]["message"]


@pytest.mark.parametrize("body, param", [
    ({"num_beams": 17}, "num_beams"), ({"num_beams": 2, "num_return_sequences": 3}, "num_return_sequences"),
    ({"num_return_sequences": 2}, "num_return_sequences"), ({"length_penalty": 2}, "length_penalty"), ({"early_stopping": True}, "early_stopping"),
    ({"num_beams": 2, "early_stopping": "soon"}, "early_stopping"), ({"no_repeat_ngram_size": 2}, "no_repeat_ngram_size")])
def test_wrong_options_are_named(daemon, body, param):
    refused = daemon.post("/v1/completions", {"model": MODELS[0], "prompt": [5], **body})
    assert refused.status_code == 400 and refused.json()["error"]["param"] == param


def test_many_searches_at_once_are_those_alone(daemon):
    from concurrent.futures import ThreadPoolExecutor
    bodies = [dict(model=TRANSLATOR, prompt=row["text"], num_beams=2 + i % 3, num_return_sequences=1 + i % 2, max_tokens=40)
              for i, row in enumerate(GOLDEN)]
    alone = [ask(daemon, **body)["choices"] for body in bodies]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda body: ask(daemon, **body)["choices"], bodies))
    assert together == alone
