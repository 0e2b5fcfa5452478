"""Plots of results as small SVG files; none where matplotlib is not installed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from markdown import counted


def generate(axes: Any, result: dict) -> None:
    """Tokens/s by clients, and the limit of the machine."""
    points = result["points"]
    names, width = list(points[0]["median"]), 0.8 / len(points[0]["median"])
    for index, name in enumerate(names):
        axes.bar([at + index * width for at in range(len(points))], [p["median"][name].get("output_tokens_per_s") or 0 for p in points],
                 width, label=name)
    if all(p["limit_tokens_per_s"] for p in points):
        for at, point in enumerate(points):
            axes.hlines(point["limit_tokens_per_s"], at - width / 2, at + 0.8 - width / 2, colors="black",
                        label="limit of the machine" if at == 0 else None)
    axes.set_xticks([at + 0.4 - width / 2 for at in range(len(points))], [counted(p["clients"]) for p in points])
    axes.set_ylabel("tokens/s")


def open_loop(axes: Any, result: dict) -> None:
    """Share of requests that kept the limits, by rate."""
    for name, runs in result["readings"]["mean"]["runs"].items():
        axes.plot([r["rate"] for r in runs], [100 * r["met"] for r in runs], marker="o", linestyle="none", label=name)
    axes.set_xlabel("requests/s")
    axes.set_ylabel("% that keep 500 ms and 60 ms")


def overload(axes: Any, result: dict) -> None:
    """Served tokens/s over time."""
    for name, run in result["runs"].items():
        axes.plot([b["at_s"] for b in run["over_time"]], [b["tokens_per_s"] for b in run["over_time"]], label=f"{name}: tokens/s")
    axes.set_xlabel("seconds of three times the load")
    axes.set_ylabel("served tokens/s")


DRAWN: dict[str, Callable[[Any, dict], None]] = {"generate": generate, "open": open_loop, "overload": overload}


def draw(name: str, result: dict, folder: Path) -> list[str]:
    """Names of the files that were written to `folder`."""
    if name not in DRAWN:
        return []
    try:
        import matplotlib
    except ImportError:
        return []
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "bench"  # the same figures give the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.5))
    DRAWN[name](axes, result)
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.tight_layout()
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    pyplot.close(figure)
    return [f"{name}.svg"]
