"""A weir process for a test: started on a free port, its log kept, ended with the test."""
import os
import re
import signal
import subprocess
import threading
import time

import requests

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("WEIR_BINARY", os.path.join(ROOT, "build/release/weir"))
MODELS = os.path.join(ROOT, "models/downloaded")
HEADS = os.path.join(ROOT, "models")  # and the translator
CHAT, VECTORS, TRANSLATOR = "smollm2-135m-instruct", "all-minilm-l6-v2", "enja-t5"
BEHIND = 25 * " "  # time and level of a line of the log
LISTENING = re.compile(r'listening on (http://[^\s"]+)')


def model(name, heads=()):
    return ["--model", ",".join([f"{name}={os.path.join(MODELS, name)}", *(f"head={os.path.join(HEADS, h)}" for h in heads)])]


class Daemon:
    """`weir serve` with the given arguments; use as a context manager. `url` once it listens, `ready()` once it has loaded."""

    def __init__(self, *args, env=None):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_")}
        self.log = []  # its messages, each whole
        self.lines = []  # as they were written
        self._listening = threading.Event()
        self.process = subprocess.Popen([BINARY, "serve", "--port", "0", *args], env={**clean, **(env or {})}, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.url = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._listening.wait(30) or self.url is None:
            self.stop(signal.SIGKILL)
            raise AssertionError(f"the daemon does not listen:\n{self.tail()}")

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)
            if line.startswith(BEHIND) and self.log:  # a long message goes on
                self.log[-1] = self.log[-1].rstrip("\n") + " " + line[len(BEHIND):]
                continue
            self.log.append(line)
            found = LISTENING.search(line)
            if found and self.url is None:
                self.url = found.group(1)
                self._listening.set()
        self._listening.set()

    def tail(self):
        return "".join(self.log[-20:])

    def logs(self, text, seconds=5):
        """Whether a line with `text` comes; it may be on its way when its request is already answered."""
        until = time.monotonic() + seconds
        while not any(text in line for line in list(self.log)):
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def ready(self, seconds=180):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert self.process.poll() is None, f"the daemon ended with {self.process.returncode}:\n{self.tail()}"
            if requests.get(self.url + "/ready", timeout=10).status_code == 200:
                return self
            time.sleep(0.1)
        raise AssertionError(f"the daemon is not ready after {seconds} s:\n{self.tail()}")

    def stop(self, how=signal.SIGTERM, seconds=60):
        """Ends it if it still runs; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the daemon did not end within {seconds} s of signal {how}:\n{self.tail()}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def post(self, path, body, **more):
        return requests.post(self.url + path, json=body, timeout=600, **more)

    def chat(self, messages, **more):
        """The parsed answer of a greedy chat request."""
        answer = self.post("/v1/chat/completions",
                           {"model": CHAT, "messages": messages, "temperature": 0, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def complete(self, prompt, **more):
        answer = self.post("/v1/completions", {"model": CHAT, "prompt": prompt, "temperature": 0, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def metric(self, name, labels=""):
        """The sum of a metric's series whose labels contain `labels`."""
        total, seen = 0.0, False
        for line in requests.get(self.url + "/metrics", timeout=10).text.splitlines():
            found = re.match(rf"{re.escape(name)}(\{{[^}}]*\}})? (\S+)", line)
            if found and labels in (found.group(1) or ""):
                total, seen = total + float(found.group(2)), True
        assert seen, f"no metric {name} with {labels!r}"
        return total

    def running(self, count, seconds=20):
        """Waits until so many requests run and none waits."""
        until = time.monotonic() + seconds
        while True:
            now = self.metric("weir_requests_running"), self.metric("weir_requests_waiting")
            if now == (count, 0):
                return
            assert time.monotonic() < until, f"{now[0]:g} run and {now[1]:g} wait after {seconds} s; expected {count} and 0"
            time.sleep(0.02)

    def idle(self, seconds=20):
        self.running(0, seconds)


def events(response):
    """The data of each server-sent event, as text."""
    for line in response.iter_lines():
        if line.startswith(b"data: "):
            yield line[len(b"data: "):].decode()
