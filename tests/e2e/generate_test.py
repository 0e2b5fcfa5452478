"""Chat and completions: the text of transformers, streams, the OpenAI client, sampling."""
import json

import openai
import pytest
import requests

from conftest import CHATS
from daemon import CHAT, events


@pytest.mark.parametrize("golden", CHATS, ids=lambda g: g["messages"][-1]["content"][:20])
def test_greedy_equals_transformers(daemon, golden):
    answer = daemon.chat(golden["messages"], max_tokens=64, ignore_eos=True, return_token_ids=True)
    assert answer["prompt_token_ids"] == golden["prompt_ids"]
    assert answer["choices"][0]["token_ids"] == golden["output_ids"]
    assert answer["usage"]["completion_tokens"] == 64


@pytest.mark.parametrize("golden", CHATS, ids=lambda g: g["messages"][-1]["content"][:20])
def test_text_ends_at_the_stop_token(daemon, golden):
    answer = daemon.chat(golden["messages"], max_tokens=64)
    choice = answer["choices"][0]
    assert (choice["message"]["role"], choice["message"]["content"]) == ("assistant", golden["text"])
    assert choice["finish_reason"] == ("length" if golden["stop_at"] is None else "stop")
    assert answer["usage"]["prompt_tokens"] == len(golden["prompt_ids"])


@pytest.mark.parametrize("golden", CHATS, ids=lambda g: g["messages"][-1]["content"][:20])
def test_stream_equals_whole(daemon, golden):
    body = {"model": CHAT, "messages": golden["messages"], "temperature": 0, "max_tokens": 64, "stream": True,
            "return_token_ids": True, "stream_options": {"include_usage": True}}
    response = daemon.post("/v1/chat/completions", body, stream=True)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    data = list(events(response))
    assert data.pop() == "[DONE]"
    chunks = [json.loads(d) for d in data]
    usage = chunks.pop()
    assert usage["choices"] == [] and usage["usage"]["prompt_tokens"] == len(golden["prompt_ids"])
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks)
    assert text == golden["text"]
    for chunk in chunks[:-1]:  # only the very end of a text may hold half a character
        assert "\ufffd" not in (chunk["choices"][0]["delta"].get("content") or "")[:-1]
    assert chunks[-1]["choices"][0]["finish_reason"] == ("length" if golden["stop_at"] is None else "stop")
    shown = golden["output_ids"][:golden["stop_at"]]
    streamed = [t for c in chunks for t in c["choices"][0].get("token_ids") or []]
    assert streamed[:len(shown)] == shown


def test_completion_takes_token_ids_as_they_are(daemon):
    golden = CHATS[0]
    answer = daemon.complete(golden["prompt_ids"], max_tokens=16, return_token_ids=True)
    assert answer["choices"][0]["token_ids"] == golden["output_ids"][:16]
    assert answer["choices"][0]["finish_reason"] == "length"


def test_completion_of_several_prompts(daemon):
    answer = daemon.complete([g["prompt_ids"] for g in CHATS[:4]], max_tokens=8, return_token_ids=True)
    assert [c["index"] for c in answer["choices"]] == [0, 1, 2, 3]
    assert [c["token_ids"] for c in answer["choices"]] == [g["output_ids"][:8] for g in CHATS[:4]]
    assert answer["usage"]["completion_tokens"] == 32


def test_max_tokens_of_completions_is_16(daemon):
    answer = daemon.complete("The river")
    assert answer["usage"]["completion_tokens"] == 16


def test_tokenize_and_back(daemon):
    golden = CHATS[0]
    tokens = daemon.post("/tokenize", {"model": CHAT, "messages": golden["messages"]}).json()
    assert tokens["tokens"] == golden["prompt_ids"] and tokens["count"] == len(golden["prompt_ids"])
    text = "Straße 🌊 2026"
    tokens = daemon.post("/tokenize", {"model": CHAT, "prompt": text}).json()["tokens"]
    assert daemon.post("/detokenize", {"model": CHAT, "tokens": tokens}).json() == {"prompt": text}


def test_stop_string_across_tokens(daemon):
    text = CHATS[0]["text"]
    stop = text[20:27]
    cut = text.index(stop)
    answer = daemon.chat(CHATS[0]["messages"], max_tokens=64, stop=[stop])
    choice = answer["choices"][0]
    assert choice["message"]["content"] == text[:cut]
    assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", stop)
    shown = daemon.chat(CHATS[0]["messages"], max_tokens=64, stop=stop, include_stop_str_in_output=True)
    assert shown["choices"][0]["message"]["content"] == text[:cut] + stop


def test_seed_repeats_the_draws(daemon):
    ask = lambda seed: daemon.chat(CHATS[3]["messages"], max_tokens=24, temperature=1.0, seed=seed)["choices"][0]["message"]
    first = ask(7)
    assert ask(7) == first
    assert any(ask(seed) != first for seed in (8, 9, 10))


def test_min_tokens_holds_the_stop_token_back(daemon):
    golden = next(g for g in CHATS if g["stop_at"] is not None)
    answer = daemon.chat(golden["messages"], max_tokens=64, min_tokens=golden["stop_at"] + 10)
    assert answer["usage"]["completion_tokens"] >= golden["stop_at"] + 10


def test_openai_client(daemon):
    client = openai.OpenAI(base_url=daemon.url + "/v1", api_key="none", max_retries=0)
    golden = CHATS[0]
    whole = client.chat.completions.create(model=CHAT, messages=golden["messages"], temperature=0, max_tokens=64)
    assert whole.choices[0].message.content == golden["text"]
    stream = client.chat.completions.create(model=CHAT, messages=golden["messages"], temperature=0, max_tokens=64, stream=True,
                                            stream_options={"include_usage": True})
    text, usage = "", None
    for chunk in stream:
        usage = chunk.usage or usage
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    assert text == golden["text"]
    assert usage.total_tokens == whole.usage.total_tokens
    completion = client.completions.create(model=CHAT, prompt="The river", max_tokens=4, temperature=0)
    assert completion.choices[0].text and completion.usage.completion_tokens == 4
    assert {m.id for m in client.models.list()} >= {CHAT}
    assert client.models.retrieve(CHAT).id == CHAT
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nobody", messages=golden["messages"])
    assert len(client.chat.completions.create(model=CHAT, messages=golden["messages"], max_tokens=4, n=2).choices) == 2
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=CHAT, messages=golden["messages"], n=129)


def test_request_id_and_timings_in_headers(daemon):
    response = daemon.post("/v1/completions", {"model": CHAT, "prompt": "x", "max_tokens": 2},
                           headers={"x-request-id": "my-own.id:1"})
    assert response.headers["x-request-id"] == "my-own.id:1"
    assert response.headers["x-weir-model"] == CHAT
    assert {part.split(";")[0].strip() for part in response.headers["server-timing"].split(",")} == {
        "queue", "prefill", "decode"}
    assert requests.get(daemon.url + "/version", timeout=10).json()["version"]
