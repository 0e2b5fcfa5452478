"""Heads over one trunk: labels, spans and vectors, alone and together."""
import json
import os

import numpy as np
import pytest
import requests

from conftest import golden
from daemon import CHAT, HEADS, ROOT, TRANSLATOR, VECTORS, Daemon, model


def cases(name):
    with open(os.path.join(HEADS, name, "golden.json"), encoding="utf-8") as f:
        return json.load(f)["cases"]


SENTIMENT, NAMES = cases("minilm-sentiment"), cases("minilm-ner-crf")


def ask(daemon, route, **body):
    response = daemon.post(f"/v1/{route}", {"model": VECTORS, **body})
    assert response.status_code == 200, response.text
    return response.json()


def labels_of(case):
    return [{"label": l, "score": p} for l, p in zip(("negative", "positive"), case["probabilities"])]


def as_spans(case):
    return [(e["type"], e["start"], e["end"], e["text"]) for e in case["entities"]]


def found(entry):
    return [(s["label"], s["start"], s["end"], s["text"]) for s in entry["spans"]]


def test_models_tell_their_tasks(daemon):
    tasks = {m["id"]: m["tasks"] for m in requests.get(daemon.url + "/v1/models", timeout=10).json()["data"]}
    assert tasks == {CHAT: ["generate"], VECTORS: ["embed", "classify", "tag"], TRANSLATOR: ["generate"]}


def test_the_log_says_how_much_is_read_at_once(daemon):
    assert daemon.logs(f"model {VECTORS} is ready: BertModel, float32, 256 tokens, ")


def test_probabilities_are_the_references(daemon):
    texts = [c for c in SENTIMENT if c["text"]]
    answer = ask(daemon, "classify", input=[c["text"] for c in texts], truncate=True)
    for index, (entry, case) in enumerate(zip(answer["data"], texts)):
        assert entry["index"] == index
        assert entry["labels"] == sorted(entry["labels"], key=lambda l: -l["score"])
        for got, wanted in zip(sorted(entry["labels"], key=lambda l: l["label"]), labels_of(case)):
            assert got["label"] == wanted["label"] and abs(got["score"] - wanted["score"]) < 1e-5
    assert answer["usage"]["prompt_tokens"] == sum(c["n_tokens"] for c in texts)


def test_the_best_label_and_raw_numbers(daemon):
    case = SENTIMENT[0]
    assert [l["label"] for l in ask(daemon, "classify", input=case["text"], top_k=1)["data"][0]["labels"]] == ["positive"]
    raw = ask(daemon, "classify", input=case["text"], raw_scores=True)["data"][0]["labels"]
    np.testing.assert_allclose([l["score"] for l in raw], sorted(case["logits"], reverse=True), atol=1e-4)


def test_spans_are_exactly_the_references(daemon):
    texts = [c for c in NAMES if c["text"]]
    answer = ask(daemon, "tag", input=[c["text"] for c in texts], truncate=True)
    assert [found(entry) for entry in answer["data"]] == [as_spans(c) for c in texts]
    assert all(0 < s["score"] <= 1 for entry in answer["data"] for s in entry["spans"])


def test_a_long_text_is_read_in_windows(daemon):
    sentence = "Angela Merkel met Barack Obama in Berlin on Tuesday, and they spoke for a long time about nothing. "
    text = sentence * 60
    entry = ask(daemon, "tag", input=text)["data"][0]
    assert all(text[s["start"]:s["end"]] == s["text"] for s in entry["spans"])
    people = [s["text"] for s in entry["spans"] if s["label"] == "PER"]
    assert people.count("Angela Merkel") >= 55 and people.count("Barack Obama") >= 55
    cut = ask(daemon, "tag", input=text, truncate=True)["data"][0]
    assert 0 < len(cut["spans"]) < len(entry["spans"]) / 4


def test_offsets_count_code_points(daemon):
    text = "🙂🙂 Angela Merkel é in Berlin"
    spans = found(ask(daemon, "tag", input=text)["data"][0])
    assert spans and all(text[begin:end] == part for _, begin, end, part in spans)


def test_one_reading_answers_all_tasks_to_the_bit(daemon):
    texts = [c["text"] for c in NAMES if c["text"]][:6]
    before = daemon.metric("weir_prompt_tokens_total", f'model="{VECTORS}"')
    together = ask(daemon, "analyze", input=texts, truncate=True,
                   tasks={"classify": {}, "tag": {}, "embed": {"encoding_format": "base64"}})
    charged = daemon.metric("weir_prompt_tokens_total", f'model="{VECTORS}"') - before
    assert charged == together["usage"]["prompt_tokens"]
    labels = ask(daemon, "classify", input=texts, truncate=True)
    spans = ask(daemon, "tag", input=texts, truncate=True)
    vectors = ask(daemon, "embeddings", input=texts, truncate=True, encoding_format="base64")
    assert together["usage"] == labels["usage"] == spans["usage"] == vectors["usage"]
    for i, entry in enumerate(together["data"]):
        assert entry["labels"] == labels["data"][i]["labels"]
        assert entry["spans"] == spans["data"][i]["spans"]
        assert entry["embedding"] == vectors["data"][i]["embedding"]


