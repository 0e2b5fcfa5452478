"""Many clients at once: each gets what it would get alone, nothing is lost when memory is short."""
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import CHATS
from daemon import CHAT, Daemon, model

WORDS = "river weir dam lake ocean rain storm bridge boat fish stone mill mountain valley spring tide".split()


def prompts(count):
    """Different conversations of different lengths."""
    return [[{"role": "user", "content": f"{'Please. ' * (i % 7)}Tell me about the {WORDS[i % len(WORDS)]} number {i}."}]
            for i in range(count)]


def test_32_clients_get_what_they_get_alone(daemon):
    asked = prompts(32)
    length = lambda i: 12 + i % 13
    alone = [daemon.chat(m, max_tokens=length(i), return_token_ids=True)["choices"][0]["token_ids"] for i, m in enumerate(asked)]
    with ThreadPoolExecutor(32) as pool:
        together = list(pool.map(
            lambda i: daemon.chat(asked[i], max_tokens=length(i), return_token_ids=True)["choices"][0]["token_ids"], range(32)))
    assert together == alone
    assert len({tuple(t) for t in alone}) > 16


def test_goldens_beside_other_work(daemon):
    noise = prompts(24)
    with ThreadPoolExecutor(32) as pool:
        others = [pool.submit(daemon.chat, m, max_tokens=48, temperature=1.0) for m in noise]
        mine = list(pool.map(lambda g: daemon.chat(g["messages"], max_tokens=32, ignore_eos=True, return_token_ids=True), CHATS))
        for other in others:
            other.result()
    assert [m["choices"][0]["token_ids"] for m in mine] == [g["output_ids"][:32] for g in CHATS]


@pytest.mark.long
def test_200_clients_on_64_pages():
    """Every client gets its whole answer or a clean refusal, and all pages come back."""
    page_bytes = 30 * 2 * 3 * 64 * 4 * 16  # layers, keys and values, KV heads, head size, float32, tokens of a page
    with Daemon(*model(CHAT), "--dtype", "float32", "--memory", str(64 * page_bytes + page_bytes // 2),
                "--max-model-len", "512") as daemon:
        daemon.ready()
        pages = daemon.metric("weir_kv_cache_pages")
        assert 60 <= pages <= 64, pages
        asked = prompts(200)
        first = daemon.chat(asked[5], max_tokens=24, return_token_ids=True)["choices"][0]["token_ids"]

        def ask(i):
            body = {"model": CHAT, "messages": asked[i], "temperature": 0, "max_tokens": 24, "return_token_ids": True}
            return daemon.post("/v1/chat/completions", body)

        with ThreadPoolExecutor(200) as pool:
            answers = list(pool.map(ask, range(200)))
        codes = [a.status_code for a in answers]
        assert set(codes) <= {200, 429, 503}, sorted(set(codes))
        assert codes.count(200) >= 100, f"only {codes.count(200)} answered"
        for answer in answers:
            if answer.status_code != 200:
                assert "error" in answer.json() and "retry-after" in answer.headers
        if answers[5].status_code == 200:
            assert answers[5].json()["choices"][0]["token_ids"] == first
        daemon.idle()
        # The whole cache is there for one request again: pages that were lost would refuse or hang it.
        long = daemon.complete("water " * 200, max_tokens=200, ignore_eos=True)
        assert long["usage"]["completion_tokens"] == 200
        assert not re.search("audit|leak", "".join(daemon.log), re.I), daemon.tail()


def resident(daemon):
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) / 1024


@pytest.mark.long
def test_memory_stays_flat(daemon):
    """An hour's worth of short requests, in seconds: no growth that would not stop."""
    def burst(count):
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda i: daemon.complete(f"{i} {WORDS[i % 16]}", max_tokens=2), range(count)))

    burst(200)
    before = resident(daemon)
    began = time.monotonic()
    burst(400)
    grown = resident(daemon) - before
    assert grown < 24, f"{grown:.0f} MiB more after 400 requests in {time.monotonic() - began:.0f} s"
