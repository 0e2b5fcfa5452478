"""What a request costs beyond the model's step: the daemon's HTTP, service, gate, queue and scheduler before a model that answers at once."""

import os

import machine
from bench import Bench, floor, last_line, say
from loops import medians
from markdown import table as markdown_table

PROGRAM = machine.ROOT / "build/release/bench/request_bench"
KINDS = {"completion": "completion", "completion_8_limits": "completion under eight limits", "completion_stream": "completion, streamed",
         "chat": "chat", "embedding": "embedding of 20 words"}


def run(bench: Bench) -> dict:
    everywhere, requests = os.sched_getaffinity(0), str(int(bench.pick(4000, 200)))
    # On one processor nothing is woken from sleep, which on a virtual machine costs more than all else: what is left is work.
    places = {"one": {min(everywhere)}, "all": everywhere}
    rounds: dict[str, list[dict]] = {name: [] for name in places}
    for _ in range(bench.rounds_of(5)):
        for name, processors in places.items():
            try:
                os.sched_setaffinity(0, processors)
                rounds[name].append(last_line([PROGRAM, "--no-parts", "--requests", requests])["requests"])
            finally:
                os.sched_setaffinity(0, everywhere)
    median = {name: {kind: medians([found[kind] for found in all_found]) for kind in KINDS} for name, all_found in rounds.items()}
    say(f"a completion: {median['one']['completion']} on one processor, {median['all']['completion']} on all")
    floors = [floor("a one-token completion with its client on one processor, µs", median["one"]["completion"]["wall_us_p50"], at_most=100)]
    return {"median": median, "rounds": rounds, "floors": floors}


def table(result: dict) -> str:
    rows: list[list[object]] = []
    for kind, shown in KINDS.items():
        one, every = result["median"]["one"][kind], result["median"]["all"][kind]
        rows.append([shown, one["wall_us_p50"], one["cpu_us"], every["wall_us_p50"], every["cpu_us"]])
    return markdown_table(["one token or vector, µs", "one processor: as its client sees it", "time of the server's threads",
                           "all processors: as its client sees it", "time of the server's threads"], rows)
