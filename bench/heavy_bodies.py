"""What one client's worst bodies cost another: a short completion, /health and the daemon's memory, alone and beside 32 clients.

usage: heavy_bodies.py [--seconds S] [--clients N] [--binary PATH] [KIND...]

Two keys: "heavy" sends, on as many connections as there are clients, nothing but one kind of body; "light" asks for short completions
one after the other. A client that is told to come back later does so then, as the SDKs do. Bounds, printed with what was seen, exit
code 1 where one is missed: a completion (median) takes at most 3 times what it takes alone, memory stays within 1 GB of the idle figure
and is back within 256 MB of it 15 s after the last body, and /health answers within 100 ms (19 times of 20).
"""

import argparse
import hashlib
import http.client
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "models/downloaded"
TEXT_MODEL, EMBED_MODEL = "smollm2-135m-instruct", "all-minilm-l6-v2"
GB, MB = 1 << 30, 1 << 20
SENTENCE = "The quick brown fox jumps over the lazy dog; 12 of them, 3.5 times. "
SHORT = {"model": TEXT_MODEL, "prompt": "The capital of France is", "max_tokens": 16, "temperature": 0, "ignore_eos": True}


def words(size: int) -> str:
    return (SENTENCE * (size // len(SENTENCE) + 1))[:size]


def chat(field: str) -> bytes:
    return f'{{"model":"{TEXT_MODEL}","max_tokens":1,"messages":[{{"role":"user","content":"hi"}}],{field}}}'.encode()


def names(size: int) -> str:
    return ",".join(f'"{i:07d}":0' for i in range(size // 12))


def kinds() -> dict[str, tuple[str, bytes]]:
    """The route and the body of each kind; over 15 MB those that say nothing of their size."""
    return {
        "tokenize 200 kB": ("/tokenize", json.dumps({"model": TEXT_MODEL, "prompt": words(200_000)}).encode()),
        "tokenize 12 kB": ("/tokenize", json.dumps({"model": TEXT_MODEL, "prompt": words(12_000)}).encode()),
        "embeddings 4 MB": ("/v1/embeddings", json.dumps({"model": EMBED_MODEL, "input": words(4_000_000)}).encode()),
        "embeddings 15 MB, truncated": ("/v1/embeddings", json.dumps({"model": EMBED_MODEL, "truncate": True,
                                                                      "input": words(15_000_000)}).encode()),
        "chat 15 MB": ("/v1/chat/completions", json.dumps({"model": TEXT_MODEL, "max_tokens": 1, "messages": [
            {"role": "user", "content": words(15_000_000)}]}).encode()),
        "objects": ("/v1/chat/completions", chat('"chat_template_kwargs":{"a":[' + ",".join(["{}"] * 5_000_000) + "]}")),
        "names": ("/v1/chat/completions", chat('"chat_template_kwargs":{' + names(15_000_000) + "}")),
        "zeros": ("/v1/completions", f'{{"model":"{TEXT_MODEL}","prompt":[{",".join(["0"] * 7_500_000)}]}}'.encode()),
        "ids to text": ("/detokenize", f'{{"model":"{TEXT_MODEL}","tokens":[{",".join(["100"] * 3_700_000)}]}}'.encode()),
    }


class Daemon:
    def __init__(self, binary: Path, folder: Path):
        keys = folder / "keys.toml"
        keys.write_text("".join(f'[[key]]\nname = "{name}"\nhash = "sha256:{hashlib.sha256(name.encode()).hexdigest()}"\n'
                                for name in ("heavy", "light")))
        served = [word for name in (TEXT_MODEL, EMBED_MODEL) for word in ("--model", f"{name}={MODELS / name}")]
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen([binary, "serve", "--port", "0", "--keys", keys, "--drafts", "off", *served], stderr=self.log)
        try:
            self.port = self._listening()
            while self.get("/ready") != 200:
                time.sleep(0.1)
        except BaseException:
            self.stop()
            raise

    def _listening(self) -> int:
        for _ in range(600):
            if found := re.search(r"listening on http://[^\s]+:(\d+)", Path(self.log.name).read_text()):
                return int(found.group(1))
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"weir does not listen: {Path(self.log.name).read_text()[-2000:]}")

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def post(self, path: str, body: bytes, key: str) -> tuple[int, float]:
        """The status, and how many seconds to stay away."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json", "Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            answer.read()
            return answer.status, int(answer.headers.get("retry-after-ms", 0)) / 1000
        finally:
            connection.close()

    def memory(self, field: str = "VmRSS") -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+)", status).group(1)) << 10

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Heavy:
    """The clients that send one kind of body until the end of the block."""

    def __init__(self, daemon: Daemon, clients: int, path: str, body: bytes):
        self.statuses: Counter = Counter()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(daemon, path, body), daemon=True) for _ in range(clients)]

    def _send(self, daemon: Daemon, path: str, body: bytes) -> None:
        while not self._over.is_set():
            try:
                status, pause = daemon.post(path, body, "heavy")
            except OSError as failure:
                status, pause = type(failure).__name__, 0.5
            self.statuses[status] += 1
            self._over.wait(pause)

    def __enter__(self) -> "Heavy":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()


def measure(daemon: Daemon, seconds: float) -> dict[str, list[float]]:
    """How long completions, /health and memory take and hold, for so many seconds and at least three completions."""
    seen: dict[str, list[float]] = {"completion": [], "health": [], "memory": []}
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            began = time.perf_counter()
            daemon.get("/health")
            seen["health"].append(time.perf_counter() - began)
            seen["memory"].append(daemon.memory())
            over.wait(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(seen["completion"]) < 3:
        began = time.perf_counter()
        status, _ = daemon.post("/v1/completions", json.dumps(SHORT).encode(), "light")
        seen["completion"].append(time.perf_counter() - began if status == 200 else float("inf"))
    over.set()
    watcher.join()
    return seen


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def run(args: argparse.Namespace, folder: Path) -> bool:
    bodies = kinds()
    kept = True
    print(f"{'':28} {'completion':>22} {'/health p95':>12} {'memory over idle':>26}  statuses")
    for name in args.kinds or bodies:
        daemon = Daemon(args.binary, folder)
        try:
            daemon.post("/v1/completions", json.dumps(SHORT).encode(), "light")
            alone = statistics.median(measure(daemon, 5)["completion"])
            idle = daemon.memory()
            with Heavy(daemon, args.clients, *bodies[name]) as heavy:
                time.sleep(2)
                beside = measure(daemon, args.seconds)
            heavy.join()
            time.sleep(15)
            completion, health = statistics.median(beside["completion"]), percentile(beside["health"], 0.95)
            peak, after = max(beside["memory"]) - idle, daemon.memory() - idle
            good = completion <= 3 * alone and health <= 0.1 and peak <= GB and after <= 256 * MB
            kept = kept and good
            print(f"{name:28} {completion:8.2f} s ({completion / alone:6.1f} x) {1000 * health:9.0f} ms "
                  f"{peak / MB:8.0f} MB, then {after / MB:5.0f} MB  {dict(heavy.statuses)}{'' if good else '  MISSED'}", flush=True)
        finally:
            daemon.stop()
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="all by default")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--binary", type=Path, default=ROOT / "build/release/weir")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return 0 if run(args, Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
