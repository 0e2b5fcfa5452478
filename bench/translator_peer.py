"""CTranslate2 in process, float32 on two threads, on the weights of models/enja-t5: texts in, texts out. Ends with one line of JSON.

usage: translator_peer.py convert MODEL OUT                            a Hugging Face folder as CTranslate2 reads it
       translator_peer.py check MODEL CONVERTED                        how many of golden.json's greedy texts it gives
       translator_peer.py closed MODEL CONVERTED WORKERS BATCH SECONDS CLIENTS
                                                                       clients in threads, one text after the other
       translator_peer.py open MODEL CONVERTED WORKERS BATCH SECONDS RATE LIMIT_S
                                                                       Poisson arrivals; how many are answered within the limit

One client translates by itself. What several hand in is gathered: one thread takes what waits, at most BATCH texts at a time, and
splits it among WORKERS: one of two threads, or two of one.
"""

import json
import os
import queue
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import ctranslate2
from tokenizers import Tokenizer

THREADS = 2
Answered = Callable[[str], None]


class Translator:
    def __init__(self, model: Path, converted: Path, workers: int = 1):
        self.tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
        self.translator = ctranslate2.Translator(str(converted), device="cpu", compute_type="float32",
                                                 inter_threads=workers, intra_threads=THREADS // workers)
        self.workers = workers

    def translate(self, texts: list[str]) -> list[str]:
        sources = [encoding.tokens for encoding in self.tokenizer.encode_batch(texts)]
        found = self.translator.translate_batch(sources, beam_size=1, max_batch_size=-(-len(texts) // self.workers))
        return self.tokenizer.decode_batch([[self.tokenizer.token_to_id(token) for token in one.hypotheses[0]] for one in found])


class Gathered:
    """A thread that translates what waits, at most `batch` texts at a time, and says each answer to whoever asked."""

    def __init__(self, translator: Translator, batch: int):
        self.translator, self.batch = translator, batch
        self.waiting: queue.SimpleQueue[tuple[str, Answered]] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def ask(self, text: str, answered: Answered) -> None:
        self.waiting.put((text, answered))

    def _run(self) -> None:
        while True:
            taken = [self.waiting.get()]
            while len(taken) < self.batch and not self.waiting.empty():
                taken.append(self.waiting.get())
            for (_, answered), answer in zip(taken, self.translator.translate([text for text, _ in taken])):
                answered(answer)


def sentences(model: Path) -> list[str]:
    """The test sentences among the goldens, which come first; the odd inputs behind them say nothing of speed."""
    return [row["text"] for row in json.loads((model / "golden.json").read_text())["rows"][:24]]


def check(model: Path, translator: Translator) -> dict:
    rows = [row for row in json.loads((model / "golden.json").read_text())["rows"] if row["text"]]
    answers = translator.translate([row["text"] for row in rows])
    return {"texts": len(rows), "equal": sum(answer == row["greedy_text"] for answer, row in zip(answers, rows))}


def spread_ms(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds) or [0.0]
    return {name: round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) for name, share in (("p50", 0.5), ("p99", 0.99))}


def one_by_one(translator: Translator, texts: list[str], seconds: float) -> list[float]:
    """Latencies of one client."""
    latencies, end = [], time.perf_counter() + seconds
    while (begin := time.perf_counter()) < end:
        translator.translate([random.choice(texts)])
        latencies.append(time.perf_counter() - begin)
    return latencies


def together(gathered: Gathered, texts: list[str], seconds: float, clients: int) -> list[float]:
    """Latencies of many clients, each in a thread."""
    latencies, end = [], time.perf_counter() + seconds

    def client() -> None:
        answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        while (begin := time.perf_counter()) < end:
            gathered.ask(random.choice(texts), answers.put)
            answers.get()
            latencies.append(time.perf_counter() - begin)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return latencies


def closed(translator: Translator, texts: list[str], batch: int, seconds: float, clients: int) -> dict:
    begin = time.perf_counter()
    latencies = (one_by_one(translator, texts, seconds) if clients == 1
                 else together(Gathered(translator, batch), texts, seconds, clients))
    wall = time.perf_counter() - begin
    return {"texts_per_s": round(len(latencies) / wall, 2), "latency_ms": spread_ms(latencies), "failed": 0}


def open_loop(translator: Translator, texts: list[str], batch: int, seconds: float, rate: float, limit: float) -> dict:
    """Left early once twice as many texts as may be are late, counted from when each was due."""
    gathered, latencies, late, asked = Gathered(translator, batch), [], 0, 0
    begin, due, most_late = time.perf_counter(), 0.0, 0.02 * rate * seconds + 3

    def answered(at: float) -> Answered:
        def note(_: str) -> None:
            nonlocal late
            latencies.append(time.perf_counter() - begin - at)
            late += latencies[-1] > limit
        return note

    while (due := due + random.expovariate(rate)) < seconds and late <= most_late:
        time.sleep(max(0.0, due - (time.perf_counter() - begin)))
        gathered.ask(random.choice(texts), answered(due))
        asked += 1
    patience = time.perf_counter() + 2 * limit
    while len(latencies) < asked and time.perf_counter() < patience:
        time.sleep(0.01)
    met = sum(latency <= limit for latency in list(latencies))
    return {"requests": asked, "met": round(met / max(1, asked), 4), "latency_ms": spread_ms(list(latencies))}


def main(what: str, model: str, converted: str, *numbers: str) -> dict:
    if what == "convert":
        return {"folder": ctranslate2.converters.TransformersConverter(model).convert(converted, force=True)}
    if what == "check":
        return check(Path(model), Translator(Path(model), Path(converted)))
    workers, batch, seconds, *rest = [float(number) for number in numbers]
    translator, texts = Translator(Path(model), Path(converted), int(workers)), sentences(Path(model))
    translator.translate(texts)
    if what == "closed":
        found = closed(translator, texts, int(batch), seconds, int(*rest))
    else:
        found = open_loop(translator, texts, int(batch), seconds, *rest)
    return {**found, "version": ctranslate2.__version__}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])), flush=True)
    os._exit(0)  # the destructors of its threads end the process with SIGABRT now and then
