"""The highest Poisson rate at which 99 % of the requests get their first token within 500 ms and go on at 60 ms a token."""

import asyncio
from dataclasses import dataclass, field
from statistics import median_low

import machine
from bench import Bench, best_peer, floor, ratio, say, warm
from loops import Load, Sample, Shape, percentile, summary
from markdown import table as markdown_table
from servers import Server, text_peers, weir

FIRST_S, GAP_S, SHARE = 0.5, 0.06, 0.99
READINGS = {
    "mean": "each request's mean time between tokens, (last - first) / (tokens - 1), at most 60 ms",
    "p99": "each request's 99th percentile of the times between events at most 60 ms",
}
CLOSE = 1.06  # the search ends when what fails is less than this times what holds
STRIDE, NEXT_STRIDE = 1.6, 1.2  # from one rate to the next until it is known between which two it lies: at first, and once a search found it


def keeps(sample: Sample, reading: str) -> bool:
    if sample.error or sample.end is None or sample.first - sample.begin > FIRST_S or (sample.mean_gap or 0) > GAP_S:
        return False
    return reading == "mean" or (percentile(sample.gaps, 0.99) or 0) <= GAP_S


@dataclass
class Search:
    """Goes up by `stride` until it fails, down until it holds, then bisects, at most `steps` runs in all."""

    rate: float
    stride: float
    steps: int
    holds: float | None = None
    fails: float | None = None
    runs: list[dict] = field(default_factory=list)

    def next(self) -> float | None:
        if len(self.runs) >= self.steps or (self.holds and self.fails and self.fails / self.holds < CLOSE):
            return None
        if self.holds and self.fails:
            return (self.holds * self.fails) ** 0.5
        return self.holds * self.stride if self.holds else self.fails / self.stride if self.fails else self.rate

    def note(self, rate: float, run: dict, held: bool) -> None:
        self.runs.append({"rate": round(rate, 3), "held": held, **run})
        if held:
            self.holds = max(rate, self.holds or 0)
        else:
            self.fails = min(rate, self.fails or rate)


def measure(server: Server, rate: float, reading: str, seconds: float, seed: int) -> tuple[dict, bool]:
    """One open loop; it is left as soon as too many have missed."""
    allowed = (1 - SHARE) * rate * seconds

    def hopeless(samples: list[Sample]) -> bool:
        over = [s for s in samples if (s.end is not None or s.error) and not keeps(s, reading)]
        return len(over) > 2 * allowed + 3

    with server.awake():
        warm(server, "completions")
        load = Load(server.target(), Shape(), seed)
        run = asyncio.run(load.open(rate, seconds, hopeless, grace=30))
    met = sum(keeps(sample, reading) for sample in run.samples) / max(1, len(run.samples))
    short = {key: value for key, value in summary(run).items() if key in ("requests", "failed", "wall_s", "first_token_ms", "mean_gap_ms")}
    return {"met": round(met, 4), **short}, met >= SHARE


def starting_rate(server: Server, bench: Bench) -> float:
    """Three quarters of what eight clients get in a closed loop."""
    with server.awake():
        run = asyncio.run(Load(server.target(), Shape(), bench.seed()).closed(8, int(bench.pick(24, 8)), seconds=60))
    return max(0.1, 0.75 * summary(run)["requests_per_s"])


def search(bench: Bench, servers: list[Server], reading: str, starts: dict[str, float], stride: float) -> dict[str, Search]:
    """All searches side by side, a run of each in turn."""
    seconds, steps = bench.seconds or bench.pick(30, 4), int(bench.pick(8, 2))
    found = {server.name: Search(starts[server.name], stride, steps) for server in servers}
    while any(s.next() for s in found.values()):
        for server in servers:
            if (rate := found[server.name].next()) is None:
                continue
            outcome, held = measure(server, rate, reading, seconds, bench.seed())
            found[server.name].note(rate, outcome, held)
            say(f"{reading}: {server.name} at {rate:.2f}/s: {outcome['met']:.3f} kept the limits")
    return found


def next_starts(starts: dict[str, float], rates: dict[str, float | None]) -> dict[str, float]:
    """A search begins at what held in the one before, or at half of where that began."""
    return {name: rate or starts[name] / 2 for name, rate in rates.items()}


def in_rounds(bench: Bench, servers: list[Server], reading: str, starts: dict[str, float]) -> list[dict[str, Search]]:
    """One search after the other, each from what the one before found."""
    rounds, stride = [], STRIDE
    for index in range(bench.rounds_of(3)):
        rounds.append(search(bench, servers, reading, starts, stride))
        rates = {name: s.holds for name, s in rounds[-1].items()}
        starts, stride = next_starts(starts, rates), NEXT_STRIDE
        say(f"{reading}, round {index + 1}: " + ", ".join(f"{name} {rate and round(rate, 2)}" for name, rate in rates.items()))
    return rounds


def middle(rounds: list[dict[str, Search]]) -> dict[str, float | None]:
    """The median rate of each server; none where half of its searches found none that holds."""
    found = {name: median_low(r[name].holds or 0 for r in rounds) for name in rounds[0]}
    return {name: round(rate, 3) if rate else None for name, rate in found.items()}


def run(bench: Bench) -> dict:
    readings, floors, limits = {}, [], machine.measure_limits()
    with bench.running([weir(), *text_peers(bench.peers_home)]) as servers:
        starts = {server.name: starting_rate(server, bench) for server in servers}
        for reading, meaning in READINGS.items():
            rounds = in_rounds(bench, servers, reading, starts)
            rates = middle(rounds)
            best = best_peer(rates)
            readings[reading] = {
                "meaning": meaning, "rates": rates, "ratio": best and ratio(rates["weir"], best[1]),
                "rounds": [{name: {"holds": s.holds, "fails": s.fails} for name, s in r.items()} for r in rounds],
                "runs": {name: [run for r in rounds for run in r[name].runs] for name in rates}}
            floors.append(floor(f"rate that keeps 500 ms and 60 ms ({reading}) over the best peer's", readings[reading]["ratio"], at_least=1.5))
            starts = next_starts(starts, rates)
    return {"readings": readings, "limits": limits, "floors": floors}


def table(result: dict) -> str:
    names = list(next(iter(result["readings"].values()))["rates"])
    rows = [[r["meaning"], *(r["rates"][name] for name in names), r["ratio"]] for r in result["readings"].values()]
    return markdown_table(["requests/s at which 99 % keep both limits", *names, "weir to the best peer"], rows)
