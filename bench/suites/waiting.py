"""512 clients instead of 32: tokens/s, memory, and how fast a full queue refuses."""

import asyncio
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench import Bench, floor, ratio, say, warm
from loops import Load, Shape, Target, spread_ms, tokens_between
from markdown import table as markdown_table
from servers import Server, weir

FEW, MANY, SEATS, QUEUE = 32, 512, 64, 32


class Watch:
    """Resident memory of a server, looked at twice a second beside a run."""

    def __init__(self, server: Server):
        self.server, self.seen, self.over = server, [server.resident_mb()], threading.Event()
        self.thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def _look(self) -> None:
        while not self.over.wait(0.5):
            self.seen.append(self.server.resident_mb())


def crowd(server: Server, clients: int, settle: float, seconds: float, seed: int) -> dict:
    """Tokens/s in steady state: what comes after `settle` seconds, for `seconds`."""
    with Watch(server) as watch:
        run = asyncio.run(Load(server.target(), Shape(), seed).closed(clients, seconds=settle + seconds))
    failed = [s.error for s in run.samples if s.error]
    return {"output_tokens_per_s": round(tokens_between(run.samples, settle, settle + seconds) / seconds, 2),
            "memory_mb": max(watch.seen), "failed": len(failed), "first_error": failed[0] if failed else None}


def fill(target: Target, seed: int, seconds: float) -> None:
    asyncio.run(Load(target, Shape(), seed).closed(SEATS + QUEUE, seconds=seconds))


@contextmanager
def prompt_clock() -> Iterator[None]:
    """Runs as soon as there is something to do, where that is allowed: what is measured is the server's delay, not our own."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        say("no real-time priority for the clock: its own delays are in the figures")
    try:
        yield
    finally:
        os.sched_setscheduler(0, *before)


def refusals(bench: Bench) -> dict:
    """Latency of the 503s of a short queue while 64 requests run and 32 wait. Those are read by a process of their own: one that
    takes in the tokens of 64 streams is late for everything else. They come one by one: a burst would wait for its sender."""
    settle, seconds = 3, bench.pick(25, 4)
    with bench.running([weir("--queue-requests", str(QUEUE))]) as servers, servers[0].awake():
        target = servers[0].target()
        full = multiprocessing.get_context("fork").Process(target=fill, args=(target, bench.seed(), settle + seconds + 1))
        full.start()
        time.sleep(settle)
        load = Load(target, Shape(output_tokens=1, refused_pause=0.5), bench.seed())
        with prompt_clock():
            run = asyncio.run(load.closed(64, seconds=seconds, ramp=0.5))
        full.join()
    refused = [s for s in run.samples if s.status == 503 and s.end is not None]
    other = [s.error for s in run.samples if s.error and s.status != 503]
    return {"refused": len(refused), "latency_ms": spread_ms([s.end - s.begin for s in refused]), "other_errors": len(other),
            "first_other_error": other[0] if other else None}


def run(bench: Bench) -> dict:
    # Those that come together end together: several such waves, and not from the middle of one to that of the next.
    settle, seconds = bench.pick(40, 2), bench.pick(80, 4)
    rounds: dict[int, list[dict]] = {FEW: [], MANY: []}
    with bench.running([weir()]) as servers, servers[0].awake():
        warm(servers[0], "completions")
        for index in range(bench.rounds_of(3)):
            for clients in (FEW, MANY):
                rounds[clients].append(crowd(servers[0], clients, settle, seconds, bench.seed()))
                say(f"{clients} clients, round {index + 1}: {rounds[clients][-1]}")
    speed = {clients: sorted(r["output_tokens_per_s"] for r in found)[len(found) // 2] for clients, found in rounds.items()}
    memory = {clients: found[0]["memory_mb"] for clients, found in rounds.items()}  # it never shrinks: only the first says something
    refused = refusals(bench)
    floors = [
        floor(f"tokens/s with {MANY} clients over {FEW}", ratio(speed[MANY], speed[FEW]), at_least=0.97),
        floor(f"memory with {MANY} clients over {FEW}", ratio(memory[MANY], memory[FEW]), at_most=1.05),
        floor("p99 of a refusal's latency, ms", refused["latency_ms"]["p99"], at_most=5.0),
    ]
    return {"tokens_per_s": speed, "memory_mb": memory, "rounds": rounds, "refusals": refused, "floors": floors}


def table(result: dict) -> str:
    few, many = str(FEW), str(MANY)
    refused = result["refusals"]["latency_ms"]
    rows = [["tokens/s", result["tokens_per_s"][few], result["tokens_per_s"][many]],
            ["resident memory, MB", result["memory_mb"][few], result["memory_mb"][many]]]
    shown = " / ".join("–" if refused[p] is None else f"{refused[p]:.2f}" for p in ("p50", "p99"))
    return (markdown_table(["", f"{few} clients", f"{many} clients"], rows) +
            f"\n\nWith {SEATS} requests that run and a queue of {QUEUE} that is full, {result['refusals']['refused']} refusals took {shown} ms (p50 / p99).")
