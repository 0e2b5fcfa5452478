"""A model whose capacity sets itself, and limits told in the IETF's headers."""
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from daemon import ROOT, Daemon
from keys_test import new_key, with_fields

NAME = "llama-gqa-tied"
FOLDER = os.path.join(ROOT, "tests/golden/tiny", NAME)
RULE = f"""
[[model]]
name = "{NAME}"
capacity = "auto"
first_token_p99 = "%s"

[[model]]
name = "stranger"
capacity = "auto"
"""


@pytest.fixture
def keys(tmp_path):
    secret, toml = new_key("web")
    toml = with_fields(toml, max_wait='"0s"', limits='[{ unit = "requests", cap = 1000, window = "1000s" }]')
    path = tmp_path / "keys.toml"

    def write(target):
        path.write_text(toml + RULE % target)
        return str(path), secret
    return write


def crowd(daemon, secret, count=60):
    # Long answers: the next request comes before they end.
    body = {"model": NAME, "prompt": "a river", "max_tokens": 240, "ignore_eos": True}
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: daemon.post("/v1/completions", body, headers={"authorization": f"Bearer {secret}"}),
                             range(count)))


def test_what_would_begin_too_late_is_refused(keys):
    path, secret = keys("5ms")
    with Daemon("--model", f"{NAME}={FOLDER}", "--max-num-seqs", "1", "--keys", path) as daemon:
        crowd(daemon.ready(), secret)  # it learns how fast it is
        answers = crowd(daemon, secret)
        refused = [a for a in answers if a.status_code != 200]
        assert 0 < len(refused) < len(answers)
        for answer in refused:
            error = answer.json()["error"]
            assert answer.status_code == 503 and error["code"] == "overloaded", answer.text
            assert f"model {NAME} is at its capacity" in error["message"] and "longer than 5ms" in error["message"]
            assert 1 <= int(answer.headers["retry-after"]) <= 5
        model = f'model="{NAME}"'
        assert daemon.metric("weir_capacity_first_token_target_seconds", model) == 0.005
        assert daemon.metric("weir_capacity_tokens_per_second", 'phase="prefill"') > 0
        assert daemon.metric("weir_capacity_tokens_per_second", 'phase="decode"') > 0
        assert daemon.metric("weir_capacity_caution", model) >= 1
        assert daemon.logs('the key file limits model "stranger", which is not served here')


def test_below_it_nothing_is_held_and_the_limits_are_told(keys):
    path, secret = keys("10s")
    with Daemon("--model", f"{NAME}={FOLDER}", "--keys", path, "--ietf-headers", "on") as daemon:
        answers = crowd(daemon.ready(), secret)
        assert {a.status_code for a in answers} == {200}
        for answer in answers:
            assert answer.headers["ratelimit-policy"] == '"requests-1000s";q=1000;w=1000'
            assert re.fullmatch(r'"requests-1000s";r=9\d\d;t=[01]', answer.headers["ratelimit"])
            assert "x-ratelimit-limit-requests" in answer.headers
