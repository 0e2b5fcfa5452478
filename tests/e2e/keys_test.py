"""Keys, scopes by model, token buckets: who may come in, how often, and what refusals say."""
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from daemon import BINARY, CHAT, VECTORS, Daemon, model


def new_key(name):
    """(secret, lines of the key file) as `weir key new` prints them on standard error and output."""
    made = subprocess.run([BINARY, "key", "new", name], capture_output=True, text=True, check=True, timeout=20)
    return made.stderr.strip(), made.stdout


def with_fields(toml, **fields):
    """The key's table with some fields set, whatever it said about them before."""
    lines = [line for line in toml.strip().splitlines() if line.split("=")[0].strip() not in fields]
    return "\n".join(lines + [f"{name} = {value}" for name, value in fields.items()]) + "\n"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    """A daemon of the vector model with keys: all, embed-only names, limited ones."""
    secrets, tables = {}, []
    for name, fields in {
        "free": {},
        "other-model": {"models": '["nobody-*"]'},
        "patient": {"max_wait": '"3s"', "limits": '[{ unit = "requests", cap = 2, window = "2s" }]'},
        "hasty": {"max_wait": '"0s"', "limits": '[{ unit = "requests", cap = 2, window = "200s" }]'},
        "lowered": {"max_wait": '"200s"', "limits": '[{ unit = "requests", cap = 2, window = "200s" }]'},
        "brief": {"max_wait": '"0s"', "limits": '[{ unit = "requests", cap = 1, window = "2s" }]'},
        "few-tokens": {"max_wait": '"0s"', "limits": '[{ unit = "tokens", cap = 20, window = "1000000s" }]'},
    }.items():
        secrets[name], toml = new_key(name)
        tables.append(with_fields(toml, **fields))
    path = tmp_path_factory.mktemp("keys") / "keys.toml"
    path.write_text("\n".join(tables))
    with Daemon(*model(VECTORS), "--keys", str(path)) as daemon:
        daemon.secrets, daemon.key_file, daemon.tables = secrets, path, tables
        yield daemon.ready()


def ask(daemon, key, text="x", **headers):
    return daemon.post("/v1/embeddings", {"model": VECTORS, "input": text},
                       headers={"authorization": f"Bearer {daemon.secrets.get(key, key)}", **headers})


def test_who_may_come_in(keyed):
    assert ask(keyed, "free").status_code == 200
    wrong = ask(keyed, "sk-weir-not-a-key")
    assert wrong.status_code == 401
    assert wrong.headers["www-authenticate"].startswith("Bearer")
    assert wrong.json()["error"]["code"] == "invalid_api_key"
    assert keyed.post("/v1/embeddings", {"model": VECTORS, "input": "x"}).status_code == 401
    assert requests.get(keyed.url + "/v1/models", timeout=10).status_code == 401
    for open_route in ("/health", "/ready", "/metrics", "/version", "/openapi.json", "/docs"):
        assert requests.get(keyed.url + open_route, timeout=10).status_code == 200


def test_models_of_a_key(keyed):
    refused = ask(keyed, "other-model")
    assert refused.status_code in (403, 404), refused.text
    listed = requests.get(keyed.url + "/v1/models", timeout=10,
                          headers={"authorization": f"Bearer {keyed.secrets['other-model']}"}).json()
    assert listed["data"] == []


def test_four_requests_on_two_per_two_seconds_wait(keyed):
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: (ask(keyed, "patient").status_code, time.monotonic() - began), range(4)))
    assert [code for code, _ in answers] == [200] * 4
    # However slow the machine is, a limit lets nobody through early.
    times = sorted(t for _, t in answers)
    assert times[2] >= 1 and times[3] >= 2, times


def test_without_waiting_two_are_refused_with_the_time(keyed):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(keyed, "hasty"), range(4)))
    assert sorted(a.status_code for a in answers) == [200, 200, 429, 429]
    for answer in answers:
        assert answer.headers["x-ratelimit-limit-requests"] == "2"
        assert re.fullmatch(r"(\d+h)?(\d+m)?([\d.]+m?s)?", answer.headers["x-ratelimit-reset-requests"])
        if answer.status_code == 429:
            error = answer.json()["error"]
            assert (error["type"], error["code"]) == ("requests", "rate_limit_exceeded")
            wait = int(answer.headers["retry-after-ms"])
            assert 0 < wait <= 100_000
            assert answer.headers["retry-after"] == str(-(-wait // 1000))


def test_a_refused_request_is_taken_after_the_time_it_was_told(keyed):
    answers = (ask(keyed, "brief") for _ in range(100))
    refused = next(a for a in answers if a.status_code == 429)
    time.sleep(int(refused.headers["retry-after-ms"]) / 1000)
    assert ask(keyed, "brief").status_code == 200


def test_a_header_lowers_the_wait(keyed):
    answers = [ask(keyed, "lowered", **{"x-weir-max-wait-ms": "0"}) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]


def test_tokens_are_counted_exactly(keyed):
    first = ask(keyed, "few-tokens", "a weir holds back water")  # 7 tokens
    assert first.status_code == 200
    assert first.headers["x-ratelimit-limit-tokens"] == "20"
    assert first.headers["x-ratelimit-remaining-tokens"] == "13"
    never = ask(keyed, "few-tokens", "word " * 40)
    assert never.status_code == 429 and never.headers["x-should-retry"] == "false"
    assert ask(keyed, "few-tokens", "a dam on a river").headers["x-ratelimit-remaining-tokens"] == "6"
    later = ask(keyed, "few-tokens", "a dam on a river and more")
    assert later.status_code == 429 and int(later.headers["retry-after"]) > 1
    assert later.json()["error"]["type"] == "tokens"


def test_key_file_is_read_again(keyed):
    secret, toml = new_key("late")
    assert ask(keyed, secret).status_code == 401
    keyed.key_file.write_text("\n".join([*keyed.tables, toml]))
    until = time.monotonic() + 60
    while ask(keyed, secret).status_code != 200:
        assert time.monotonic() < until, "the new key is not known after 60 s"
        time.sleep(0.2)
    keyed.key_file.write_text("this is no key file")
    assert keyed.logs("key file refused, the old keys hold", seconds=60)
    assert ask(keyed, secret).status_code == 200


def refusal(*args, env=None):
    out = subprocess.run([BINARY, "serve", "--port", "0", *model(VECTORS), *args], capture_output=True, text=True, timeout=30,
                         env=env)
    assert out.returncode != 0
    return out.stderr


def test_other_addresses_want_keys():
    said = refusal("--host", "0.0.0.0")
    for word in ("api-key", "keys", "insecure-no-auth"):
        assert word in said
    with Daemon(*model(VECTORS), "--host", "0.0.0.0", "--api-key", "test-secret-key") as daemon:
        assert daemon.process.poll() is None
    assert "test-secret-key" not in "".join(daemon.log)


@pytest.mark.parametrize("args,words", [
    (("--port", "70000"), ("port", "70000", "65535")),
    (("--dtype", "int3"), ("dtype", "int3", "bfloat16")),
    (("--memory", "lots"), ("memory", "lots")),
    (("--nonsense", "1"), ("nonsense",)),
    (("--model", "x=/no/such/folder", "--require-all"), ("/no/such/folder",)),
    (("--keys", "/no/such/file"), ("/no/such/file",)),
])
def test_wrong_settings_stop_the_start(args, words):
    said = refusal(*args)
    for word in words:
        assert word in said, said