def test_one_task_of_analyze_alone(daemon):
    entry = ask(daemon, "analyze", input="I love it.", tasks={"classify": {"top_k": 1}})["data"][0]
    assert set(entry) == {"index", "labels"} and len(entry["labels"]) == 1
    vector = ask(daemon, "analyze", input="I love it.", tasks={"embed": {"dimensions": 8}})["data"][0]["embedding"]
    assert len(vector) == 8 and abs(np.linalg.norm(vector) - 1) < 1e-5


@pytest.mark.parametrize("route, body, param, says", [
    ("classify", {"model": CHAT, "input": "a"}, "model", "generates text; this route wants one that classifies texts"),
    ("tag", {"model": CHAT, "input": "a"}, "model", "wants one that tags words"),
    ("analyze", {"model": CHAT, "input": "a", "tasks": {"tag": {}, "embed": {}}}, "model",
     "wants one that makes embeddings and tags words"),
    ("classify", {"input": ""}, "input", "input is empty"),
    ("classify", {"input": [["a", ""], ["", ""]]}, "input[1]", "input[1] is empty"),
    ("tag", {"input": ["a", ""]}, "input[1]", "input[1] is empty"),
    ("tag", {"input": [["a", "b"]]}, "input[0]", "input[0] must be a string"),
    ("analyze", {"input": "a", "tasks": {}}, "tasks", "tasks names none of"),
    ("analyze", {"input": "a"}, "tasks", "tasks is missing"),
    ("analyze", {"input": "word " * 600, "tasks": {"tag": {}}}, "input", "maximum context length is 256 tokens"),
    ("classify", {"input": "word " * 600}, "input", "maximum context length is 256 tokens"),
    ("tag", {"input": "word " * 100_000}, "input", "256 windows"),
    ("analyze", {"input": "a", "tasks": {"embed": {"dimensions": 999}}}, "tasks.embed.dimensions", "vectors have 384"),
])
def test_what_cannot_be_is_refused_by_name(daemon, route, body, param, says):
    response = daemon.post(f"/v1/{route}", {"model": VECTORS, **body})
    error = response.json()["error"]
    assert response.status_code == 400, response.text
    assert says in error["message"] and error["param"] == param
    assert not says.endswith("is empty") or error["code"] == "string_below_min_length"


def test_a_deadline_ends_the_reading_of_many_texts(daemon):
    texts = ["".join(f"word{i} " for i in range(400))] * 800
    response = daemon.post("/v1/tag", {"model": VECTORS, "input": texts, "timeout": 0.05})
    assert response.status_code == 504, response.text
    assert response.json()["error"]["message"] == "the request's timeout of 50 ms passed while it was read and tokenized"


def test_dry_runs_tell_what_would_be_charged(daemon):
    for route, more in (("classify", {}), ("tag", {}), ("analyze", {"tasks": {"tag": {}}})):
        response = requests.post(f"{daemon.url}/v1/{route}", json={"model": VECTORS, "input": "I love it.", **more},
                                 headers={"x-weir-dry-run": "true"}, timeout=10)
        assert response.status_code == 200 and response.json()["charge"]["input_tokens"] == 6, response.text


def test_heads_of_checkpoints():
    tiny = os.path.join(ROOT, "tests/golden/tiny")
    classifiers, taggers = ("bert-classify", "roberta-classify", "distilbert-classify", "mpnet-classify"), ("bert-tag", "xlm-roberta-tag", "distilbert-tag", "mpnet-tag")
    with Daemon(*(a for n in classifiers + taggers for a in ("--model", f"{n}={tiny}/{n}")), "--dtype", "float32") as d:
        d.ready()
        for model in classifiers:
            texts = golden(f"tiny/{model}/golden.json")["texts"]
            body = {"model": model, "raw_scores": True, "input": [t["text"] for t in texts]}  # pairs among them
            answer = d.post("/v1/classify", body).json()
            names = list(json.load(open(f"{tiny}/{model}/config.json"))["id2label"].values())
            for entry, text in zip(answer["data"], texts):
                got = {l["label"]: l["score"] for l in entry["labels"]}
                np.testing.assert_allclose([got[n] for n in names], text["logits"], atol=1e-4)
        for model in taggers:
            tagged = d.post("/v1/tag", {"model": model, "input": "the river runs", "aggregation": "none"})
            assert tagged.status_code == 200, tagged.text
