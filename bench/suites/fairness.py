"""Between clients: one that floods beside one that asks for one stream at a time, and served tokens by weight."""

import asyncio

from bench import Bench, floor, ratio, say
from keyfile import key_file
from loops import Load, Sample, Shape, finish, percentile, spread_ms, tokens_between
from markdown import number
from markdown import table as markdown_table
from servers import Server, weir

FLOOD = 64 + 1000  # open streams and waiting requests of the client that floods
PROBE = Shape(output_tokens=32)
KEYS = {"flood": "", "probe": "", "equal-a": "", "equal-b": "", "light": "weight = 1.0", "heavy": "weight = 3.0"}


def digest(samples: list[Sample]) -> dict:
    """A step's length is what lies between two tokens, in the middle; the first token counts in such steps."""
    good = [s for s in samples if s.end is not None and not s.error]
    first, step = percentile([s.first - s.begin for s in good], 0.5), percentile([g for s in good for g in s.gaps if g > 1e-4], 0.5)
    return {"streams": len(good), "first_error": next((s.error for s in samples if s.error), None), "first_ms": spread_ms([s.first - s.begin for s in good]),
            "gap_ms": spread_ms([g for s in good for g in s.gaps]), "first_in_steps": ratio(first, step, 2)}


async def beside(rival: Load, probe: Load, rivals: int, settle: float, seconds: float) -> tuple[list[Sample], list[Sample]]:
    """The probe's streams, one after the other, while `rivals` requests of the other client are always open."""
    task = asyncio.create_task(rival.closed(rivals, seconds=settle + seconds))
    await asyncio.sleep(settle)
    await probe.closed(1, seconds=seconds - 0.5)
    await finish([task], None)
    return rival.samples, probe.samples


def flooded(server: Server, secret: dict[str, str], bench: Bench) -> dict:
    found = {}
    for name, rivals, settle, seconds in (("one rival stream", 1, 2, bench.pick(15, 3)), ("flood", FLOOD, bench.pick(15, 4), bench.pick(45, 8))):
        rival = Load(server.target(secret["flood"]), Shape(), bench.seed())
        probe = Load(server.target(secret["probe"]), PROBE, bench.seed())
        rival_samples, probe_samples = asyncio.run(beside(rival, probe, rivals, settle, seconds))
        gaps = [gap for s in rival_samples for gap in s.gaps if s.begin > settle or rivals == 1]
        refused = [s.error for s in rival_samples if s.error]
        found[name] = {**digest(probe_samples), "rival_gap_ms": spread_ms(gaps), "rival_errors": len(refused),
                       "rival_first_error": refused[0] if refused else None}
        say(f"probe beside {name}: {found[name]}")
    steps = [found[name]["first_in_steps"] for name in ("flood", "one rival stream")]
    found["steps_more"] = round(steps[0] - steps[1], 2) if None not in steps else None
    return found


def shared(server: Server, secret: dict[str, str], names: tuple[str, str], bench: Bench) -> dict:
    """Output tokens of two clients that always have 64 requests open each."""
    settle, seconds = bench.pick(15, 2), bench.pick(60, 5)

    async def both() -> list[float]:
        loads = [Load(server.target(secret[name]), Shape(), bench.seed()) for name in names]
        runs = await asyncio.gather(*(load.closed(64, seconds=settle + seconds) for load in loads))
        return [tokens_between(run.samples, settle, settle + seconds) for run in runs]

    first, second = asyncio.run(both())
    found = {names[0]: round(first), names[1]: round(second), "ratio": ratio(second, first)}
    say(f"served tokens: {found}")
    return found


def run(bench: Bench) -> dict:
    with key_file(KEYS) as (path, secret), bench.running_with_key(weir("--keys", path), secret["probe"]) as server, server.awake():
        flood = flooded(server, secret, bench)
        equal = shared(server, secret, ("equal-a", "equal-b"), bench)
        weighted = shared(server, secret, ("light", "heavy"), bench)
    off = lambda found, wanted: found["ratio"] and round(abs(found["ratio"] / wanted - 1), 4)
    return {"flood": flood, "equal": equal, "weighted": weighted, "floors": [
        floor("streams of the probe that ended beside the flood", flood["flood"]["streams"], at_least=1),
        floor("first token beside a flood, steps more than beside one stream", flood["steps_more"], at_most=2.0),
        floor("served tokens of two equal clients, off by", off(equal, 1), at_most=0.05),
        floor("served tokens of weights 1 and 3, off 1:3 by", off(weighted, 3), at_most=0.05)]}


def table(result: dict) -> str:
    flood = result["flood"]
    pair = lambda spread: f"{number(spread['p50'])} / {number(spread['p99'])}"
    rows = [[f"beside {name}", pair(f["first_ms"]), f["first_in_steps"], pair(f["gap_ms"]), pair(f["rival_gap_ms"])]
            for name, f in flood.items() if isinstance(f, dict)]
    text = markdown_table([f"a stream at a time (flood: {FLOOD} open requests)", "first token p50 / p99, ms", "in steps", "between tokens p50 / p99, ms",
                           "the rival's, ms"], rows)
    equal, weighted = result["equal"], result["weighted"]
    return (text + f"\n\nServed tokens of two clients with 64 open requests each: equal weights 1 : {number(equal['ratio'])}, "
            f"weights 1 and 3 1 : {number(weighted['ratio'])}.")
