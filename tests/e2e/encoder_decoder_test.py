"""An encoder-decoder, from its folder to the answer: the English-Japanese translator of models/, against its own goldens."""
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import requests

from conftest import CHATS
from daemon import CHAT, HEADS, TRANSLATOR as NAME, Daemon, events

MOST, SOURCE = 512, 128  # tokens of its decoder, and of a prompt
START = 0

with open(os.path.join(HEADS, NAME, "golden.json"), encoding="utf-8") as file:
    ROWS = json.load(file)["rows"]


def translate(daemon, prompt, **more):
    return daemon.complete(prompt, model=NAME, **more)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["text"][:20])
def test_greedy_text_is_the_references(daemon, row):
    answer = translate(daemon, row["text"], return_token_ids=True)
    choice = answer["choices"][0]
    assert choice["token_ids"] == row["greedy_ids"]
    assert choice["text"] == row["greedy_text"]
    assert choice["finish_reason"] == ("stop" if row["ended"] else "length")
    assert choice["prompt_token_ids"] == row["input_ids"]
    assert choice["decoder_prompt_token_ids"] == [START]
    usage = answer["usage"]
    assert usage["prompt_tokens"] == len(row["input_ids"]) + 1
    assert usage["completion_tokens"] == len(row["greedy_ids"])
    assert usage["prompt_tokens_details"]["cached_tokens"] == 0


def test_a_list_is_answered_as_its_prompts_alone(daemon):
    of_texts = translate(daemon, [row["text"] for row in ROWS])
    assert [choice["text"] for choice in of_texts["choices"]] == [row["greedy_text"] for row in ROWS]
    assert of_texts["usage"]["prompt_tokens"] == sum(len(row["input_ids"]) + 1 for row in ROWS)
    of_ids = translate(daemon, [row["input_ids"] for row in ROWS])
    assert [choice["text"] for choice in of_ids["choices"]] == [row["greedy_text"] for row in ROWS]


def test_streamed_is_whole(daemon):
    body = {"model": NAME, "prompt": [row["text"] for row in ROWS[:6]], "temperature": 0, "stream": True,
            "stream_options": {"include_usage": True}}
    with daemon.post("/v1/completions", body, stream=True) as response:
        assert response.status_code == 200
        *chunks, end = events(response)
    assert end == "[DONE]"
    texts = [""] * 6
    for chunk in map(json.loads, chunks):
        for choice in chunk["choices"]:
            texts[choice["index"]] += choice["text"]
    assert texts == [row["greedy_text"] for row in ROWS[:6]]
    assert json.loads(chunks[-1])["usage"]["prompt_tokens"] == sum(len(row["input_ids"]) + 1 for row in ROWS[:6])


@pytest.mark.parametrize("with_start", [True, False])
def test_a_decoder_prompt_is_continued(daemon, with_start):
    for row in ROWS[:6]:
        begun, rest = row["greedy_ids"][:2], row["greedy_ids"][2:]
        answer = translate(daemon, row["text"], decoder_prompt=[START] * with_start + begun, return_token_ids=True)
        choice = answer["choices"][0]
        assert choice["decoder_prompt_token_ids"] == [START, *begun]
        assert choice["token_ids"] == rest
        assert answer["usage"]["prompt_tokens"] == len(row["input_ids"]) + 3


def test_a_decoder_prompt_is_a_text_without_special_tokens(daemon):
    ids = daemon.post("/tokenize", {"model": NAME, "prompt": "彼は", "add_special_tokens": False}).json()["tokens"]
    answer = translate(daemon, "He is a teacher.", decoder_prompt="彼は", return_token_ids=True)
    assert answer["choices"][0]["decoder_prompt_token_ids"] == [START, *ids]
    assert not answer["choices"][0]["text"].startswith("彼は")
    assert answer == {**translate(daemon, "He is a teacher.", decoder_prompt=ids, return_token_ids=True),
                      "id": answer["id"], "created": answer["created"]}


def test_logprobs_are_the_references(daemon):
    for row in ROWS[:6]:
        logprobs = translate(daemon, row["text"], logprobs=5)["choices"][0]["logprobs"]
        assert len(logprobs["tokens"]) == len(row["greedy_ids"])
        for logits, top in zip(row["first_logits"], logprobs["top_logprobs"]):
            expected = np.array([value for _, value in logits])
            told = np.array(sorted(top.values(), reverse=True))
            np.testing.assert_allclose(told - told[0], expected - expected[0], atol=2e-3)


def test_without_max_tokens_the_decoders_length_decides(daemon):
    answer = translate(daemon, "Yes.", ignore_eos=True)
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == MOST - 1


