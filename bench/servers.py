"""The servers that are measured: how each is started, whether it is here, and its life: start, pause, resume, stop."""

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loops import Target

ROOT = Path(__file__).resolve().parent.parent
WEIR = ROOT / "build/release/weir"
MODELS = ROOT / "models/downloaded"
TEXT_MODEL, EMBED_MODEL, TRANSLATOR = "smollm2-135m-instruct", "all-minilm-l6-v2", "enja-t5"


@dataclass(frozen=True)
class Spec:
    """How a server is started; `{port}` in its arguments is filled in."""

    name: str
    command: tuple[str, ...]
    model: str
    needs: tuple[Path, ...]  # files without which it is not here
    ready: str = "/health"
    environment: dict[str, str] = field(default_factory=dict)
    embeddings_path: str = "/v1/embeddings"
    start_limit: float = 420

    def missing(self) -> str | None:
        return next((str(path) for path in self.needs if not path.exists()), None)


def weir(*options: str, model: str = TEXT_MODEL, name: str = "weir", drafts: str = "off", heads: tuple[Path, ...] = ()) -> Spec:
    """Both default models from one process; `heads` are over the encoder. Without drafts: the answers to random prompts are loops, which are guessed at once, and
    peers do not guess unless they are told to."""
    folders = [MODELS / TEXT_MODEL, MODELS / EMBED_MODEL]
    served = [word for folder in folders for word in ("--model", f"{folder.name}={folder}")]
    served[-1] += "".join(f",head={head}" for head in heads)
    options = ("--drafts", drafts, *options)
    return Spec(name, (str(WEIR), "serve", "--port", "{port}", *served, *options), model, (WEIR, *folders), ready="/ready")


def translator(*options: str, name: str = "weir") -> Spec:
    """The translator alone."""
    folder = ROOT / "models" / TRANSLATOR
    return Spec(name, (str(WEIR), "serve", "--port", "{port}", "--model", f"{TRANSLATOR}={folder}", "--drafts", "off", *options),
                TRANSLATOR, (WEIR, folder), ready="/ready")


def text_peers(home: Path, sequences: int = 32, length: int = 512) -> list[Spec]:
    """`length` tokens for each of `sequences`."""
    gguf, folder = home / "models/smollm2-bf16.gguf", home / "models/smollm2-hf"
    llama, vllm = home / "build/llama/bin/llama-server", home / "venv/vllm/bin/vllm"
    return [
        Spec("llama.cpp", (str(llama), "-m", str(gguf), "--host", "127.0.0.1", "--port", "{port}", "-t", "2", "-np", str(sequences),
                           "-c", str(sequences * length), "--no-webui"), "m", (llama, gguf)),
        Spec("vllm", (str(vllm), "serve", str(folder), "--served-model-name", "m", "--host", "127.0.0.1", "--port", "{port}",
                      "--dtype", "bfloat16", "--max-model-len", str(max(length, 1024)), "--max-num-seqs", str(sequences)),
             "m", (vllm, folder), environment=VLLM),
    ]


def embed_peers(home: Path) -> list[Spec]:
    gguf, folder = home / "models/minilm-f32.gguf", home / "models/minilm"
    llama, vllm = home / "build/llama/bin/llama-server", home / "venv/vllm/bin/vllm"
    infinity = home / "venv/inf/bin/infinity_emb"
    return [
        Spec("infinity", (str(infinity), "v2", "--model-id", str(folder), "--served-model-name", "m", "--engine", "torch", "--device",
                          "cpu", "--host", "127.0.0.1", "--port", "{port}", "--no-model-warmup"), "m", (infinity, folder),
             environment={"HF_HUB_OFFLINE": "1"}, embeddings_path="/embeddings"),
        Spec("llama.cpp", (str(llama), "-m", str(gguf), "-t", "2", "--embeddings", "--pooling", "mean", "-np", "8", "-c", "4096", "-b",
                           "4096", "-ub", "4096", "--host", "127.0.0.1", "--port", "{port}", "--no-webui"), "m", (llama, gguf)),
        Spec("vllm", (str(vllm), "serve", str(folder), "--served-model-name", "m", "--host", "127.0.0.1", "--port", "{port}", "--dtype",
                      "float32", "--enforce-eager"), "m", (vllm, folder), environment=VLLM),
    ]


VLLM = {"VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_CPU_OMP_THREADS_BIND": "0-1", "VLLM_CPU_NUM_OF_RESERVED_CPU": "0", "HF_HUB_OFFLINE": "1"}


class Server:
    """A running server in a session of its own, so that its helpers are paused and stopped with it."""

    def __init__(self, spec: Spec):
        self.spec, self.name = spec, spec.name
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = tempfile.NamedTemporaryFile(prefix=f"bench-{spec.name}-", suffix=".log", delete=False)
        self.began = time.perf_counter()
        command = [word.replace("{port}", str(self.port)) for word in spec.command]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
                                        env={**os.environ, **spec.environment}, start_new_session=True)

    def target(self, key: str | None = None, model: str | None = None) -> Target:
        return Target(f"http://127.0.0.1:{self.port}", model or self.spec.model, key, self.spec.embeddings_path)

    def wait_ready(self) -> float:
        """Seconds from the start until it takes work."""
        while (took := time.perf_counter() - self.began) < self.spec.start_limit:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode} at its start: {self.last_lines()}")
            if self.get(self.spec.ready)[0] == 200:
                return time.perf_counter() - self.began
            time.sleep(0.01 if took < 10 else 0.5)
        raise RuntimeError(f"{self.name} was not ready within {self.spec.start_limit} s: {self.last_lines()}")

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; status 0 where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def last_lines(self) -> str:
        with open(self.log.name, errors="replace") as log:
            return " | ".join(log.read()[-1500:].splitlines()[-8:])

    @contextmanager
    def awake(self) -> Iterator["Server"]:
        """Runs only inside: an idle server must not disturb who is measured."""
        self._signal(signal.SIGCONT)
        try:
            yield self
        finally:
            self._signal(signal.SIGSTOP)

    def resident_mb(self) -> float:
        """Of all processes of its session, in MB (1e6 bytes)."""
        return round(sum(_resident(pid) for pid in self._members()) / 1e6, 1)

    def stop(self) -> None:
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            pass
        self._signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()
        os.unlink(self.log.name)

    def _signal(self, number: int) -> None:
        for pid in self._members():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def _members(self) -> list[int]:
        return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _session(int(entry)) == self.process.pid]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
