"""The ledger: what each key used of each model, exactly, to whom it is shown, and what outlives the daemon, however that ends."""
import csv
import datetime
import io
import json
import os
import random
import signal
import subprocess
import threading
import time

import pytest
import requests

from daemon import BINARY, ROOT, Daemon, events
from keys_test import new_key, with_fields

TINY = os.path.join(ROOT, "tests/golden/tiny")
MODELS = ["--model", f"writer={TINY}/llama-gqa-tied", "--model", f"reader={TINY}/bert-mean"]
COUNTS = ("requests", "refused", "input_tokens", "cached_tokens", "output_tokens", "wait_ms", "queue_ms", "compute_ms")
KEYS = {
    "web": {"scopes": '["infer", "usage"]', "tenant": '"shop"'},
    "app": {"scopes": '["infer"]', "tenant": '"shop"'},
    "boss": {"scopes": '["admin"]'},
    "hasty": {"scopes": '["infer", "usage"]', "max_wait": '"0s"', "limits": '[{ unit = "requests", cap = 1, window = "1h" }]'},
}


class Keyed(Daemon):
    """A daemon of the tiny models with the keys above and a ledger in `folder`."""

    def __init__(self, folder, *args, keys=KEYS):
        path = folder / "keys.toml"
        if not path.exists():
            made = {name: new_key(name) for name in keys}
            path.write_text("\n".join(with_fields(made[name][1], **fields) for name, fields in keys.items()))
            (folder / "secrets.json").write_text(json.dumps({name: secret for name, (secret, _) in made.items()}))
        self.secrets = json.loads((folder / "secrets.json").read_text())
        self.data = str(folder / "data")
        super().__init__(*MODELS, "--keys", str(path), "--data-dir", self.data, *args)

    def headers(self, key):
        return {"authorization": f"Bearer {self.secrets[key]}"}

    def write(self, key, ids, **more):
        return self.post("/v1/completions", {"model": "writer", "prompt": ids, "temperature": 0, "ignore_eos": True, **more},
                         headers=self.headers(key))

    def usage(self, key, /, **query):
        return requests.get(self.url + "/v1/usage", params=query, headers=self.headers(key), timeout=20)

    def rows(self, key, /, **query):
        answer = self.usage(key, **query)
        assert answer.status_code == 200, answer.text
        assert answer.json()["object"] == "list"
        return answer.json()["data"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    with Keyed(tmp_path_factory.mktemp("kept")) as daemon:
        yield daemon.ready()


def sums(rows, *names):
    return tuple(sum(row[name] for row in rows) for name in names)


def change(before, after, names=COUNTS):
    """What was added to the rows of one key and model between two answers."""
    return tuple(b - a for a, b in zip(sums(before, *names), sums(after, *names)))


def test_counts_are_those_of_the_answers(kept):
    before = kept.rows("web", model="writer")
    usages = []
    long = list(range(5, 69))
    for ids, prompts in ((long, 1), (long, 1), ([[7, 8, 9], [10, 11]], 2)):
        answer = kept.write("web", ids, max_tokens=5)
        assert answer.status_code == 200, answer.text
        usages.append((prompts, answer.json()["usage"]))
    stream = kept.write("web", [30, 31, 32], max_tokens=9, stream=True, stream_options={"include_usage": True})
    chunks = [json.loads(data) for data in events(stream) if data != "[DONE]"]
    usages.append((1, chunks[-1]["usage"]))

    names = ("requests", "refused", "input_tokens", "cached_tokens", "output_tokens")
    added = change(before, kept.rows("web", model="writer"), names)
    assert added == (sum(prompts for prompts, _ in usages), 0, sum(u["prompt_tokens"] for _, u in usages),
                     sum(u["prompt_tokens_details"]["cached_tokens"] for _, u in usages),
                     sum(u["completion_tokens"] for _, u in usages))
    assert added[3] > 0, "the second of two equal prompts was to be cached"
    assert added[4] == 5 + 5 + 10 + 9


def test_embeddings_count_their_inputs(kept):
    before = kept.rows("web", model="reader")
    answer = kept.post("/v1/embeddings", {"model": "reader", "input": ["a river", "a dam on a river"]}, headers=kept.headers("web"))
    assert answer.status_code == 200, answer.text
    added = change(before, kept.rows("web", model="reader"), ("requests", "refused", "input_tokens", "output_tokens"))
    assert added == (2, 0, answer.json()["usage"]["prompt_tokens"], 0)


def test_a_client_that_leaves_pays_what_it_used(kept):
    before = kept.rows("web", model="writer")
    stream = kept.write("web", [40, 41, 42], max_tokens=200, stream=True)
    for _, _ in zip(range(3), events(stream)):
        pass
    stream.close()
    kept.idle()
    until = time.monotonic() + 10
    while change(before, kept.rows("web", model="writer"), ("requests",)) == (0,):
        assert time.monotonic() < until, "the request that was left is not in the ledger after 10 s"
        time.sleep(0.05)
    requests_made, read, made = change(before, kept.rows("web", model="writer"), ("requests", "input_tokens", "output_tokens"))
    assert (requests_made, read) == (1, 3)
    assert 3 <= made <= 200


def test_refusals_count_and_cost_nothing(kept):
    codes = [kept.write("hasty", [50, 51], max_tokens=2).status_code for _ in range(4)]
    assert codes == [200, 429, 429, 429]
    assert kept.write("hasty", [50, 51], max_tokens=-1).status_code == 400
    names = ("requests", "refused", "input_tokens", "output_tokens")
    assert sums(kept.rows("hasty"), *names) == (1, 3, 2, 2)


def test_a_key_sees_its_own_and_an_admin_all(kept):
    for key in ("web", "app"):
        assert kept.write(key, [60], max_tokens=1).status_code == 200
    assert {row["key"] for row in kept.rows("web")} == {"web"}
    assert kept.rows("web", key="web") == kept.rows("web")
    other = kept.usage("web", key="app")
    assert other.status_code == 403 and "admin" in other.json()["error"]["message"]
    none = kept.usage("app")
    assert none.status_code == 403 and '"usage"' in none.json()["error"]["message"]
    assert {"web", "app"} <= {row["key"] for row in kept.rows("boss")}
    assert {row["key"] for row in kept.rows("boss", key="app")} == {"app"}
    assert kept.rows("boss", key="web") == kept.rows("web")
    assert kept.rows("boss", key="", model="") == kept.rows("boss")
    assert kept.rows("boss", key="nobody") == []
    assert requests.get(kept.url + "/v1/usage", timeout=10).status_code == 401


def test_days_choose(kept):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    rows = kept.rows("boss")
    assert kept.rows("boss", **{"from": str(today - datetime.timedelta(1)), "to": str(today)})[-len(rows):] == rows
    assert kept.rows("boss", **{"from": "2025-01-01", "to": "2025-12-31"}) == []
    assert list(rows[0]) == ["day", "key", "model", *COUNTS]


@pytest.mark.parametrize("query,words", [
    ({"from": "yesterday"}, ("from", "yesterday")),
    ({"to": "2026-02-30"}, ("to", "2026-02-30")),
    ({"from": "2026-03-02", "to": "2026-03-01"}, ("from", "2026-03-02", "2026-03-01")),
    ({"from": "2024-01-01", "to": "2026-01-01"}, ("from", "366")),
    ({"day": "2026-03-01"}, ("day", "from, to, key, model, format")),
    ({"key": ["a", "b"]}, ("key", "2 times")),
    ({"format": "xml"}, ("format", "xml", "csv")),
])
def test_wrong_questions_are_named(kept, query, words):
    answer = kept.usage("boss", **query)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["param"] == words[0]
    for word in words[1:]:
        assert word in error["message"]


def parsed(text):
    return [{name: int(value) if name in COUNTS else value for name, value in row.items()}
            for row in csv.DictReader(io.StringIO(text, newline=""))]


def test_csv(kept):
    rows = kept.rows("boss")
    assert rows
    asked = kept.usage("boss", format="csv")
    assert asked.headers["content-type"].startswith("text/csv")
    assert parsed(asked.text) == rows
    accepted = requests.get(kept.url + "/v1/usage", headers={**kept.headers("boss"), "accept": "text/csv"}, timeout=10)
    assert accepted.text == asked.text


def command(*args):
    return subprocess.run([BINARY, "usage", *args], capture_output=True, text=True, timeout=20)


def test_the_command_reads_beside_the_daemon(kept):
    until = time.monotonic() + 10
    while parsed(command("--data-dir", kept.data, "--csv").stdout) != kept.rows("boss"):
        assert time.monotonic() < until, "the ledger on disk is not what the daemon answers after 10 s"
        time.sleep(0.1)
    table = command("--data-dir", kept.data, "--key", "hasty")
    assert table.returncode == 0
    head, row = (line.split() for line in table.stdout.splitlines())
    assert head == ["day", "key", "model", *COUNTS]
    assert row[1:5] == ["hasty", "writer", "1", "3"]
    wrong = command("--data-dir", kept.data, "--from", "soon")
    assert wrong.returncode == 2 and "soon" in wrong.stderr
    assert command().returncode == 2
    assert command("--data-dir", "/no/such/folder").returncode == 1


def test_a_second_daemon_is_refused(kept):
    second = subprocess.run([BINARY, "serve", "--port", "0", *MODELS, "--data-dir", kept.data], capture_output=True, text=True,
                            timeout=30)
    assert second.returncode == 1
    assert f"in use by another weir, process {kept.process.pid}" in second.stderr


def test_without_a_folder_there_is_no_usage():
    with Daemon(*MODELS) as daemon:
        answer = requests.get(daemon.url + "/v1/usage", timeout=10)
        assert answer.status_code == 404
        assert "data-dir" in answer.json()["error"]["message"]


def test_a_restart_keeps_it(tmp_path):
    with Keyed(tmp_path) as daemon:
        daemon.ready()
        for _ in range(3):
            assert daemon.write("web", [5, 6, 7], max_tokens=4).status_code == 200
        before = daemon.rows("boss")
    with Keyed(tmp_path) as daemon:
        assert daemon.rows("boss") == before
        daemon.ready()
        assert daemon.write("web", [5, 6, 7], max_tokens=4).status_code == 200
        assert change(before, daemon.rows("boss"), ("requests", "input_tokens", "output_tokens")) == (1, 3, 4)


def test_a_damaged_ledger_stops_the_start(tmp_path):
    (tmp_path / "usage.sqlite").write_bytes(b"no ledger" * 1000)
    out = subprocess.run([BINARY, "serve", "--port", "0", *MODELS, "--data-dir", str(tmp_path)], capture_output=True, text=True,
                         timeout=30)
    assert out.returncode == 1
    assert "usage.sqlite" in out.stderr


def test_a_quota_survives_a_restart(tmp_path):
    keys = {"monthly": {"max_wait": '"0s"', "limits": '[{ unit = "requests", cap = 3, per = "month" }]'}}
    for allowed in (2, 1):
        with Keyed(tmp_path, keys=keys) as daemon:
            daemon.ready()
            for _ in range(allowed):
                assert daemon.write("monthly", [5, 6], max_tokens=1).status_code == 200
            if allowed == 1:
                refused = daemon.write("monthly", [5, 6], max_tokens=1)
                assert refused.status_code == 429, refused.text
                assert refused.headers["x-should-retry"] == "false"


class Client(threading.Thread):
    """Asks as fast as it is answered and keeps its own log, to the death of the daemon."""

    def __init__(self, daemon, key):
        super().__init__()
        self.daemon_, self.key = daemon, key
        self.answers = []  # (when, prompt tokens, completion tokens)
        self.unanswered = (0, 0, 0)
        self.random = random.Random(len(key))

    def run(self):
        session = requests.Session()
        while True:
            ids, limit = list(range(5, 5 + self.random.randrange(1, 20))), self.random.randrange(1, 8)
            body = {"model": "writer", "prompt": ids, "max_tokens": limit, "ignore_eos": True}
            self.unanswered = (1, len(ids), limit)
            try:
                answer = session.post(self.daemon_.url + "/v1/completions", json=body, timeout=20,
                                      headers=self.daemon_.headers(self.key))
            except requests.RequestException:
                return
            assert answer.status_code == 200, answer.text
            used = answer.json()["usage"]
            self.answers.append((time.monotonic(), used["prompt_tokens"], used["completion_tokens"]))
            self.unanswered = (0, 0, 0)


def total(answers):
    return len(answers), sum(a[1] for a in answers), sum(a[2] for a in answers)


@pytest.mark.long
def test_kill_loses_at_most_the_last_second(tmp_path):
    """WEIR_KILLS sets how often; each kill comes at a random moment under the load of four clients."""
    kills = int(os.environ.get("WEIR_KILLS", "8"))
    day_before = str(datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(1))
    names = ("requests", "input_tokens", "output_tokens")
    keys = {**KEYS, "second": {"scopes": '["infer", "usage"]'}}
    moment, known, latest = random.Random(kills), (0, 0, 0), 0.0
    for _ in range(kills):
        with Keyed(tmp_path, keys=keys) as daemon:
            daemon.ready()
            clients = [Client(daemon, key) for key in ("web", "app", "second", "web")]
            for client in clients:
                client.start()
            time.sleep(1.1 + 0.8 * moment.random())
            killed = time.monotonic()
            daemon.stop(signal.SIGKILL)
            for client in clients:
                client.join()
        answers = sorted(a for client in clients for a in client.answers)
        found = parsed(command("--data-dir", daemon.data, "--csv", "--from", day_before).stdout)
        found = tuple(now - then for now, then in zip(sums(found, *names), known))
        at_least = total([a for a in answers if a[0] < killed - 1])
        at_most = tuple(map(sum, zip(total(answers), *(client.unanswered for client in clients))))
        for low, count, high in zip(at_least, found, at_most):
            assert low <= count <= high, f"between {at_least} and {at_most} were used, the ledger says {found}"
        if found[0] < len(answers):
            latest = max(latest, killed - answers[found[0]][0])
        known = tuple(map(sum, zip(known, found)))
    with Keyed(tmp_path, keys=keys) as daemon:
        assert sums(daemon.rows("boss", **{"from": day_before}), *names) == known
    print(f"{kills} kills, {known[0]} requests: the oldest answer that a kill lost was {latest * 1000:.0f} ms old")
