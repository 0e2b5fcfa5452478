"""The machine beside a run: what it is, how busy it was, what it can give, and what a model costs on it."""

import json
import os
import platform
import struct
import subprocess
from dataclasses import dataclass
from math import prod
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMITS_BENCH = ROOT / "build/release/bench/limits_bench"


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as info:
            return next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def describe() -> dict:
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {"processor": processor(), "cores": os.cpu_count(), "memory_gb": round(pages * size / 1e9, 1),
            "load_before": [round(value, 2) for value in os.getloadavg()]}


def measure_limits() -> dict | None:
    """{"bandwidth_gb_s", "bf16_gflop_s"} at this moment; none where the program is not built or fails."""
    if not LIMITS_BENCH.exists():
        return None
    try:
        done = subprocess.run([LIMITS_BENCH], capture_output=True, timeout=60, check=True, text=True)
        return json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as failure:
        print(f"limits_bench: {failure}", flush=True)
        return None


@dataclass(frozen=True)
class ModelCost:
    """What one token costs. `body` and `head` are counts of weights in products; a decoder's head works for output tokens only."""

    body: int
    head: int
    layers: int
    hidden: int
    bytes_per_weight: int = 2


def model_cost(folder: Path) -> ModelCost:
    """Counts the two-dimensional weights by the headers of the folder's safetensors."""
    config = json.loads((folder / "config.json").read_text())
    body = embedding = head = 0
    for file in folder.glob("*.safetensors"):
        with open(file, "rb") as data:
            header = json.loads(data.read(struct.unpack("<Q", data.read(8))[0]))
        for name, tensor in header.items():
            if name == "__metadata__" or len(tensor["shape"]) != 2:
                continue
            count = prod(tensor["shape"])
            if "lm_head" in name:
                head += count
            elif "embed" in name:
                embedding += count if "embed_tokens" in name else 0
            elif "pooler" not in name:
                body += count
    return ModelCost(body, head or embedding, config["num_hidden_layers"], config["hidden_size"])


TEXT_LIMIT = (
    "1 client: out / (flop(in) / F + out * bytes / B); more: min(F * out / flop(in, out), clients * B / bytes); bytes = 2 * weights, "
    "flop = 2 * (body * (in + out) + head * out), F = GFLOP/s and B = GB/s measured beside the run; attention is left out")
EMBED_LIMIT = "F / flop of a text, flop = tokens * (2 * body + 4 * layers * tokens * hidden), F = bf16 GFLOP/s measured beside the run"


def text_limit(cost: ModelCost, limits: dict | None, clients: int, tokens_in: int, tokens_out: int) -> float | None:
    """Output tokens/s that the machine allows: `TEXT_LIMIT`."""
    if not limits:
        return None
    flops, bandwidth = limits["bf16_gflop_s"] * 1e9, limits["bandwidth_gb_s"] * 1e9
    weights = cost.bytes_per_weight * (cost.body + cost.head)
    if clients == 1:
        return tokens_out / (2 * cost.body * tokens_in / flops + tokens_out * weights / bandwidth)
    flop = 2 * (cost.body * (tokens_in + tokens_out) + cost.head * tokens_out)
    return min(flops * tokens_out / flop, clients * bandwidth / weights)


def embed_limit(cost: ModelCost, limits: dict | None, tokens: int) -> float | None:
    """Texts/s that the machine allows: `EMBED_LIMIT`."""
    if not limits:
        return None
    return limits["bf16_gflop_s"] * 1e9 / (tokens * (2 * cost.body + 4 * cost.layers * tokens * cost.hidden))
