"""Tokens/s of chats with drafts and without, the same text in both."""

import asyncio
import itertools
import re
import time

from bench import Bench, floor, ratio
from client import Connection, Sample, completion
from loops import Load, Shape, summary
from machine import ROOT
from markdown import counted, table as markdown_table
from servers import Server, weir

CLIENTS = (1, 8)
QUESTIONS = (
    "Explain how a bill becomes a law.", "Write a short story about a lighthouse keeper.", "What are the causes of the French Revolution?",
    "List ten tips for growing tomatoes.", "Write a Python function that sorts a list of dictionaries by a key.", "Describe the water cycle.",
    "Give me a recipe for pancakes.", "How do vaccines work?",
)


def paragraphs() -> list[str]:
    """Of the documentation: prose of some 70 to 200 tokens each."""
    text = (ROOT / "docs/architecture.md").read_text()
    return [part for part in text.split("\n\n") if 300 < len(part) < 900 and not re.search(r"^\||```|<!--", part, re.MULTILINE)]


def tasks() -> dict[str, list[str]]:
    return {"questions": list(QUESTIONS),
            "summaries": [f"Summarize the following text:\n\n{part}" for part in paragraphs()],
            "corrections": [f"Repeat the following text, and correct its grammar where needed:\n\n{part}" for part in paragraphs()]}


class Chats(Load):
    """Messages in their order, each with its number as seed: every server answers the same text."""

    def __init__(self, server: Server, messages: list[str], temperature: float, tokens: int):
        super().__init__(server.target(), Shape(output_tokens=tokens), seed=0)
        self.temperature, self.messages = temperature, enumerate(itertools.cycle(messages))

    async def one(self, connection: Connection) -> Sample:
        sample = Sample(begin=time.perf_counter() - self.zero)
        seed, message = next(self.messages)
        body = {"model": self.target.model, "messages": [{"role": "user", "content": message}], "max_tokens": self.shape.output_tokens,
                "temperature": self.temperature, "seed": seed, "stream": True, "stream_options": {"include_usage": True}}
        self.samples.append(sample)
        await completion(connection, body, sample, self.zero)
        return sample


def run(bench: Bench) -> dict:
    points: list[dict] = []
    # What was asked before must not be answered from memory.
    specs = [weir("--prefix-cache", "off", name=f"weir, drafts {drafts}", drafts=drafts) for drafts in ("on", "off")]
    with bench.running(specs) as servers:
        for (task, messages), temperature, clients in itertools.product(tasks().items(), (0, 0.7), CLIENTS):
            requests, tokens = int(bench.pick(4 + 2 * clients, 2)), int(bench.pick(200, 24))
            measure = lambda server, _: summary(asyncio.run(Chats(server, messages, temperature, tokens).closed(clients, requests, 300)))
            what = f"{task}, temperature {temperature}, {counted(clients)}"
            point = bench.in_turn(servers, bench.rounds_of(3), measure, what)
            speeds = {name: m["output_tokens_per_s"] for name, m in point["median"].items()}
            point |= {"task": task, "temperature": temperature, "clients": clients, "ratio": ratio(*speeds.values())}
            points.append(point)
    return {"points": points, "floors": promises(points)}


def promises(points: list[dict]) -> list[dict]:
    least = {clients: min(p["ratio"] for p in points if p["clients"] == clients) for clients in CLIENTS}
    return [floor(f"tokens/s with drafts over without, {counted(clients)}, the least of the tasks", worst, at_least=0.95)
            for clients, worst in least.items()]


def table(result: dict) -> str:
    rows: list[list[object]] = []
    for point in result["points"]:
        on, off = (m["output_tokens_per_s"] for m in point["median"].values())
        rows.append([f"{point['task']}, temperature {point['temperature']}, {counted(point['clients'])}",
                     off, on, point["ratio"]])
    return markdown_table(["", "without drafts, tokens/s", "with drafts, tokens/s", "ratio"], rows)
