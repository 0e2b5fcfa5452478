"""What every suite works with: servers side by side of which one is awake, measurements in turn, floors."""

import asyncio
import json
from random import Random, SystemRandom
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import machine
from loops import Load, Shape, medians
from servers import Server, Spec

Measure = Callable[[Server, int], dict]  # a server that is awake and a new seed


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def last_line(command: list[str | Path]) -> dict:
    """The JSON that a program ends with."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=machine.ROOT)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


@dataclass
class Bench:
    peers_home: Path
    rounds: int | None = None  # none: what the suite is meant for
    seconds: float | None = None
    quick: bool = False  # as short as can be: shows that it works, not how fast it is
    skipped: dict[str, str] = field(default_factory=dict)
    random: Random = field(default_factory=SystemRandom)

    def seed(self) -> int:
        return self.random.randrange(1 << 30)

    def pick(self, normal: float, quick: float) -> float:
        return quick if self.quick else normal

    def rounds_of(self, normal: int) -> int:
        return self.rounds or (1 if self.quick else normal)

    @contextmanager
    def running(self, specs: list[Spec], task: str = "completions", key: str | None = None) -> Iterator[list[Server]]:
        """Starts what is here, waits for it, has it answer once, and pauses it. Who cannot is noted and left out, but not weir."""
        servers: list[Server] = []
        try:
            for spec in specs:
                if server := self._start(spec, task, key):
                    servers.append(server)
            yield servers
        finally:
            for server in servers:
                server.stop()

    def _start(self, spec: Spec, task: str, key: str | None) -> Server | None:
        server = None
        try:
            if missing := spec.missing():
                raise RuntimeError(f"{missing} is not there")
            server = Server(spec)
            took = server.wait_ready()
            with server.awake():
                warm(server, task, key)
            say(f"{spec.name}: ready after {took:.1f} s")
            return server
        except BaseException as failure:
            if server:
                server.stop()
            if spec.name.startswith("weir") or not isinstance(failure, RuntimeError):
                raise
            say(f"{spec.name} is left out: {failure}")
            self.skipped[spec.name] = str(failure)
            return None

    @contextmanager
    def running_with_key(self, spec: Spec, key: str) -> Iterator[Server]:
        with self.running([spec], key=key) as servers:
            yield servers[0]

    def in_turn(self, servers: list[Server], rounds: int, measure: Measure, what: str, task: str = "completions") -> dict:
        """A B A B: what disturbs the machine disturbs all. The machine's limits are measured in each round."""
        found: dict[str, list[dict]] = {server.name: [] for server in servers}
        limits: list[dict] = []
        for index in range(rounds):
            if limit := machine.measure_limits():
                limits.append(limit)
            for server in servers:
                with server.awake():
                    warm(server, task)
                    outcome = measure(server, self.seed())
                found[server.name].append(outcome)
                shown = " ".join(f"{k}={v}" for k, v in medians([outcome]).items() if k in SHOWN)
                say(f"{what}, round {index + 1} of {rounds}, {server.name}: {shown}")
        return {"median": {name: medians(r) for name, r in found.items()}, "rounds": found,
                "limits": medians(limits) if limits else None}


SHOWN = ("output_tokens_per_s", "texts_per_s", "first_token_ms_p50", "inter_token_ms_p50", "failed")


def warm(server: Server, task: str, key: str | None = None) -> None:
    """One short request whose time is not counted."""
    load = Load(server.target(key), Shape(task, prompt_tokens=16, output_tokens=4), seed=time.time_ns())
    run = asyncio.run(load.closed(1, requests=1, seconds=120))
    if not run.samples or run.samples[0].end is None or run.samples[0].error:
        raise RuntimeError(f"{server.name} did not answer a first request: {run.samples[0].error if run.samples else 'nothing'}")


def best_peer(figures: dict[str, float | None], most: bool = True) -> tuple[str, float] | None:
    """Name and figure of the best server but weir."""
    peers = {name: value for name, value in figures.items() if not name.startswith("weir") and value}
    if not peers:
        return None
    name = (max if most else min)(peers, key=lambda peer: peers[peer])
    return name, peers[name]


def ratio(value: float | None, base: float | None, digits: int = 3) -> float | None:
    return round(value / base, digits) if value is not None and base else None


def floor(what: str, value: float | None, at_least: float | None = None, at_most: float | None = None) -> dict:
    """A promise and whether it was kept; none where it could not be measured."""
    bound = at_least if at_least is not None else at_most
    met = None if value is None else (value >= bound if at_least is not None else value <= bound)
    return {"what": what, "value": value, "at_least": at_least, "at_most": at_most, "met": met}
