"""Logprobs, echo, penalties, biases and bans, against the model's own figures and OpenAI's client."""
import json
import math

import openai
import pytest

from conftest import CHATS, golden
from daemon import CHAT, events

LIKELIHOOD = golden("loglikelihood.json")
PROMPT = "The river runs through the old town, and the people of"


def greedy(daemon, prompt=PROMPT, **more):
    """A choice of a completion whose ends are left out of account."""
    return daemon.complete(prompt, **{"max_tokens": 8, "ignore_eos": True, "return_token_ids": True, **more})["choices"][0]


def test_the_drawn_token_of_a_greedy_text_is_the_most_likely(daemon):
    choice = greedy(daemon, logprobs=5)
    told = choice["logprobs"]
    assert "".join(told["tokens"]) == choice["text"]
    assert {len(values) for values in told.values()} == {8}
    for own, top in zip(told["token_logprobs"], told["top_logprobs"]):
        assert own == max(top.values()) and own < 0
        assert len(top) == 5 and sum(math.exp(p) for p in top.values()) <= 1.0001
    assert told["text_offset"][0] == 0
    for offset, token in zip(told["text_offset"], told["tokens"]):
        assert choice["text"][offset:offset + len(token)] == token


def test_sampled_tokens_have_the_logprobs_of_the_untouched_logits(daemon):
    choice = greedy(daemon, logprobs=0, temperature=1.5, seed=3, presence_penalty=1.0, logit_bias={"5": 3})
    ids = daemon.post("/tokenize", {"model": CHAT, "prompt": PROMPT}).json()["tokens"]
    whole = greedy(daemon, ids + choice["token_ids"], echo=True, logprobs=0, max_tokens=0)
    again = whole["logprobs"]["token_logprobs"][len(ids):]
    assert again == pytest.approx(choice["logprobs"]["token_logprobs"], abs=1e-4)


def test_chat_logprobs_join_to_the_text(daemon):
    answer = daemon.chat(CHATS[0]["messages"], max_tokens=24, ignore_eos=True, logprobs=True, top_logprobs=3,
                         skip_special_tokens=False)
    choice = answer["choices"][0]
    content = choice["logprobs"]["content"]
    assert len(content) == answer["usage"]["completion_tokens"] == 24
    assert bytes(b for token in content for b in token["bytes"]).decode() == choice["message"]["content"]
    for token in content:
        assert len(token["top_logprobs"]) == 3
        assert token["top_logprobs"][0]["logprob"] == token["logprob"]
        assert [t["logprob"] for t in token["top_logprobs"]] == sorted((t["logprob"] for t in token["top_logprobs"]), reverse=True)


def test_bytes_of_split_characters_join(daemon):
    text = "Straße 🌊 日本語"
    told = greedy(daemon, text, echo=True, logprobs=0, max_tokens=0)["logprobs"]
    ids = daemon.post("/tokenize", {"model": CHAT, "prompt": text}).json()["tokens"]
    assert len(told["tokens"]) == len(ids) and "\ufffd" in "".join(told["tokens"])
    assert told["text_offset"][-1] <= len(text)


@pytest.mark.parametrize("route", ["chat", "complete"])
def test_a_stream_has_the_logprobs_of_the_whole(daemon, route):
    if route == "chat":
        path, body = "/v1/chat/completions", {"messages": CHATS[0]["messages"], "logprobs": True, "top_logprobs": 2}
    else:
        path, body = "/v1/completions", {"prompt": PROMPT, "logprobs": 2, "echo": True}
    body.update(model=CHAT, temperature=0, max_tokens=12)
    whole = daemon.post(path, body).json()["choices"][0]["logprobs"]
    chunks = [json.loads(d)["choices"][0] for d in events(daemon.post(path, {**body, "stream": True}, stream=True)) if d != "[DONE]"]
    told = [chunk["logprobs"] for chunk in chunks if chunk["logprobs"]]
    if route == "chat":
        assert [token for part in told for token in part["content"]] == whole["content"]
    else:
        assert {name: [value for part in told for value in part[name]] for name in whole} == whole
        assert "".join(chunk["text"] for chunk in chunks).startswith(PROMPT)


