"""Traffic as a client sees it: streams that wait, deadlines, refusals and their headers, dry runs."""
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from daemon import CHAT, VECTORS, Daemon, events, model
from keys_test import new_key, with_fields

MESSAGES = [{"role": "user", "content": "Name three rivers."}]
DRY = {"x-weir-dry-run": "true"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Both models, and keys whose limits each test has for itself."""
    secrets, tables = {}, []
    for name, fields in {
        "free": {"priority": "6"},
        "patient": {"max_wait": '"1000s"', "limits": '[{ unit = "concurrent", cap = 1 }]'},
        "slow": {"max_wait": '"1000s"', "limits": '[{ unit = "requests", cap = 1, window = "1000s" }]'},
        "hasty": {"max_wait": '"0s"', "limits": '[{ unit = "requests", cap = 1, window = "100s" }]'},
        "metered": {"max_wait": '"0s"', "limits": '[{ unit = "tokens", cap = 10000, window = "1000000s" }]'},
    }.items():
        secrets[name], toml = new_key(name)
        tables.append(with_fields(toml, **fields))
    path = tmp_path_factory.mktemp("keys") / "keys.toml"
    path.write_text("\n".join(tables))
    with Daemon(*model(CHAT), *model(VECTORS), "--dtype", "float32", "--keys", str(path)) as daemon:
        daemon.secrets = secrets
        yield daemon.ready()


def ask(daemon, key, path="/v1/chat/completions", headers=None, stream=False, **body):
    if path == "/v1/chat/completions":
        body = {"model": CHAT, "messages": MESSAGES, "max_tokens": 3, "temperature": 0, "stream": stream, **body}
    return daemon.post(path, body, stream=stream,
                       headers={"authorization": f"Bearer {daemon.secrets[key]}", **(headers or {})})


class Hog:
    """A long stream that takes the only seat of the key "patient" until it is left: what comes after it waits for just that."""

    def __init__(self, daemon):
        self.stream = ask(daemon, "patient", stream=True, max_tokens=8000, ignore_eos=True)
        assert self.stream.status_code == 200
        self.events = events(self.stream)  # the stream ends with its reader
        next(self.events)

    def leave(self):
        self.stream.close()


def test_a_stream_that_waits_is_told_so(served):
    hog = Hog(served)
    answer = ask(served, "patient", stream=True, headers={"x-weir-notes": "waiting"})
    assert answer.status_code == 200
    assert answer.headers["x-weir-queue-position"] == "1"
    assert int(answer.headers["x-weir-predicted-wait-ms"]) > 0
    lines = (line.decode() for line in answer.iter_lines() if line)
    told = re.fullmatch(r": waiting place=1 wait_ms=(\d+) line=gate", next(lines))
    assert told and int(told.group(1)) > 0
    hog.leave()
    assert list(lines)[-1] == "data: [DONE]"


def place_in_line(daemon):
    """The place that one more stream of the key "patient" would have."""
    with ask(daemon, "patient", stream=True) as probe:
        return probe.headers["x-weir-queue-position"]


def test_a_whole_answer_that_waited_says_so(served):
    hog = Hog(served)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, served, "patient")
        try:
            until = time.monotonic() + 60
            while place_in_line(served) != "2":
                assert time.monotonic() < until, "nobody waits at the gate"
                time.sleep(0.1)  # the probe has left by then
        finally:
            hog.leave()
        answer = waiting.result()
    assert answer.status_code == 200
    assert answer.headers["x-weir-queue-position"] in ("1", "2")  # behind a probe, or not
    assert int(answer.headers["x-weir-predicted-wait-ms"]) > 0


def test_a_refusal_names_wait_and_time(served):
    assert ask(served, "hasty").status_code == 200
    for stream in (False, True):
        refused = ask(served, "hasty", stream=stream)
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/json"
        wait = int(refused.headers["retry-after-ms"])
        assert 90_000 < wait <= 100_000
        assert int(refused.headers["x-weir-predicted-wait-ms"]) == wait
        assert refused.headers["retry-after"] == str(-(-wait // 1000))


def test_a_deadline_is_kept(served):
    late = ask(served, "free", headers={"x-weir-deadline-ms": "1"}, max_tokens=400)
    assert late.status_code in (503, 504)
    assert ask(served, "free", timeout=0.5, max_tokens=1000, ignore_eos=True).status_code == 504
    ask(served, "slow")
    refused = ask(served, "slow", stream=True, headers={"x-weir-deadline-ms": "20"})
    assert refused.status_code in (429, 503)
    assert "retry-after" in refused.headers


@pytest.mark.parametrize("header", [
    {"x-weir-max-wait-ms": "-1"}, {"x-weir-max-wait-ms": "soon"}, {"x-weir-deadline-ms": "0"}, {"x-weir-dry-run": "maybe"}])
def test_wrong_headers_are_named(served, header):
    answer = ask(served, "free", headers=header)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == next(iter(header))


def test_priority(served):
    assert ask(served, "free", priority=9).status_code == 200
    wrong = ask(served, "free", priority=10)
    assert wrong.status_code == 400 and wrong.json()["error"]["param"] == "priority"


def test_a_dry_run_foretells_the_charge_and_charges_nothing(served):
    for _ in range(2):
        dry = ask(served, "metered", headers=DRY, stream=True, max_tokens=7)
        assert dry.status_code == 200
        foretold = dry.json()
        assert foretold["object"] == "dry_run" and foretold["model"] == CHAT
        assert foretold["would_be"] == "admitted"
        limit, = foretold["limits"]
        assert limit["owner"] == "key metered" and limit["unit"] == "tokens" and limit["window"] == "1000000s"
        assert limit["remaining"] == limit["cap"] == 10_000
    prompt, = foretold["prompts"]
    assert "Name three rivers." in prompt["prompt"] and prompt["prompt"].startswith("<|im_start|>")
    real = ask(served, "metered", max_tokens=7).json()["usage"]
    assert foretold["charge"] == {"requests": 1, "input_tokens": real["prompt_tokens"], "output_tokens": 7}
    assert foretold["prompt_tokens"] == prompt["tokens"] == real["prompt_tokens"]
    after = ask(served, "metered", headers=DRY).json()["limits"][0]["remaining"]
    assert after == 10_000 - real["total_tokens"]


def test_a_dry_run_of_texts_and_ids(served):
    auth = {"authorization": f"Bearer {served.secrets['free']}"}
    tokens = served.post("/tokenize", {"model": CHAT, "prompt": "a weir"}, headers=auth).json()["tokens"]
    body = {"model": CHAT, "prompt": ["a weir", "a dam"], "return_token_ids": True}
    dry = served.post("/v1/completions", body, headers={**auth, **DRY}).json()
    assert dry["prompts"][0] == {"prompt": "a weir", "tokens": len(tokens), "token_ids": tokens}
    assert dry["charge"]["requests"] == 2 and dry["charge"]["output_tokens"] == 32
    dry = served.post("/v1/completions", {"model": CHAT, "prompt": tokens}, headers={**auth, **DRY}).json()
    assert dry["prompts"][0]["prompt"] == "a weir"

    body = {"model": VECTORS, "input": ["a weir holds back water", "a dam"]}
    dry = served.post("/v1/embeddings", body, headers={**auth, **DRY}).json()
    real = served.post("/v1/embeddings", body, headers=auth).json()["usage"]
    assert dry["prompt_tokens"] == real["prompt_tokens"]
    assert dry["charge"] == {"requests": 2, "input_tokens": real["prompt_tokens"], "output_tokens": 0}


def test_a_dry_run_of_what_would_be_refused(served):
    ask(served, "hasty")
    dry = ask(served, "hasty", headers=DRY).json()
    assert dry["would_be"]["status"] == 429
    assert dry["would_be"]["error"]["code"] == "rate_limit_exceeded"
    assert dry["limits"][0]["remaining"] == 0
    auth = {"authorization": f"Bearer {served.secrets['free']}", **DRY}
    assert served.post("/v1/completions", {"model": CHAT, "prompt": 1}, headers=auth).status_code == 400
    assert served.post("/tokenize", {"model": CHAT, "prompt": "a"}, headers=auth).status_code == 400
    assert requests.get(served.url + "/v1/models", headers=auth, timeout=10).status_code == 400


def test_without_a_wait_nothing_is_said(served):
    answer = ask(served, "free", stream=True)
    assert "x-weir-queue-position" not in answer.headers
    assert list(events(answer))[-1] == "[DONE]"
