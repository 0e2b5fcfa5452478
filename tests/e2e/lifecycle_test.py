"""Start and end: the port answers while models load, SIGTERM drains, a second one ends now."""
import json
import signal
import subprocess
import threading
import time

import pytest
import requests

from conftest import CHATS
from daemon import BINARY, CHAT, VECTORS, Daemon, events, model


def stream(daemon, tokens):
    """A stream that has begun: the response, after its first event."""
    body = {"model": CHAT, "messages": CHATS[0]["messages"], "temperature": 0, "max_tokens": tokens, "ignore_eos": True, "stream": True}
    response = daemon.post("/v1/chat/completions", body, stream=True)
    assert response.status_code == 200
    data = events(response)
    next(data), next(data)
    return data


def test_the_port_answers_while_models_load():
    with Daemon(*model(CHAT), *model(VECTORS)) as daemon:
        assert requests.get(daemon.url + "/health", timeout=5).status_code == 200
        first = requests.get(daemon.url + "/ready", timeout=5)
        if first.status_code == 503:
            state = first.json()
            assert state["status"] == "loading"
            assert {m["name"] for m in state["models"]} == {CHAT, VECTORS}
            assert all(m["phase"] and 0 <= m["percent"] <= 100 for m in state["models"])
            early = daemon.post("/v1/completions", {"model": CHAT, "prompt": "x", "max_tokens": 1})
            assert early.status_code in (200, 503)
        daemon.ready()
        assert requests.get(daemon.url + "/ready", timeout=5).json()["status"] == "ready"


def test_sigterm_finishes_what_runs():
    with Daemon(*model(CHAT), "--dtype", "float32") as daemon:
        daemon.ready()
        running = stream(daemon, 60)
        daemon.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + 60
        while requests.get(daemon.url + "/ready", timeout=5).status_code == 200:
            assert time.monotonic() < until, "it is still ready 60 s after SIGTERM"
            time.sleep(0.02)
        refused = daemon.post("/v1/completions", {"model": CHAT, "prompt": "x", "max_tokens": 1})
        assert refused.status_code == 503 and "retry-after" in refused.headers
        rest = list(running)
        assert rest[-1] == "[DONE]"
        assert json.loads(rest[-2])["choices"][0]["finish_reason"] == "length"
        assert daemon.process.wait(60) == 0


def test_drain_has_a_deadline():
    with Daemon(*model(CHAT), "--dtype", "float32", "--drain-timeout", "1s") as daemon:
        daemon.ready()
        running = stream(daemon, 8000)
        began = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        last = list(running)[-1]
        assert "error" in json.loads(last), last
        daemon.process.wait(60)
        assert time.monotonic() - began > 0.9
        assert daemon.logs("did not end in time"), daemon.tail()


def test_drain_delay_takes_new_work_until_a_second_sigterm():
    with Daemon(*model(VECTORS), "--drain-delay", "10m") as daemon:
        daemon.ready()
        daemon.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + 10
        while (ready := requests.get(daemon.url + "/ready", timeout=5)).status_code == 200:
            assert time.monotonic() < until, "it is still ready 10 s after SIGTERM"
            time.sleep(0.02)
        assert ready.json()["status"] == "draining"
        assert requests.get(daemon.url + "/health", timeout=5).status_code == 200
        answer = daemon.post("/v1/embeddings", {"model": VECTORS, "input": "x"})
        assert answer.status_code == 200 and answer.headers.get("connection") != "close"
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(30) == 0


def test_second_sigterm_ends_now():
    with Daemon(*model(CHAT), "--dtype", "float32") as daemon:
        daemon.ready()
        running = stream(daemon, 8000)
        threading.Thread(target=lambda: swallow(running), daemon=True).start()
        daemon.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert daemon.process.poll() is None
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.wait(60)


def test_second_sigterm_keeps_what_was_used(tmp_path):
    with Daemon(*model(CHAT), "--data-dir", str(tmp_path)) as daemon:
        daemon.ready()
        running = stream(daemon, 8000)
        threading.Thread(target=lambda: swallow(running), daemon=True).start()
        daemon.complete("the", max_tokens=1)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.send_signal(signal.SIGINT)
        assert daemon.process.wait(60) > 128
    used = subprocess.run([BINARY, "usage", "--data-dir", str(tmp_path), "--csv"], capture_output=True, text=True, timeout=20)
    assert len(used.stdout.splitlines()) == 2, used.stdout + used.stderr


def swallow(data):
    try:
        for _ in data:
            pass
    except requests.exceptions.RequestException:
        pass


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["serve", "--help"]])
def test_help_and_version(args):
    out = subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=20)
    assert out.returncode == 0 and out.stdout


def test_check_says_what_it_resolves_to():
    out = subprocess.run([BINARY, "check", *model(CHAT), "--port", "9"], capture_output=True, text=True, timeout=60,
                         env={"WEIR_MAX_NUM_SEQS": "7"})
    assert out.returncode == 0, out.stderr
    said = out.stdout + out.stderr
    assert "llama" in said.lower() and CHAT in said
    assert "WEIR_MAX_NUM_SEQS" in said or "environment" in said
