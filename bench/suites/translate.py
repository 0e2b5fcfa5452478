"""enja-t5 over HTTP beside CTranslate2 in process: 1 and 32 clients, and an open loop; greedy, test sentences."""

import asyncio
import json
import os
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import machine
from bench import Bench, floor, last_line, ratio, say, warm
from loops import Load, Sample, Shape, medians, spread_ms, summary
from markdown import counted, table as markdown_table
from servers import TRANSLATOR, Server, translator
from suites.open_loop import NEXT_STRIDE, STRIDE, Search

MODEL = machine.ROOT / "models" / TRANSLATOR
PROGRAM = machine.ROOT / "bench/translator_peer.py"
PEER, F32, DEFAULT = "ctranslate2", "weir float32", "weir"
WORKERS = {PEER: 1, "ctranslate2, 2 workers": 2}  # one of two threads, or two of one
CLIENTS, BATCHES = (1, 32), (8, 16, 32, 64)
FLOORS = {(F32, 1): 0.8, (F32, 32): 1.2, (DEFAULT, 32): 1.4}
OPEN_FLOOR = 1.5
LIMIT_S, SHARE = 0.3, 0.99  # of an answer, from when it was due
SENTENCES = 24  # the goldens begin with as many test sentences


@dataclass
class Peer:
    """CTranslate2 in a process of its own for each run, as bench/translator_peer.py runs it."""

    name: str
    python: Path
    converted: str
    batch: int = 0  # texts at a time of what many clients hand in: the best of `tried`, texts/s by batch
    tried: dict[int, float] = field(default_factory=dict)

    def call(self, what: str, *numbers: float) -> dict:
        return last_line([self.python, PROGRAM, what, MODEL, self.converted, *map(str, numbers)])

    def closed(self, clients: int, seconds: float) -> dict:
        return self.call("closed", WORKERS[self.name], self.batch, seconds, clients)

    def open(self, rate: float, seconds: float) -> dict:
        return self.call("open", WORKERS[self.name], self.batch, seconds, rate, LIMIT_S)


@dataclass
class Weir:
    """A daemon, and what the load generator beside it takes of the same cores."""

    server: Server
    bench: Bench
    shape: Shape

    @property
    def name(self) -> str:
        return self.server.name

    def load(self) -> Load:
        return Load(self.server.target(), self.shape, self.bench.seed())

    def closed(self, clients: int, seconds: float) -> dict:
        with self.server.awake():
            warm(self.server, "translations")
            spent = time.process_time()
            run = asyncio.run(self.load().closed(clients, seconds=seconds))
            share = (time.process_time() - spent) / run.wall / (os.cpu_count() or 1)
        return {**summary(run), "client_share": round(share, 3)}

    def open(self, rate: float, seconds: float) -> dict:
        most_late = 2 * (1 - SHARE) * rate * seconds + 3
        hopeless = lambda samples: sum(late(sample) for sample in samples) > most_late
        with self.server.awake():
            warm(self.server, "translations")
            run = asyncio.run(self.load().open(rate, seconds, hopeless, grace=2 * LIMIT_S, kept=round(rate * LIMIT_S)))
        met = sum(latency(sample) <= LIMIT_S for sample in run.samples) / max(1, len(run.samples))
        answered = [latency(sample) for sample in run.samples if sample.due is not None and not sample.error]
        return {"requests": len(run.samples), "met": round(met, 4), "latency_ms": spread_ms(answered)}


def latency(sample: Sample) -> float:
    """Seconds from when it was due; endless where there is no answer."""
    return float("inf") if sample.error or sample.end is None or sample.due is None else sample.end - sample.due


def late(sample: Sample) -> bool:
    return bool(sample.error) or (sample.end is not None and sample.due is not None and sample.end - sample.due > LIMIT_S)


def goldens() -> list[dict]:
    return json.loads((MODEL / "golden.json").read_text())["rows"][:SENTENCES]


def equal_answers(server: Server) -> int:
    """How many test sentences it translates as the goldens say."""
    def ask(text: str) -> str:
        body = json.dumps({"model": TRANSLATOR, "prompt": text, "temperature": 0}).encode()
        with urllib.request.urlopen(urllib.request.Request(server.target().url + "/v1/completions", body,
                                                           {"Content-Type": "application/json"}), timeout=60) as answer:
            return json.load(answer)["choices"][0]["text"]

    with server.awake():
        return sum(ask(row["text"]) == row["greedy_text"] for row in goldens())


def prepared_peers(bench: Bench, folder: str) -> list[Peer]:
    """Converted, checked, and with their best batch sizes; none where CTranslate2 is not installed."""
    python = bench.peers_home / "venv/hf/bin/python"
    if not python.exists():
        bench.skipped[PEER] = f"{python} is not there"
        return []
    peers = [Peer(name, python, f"{folder}/converted") for name in WORKERS]
    peers[0].call("convert")
    found = peers[0].call("check")
    if found["equal"] != found["texts"]:
        raise RuntimeError(f"{PEER} gives {found['equal']} of {found['texts']} greedy texts of the goldens")
    say(f"{PEER}: {found['equal']} of {found['texts']} texts as the goldens")
    for peer in peers:
        for peer.batch in BATCHES:
            peer.tried[peer.batch] = peer.closed(max(CLIENTS), bench.pick(4, 0.5))["texts_per_s"]
        peer.batch = max(peer.tried, key=lambda batch: peer.tried[batch])
        say(f"{peer.name}, texts/s by batch size: {peer.tried}")
    return peers


