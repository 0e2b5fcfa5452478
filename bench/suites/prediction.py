"""The predicted wait against the true one, under load: of a dry run just before the request, and of the answer's own header."""

import asyncio
import json

from bench import Bench, floor, say, warm
from client import Connection, Sample
from loops import Load, Shape, percentile, spread_ms
from markdown import number
from markdown import table as markdown_table
from servers import weir

CLIENTS = (48, 96, 160)  # below, above and far above the 64 sequences of a step
HEADER = b"x-weir-predicted-wait-ms"


async def dry_run(load: Load, connection: Connection, prompt: list[int], output: int) -> float | None:
    """Predicted wait in ms, or none where the server does not say."""
    sample, pieces = Sample(0), []
    body = {"model": load.target.model, "prompt": prompt, "max_tokens": output, "temperature": 0, "ignore_eos": True}
    await connection.post("/v1/completions", body, sample, lambda data, now: pieces.append(data), "x-weir-dry-run: true\r\n")
    if sample.status != 200:
        return None
    predicted = json.loads(b"".join(pieces))["predicted_wait_ms"]
    return predicted["gate"] + predicted["queue"]


def true_wait_ms(sample: Sample) -> float | None:
    """From the request to its first step, as the client saw it: its first token less the prefill that the server names."""
    if sample.error or sample.end is None or "prefill_ms" not in sample.timings:
        return None
    return max(0.0, (sample.first - sample.begin) * 1000 - sample.timings["prefill_ms"])


async def probe(load: Load, clients: int, settle: float, seconds: float) -> list[dict]:
    """One request after the other, each with a dry run before it, beside closed-loop clients of mixed lengths."""
    rivals = Load(load.target, Shape(), load.random.randrange(1 << 30))

    async def rival() -> None:
        connection = rivals.connection()
        try:
            while True:
                await rivals.one(connection, rivals.tokens(rivals.random.randrange(16, 256)), rivals.random.randrange(16, 256))
        finally:
            connection.close()

    tasks = [asyncio.create_task(rival()) for _ in range(clients)]
    await asyncio.sleep(settle)
    asked, connection, found = load.connection(), load.connection(), []
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        prompt = load.tokens(load.random.randrange(16, 256))
        predicted = await dry_run(load, asked, prompt, 16)
        sample = await load.one(connection, prompt, 16)
        header = sample.headers.get(HEADER)
        found.append({"dry_run_ms": predicted, "header_ms": float(header) if header else None, "true_ms": true_wait_ms(sample),
                      "error": sample.error})
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    asked.close()
    connection.close()
    return found


def errors(found: list[dict], name: str) -> dict:
    pairs = [(f[name], f["true_ms"]) for f in found if f[name] is not None and f["true_ms"] is not None]
    return {"count": len(pairs), "error_ms": spread_ms([abs(p - t) / 1000 for p, t in pairs]),
            "relative": {share: v and round(v, 3) for share, q in (("p50", 0.5), ("p90", 0.9))
                         for v in [percentile([abs(p - t) / max(t, 50) for p, t in pairs], q)]}}


def run(bench: Bench) -> dict:
    points = []
    with bench.running([weir()]) as servers, servers[0].awake():
        for clients in CLIENTS:
            warm(servers[0], "completions")
            load = Load(servers[0].target(), Shape(), bench.seed())
            found = asyncio.run(probe(load, clients, bench.pick(15, 3), bench.pick(60, 5)))
            point = {"clients": clients, "probes": len(found), "failed": sum(f["error"] is not None for f in found),
                     "true_ms": spread_ms([f["true_ms"] / 1000 for f in found if f["true_ms"] is not None]),
                     "dry_run": errors(found, "dry_run_ms"), "header": errors(found, "header_ms"), "raw": found}
            points.append(point)
            say(f"prediction at {clients} clients: { {k: v for k, v in point.items() if k != 'raw'} }")
    told = sum(p["dry_run"]["count"] + p["header"]["count"] for p in points)
    return {"points": points, "floors": [floor("predictions compared", told, at_least=1)]}


def table(result: dict) -> str:
    rows = []
    for p in result["points"]:
        dry = p["dry_run"]
        pair = lambda spread, a, b: f"{number(spread[a])} / {number(spread[b])}"
        rows.append([f"{p['clients']} clients", pair(p["true_ms"], "p50", "p90"), pair(dry["error_ms"], "p50", "p90"),
                     pair(dry["relative"], "p50", "p90")])
    return markdown_table(["", "true wait p50 / p90, ms", "error p50 / p90, ms", "error over the wait (at least 50 ms) p50 / p90"], rows)
