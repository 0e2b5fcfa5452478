"""A prompt of 4,000 tokens arrives beside 8 streams: what it does to the time between their tokens."""

import asyncio

from bench import Bench, floor, ratio
from loops import Load, Shape, finish, spread_ms
from markdown import table as markdown_table
from servers import Server, text_peers, weir

STREAMS, LONG = 8, 4000
MEMORY = "1GiB"  # of weir: pages for all of it to the end, 28,000 tokens; peers have 8,192 for each
AFTER_S = 0.5  # so that the gaps that the prompt has stretched are closed


async def disturb(load: Load, alone_s: float) -> dict:
    """Gaps of the streams for `alone_s`, then until the long prompt's first token."""
    connections = [load.connection() for _ in range(STREAMS + 1)]
    tasks = [asyncio.create_task(load.one(connection, load.tokens(32))) for connection in connections[:STREAMS]]
    while not (len(load.samples) == STREAMS and all(len(s.times) > 2 for s in load.samples)):
        await asyncio.sleep(0.05)
        if any(task.done() for task in tasks):
            raise RuntimeError(next(s.error for s in load.samples if s.error or s.end))
    streams = list(load.samples)
    begin = max(s.times[2] for s in streams)
    await asyncio.sleep(alone_s)
    long = await load.one(connections[STREAMS], load.tokens(LONG), output_tokens=4)
    if long.error:
        raise RuntimeError(long.error)
    await asyncio.sleep(AFTER_S)
    await finish(tasks, 0)
    for connection in connections:
        connection.close()
    pairs = [pair for s in streams for pair in zip(s.times, s.times[1:])]
    alone = spread_ms([b - a for a, b in pairs if a >= begin and b < long.begin])
    beside = spread_ms([b - a for a, b in pairs if a < long.first and b >= long.begin])
    return {"alone_ms": alone, "beside_ms": beside, "long_first_token_ms": round((long.first - long.begin) * 1000, 1),
            "p99_ratio": ratio(beside["p99"], alone["p99"])}


def run(bench: Bench) -> dict:
    def measure(server: Server, seed: int) -> dict:
        load = Load(server.target(), Shape(output_tokens=3000), seed)
        return asyncio.run(asyncio.wait_for(disturb(load, bench.pick(8, 1)), 180))

    with bench.running([weir("--memory", MEMORY), *text_peers(bench.peers_home, sequences=STREAMS + 1, length=8192)]) as servers:
        found = bench.in_turn(servers, bench.rounds_of(3), measure, f"{LONG} tokens beside {STREAMS} streams")
    own = found["median"]["weir"]
    return {**found, "floors": [floor(f"p99 between tokens of {STREAMS} streams while {LONG} tokens are read, over alone",
                                      own.get("p99_ratio"), at_most=2.0)]}


def table(result: dict) -> str:
    rows = [[name, m.get("alone_ms_p50"), m.get("alone_ms_p99"), m.get("beside_ms_p50"), m.get("beside_ms_p99"), m.get("p99_ratio"),
             m.get("long_first_token_ms")] for name, m in result["median"].items()]
    return markdown_table([f"{STREAMS} streams, ms between tokens", "alone p50", "alone p99", f"beside a {LONG}-token prompt p50", "p99",
                           "p99 to alone", "that prompt's first token, ms"], rows)
