"""Eight completions of one prompt: as one request with n = 8, and as eight requests."""

import json
import random
import statistics
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from bench import Bench, floor, ratio, say, warm
from markdown import table as markdown_table
from servers import TEXT_MODEL, Server, weir

CHOICES, PROMPT, OUTPUT = 8, 128, 32
FLOOR = 1.8


def ask(server: Server, prompt: list[int], n: int) -> None:
    body = json.dumps({"model": TEXT_MODEL, "prompt": prompt, "n": n, "max_tokens": OUTPUT, "ignore_eos": True, "temperature": 1}).encode()
    url = server.target().url + "/v1/completions"
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"}), timeout=120) as answer:
        assert len(json.load(answer)["choices"]) == n


def texts_per_s(server: Server, prompts: list[list[int]], together: bool, pool: ThreadPoolExecutor) -> float:
    began = time.perf_counter()
    for prompt in prompts:
        if together:
            ask(server, prompt, CHOICES)
        else:
            list(pool.map(lambda _: ask(server, prompt, 1), range(CHOICES)))
    return len(prompts) * CHOICES / (time.perf_counter() - began)


def run(bench: Bench) -> dict:
    chance = random.Random(bench.seed())
    prompts = lambda: [[chance.randrange(1000, 40000) for _ in range(PROMPT)] for _ in range(int(bench.pick(12, 2)))]
    rounds: dict[str, list[float]] = {"one": [], "eight": []}
    with bench.running([weir("--prefix-cache", "off")]) as (server,), server.awake(), ThreadPoolExecutor(CHOICES) as pool:
        warm(server, "completions")
        for _ in range(bench.rounds_of(5)):
            for name, together in (("one", True), ("eight", False)):
                rounds[name].append(round(texts_per_s(server, prompts(), together, pool), 2))
            say(f"texts/s: {rounds['one'][-1]} of one request with n = {CHOICES}, {rounds['eight'][-1]} of {CHOICES} requests")
    ratios = [ratio(one, eight) for one, eight in zip(rounds["one"], rounds["eight"], strict=True)]
    what = f"texts/s of n = {CHOICES} over {CHOICES} requests without a cached prefix, {PROMPT} tokens in, {OUTPUT} out"
    return {"rounds": rounds, "ratios": ratios, "floors": [floor(what, statistics.median(ratios), at_least=FLOOR)]}


def table(result: dict) -> str:
    median = {name: statistics.median(found) for name, found in result["rounds"].items()}
    return markdown_table(["texts/s", "one request, n = 8", "eight requests", "ratio"],
                          [["", median["one"], median["eight"], statistics.median(result["ratios"])]])
