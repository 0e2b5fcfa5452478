"""What is done while many wait for a model, and that wrong rules stop the start."""
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from daemon import BINARY, ROOT, Daemon

TINY = os.path.join(ROOT, "tests/golden/tiny")
BIG, SMALL = "llama-gqa-tied", "llama-sharded"
LONG = 120  # tokens: the queue must not be worked off as fast as it fills
MODELS = ["--model", f"{BIG}={TINY}/{BIG}", "--model", f"{SMALL}={TINY}/{SMALL}"]


def crowd(daemon, **more):
    """Answers to 40 requests that come together."""
    body = {"model": BIG, "prompt": "a river", "max_tokens": LONG, "ignore_eos": True, **more}
    with ThreadPoolExecutor(40) as pool:
        return list(pool.map(lambda i: daemon.post("/v1/completions", body), range(40)))


def test_answers_become_shorter_while_many_wait():
    with Daemon(*MODELS, "--max-num-seqs", "1", "--brownout", "queue>=4:max-tokens=3") as daemon:
        answers = crowd(daemon.ready())
        touched = [a for a in answers if "x-weir-brownout" in a.headers]
        assert touched and len(touched) < len(answers)
        for answer in answers:
            shortened = answer in touched
            assert answer.headers.get("x-weir-brownout") == ("max-tokens=3" if shortened else None)
            assert answer.json()["usage"]["completion_tokens"] == (3 if shortened else LONG)
        rule = f'model="{BIG}",rule="queue>=4:max-tokens=3"'
        assert daemon.metric("weir_brownout_requests_total", rule) == len(touched)
        daemon.idle()
        assert daemon.metric("weir_brownout_active", rule) == 0
        assert daemon.logs('rule "queue>=4:max-tokens=3" sets in for model')
        assert daemon.logs('rule "queue>=4:max-tokens=3" ends for model')


def test_a_twin_takes_over_and_low_classes_are_refused():
    with Daemon(*MODELS, "--max-num-seqs", "1", "--brownout", f"queue>=4:model={BIG}>{SMALL}",
                "--brownout", "queue>=4:min-priority=9") as daemon:
        answers = crowd(daemon.ready())
        served = [a for a in answers if a.status_code == 200]
        assert {a.json()["model"] for a in served} == {BIG, SMALL}
        for answer in served:
            assert answer.headers["x-weir-model"] == answer.json()["model"]
            moved = answer.json()["model"] == SMALL
            assert answer.headers.get("x-weir-brownout") == (f"model={BIG}>{SMALL}" if moved else None)
        for answer in answers:
            if answer.status_code != 200:
                assert answer.status_code == 503 and answer.json()["error"]["code"] == "overloaded"
                assert "min-priority=9" in answer.headers["x-weir-brownout"] and "retry-after" in answer.headers


@pytest.mark.parametrize("rule, why", [
    ("queue>4:max-tokens=3", "the form is queue>=MARK:ACTION"),
    ("queue>=4:max-tokens=0", "a whole number from 1 to"),
    (f"queue>=4:model={BIG}>nobody", 'model "nobody" is not served'),
])
def test_a_wrong_rule_stops_the_start(rule, why):
    for command in "serve", "check":
        ended = subprocess.run([BINARY, command, *MODELS, "--port", "0", "--brownout", rule], capture_output=True, text=True,
                               timeout=60, check=False)
        assert ended.returncode == (2 if command == "serve" else 1)
        assert f'brownout: rule "{rule}": ' in ended.stdout + ended.stderr and why in ended.stdout + ended.stderr
