"""Text in a closed loop: 1, 8 and 32 clients, 128 tokens in, 128 out, and a cached prefix of 1,000 tokens."""

import asyncio
import statistics

import machine
from bench import Bench, best_peer, floor, ratio, say
from loops import Load, Shape, summary
from markdown import counted, table as markdown_table
from servers import MODELS, TEXT_MODEL, Server, text_peers, weir

FLOORS = {1: 1.2, 8: 2.0, 32: 1.5}
SHAPE = Shape()


def run(bench: Bench) -> dict:
    cost = machine.model_cost(MODELS / TEXT_MODEL)
    points, floors = [], []
    with bench.running([weir(), *text_peers(bench.peers_home)]) as servers:
        for clients, least in FLOORS.items():
            requests = int(bench.pick(4 * clients + 4, max(2, clients)))
            shape = Shape(output_tokens=int(bench.pick(128, 16)))
            measure = lambda server, seed: summary(asyncio.run(
                Load(server.target(), shape, seed).closed(clients, requests, seconds=300)))
            point = bench.in_turn(servers, bench.rounds_of(3), measure, counted(clients))
            point["clients"] = clients
            speeds = {name: m.get("output_tokens_per_s") for name, m in point["median"].items()}
            limit = machine.text_limit(cost, point["limits"], clients, shape.prompt_tokens, shape.output_tokens)
            point["limit_tokens_per_s"] = limit
            point["share_of_limit"] = {name: ratio(speed, limit) for name, speed in speeds.items()}
            say(f"{counted(clients)}, share of the limit: {point['share_of_limit']}")
            best = best_peer(speeds)
            point["best_peer"], point["ratio"] = best and best[0], best and ratio(speeds["weir"], best[1])
            floors.append(floor(f"tokens/s over the best peer's, {counted(clients)}", point["ratio"], at_least=least))
            points.append(point)
        prefix = cached_prefix(bench, servers[0])
    firsts = {name: m.get("first_token_ms_p50") for name, m in points[0]["median"].items()}
    best = best_peer(firsts, most=False)
    floors += [
        floor("time to first token over the best peer's, 1 client", best and ratio(firsts["weir"], best[1]), at_most=1.0),
        floor("first token with 1,000 cached tokens over a cold one", prefix["ratio"], at_most=0.15),
    ]
    return {"points": points, "prefix": prefix, "limit_formula": machine.TEXT_LIMIT, "floors": floors}


def cached_prefix(bench: Bench, server: Server) -> dict:
    """First token of 1,024-token prompts, cold, and again with another end after the same 1,000."""
    load = Load(server.target(), SHAPE, bench.seed())

    async def pairs() -> tuple[list[float], list[float]]:
        connection, cold, warm = load.connection(), [], []
        for _ in range(int(bench.pick(7, 2))):
            prefix = load.tokens(1000)
            for found in (cold, warm):
                sample = await load.one(connection, prefix + load.tokens(24), output_tokens=2)
                if sample.error:
                    raise RuntimeError(sample.error)
                found.append(sample.first - sample.begin)
        connection.close()
        return cold, warm

    with server.awake():
        cold, warm = asyncio.run(pairs())
    cold_ms, warm_ms = statistics.median(cold) * 1000, statistics.median(warm) * 1000
    return {"cold_ms": round(cold_ms, 2), "cached_ms": round(warm_ms, 2), "ratio": ratio(warm_ms, cold_ms)}


def table(result: dict) -> str:
    points = result["points"]
    names = list(points[0]["median"])
    rows: list[list[object]] = []
    for name in names:
        rows.append([f"{name}, tokens/s", *(p["median"][name].get("output_tokens_per_s") for p in points)])
    rows.append(["weir to the best peer", *(p["ratio"] for p in points)])
    rows.append(["limit of the machine, tokens/s", *(p["limit_tokens_per_s"] for p in points)])
    for name in names:
        rows.append([f"{name}, share of the limit", *(p["share_of_limit"][name] for p in points)])
    for title, key in (("first token p50 / p99, ms", "first_token_ms"), ("between tokens p50 / p99, ms", "inter_token_ms")):
        for name in names:
            pair = [(p["median"][name].get(f"{key}_p50"), p["median"][name].get(f"{key}_p99")) for p in points]
            rows.append([f"{name}, {title}", *(" / ".join("–" if v is None else f"{v:.1f}" for v in two) for two in pair)])
    heads = ["", *(counted(p["clients"]) for p in points)]
    prefix = result["prefix"]
    return (markdown_table(heads, rows) + f"\n\nLimit: {result['limit_formula']}.\n\nA prompt of 1,024 tokens whose first 1,000 are "
            f"cached begins to answer after {prefix['cached_ms']:.0f} ms, cold after {prefix['cold_ms']:.0f} ms: "
            f"{100 * prefix['ratio']:.0f} %.")
