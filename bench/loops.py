"""Closed and open loops of requests against one server, and what is made of their samples."""

import asyncio
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from client import Connection, Sample, completion, embedding, text

# Each is one token of the usual vocabularies.
WORDS = "river water stone house bank flood mill gate fish boat bridge rain lake wind road tree".split()


LOOK_S = 0.25  # an open loop looks so often whether it is hopeless


@dataclass(frozen=True)
class Target:
    """Where requests go, and as whom."""

    url: str
    model: str
    key: str | None = None
    embeddings_path: str = "/v1/embeddings"


@dataclass(frozen=True)
class Shape:
    """What a request asks for. Prompts are new each time: no prefix cache can help."""

    task: str = "completions"  # or embeddings, or translations: completions of texts, to their end and not streamed
    prompt_tokens: int = 128
    output_tokens: int = 128
    batch: int = 1  # texts of an embeddings request
    vocabulary: int = 49000  # ids are drawn from 1000 up to here
    encoding: str = "float"  # or base64: of an embeddings answer
    texts: tuple[str, ...] = ("Good morning.",)  # a translation's is drawn from these
    fields: tuple[tuple[str, object], ...] | None = None  # of an embeddings body, instead of its encoding
    headers: str = ""  # further lines, each with its \r\n
    refused_pause: float = 0.05  # seconds that a closed loop's client waits after a failure, give or take half: not all at once


@dataclass
class Run:
    samples: list[Sample]
    wall: float


class Load:
    """Requests of one shape to one target; the seed decides what they say."""

    def __init__(self, target: Target, shape: Shape, seed: int):
        self.target, self.shape = target, shape
        self.random = random.Random(seed)
        self.samples: list[Sample] = []
        self.zero = time.perf_counter()

    def connection(self) -> Connection:
        return Connection(self.target.url, self.target.key)

    def tokens(self, count: int) -> list[int]:
        return [self.random.randrange(1000, self.shape.vocabulary) for _ in range(count)]

    async def one(self, connection: Connection, prompt: list[int] | None = None, output_tokens: int | None = None) -> Sample:
        shape = self.shape
        sample = Sample(begin=time.perf_counter() - self.zero)
        self.samples.append(sample)
        if shape.task == "embeddings":
            texts = [" ".join(self.random.choices(WORDS, k=shape.prompt_tokens - 2)) for _ in range(shape.batch)]
            fields = shape.fields if shape.fields is not None else (("encoding_format", shape.encoding),)
            body = {"model": self.target.model, "input": texts, **dict(fields)}
            await embedding(connection, body, sample, self.zero, self.target.embeddings_path)
        elif shape.task == "translations":
            body = {"model": self.target.model, "prompt": self.random.choice(shape.texts), "temperature": 0}
            await text(connection, body, sample, self.zero)
        else:
            body = {
                "model": self.target.model, "prompt": prompt or self.tokens(shape.prompt_tokens),
                "max_tokens": output_tokens or shape.output_tokens, "temperature": 0,
                "ignore_eos": True, "stream": True, "stream_options": {"include_usage": True},
            }
            await completion(connection, body, sample, self.zero, shape.headers)
        return sample

    async def closed(self, clients: int, requests: int | None = None, seconds: float | None = None, ramp: float = 0) -> Run:
        """`clients` that send one request after the other, `requests` in all; broken off after `seconds`. They begin within `ramp`."""
        self.zero, left = time.perf_counter(), [requests if requests is not None else 1 << 60]

        async def client(begin: float) -> None:
            connection = self.connection()
            try:
                await asyncio.sleep(begin)
                while left[0] > 0:
                    left[0] -= 1
                    if (await self.one(connection)).error:
                        await asyncio.sleep(self.shape.refused_pause * self.random.uniform(0.5, 1.5))
            finally:
                connection.close()

        tasks = [asyncio.create_task(client(ramp * i / clients)) for i in range(clients)]
        await finish(tasks, seconds)
        return Run(self.samples, time.perf_counter() - self.zero)

    async def open(self, rate: float, seconds: float, hopeless: Callable[[list[Sample]], bool] | None = None,
                   grace: float = 60, kept: int = 0) -> Run:
        """Poisson arrivals at `rate` a second; ends early once `hopeless`. What runs on is broken off after `grace`. `kept`
        connections are open before the first arrival, as a client's pool keeps them; further ones are opened when all are in use."""
        tasks: list[asyncio.Task] = []
        idle = [self.connection() for _ in range(kept)]
        for connection in idle:
            await connection.connect()
        self.zero = time.perf_counter()

        async def one(due: float) -> None:
            connection = idle.pop() if idle else self.connection()
            (await self.one(connection)).due = due
            idle.append(connection)

        due, look, left_early = 0.0, LOOK_S, False
        while not left_early and (due := due + self.random.expovariate(rate)) < seconds:
            await asyncio.sleep(max(0.0, due - (time.perf_counter() - self.zero)))
            tasks.append(asyncio.create_task(one(due)))
            if hopeless and due >= look:  # it reads all samples: at each arrival it would take the cores from the server
                left_early, look = hopeless(self.samples), due + LOOK_S
        left_early = left_early or (hopeless is not None and hopeless(self.samples))
        await finish(tasks, 0 if left_early else grace)
        for connection in idle:
            connection.close()
        return Run(self.samples, time.perf_counter() - self.zero)


