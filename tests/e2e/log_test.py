"""The log: one line a request, a line each ten seconds while something runs, at most 120 columns, JSON that parses."""
import json
import os
import re
import threading
import time

import requests

from daemon import CHAT, ROOT, Daemon, events, model

LLAMA = os.path.join(ROOT, "tests/golden/tiny/llama-gqa-tied")


def complete(daemon, **more):
    return daemon.post("/v1/completions", {"model": "tiny", "prompt": [5, 6, 7], "max_tokens": 4, "temperature": 0, "ignore_eos": True, **more})


def test_json_has_one_line_for_each_request():
    with Daemon("--model", f"tiny={LLAMA}", *model(CHAT), "--log-format", "json") as daemon:
        daemon.ready()
        answer = complete(daemon)
        assert answer.status_code == 200
        assert complete(daemon, n=0).status_code == 400
        assert requests.get(daemon.url + '/no"where?secret=1', timeout=10).status_code == 404
        stream = complete(daemon, stream=True, max_tokens=200)
        assert list(events(stream))[-1] == "[DONE]"
        left = daemon.post("/v1/completions", {"model": CHAT, "prompt": [5], "max_tokens": 2000, "ignore_eos": True, "stream": True},
                           stream=True)
        next(events(left))
        left.close()
        until = time.monotonic() + 10
        while sum('"event":"request"' in line for line in daemon.log) < 5 and time.monotonic() < until:
            time.sleep(0.02)
        lines = [json.loads(line) for line in daemon.log]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]), line
        assert ("message" in line) != ("event" in line), line
    whole, wrong, nowhere, streamed, gone = [line for line in lines if line.get("event") == "request"]
    assert whole["id"] == answer.headers["x-request-id"]
    assert (whole["method"], whole["path"], whole["status"]) == ("POST", "/v1/completions", 200)
    assert (whole["model"], whole["key"], whole["task"], whole["finish"]) == ("tiny", "anonymous", "generate", "length")
    usage = answer.json()["usage"]
    assert (whole["prompt_tokens"], whole["completion_tokens"]) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert whole["ms"] > 0 and whole["tokens_per_s"] > 0
    assert (wrong["status"], wrong["code"], wrong["error"]) == (400, "invalid_argument", "n")
    assert (nowhere["method"], nowhere["status"], nowhere["code"]) == ("GET", 404, "not_found")
    assert "secret" not in json.dumps(nowhere)
    assert streamed["completion_tokens"] == 200
    assert (gone["status"], gone["finish"]) == (499, "abort")


def test_text_lines_have_at_most_120_columns():
    name = "a-model-with-a-long-name" * 4
    with Daemon("--model", f"{name}={LLAMA}", "--max-connections", "65536") as daemon:
        daemon.ready()
        assert complete(daemon, model=name).status_code == 200
        assert requests.get(daemon.url + "/" + "very/long/" * 60, timeout=10).status_code == 404
        assert daemon.logs("/very/long")
        assert daemon.stop() == 0
        lines = [line for line in daemon.lines if not line.startswith(("try: ", "     -d "))]  # calls to be copied are whole
    for line in lines:
        assert len(line.rstrip("\n")) <= 120, line
    assert any(re.search(r"info  POST /v1/completions 200 \d+ms 3\+4 tok [\d.]+/s a-model\S*… req-[0-9a-f]{16}$", line) for line in lines), lines


def test_a_line_each_ten_seconds_while_something_runs():
    with Daemon("--model", f"tiny={LLAMA}") as daemon:
        daemon.ready()
        stop = threading.Event()

        def ask():
            while not stop.is_set():
                complete(daemon, max_tokens=64)
        asking = threading.Thread(target=ask)
        asking.start()
        try:
            assert daemon.logs(" prompt + ", seconds=15), daemon.tail()
        finally:
            stop.set()
            asking.join()
        line = next(line for line in daemon.log if " prompt + " in line)
        assert re.search(r"info  model tiny: \d+ run, \d+ wait; \d+ prompt \+ [1-9]\d* tok/s; cache \d+% full$", line), line
