"""Sends mutated requests beside a client that behaves, and as many well-formed ones of the same sizes, in turns.

Fails if the daemon ends, if an answer is 5xx but 503 (or 504 for a request that set its own deadline), or if the client's p95 beside
mutated requests is over 1.5 times its p95 beside well-formed ones.
usage: .deps/venv/bin/python tests/corpus/mutated_requests.py [--seconds 300] [--rate 50] [--seed N]
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections import Counter

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path += [os.path.join(ROOT, "tests/corpus"), os.path.join(ROOT, "tests/e2e")]

import request_corpus as corpus
from daemon import CHAT, VECTORS, Daemon, model

MOST_RATIO = 1.5
PATIENCE = 60  # seconds until an answer counts as lost
OWN_DEADLINE = "504 by its own deadline"
MODELS = corpus.Models(chat=CHAT, vectors=VECTORS, vocabulary=49152)


async def send(port, request):
    """The status of the answer; None: the client left, or the server closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        lines = [f"POST {request.path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(request.body)}"]
        lines += [f"{name}: {value}" for name, value in ({"Connection": "close"} | request.headers).items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + request.body[: request.leaves_after])
        await writer.drain()
        if request.leaves_after is not None:
            return None
        answer = (await asyncio.wait_for(reader.read(), PATIENCE)).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        return int(answer.split(b" ", 2)[1]) if answer else None
    finally:
        writer.close()


class Crowd:
    """An open loop: so many requests a second, whatever becomes of them."""

    def __init__(self, port, rate):
        self.port, self.rate, self.statuses, self.running = port, rate, Counter(), set()

    async def one(self, request):
        try:
            status = await send(self.port, request)
        except (OSError, asyncio.TimeoutError) as lost:
            status = type(lost).__name__
        if status == 504 and request.has_deadline():
            status = OWN_DEADLINE
        self.statuses[status] += 1
        if isinstance(status, int) and status >= 500 and status != 503:
            print(f"{status}: {request.path} {request.headers} {request.body[:600]!r}", flush=True)

    async def run(self, todo):
        began = time.perf_counter()
        for i, request in enumerate(todo):
            await asyncio.sleep(max(0, began + i / self.rate - time.perf_counter()))
            task = asyncio.create_task(self.one(request))
            self.running.add(task)
            task.add_done_callback(self.running.discard)
        await asyncio.gather(*self.running)


async def client(port, rng, times, until):
    """One that behaves: a short completion, a pause, and again."""
    while not until.is_set():
        prompt = " ".join(rng.choices(corpus.WORDS, k=24))
        body = {"model": CHAT, "prompt": prompt, "max_tokens": 8, "temperature": 0, "ignore_eos": True}
        began = time.perf_counter()
        status = await send(port, corpus.Request("/v1/completions", json.dumps(body).encode()))
        times.append(time.perf_counter() - began)
        if status not in (200, 503):
            raise AssertionError(f"the client that behaves got {status}")
        await asyncio.sleep(0.1)


async def beside(port, rate, todo, seed):
    """The statuses of a crowd's requests, and the seconds that the client's took beside them."""
    crowd, times, until = Crowd(port, rate), [], asyncio.Event()
    behaving = asyncio.create_task(client(port, random.Random(seed), times, until))
    await crowd.run(todo)
    until.set()
    await behaving
    return crowd.statuses, times


def p95(times):
    return statistics.quantiles(times, n=20)[-1] if len(times) > 1 else sum(times)


def run(daemon, seed, count, rate, turns):
    """Statuses and times beside mutated and beside well-formed requests, taken in turns: what disturbs the machine disturbs both."""
    cases = corpus.cases(seed, count, MODELS)
    statuses, times = {"mutated": Counter(), "good": Counter()}, {"mutated": [], "good": []}
    for turn in range(turns):
        share = cases[turn * count // turns : (turn + 1) * count // turns]
        for kind in statuses:
            got, took = asyncio.run(beside(daemon.port, rate, [getattr(case, kind) for case in share], seed + turn))
            statuses[kind] += got
            times[kind] += took
            print(f"turn {turn + 1}/{turns} {kind}: {dict(got)}, client p95 {1e3 * p95(took):.0f} ms of {len(took)}", flush=True)
    return statuses, times


def faults(daemon, statuses):
    """What no request may cause."""
    found = [f"{status} for {kind} requests: {n} times" for kind, got in statuses.items() for status, n in got.items()
             if not (status in (None, OWN_DEADLINE) or isinstance(status, int) and (status < 500 or status == 503))]
    if daemon.process.poll() is not None:
        found.append(f"the daemon ended with {daemon.process.returncode}:\n{daemon.tail()}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300, help="of either kind of requests")
    parser.add_argument("--rate", type=float, default=50, help="requests a second")
    parser.add_argument("--turns", type=int, default=10, help="into how many turns the time is cut")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with Daemon(*model(CHAT), *model(VECTORS)) as daemon:
        daemon.ready()
        statuses, times = run(daemon, args.seed, int(args.seconds * args.rate), args.rate, args.turns)
        found = faults(daemon, statuses)
    ratio = p95(times["mutated"]) / p95(times["good"])
    for kind, took in times.items():
        middle, late = 1e3 * statistics.median(took), 1e3 * p95(took)
        print(f"{kind}: {dict(statuses[kind])}; client p50 {middle:.0f} ms, p95 {late:.0f} ms of {len(took)}")
    print(f"ratio of p95: {ratio:.2f}; at most {MOST_RATIO}")
    if ratio > MOST_RATIO:
        found.append(f"the client's p95 is {ratio:.2f} times as long beside mutated requests")
    print("\n".join(found) or "no faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
