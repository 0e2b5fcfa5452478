"""MiniLM in float32, both in process: weir's engine beside onnxruntime, two threads each."""

from pathlib import Path

import machine
from bench import Bench, floor, last_line, ratio, say
from loops import medians
from markdown import table as markdown_table
from servers import EMBED_MODEL, MODELS

POINTS = ((32, 1), (32, 32), (256, 1), (256, 32))  # tokens of a text, texts of a batch
PROGRAM = machine.ROOT / "build/release/bench/embed_bench"
THREADS = "2"


def commands(bench: Bench, tokens: int, batch: int, seconds: str) -> dict[str, list[str | Path]]:
    home, sizes = bench.peers_home, [str(tokens), str(batch), seconds]
    return {
        "weir": [PROGRAM, MODELS / EMBED_MODEL, "float32", *sizes, "--threads", THREADS],
        "onnxruntime": [home / "venv/hf/bin/python", Path(__file__).parent.parent / "onnx_embed.py", home / "models/minilm/onnx/model.onnx",
                        *sizes, THREADS],
    }


def run(bench: Bench) -> dict:
    points, floors, seconds = [], [], str(bench.pick(4, 0.5))
    here = [needed for needed in (bench.peers_home / "venv/hf/bin/python", bench.peers_home / "models/minilm/onnx/model.onnx")
            if not needed.exists()]
    if here:
        bench.skipped["onnxruntime"] = f"{here[0]} is not there"
    for tokens, batch in POINTS:
        rounds: dict[str, list[dict]] = {}
        for _ in range(bench.rounds_of(3)):
            for name, command in commands(bench, tokens, batch, seconds).items():
                if name not in bench.skipped:
                    rounds.setdefault(name, []).append(last_line(command))
        median = {name: medians(found) for name, found in rounds.items()}
        speeds = {name: m["texts_per_s"] for name, m in median.items()}
        points.append({"tokens": tokens, "batch": batch, "median": median, "rounds": rounds,
                       "ratio": ratio(speeds["weir"], speeds.get("onnxruntime"))})
        say(f"float32, {tokens} tokens, batch {batch}: {speeds}")
        floors.append(floor(f"float32 in process over onnxruntime, {tokens} tokens, batch {batch}", points[-1]["ratio"], at_least=1.0))
    return {"points": points, "floors": floors}


def table(result: dict) -> str:
    points = result["points"]
    rows: list[list[object]] = [[f"{name}, texts/s", *(p["median"][name]["texts_per_s"] for p in points)] for name in points[0]["median"]]
    rows.append(["ratio", *(p["ratio"] for p in points)])
    return markdown_table(["float32, in process", *(f"{p['tokens']} tokens, batch {p['batch']}" for p in points)], rows)
