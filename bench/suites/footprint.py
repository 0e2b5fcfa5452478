"""Memory after 32 clients, and the time from start to ready with a warm page cache."""

import asyncio
import statistics

from bench import Bench, floor, say, warm
from loops import Load, Shape
from markdown import table as markdown_table
from servers import EMBED_MODEL, Server, Spec, text_peers, weir


def work(server: Server, bench: Bench) -> None:
    """32 clients of text; weir, which serves both models at once, also 32 of embeddings."""
    for shape, model in ((Shape(), None), (Shape("embeddings", 32), EMBED_MODEL)):
        if model and server.name != "weir":
            continue
        load = Load(server.target(model=model), shape, bench.seed())
        run = asyncio.run(load.closed(32, int(bench.pick(96, 32)), seconds=120))
        if failed := [s.error for s in run.samples if s.error]:
            raise RuntimeError(failed[0])


def look(spec: Spec, bench: Bench) -> dict:
    """The first start only warms the page cache."""
    starts: list[float] = []
    for index in range(1 + bench.rounds_of(3)):
        server = Server(spec)
        try:
            took = server.wait_ready()
            if index:
                starts.append(took)
                if index == 1:
                    idle = server.resident_mb()
                    warm(server, "completions")
                    work(server, bench)
                    worked = server.resident_mb()
        finally:
            server.stop()
    outcome = {"start_s": round(statistics.median(starts), 3), "starts_s": [round(s, 3) for s in starts], "idle_mb": idle,
               "after_32_clients_mb": worked}
    say(f"{spec.name}: {outcome}")
    return outcome


def run(bench: Bench) -> dict:
    servers: dict[str, dict] = {}
    for spec in [weir(), *text_peers(bench.peers_home)]:
        try:
            if missing := spec.missing():
                raise RuntimeError(f"{missing} is not there")
            servers[spec.name] = look(spec, bench)
        except RuntimeError as failure:
            if spec.name == "weir":
                raise
            say(f"{spec.name} is left out: {failure}")
            bench.skipped[spec.name] = str(failure)
    own = servers["weir"]
    return {"servers": servers, "floors": [
        floor("resident memory with both models after 32 clients, MB", own["after_32_clients_mb"], at_most=1000),
        floor("start to ready, warm page cache, s", own["start_s"], at_most=3.0)]}


def table(result: dict) -> str:
    rows = [[name, s["idle_mb"], s["after_32_clients_mb"], f"{s['start_s']:.2f}"] for name, s in result["servers"].items()]
    return markdown_table(["", "memory when ready, MB", "after 32 clients, MB", "start to ready, s"], rows)
