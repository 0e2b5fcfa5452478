"""Three times what can be served, for minutes: tokens/s, first tokens of who is admitted, refusals, memory."""

import asyncio

from bench import Bench, floor, ratio, say, warm
from keyfile import key_file
from loops import Load, Run, Shape, spread_ms, tokens_between
from markdown import number
from markdown import table as markdown_table
from servers import TEXT_MODEL, Server, weir
from suites.waiting import Watch

TIMES, SETTLE_S, BIN_S = 3, 30, 5
AUTO = f'[[model]]\nname = "{TEXT_MODEL}"\ncapacity = "auto"\n'
CLIENTS = (32, 64)  # a closed loop's best is looked for among these


def best_closed(server: Server, key: str, bench: Bench) -> float:
    """Tokens/s of closed loops, without what comes before all are under way."""
    settle, seconds, best = bench.pick(8, 2), bench.pick(25, 4), 0.0
    for clients in CLIENTS:
        run = asyncio.run(Load(server.target(key), Shape(), bench.seed()).closed(clients, seconds=settle + seconds))
        best = max(best, tokens_between(run.samples, settle, settle + seconds) / seconds)
    return best


def digest(run: Run, memory: list[float], seconds: float, settle: float) -> dict:
    admitted = [s for s in run.samples if s.first is not None and s.begin >= settle]
    refused = [s for s in run.samples if s.status in (429, 503) and s.end is not None and s.begin >= settle]
    failed = [s.error for s in run.samples if s.error and s.status not in (429, 503)]
    bins = [(at, min(at + BIN_S, seconds)) for at in range(0, int(seconds), BIN_S)]
    statuses = {str(code): sum(s.status == code for s in refused) for code in (429, 503)}
    inside = [s.timings["queue_ms"] + s.timings["prefill_ms"] for s in admitted if {"queue_ms", "prefill_ms"} <= s.timings.keys()]
    quarter = max(1, len(memory) // 4)
    return {
        "served_tokens_per_s": round(tokens_between(run.samples, settle, seconds) / (seconds - settle), 2),
        "admitted": len(admitted), "refused": len(refused), "refused_by_status": statuses, "failed": len(failed),
        "first_failure": failed[0] if failed else None,
        "first_token_ms": spread_ms([s.first - s.begin for s in admitted]),
        "queue_and_prefill_ms": spread_ms([ms / 1000 for ms in inside]),
        "refusal_ms": spread_ms([s.end - s.begin for s in refused]),
        "memory_mb": {"first_quarter": max(memory[:quarter]), "last_quarter": max(memory[-quarter:])},
        "over_time": [{"at_s": begin, "tokens_per_s": round(tokens_between(run.samples, begin, end) / (end - begin), 1),
                       "first_token_p99_ms": spread_ms([s.first - s.begin for s in run.samples if s.first and begin <= s.begin < end])["p99"],
                       "memory_mb": memory[min(len(memory) - 1, int(end * 2))]} for begin, end in bins],
    }


def flood(bench: Bench, name: str, models: str, seconds: float) -> dict:
    with key_file({"load": ""}, models) as (path, secret), bench.running_with_key(weir("--keys", path), secret["load"]) as server:
        key = secret["load"]
        with key_file({"load": ""}) as (plain, plain_secret), bench.running_with_key(weir("--keys", plain), plain_secret["load"]) as open_one:
            with open_one.awake():
                best = best_closed(open_one, plain_secret["load"], bench)
        rate = TIMES * best / Shape().output_tokens
        say(f"{name}: best closed loop {best:.0f} tokens/s; offering {rate:.1f} requests/s for {seconds:.0f} s")
        with server.awake():
            warm(server, "completions", key)
            load = Load(server.target(key), Shape(), bench.seed())
            with Watch(server) as watch:
                run = asyncio.run(load.open(rate, seconds, grace=0))
    settle = bench.pick(SETTLE_S, 2)
    outcome = {"best_tokens_per_s": round(best, 2), "offered_per_s": round(rate, 2), **digest(run, watch.seen, seconds, settle)}
    outcome["served_to_best"] = ratio(outcome["served_tokens_per_s"], best)
    say(f"{name}: { {k: v for k, v in outcome.items() if k != 'over_time'} }")
    return outcome


def run(bench: Bench) -> dict:
    seconds = bench.seconds or bench.pick(300, 12)
    auto = flood(bench, "capacity auto", AUTO, seconds)
    runs = {"capacity auto": auto, "no limits": flood(bench, "no limits", "", min(seconds, 120))}
    memory = auto["memory_mb"]
    return {"runs": runs, "seconds": seconds, "floors": [
        floor(f"served tokens/s at {TIMES}x offered load over the best closed loop", auto["served_to_best"], at_least=0.95),
        floor("p99 from admission to the first token once settled, ms", auto["queue_and_prefill_ms"]["p99"], at_most=1000.0),
        floor("p99 of a refusal's latency under overload, ms", auto["refusal_ms"]["p99"], at_most=5.0),
        floor("memory at the end of the overload over its beginning", ratio(memory["last_quarter"], memory["first_quarter"]), at_most=1.05)]}


def table(result: dict) -> str:
    pair = lambda spread: f"{number(spread['p50'])} / {number(spread['p99'])}"
    rows: list[list[object]] = []
    for name, r in result["runs"].items():
        rows.append([name, r["best_tokens_per_s"], r["served_tokens_per_s"], r["served_to_best"], str(r["admitted"]), str(r["refused"]),
                     pair(r["first_token_ms"]), pair(r["refusal_ms"]),
                     f"{number(r['memory_mb']['first_quarter'])} / {number(r['memory_mb']['last_quarter'])}"])
    return markdown_table([f"{TIMES}x offered load", "best closed loop, tokens/s", "served, tokens/s", "served to best", "admitted", "refused",
                           "first token p50 / p99, ms", "refusal p50 / p99, ms", "memory first / last quarter, MB"], rows)
