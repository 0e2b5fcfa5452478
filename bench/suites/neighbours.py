"""Two endless loops of other programs on the same cores: what is left of the idle machine's tokens/s."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench import Bench, floor, ratio, say, warm
from loops import Load, Shape, medians, tokens_between
from markdown import counted, table as markdown_table
from servers import Server, text_peers, weir

CLIENTS, LOOPS = (1, 8), 2


@contextmanager
def neighbours() -> Iterator[None]:
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(LOOPS)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def speed(server: Server, clients: int, seconds: float, seed: int) -> float:
    """Output tokens/s within a fixed time, of requests that are broken off at its end."""
    run = asyncio.run(Load(server.target(), Shape(), seed).closed(clients, seconds=seconds))
    return tokens_between(run.samples, 0, seconds) / seconds


def measure(server: Server, clients: int, seconds: float, bench: Bench) -> dict:
    with server.awake():
        warm(server, "completions")
        idle = speed(server, clients, seconds, bench.seed())
        with neighbours():
            busy = speed(server, clients, seconds, bench.seed())
        # What was left unfinished beside the loops must be gone before anything else is measured.
        warm(server, "completions")
    outcome = {"idle_tokens_per_s": round(idle, 2), "busy_tokens_per_s": round(busy, 2), "kept": ratio(busy, idle)}
    say(f"{server.name}, {counted(clients)}: {outcome}")
    return outcome


def run(bench: Bench) -> dict:
    points, floors, seconds = [], [], bench.pick(20, 3)
    with bench.running([weir(), *text_peers(bench.peers_home)]) as servers:
        for clients in CLIENTS:
            rounds: dict[str, list[dict]] = {server.name: [] for server in servers}
            for index in range(bench.rounds_of(3)):
                for server in servers:
                    if index and server.name != "weir":
                        continue  # once tells enough of a peer, and takes long
                    try:
                        rounds[server.name].append(measure(server, clients, seconds, bench))
                    except RuntimeError as failure:
                        if server.name == "weir":
                            raise
                        say(f"{server.name}: {failure}")
            median = {name: medians(found) for name, found in rounds.items() if found}
            points.append({"clients": clients, "median": median, "rounds": rounds})
            floors.append(floor(f"share of its idle tokens/s beside {LOOPS} endless loops, {counted(clients)}", median["weir"].get("kept"),
                                at_least=0.45))
    return {"points": points, "floors": floors}


def table(result: dict) -> str:
    rows: list[list[object]] = []
    for point in result["points"]:
        for name, m in point["median"].items():
            kept = m.get("kept")
            rows.append([f"{name}, {counted(point['clients'])}", m["idle_tokens_per_s"],
                         m["busy_tokens_per_s"], "–" if kept is None else f"{100 * kept:.0f} %"])
    return markdown_table(["", "idle, tokens/s", f"beside {LOOPS} endless loops, tokens/s", "kept"], rows)