async def finish(tasks: list[asyncio.Task], seconds: float | None) -> None:
    """Waits for them, at most so long (none: for ever); the rest leaves. A task's own failure is raised."""
    if not tasks:
        return
    done, pending = await asyncio.wait(tasks, timeout=seconds)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()


def percentile(values: list[float], share: float) -> float | None:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def spread_ms(seconds: list[float]) -> dict[str, float | None]:
    values = {name: percentile(seconds, share) for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))}
    return {name: None if value is None else round(value * 1000, 3) for name, value in values.items()}


def tokens_between(samples: list[Sample], begin: float, end: float) -> float:
    """Output tokens that came in that time, of finished and unfinished requests alike."""
    total = 0.0
    for sample in samples:
        per_event = max(1.0, sample.output_tokens / len(sample.times)) if sample.times else 0
        total += per_event * sum(begin <= at < end for at in sample.times)
    return total


def summary(run: Run) -> dict:
    good = [s for s in run.samples if s.error is None and s.end is not None]
    bad = [s for s in run.samples if s.error]
    return {
        "requests": len(run.samples),
        "failed": len(bad),
        "first_error": bad[0].error if bad else None,
        "wall_s": round(run.wall, 3),
        "requests_per_s": round(len(good) / run.wall, 3),
        "output_tokens_per_s": round(sum(s.output_tokens for s in good) / run.wall, 2),
        "input_tokens_per_s": round(sum(s.input_tokens for s in good) / run.wall, 2),
        "texts_per_s": round(sum(s.texts for s in good) / run.wall, 2),
        "first_token_ms": spread_ms([s.first - s.begin for s in good]),
        "inter_token_ms": spread_ms([gap for s in good for gap in s.gaps]),
        "mean_gap_ms": spread_ms([gap for s in good if (gap := s.mean_gap) is not None]),
        "latency_ms": spread_ms([s.end - s.begin for s in good]),
    }


def medians(rounds: list[dict]) -> dict:
    """The middle of each figure over the rounds; percentiles as NAME_p50 and so on; failures are added up."""
    flat = [{**{k: v for k, v in r.items() if not isinstance(v, dict)},
             **{f"{k}_{p}": x for k, v in r.items() if isinstance(v, dict) for p, x in v.items()}} for r in rounds]
    result = {}
    for name in {key: None for r in flat for key in r}:
        values = [r[name] for r in flat if isinstance(r.get(name), (int, float))]
        if values:
            result[name] = sum(values) if name == "failed" else round(statistics.median(values), 4)
    return result
