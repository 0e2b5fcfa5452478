"""Embeddings of MiniLM over HTTP: short and long texts, one client, many, and batches."""

import asyncio

import machine
from bench import Bench, best_peer, floor, ratio, say
from loops import Load, Shape, summary
from markdown import table as markdown_table
from servers import EMBED_MODEL, MODELS, Server, embed_peers, weir

# Name, tokens of a text, texts of a request, clients, requests of a round, floor against the best peer.
POINTS = (
    ("32 tokens, 1 client", 32, 1, 1, 300, 1.5),
    ("32 tokens, 64 clients", 32, 1, 64, 1200, 2.0),
    ("32 tokens, batches of 32, 1 client", 32, 32, 1, 40, 2.0),
    ("256 tokens, 1 client", 256, 1, 1, 80, 1.5),
    ("256 tokens, 64 clients", 256, 1, 64, 256, 1.7),
)


def run(bench: Bench) -> dict:
    cost, points, floors = machine.model_cost(MODELS / EMBED_MODEL), [], []
    with bench.running([weir(model=EMBED_MODEL), *embed_peers(bench.peers_home)], "embeddings") as servers:
        for name, tokens, batch, clients, requests, least in POINTS:
            shape = Shape("embeddings", prompt_tokens=tokens, batch=batch)
            count = int(bench.pick(requests, max(2, clients)))

            def measure(server: Server, seed: int) -> dict:
                return summary(asyncio.run(Load(server.target(), shape, seed).closed(clients, count, seconds=120)))

            point = bench.in_turn(servers, bench.rounds_of(3), measure, name, "embeddings")
            speeds = {server: m.get("texts_per_s") for server, m in point["median"].items()}
            limit, best = machine.embed_limit(cost, point["limits"], tokens), best_peer(speeds)
            point |= {"name": name, "tokens": tokens, "batch": batch, "clients": clients, "limit_texts_per_s": limit,
                      "share_of_limit": {server: ratio(speed, limit) for server, speed in speeds.items()},
                      "best_peer": best and best[0], "ratio": best and ratio(speeds["weir"], best[1])}
            say(f"{name}: ratio to the best peer {point['ratio']}, share of the limit {point['share_of_limit']}")
            floors.append(floor(f"texts/s over the best peer's, {name}", point["ratio"], at_least=least))
            points.append(point)
    return {"points": points, "limit_formula": machine.EMBED_LIMIT, "floors": floors}


def table(result: dict) -> str:
    points = result["points"]
    rows: list[list[object]] = [[f"{server}, texts/s", *(p["median"][server].get("texts_per_s") for p in points)]
                                for server in points[0]["median"]]
    rows.append(["weir to the best peer", *(p["ratio"] for p in points)])
    rows.append(["limit of the machine, texts/s", *(p["limit_texts_per_s"] for p in points)])
    rows.append(["weir, share of the limit", *(p["share_of_limit"]["weir"] for p in points)])
    return markdown_table(["", *(p["name"] for p in points)], rows) + f"\n\nLimit: {result['limit_formula']}."
