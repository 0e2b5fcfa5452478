"""32 clients of 8 keys that hammer: no key may pass a cap by more than one request's reserve."""

import asyncio
from dataclasses import dataclass

from bench import Bench, floor, say
from keyfile import key_file
from loops import Load, Sample, Shape
from markdown import table as markdown_table
from servers import Server, weir

PROMPT, OUTPUT, CLIENTS_PER_KEY = 24, 16, 4
SHAPE = Shape(prompt_tokens=PROMPT, output_tokens=OUTPUT, headers="x-weir-max-wait-ms: 100\r\n", refused_pause=0.02)
COST = {"requests": 1, "tokens": PROMPT + OUTPUT, "input_tokens": PROMPT, "output_tokens": OUTPUT}


@dataclass(frozen=True)
class Cap:
    unit: str
    cap: int
    window_s: float  # 0: at the same time

    def line(self) -> str:
        window = f', window = "{self.window_s:g}s"' if self.window_s else ""
        return f'limits = [ {{ unit = "{self.unit}", cap = {self.cap}{window} }} ]'


CAPS = {
    "requests-2s": Cap("requests", 6, 2), "requests-20s": Cap("requests", 40, 20),
    "tokens-5s": Cap("tokens", 600, 5), "tokens-30s": Cap("tokens", 2400, 30),
    "input-5s": Cap("input_tokens", 240, 5), "output-5s": Cap("output_tokens", 200, 5),
    "output-30s": Cap("output_tokens", 960, 30), "concurrent": Cap("concurrent", 2, 0),
}
IDLE = Cap("requests", 10, 20)  # of a key that does nothing until the end


def most_over(samples: list[Sample], cap: Cap) -> float:
    """By how much the worst stretch of time passes cap * (1 + stretch / window), as the responses show it; below 0: never.

    A request is charged between its begin and its first token: the stretch from one's begin to another's first token holds all
    the charges between, so an excess is never made up.
    """
    charged = sorted((s.begin, s.first) for s in samples if s.first is not None)
    cost, worst = COST[cap.unit], float("-inf")
    for index, (begin, _) in enumerate(charged):
        ends = sorted(first for _, first in charged[index:])
        for count, end in enumerate(ends, 1):
            worst = max(worst, count * cost - cap.cap * (1 + (end - begin) / cap.window_s))
    return round(worst, 1)


def most_at_once(samples: list[Sample]) -> int:
    """Streams between their first token and their last: those that certainly ran together."""
    marks = sorted((at, step) for s in samples if s.times for at, step in ((s.times[0], 1), (s.times[-1], -1)))
    running = most = 0
    for _, step in marks:
        running += step
        most = max(most, running)
    return most


async def hammer(server: Server, secret: dict[str, str], seconds: float, bench: Bench) -> dict[str, list[Sample]]:
    loads = {name: Load(server.target(secret[name]), SHAPE, bench.seed()) for name in CAPS}
    runs = await asyncio.gather(*(load.closed(CLIENTS_PER_KEY, seconds=seconds) for load in loads.values()))
    return {name: run.samples for name, run in zip(loads, runs)}


async def burst(server: Server, key: str, bench: Bench) -> int:
    """How many of an idle key's first `cap` requests are answered without a wait."""
    load = Load(server.target(key), Shape(prompt_tokens=PROMPT, output_tokens=OUTPUT, headers="x-weir-max-wait-ms: 0\r\n"), bench.seed())
    run = await load.closed(IDLE.cap, requests=IDLE.cap, seconds=60)
    return sum(s.error is None and s.end is not None for s in run.samples)


def run(bench: Bench) -> dict:
    keys = {name: cap.line() for name, cap in CAPS.items()} | {"idle": IDLE.line(), "warm": ""}
    seconds = bench.seconds or bench.pick(60, 8)
    with key_file(keys) as (path, secret), bench.running_with_key(weir("--keys", path), secret["warm"]) as server, server.awake():
        samples = asyncio.run(hammer(server, secret, seconds, bench))
        full = asyncio.run(burst(server, secret["idle"], bench))
    found = {}
    for name, cap in CAPS.items():
        served = sum(s.first is not None for s in samples[name])
        odd = [s.error for s in samples[name] if s.error and s.status != 429]
        over = most_at_once(samples[name]) - cap.cap if cap.unit == "concurrent" else most_over(samples[name], cap)
        found[name] = {"unit": cap.unit, "cap": cap.cap, "window_s": cap.window_s, "served": served, "refused": sum(
            s.status == 429 for s in samples[name]), "over": over, "reserve": COST.get(cap.unit, 0), "other_errors": len(odd),
            "first_other_error": odd[0] if odd else None}
        say(f"{name}: {found[name]}")
    worst = max(f["over"] - f["reserve"] for f in found.values())
    return {"keys": found, "seconds": seconds, "idle_burst": {"cap": IDLE.cap, "served": full}, "floors": [
        floor("most that any cap was passed by beyond one request's reserve", worst, at_most=0),
        floor("requests of an idle key served at once, of its burst", full / IDLE.cap, at_least=1.0),
        floor("served requests of the key that was served least", min(f["served"] for f in found.values()), at_least=1)]}


def table(result: dict) -> str:
    rows = [[f"{f['cap']} {f['unit']}" + (f" in {f['window_s']:g} s" if f["window_s"] else " requests"), str(f["served"]), str(f["refused"]),
             str(f["over"]), str(f["reserve"])] for f in result["keys"].values()]
    return markdown_table([f"4 clients a key, {result['seconds']:g} s", "served", "refused", "most over the cap (below 0: never)",
                           "one request's reserve"], rows)