@pytest.mark.parametrize("body, param, says", [
    ({"prompt": [5] * (SOURCE + 1)}, "prompt", f"prompt has {SOURCE + 1} tokens; this model's encoder takes {SOURCE}"),
    ({"prompt": ["a", "word " * 200]}, "prompt[1]", f"this model's encoder takes {SOURCE}"),
    ({"prompt": "a", "decoder_prompt": [5] * MOST}, "decoder_prompt", f"maximum context length is {MOST} tokens"),
    ({"prompt": "a", "decoder_prompt": [6000]}, "decoder_prompt[0]", "this model's ids are 0 to 5999"),
    ({"prompt": "a", "decoder_prompt": ["a"]}, "decoder_prompt[0]", "must be a whole number"),
    ({"prompt": "a", "max_tokens": MOST}, "max_tokens", f"you requested {MOST + 1} tokens (1 in the decoder's prompt"),
    ({"prompt": "", "add_special_tokens": False}, "prompt", "prompt is empty"),
    ({"prompt": "a", "echo": True}, "echo", '"echo" is not supported by model "enja-t5", an encoder-decoder'),
    ({"prompt": "a", "prompt_logprobs": 1}, "prompt_logprobs", '"prompt_logprobs" is not supported by model "enja-t5"'),
    ({"prompt": "a", "suffix": "b"}, "suffix", '"suffix" is not supported'),
    ({"prompt": "a", "model": CHAT, "decoder_prompt": "b"}, "decoder_prompt",
     f'"decoder_prompt" is not supported by model "{CHAT}", which has no encoder'),
], ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "")
def test_what_it_cannot_do_is_refused_by_name(daemon, body, param, says):
    response = daemon.post("/v1/completions", {"model": NAME, **body})
    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"] == param
    assert says in response.json()["error"]["message"]


@pytest.mark.parametrize("route", ["/v1/chat/completions", "/tokenize"])
def test_it_takes_no_conversation(daemon, route):
    response = daemon.post(route, {"model": NAME, "messages": [{"role": "user", "content": "Hi"}]})
    assert response.status_code == 400
    assert "is an encoder-decoder and takes no messages" in response.json()["error"]["message"]


def test_a_dry_run_shows_both_sides(daemon):
    row = ROWS[0]
    dry = daemon.post("/v1/completions", {"model": NAME, "prompt": row["text"], "decoder_prompt": row["greedy_ids"][:2],
                                              "return_token_ids": True, "max_tokens": 9},
                          headers={"x-weir-dry-run": "true"}).json()
    prompt = dry["prompts"][0]
    assert prompt["prompt"] == row["text"] and prompt["token_ids"] == row["input_ids"]
    assert prompt["decoder_token_ids"] == [START, *row["greedy_ids"][:2]] and prompt["decoder_tokens"] == 3
    assert prompt["decoder_prompt"].startswith("<pad>")
    assert dry["prompt_tokens"] == dry["charge"]["input_tokens"] == len(row["input_ids"]) + 3


def test_its_lengths_are_told(daemon):
    models = {m["id"]: m for m in requests.get(daemon.url + "/v1/models", timeout=10).json()["data"]}
    assert models[NAME]["max_source_len"] == SOURCE and models[NAME]["max_model_len"] == MOST
    assert models[NAME]["tasks"] == ["generate"]
    assert "max_source_len" not in models[CHAT]
    tokens = daemon.post("/tokenize", {"model": NAME, "prompt": ROWS[0]["text"]}).json()
    assert tokens["tokens"] == ROWS[0]["input_ids"] and tokens["max_source_len"] == SOURCE


def test_64_clients_half_of_them_chats_get_what_they_get_alone(daemon):
    chats = [case["messages"] for case in CHATS]

    def ask(i):
        if i % 2:
            return daemon.chat(chats[i % len(chats)], max_tokens=8 + i % 9, return_token_ids=True)["choices"][0]["token_ids"]
        return translate(daemon, ROWS[i % len(ROWS)]["text"], return_token_ids=True)["choices"][0]["token_ids"]

    alone = [ask(i) for i in range(64)]
    with ThreadPoolExecutor(64) as pool:
        assert list(pool.map(ask, range(64))) == alone


def test_a_translation_that_gives_way_is_the_same():
    page_bytes = 3 * 2 * 192 * 4 * 16  # layers, keys and values, hidden, float32, tokens of a page
    words = ["--model", f"{NAME}={os.path.join(HEADS, NAME)}", "--dtype", "float32", "--max-model-len", "128"]
    with Daemon(*words, "--memory", str(18 * page_bytes)) as daemon:
        daemon.ready()
        assert daemon.metric("weir_kv_cache_pages") == 18
        ask = lambda row: translate(daemon, row["text"], ignore_eos=True, max_tokens=110, return_token_ids=True)["choices"][0]["token_ids"]
        alone = [ask(row) for row in ROWS]
        assert daemon.metric("weir_preemptions_total") == 0
        with ThreadPoolExecutor(len(ROWS)) as pool:
            assert list(pool.map(ask, ROWS)) == alone
        assert daemon.metric("weir_preemptions_total") > 0


def test_metrics_count_both_sides(daemon):
    before = daemon.metric("weir_prompt_tokens_total", f'model="{NAME}"')
    translate(daemon, ROWS[0]["text"])
    assert daemon.metric("weir_prompt_tokens_total", f'model="{NAME}"') - before == len(ROWS[0]["input_ids"]) + 1
