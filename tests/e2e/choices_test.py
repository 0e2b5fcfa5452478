"""`n`: several completions of one prompt, which is computed and charged once."""
import json

import pytest

from daemon import CHAT, HEADS, TRANSLATOR, Daemon, events, model

PROMPT = "Once upon a time there was a river that"


@pytest.fixture(scope="module")
def daemon():
    with Daemon(*model(CHAT), "--model", f"{HEADS}/{TRANSLATOR}", "--dtype", "float32", "--max-num-seqs", "8") as running:
        yield running.ready()


def complete(daemon, **more):
    answer = daemon.post("/v1/completions", {"model": CHAT, "prompt": PROMPT, "max_tokens": 12, "seed": 7, "temperature": 1, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("asked", [
    {}, {"prompt": [PROMPT, "The weir"]}, {"model": TRANSLATOR, "prompt": "He is a teacher."},
    {"model": TRANSLATOR, "prompt": "He is a teacher.", "decoder_prompt": "彼は"},
    {"logprobs": 2}, {"repetition_penalty": 1.3}, {"prompt": PROMPT * 40}], ids=str)
def test_each_is_drawn_as_alone_with_its_own_seed(daemon, asked):
    together = complete(daemon, n=3, **asked)
    prompts = asked.get("prompt", PROMPT) if isinstance(asked.get("prompt"), list) else [asked.get("prompt", PROMPT)]
    expected = [complete(daemon, **{**asked, "prompt": prompt, "seed": 7 + 3 * i + j})
                for i, prompt in enumerate(prompts) for j in range(3)]
    assert [choice["index"] for choice in together["choices"]] == list(range(3 * len(prompts)))
    for choice, alone in zip(together["choices"], expected, strict=True):
        assert {**choice, "index": 0} == alone["choices"][0]
    if asked.get("model") != TRANSLATOR:  # which is sure of most sentences
        assert len({choice["text"] for choice in together["choices"]}) > 1
    assert together["usage"]["prompt_tokens"] == sum(expected[3 * i]["usage"]["prompt_tokens"] for i in range(len(prompts)))
    assert together["usage"]["completion_tokens"] == sum(one["usage"]["completion_tokens"] for one in expected)


def test_a_stream_has_all_of_them(daemon):
    whole = complete(daemon, n=4)
    body = {"model": CHAT, "prompt": PROMPT, "max_tokens": 12, "seed": 7, "temperature": 1, "n": 4, "stream": True}
    texts, ends = [""] * 4, 0
    for data in events(daemon.post("/v1/completions", body, stream=True)):
        if data != "[DONE]":
            for choice in json.loads(data)["choices"]:
                texts[choice["index"]] += choice["text"]
                ends += choice["finish_reason"] is not None
    assert texts == [choice["text"] for choice in whole["choices"]]
    assert ends == 4


def test_chat_has_them_too_and_stop_ends_each(daemon):
    messages = [{"role": "user", "content": "Tell me of a river."}]
    body = {"model": CHAT, "messages": messages, "n": 5, "seed": 3, "temperature": 1.5, "max_tokens": 30, "stop": "."}
    choices = daemon.post("/v1/chat/completions", body).json()["choices"]
    for i, choice in enumerate(choices):
        alone = daemon.post("/v1/chat/completions", {**body, "n": 1, "seed": 3 + i}).json()["choices"][0]
        assert {**choice, "index": 0} == alone


def test_the_prompt_is_computed_once(daemon):
    long = "A river bends. " * 60

    def computed(**more):
        before = daemon.metric("weir_step_tokens_sum", f'model="{CHAT}"')
        answer = complete(daemon, max_tokens=2, ignore_eos=True, **more)
        return daemon.metric("weir_step_tokens_sum", f'model="{CHAT}"') - before, answer["usage"]["prompt_tokens"]

    tokens, prompt = computed(prompt="Cold: " + long, n=8)
    assert prompt > 200
    # The prompt; its last token again for seven of the eight; one step more for each.
    assert tokens == prompt + 7 + 8


def test_more_than_the_model_computes_at_a_time_is_refused(daemon):
    answer = daemon.post("/v1/completions", {"model": CHAT, "prompt": PROMPT, "n": 9})
    assert answer.status_code == 400
    assert "9 completions of one prompt are asked for; this model computes 8 sequences at a time" in answer.json()["error"]["message"]
    refused = daemon.post("/v1/completions", {"model": CHAT, "prompt": PROMPT, "n": 2, "echo": True, "logprobs": 1})
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "logprobs"