def ratios(rounds: dict[str, list[dict]], figure: Callable[[dict], float | None]) -> dict[str, float | None]:
    """The median over the rounds of each server's figure over the peer's of the same round; no figure counts as 0."""
    found = {}
    for name in rounds:
        pairs = [ratio(figure(one) or 0.0, figure(base)) for one, base in zip(rounds[name], rounds.get(PEER, []))]
        known = [pair for pair in pairs if pair is not None]
        found[name] = round(statistics.median(known), 3) if known and name != PEER else None
    return found


def closed_loops(bench: Bench, runners: list[Peer | Weir]) -> list[dict]:
    points = []
    for clients in CLIENTS:
        rounds: dict[str, list[dict]] = {runner.name: [] for runner in runners}
        for index in range(bench.rounds_of(5)):
            for runner in runners:
                outcome = runner.closed(clients, bench.pick(6, 1))
                rounds[runner.name].append(outcome)
                share = f", of the cores to the load generator {outcome['client_share']}" if "client_share" in outcome else ""
                say(f"{counted(clients)}, round {index + 1}, {runner.name}: {outcome['texts_per_s']} texts/s{share}")
        points.append({"clients": clients, "median": {name: medians(found) for name, found in rounds.items()}, "rounds": rounds,
                       "ratios": ratios(rounds, lambda outcome: outcome["texts_per_s"])})
    return points


def search(bench: Bench, runners: list[Peer | Weir], starts: dict[str, float], stride: float) -> dict[str, Search]:
    """The greatest rate of each at which enough are answered in time, a run of each in turn."""
    found = {runner.name: Search(starts[runner.name], stride, int(bench.pick(8, 2))) for runner in runners}
    while any(s.next() for s in found.values()):
        for runner in runners:
            if (rate := found[runner.name].next()) is None:
                continue
            outcome = runner.open(rate, bench.seconds or bench.pick(5, 1))
            found[runner.name].note(rate, outcome, outcome["met"] >= SHARE)
            say(f"{runner.name} at {rate:.1f}/s: {outcome['met']:.4f} within {1000 * LIMIT_S:.0f} ms")
    return found


def open_loops(bench: Bench, runners: list[Peer | Weir], starts: dict[str, float]) -> dict:
    rounds: dict[str, list[dict]] = {runner.name: [] for runner in runners}
    stride = STRIDE
    for _ in range(bench.rounds_of(3)):
        for name, one in search(bench, runners, starts, stride).items():
            rounds[name].append({"holds": one.holds, "fails": one.fails, "runs": one.runs})
            starts = {**starts, name: one.holds or starts[name] / 2}
        stride = NEXT_STRIDE
    rates = {name: round(statistics.median_low(one["holds"] or 0 for one in found), 1) or None for name, found in rounds.items()}
    return {"rates": rates, "ratios": ratios(rounds, lambda one: one["holds"]), "rounds": rounds}


def floors(points: list[dict], loop: dict) -> list[dict]:
    by_clients = {point["clients"]: point["ratios"] for point in points}
    kept = [floor(f"{name}, texts/s over CTranslate2's with one worker, {counted(clients)}", by_clients[clients].get(name), at_least=least)
            for (name, clients), least in FLOORS.items()]
    return [*kept, floor(f"{DEFAULT}, rate with a p99 of 300 ms over CTranslate2's with one worker", loop["ratios"].get(DEFAULT), at_least=OPEN_FLOOR)]


def run(bench: Bench) -> dict:
    shape = Shape("translations", texts=tuple(row["text"] for row in goldens()))
    specs = [translator("--dtype", "float32", name=F32), translator(name=DEFAULT)]
    with tempfile.TemporaryDirectory() as folder, bench.running(specs, "translations") as servers:
        equal = {server.name: equal_answers(server) for server in servers}
        say(f"answers as the goldens, of {SENTENCES}: {equal}")
        if equal[F32] != SENTENCES:
            raise RuntimeError(f"{F32} gives {equal[F32]} of {SENTENCES} greedy texts of the goldens")
        peers = prepared_peers(bench, folder)
        runners = [*peers, *(Weir(server, bench, shape) for server in servers)]
        points = closed_loops(bench, runners)
        loop = open_loops(bench, runners, {name: 0.75 * m["texts_per_s"] for name, m in points[-1]["median"].items()})
    batches = {peer.name: {"best": peer.batch, "tried": peer.tried} for peer in peers}
    return {"equal": equal, "batches": batches, "points": points, "open": loop, "floors": floors(points, loop)}


def table(result: dict) -> str:
    points, loop = result["points"], result["open"]
    names = list(loop["rates"])
    rows: list[list[object]] = [[f"{name}, texts/s", *(p["median"][name]["texts_per_s"] for p in points), loop["rates"][name]]
                                for name in names]
    rows += [[f"{name} to {PEER}", *(p["ratios"][name] for p in points), loop["ratios"][name]] for name in names if name != PEER]
    both = lambda median: f"{median['latency_ms_p50']:.1f} / {median['latency_ms_p99']:.1f}"
    rows += [[f"{name}, p50 / p99, ms", *(both(p["median"][name]) for p in points), "–"] for name in names]
    rows += [[f"{name}, share of the cores that its load generator takes", *(p["median"][name]["client_share"] for p in points), "–"]
             for name in names if name not in WORKERS]
    heads = ["", *(counted(p["clients"]) for p in points), f"greatest rate with p99 within {1000 * LIMIT_S:.0f} ms"]
    tried = [f"{name} takes at most {found['best']} texts at a time ("
             + ", ".join(f"{batch}: {speed:,.0f} texts/s" for batch, speed in found["tried"].items()) + ")."
             for name, found in result["batches"].items()]
    return "\n\n".join([markdown_table(heads, rows), *tried])
