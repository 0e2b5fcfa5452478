"""Heads over one trunk: labels, spans, and all answers of one reading, beside embeddings alone; 64 clients, texts of 32 tokens."""

import asyncio
import dataclasses
import statistics

import machine
from bench import Bench, floor, ratio, say
from loops import Load, Shape, medians, summary
from markdown import table as markdown_table
from servers import EMBED_MODEL, weir

HEADS = tuple(machine.ROOT / "models" / name for name in ("minilm-sentiment", "minilm-ner-crf"))
BASE64 = {"encoding_format": "base64"}
ROUTES = {
    "embeddings": ("/v1/embeddings", tuple(BASE64.items())),
    "classify": ("/v1/classify", ()),
    "tag": ("/v1/tag", ()),
    "analyze": ("/v1/analyze", (("tasks", {"embed": BASE64, "classify": {}, "tag": {}}),)),
}
CLIENTS, TOKENS = 64, 32


def run(bench: Bench) -> dict:
    requests = int(bench.pick(2400, CLIENTS))
    found: dict[str, list[dict]] = {name: [] for name in ROUTES}
    with bench.running([weir(model=EMBED_MODEL, heads=HEADS)], "embeddings") as servers:
        target = servers[0].target()
        for index in range(bench.rounds_of(5)):
            with servers[0].awake():
                for name, (path, fields) in ROUTES.items():
                    shape = Shape("embeddings", prompt_tokens=TOKENS, fields=fields)
                    load = Load(dataclasses.replace(target, embeddings_path=path), shape, bench.seed())
                    found[name].append(summary(asyncio.run(load.closed(CLIENTS, requests, seconds=120))))
                    say(f"round {index + 1}, {name}: {found[name][-1].get('texts_per_s')} texts/s")
    ratios = {name: statistics.median(ratio(one["texts_per_s"], alone["texts_per_s"]) for one, alone in zip(rounds, found["embeddings"]))
              for name, rounds in found.items()}
    floors = [floor("classify alone over embeddings alone, texts/s", round(ratios["classify"], 3), at_least=0.95),
              floor("analyze with three tasks over embeddings alone, time", round(1 / ratios["analyze"], 3), at_most=1.15)]
    return {"median": {name: medians(rounds) for name, rounds in found.items()}, "rounds": found, "ratios": ratios, "floors": floors}


def table(result: dict) -> str:
    rows = [[name, m["texts_per_s"], m["latency_ms_p50"], round(result["ratios"][name], 3)] for name, m in result["median"].items()]
    return markdown_table([f"{CLIENTS} clients, texts of {TOKENS} tokens", "texts/s", "p50, ms", "to embeddings alone"], rows)