def test_echo_as_evaluations_read_it(daemon):
    """lm-eval's local-completions: token ids, max_tokens 1, the sum behind the context."""
    ids = daemon.post("/tokenize", {"model": CHAT, "prompt": PROMPT}).json()["tokens"]
    choice = greedy(daemon, ids, echo=True, logprobs=1, max_tokens=1)
    told = choice["logprobs"]
    assert choice["text"].startswith(PROMPT)
    assert len(told["token_logprobs"]) == len(ids) + 1
    assert told["token_logprobs"][0] is None and told["top_logprobs"][0] is None
    assert all(p < 0 and len(top) in (1, 2) for p, top in zip(told["token_logprobs"][1:], told["top_logprobs"][1:]))
    alone = daemon.complete(ids, echo=True, logprobs=1, max_tokens=0)
    assert alone["choices"][0]["text"] == PROMPT and alone["usage"]["completion_tokens"] == 0
    assert alone["choices"][0]["finish_reason"] == "length"
    # A prompt in the prefix cache, or in a batch with others, is told the same.
    several = daemon.complete([ids, ids[:5]], echo=True, logprobs=1, max_tokens=0)["choices"]
    for again in alone["choices"][0], several[0]:
        assert again["logprobs"]["token_logprobs"][1:] == pytest.approx(told["token_logprobs"][1:-1], abs=1e-4)


def test_echo_of_a_long_text_is_the_references_log_likelihood(daemon):
    told = greedy(daemon, LIKELIHOOD["ids"], echo=True, logprobs=0, max_tokens=0)["logprobs"]["token_logprobs"]
    assert len(told) == len(LIKELIHOOD["ids"]) > 1000
    assert told[1:51] == pytest.approx(LIKELIHOOD["first"], abs=1e-4)
    assert sum(told[1:]) == pytest.approx(LIKELIHOOD["sum"], abs=0.01)


def test_prompt_logprobs_are_those_of_the_echo(daemon):
    told = greedy(daemon, echo=True, logprobs=3, max_tokens=0)["logprobs"]
    answer = daemon.complete(PROMPT, max_tokens=1, prompt_logprobs=3)
    ids = daemon.post("/tokenize", {"model": CHAT, "prompt": PROMPT}).json()["tokens"]
    listed = answer["choices"][0]["prompt_logprobs"]
    assert listed[0] is None and len(listed) == len(ids)
    for id, own, entry in list(zip(ids, told["token_logprobs"], listed))[1:]:
        assert entry[str(id)]["logprob"] == pytest.approx(own, abs=1e-4)
        assert sorted(e["rank"] for e in entry.values())[:3] == [1, 2, 3]
    chat = daemon.chat(CHATS[0]["messages"], max_tokens=1, prompt_logprobs=0)
    assert len(chat["prompt_logprobs"]) == len(CHATS[0]["prompt_ids"]) == chat["usage"]["prompt_tokens"]


def test_biases_and_bans_decide_what_is_drawn(daemon):
    plain = greedy(daemon)["token_ids"]
    assert plain[0] not in greedy(daemon, logit_bias={str(plain[0]): -100})["token_ids"]
    assert set(greedy(daemon, logit_bias={"1234": 100})["token_ids"]) == {1234}
    assert set(greedy(daemon, allowed_token_ids=[77, 99], temperature=1.5, seed=1)["token_ids"]) <= {77, 99}
    word = daemon.post("/detokenize", {"model": CHAT, "tokens": plain[:1]}).json()["prompt"]
    assert plain[0] not in greedy(daemon, bad_words=[word])["token_ids"]


def test_where_nothing_is_left_to_draw_the_client_is_told(daemon):
    answer = daemon.post("/v1/completions", {"model": CHAT, "prompt": PROMPT, "max_tokens": 4, "allowed_token_ids": [77],
                                             "bad_words": [daemon.post("/detokenize", {"model": CHAT, "tokens": [77]}).json()["prompt"]]})
    assert answer.status_code == 400 and "no token is left to draw" in answer.json()["error"]["message"]


def test_penalties_end_repetition(daemon):
    prompt = "la la la la la la la la la la"
    repeated = greedy(daemon, prompt, max_tokens=16)["token_ids"]
    for penalty in {"repetition_penalty": 1.8}, {"presence_penalty": 2.0, "frequency_penalty": 2.0}:
        assert len(set(greedy(daemon, prompt, max_tokens=16, **penalty)["token_ids"])) > len(set(repeated))


def test_openai_client_reads_logprobs(daemon):
    client = openai.OpenAI(base_url=daemon.url + "/v1", api_key="none", max_retries=0)
    chat = client.chat.completions.create(model=CHAT, messages=CHATS[0]["messages"], temperature=0, max_tokens=4, logprobs=True,
                                          top_logprobs=2)
    assert [len(token.top_logprobs) for token in chat.choices[0].logprobs.content] == [2] * 4
    completion = client.completions.create(model=CHAT, prompt=PROMPT, max_tokens=4, temperature=0, logprobs=2, echo=True)
    assert completion.choices[0].logprobs.token_logprobs[0] is None
    assert "".join(completion.choices[0].logprobs.tokens) == completion.choices[0].text
