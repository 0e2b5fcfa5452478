"""Puts the tables of measured suites into docs/performance.md, between their markers, and draws docs/figures. Those of another machine than the
page's usual one lie in a folder of their own, NAME, and have the markers `bench:NAME/SUITE`. See `scripts/bench report --help`."""

import argparse
import json
import re
import sys
from pathlib import Path

import figures
import markdown
from machine import ROOT
from suites import ALL

PAGE = ROOT / "docs/performance.md"


def stamp(result: dict) -> str:
    """Where, when and in what state: the line above each table."""
    about, limits = result["machine"], result.get("limits")
    isa = f" with {found}" if (found := (limits or {}).get("isa")) else ""
    given = f"; {limits['bandwidth_gb_s']:.0f} GB/s and {limits['bf16_gflop_s']:.0f} bf16 GFLOP/s before the run" if limits else ""
    left = "".join(f" {name} is left out." for name in result.get("skipped", {}))
    note = " A trial run: its figures say nothing." if result.get("quick") else ""
    return (f"{result['date'][:10]}, commit {result['commit']}, {about['processor']}{isa}, {about['cores']} cores, load before "
            f"{about['load_before'][0]}{given}.{left}{note}")


def suite_of(name: str) -> str:
    return name.split("/")[-1]


def floors_of(name: str) -> str:
    """The name of the table of promises of a suite's machine."""
    return name.removesuffix(suite_of(name)) + "floors"


def section(name: str, results: dict[str, dict]) -> str:
    """What stands between a marker and its end."""
    if suite_of(name) == "floors":
        return floors({suite_of(other): result for other, result in results.items() if floors_of(other) == name})
    result = results[name]
    if "error" in result:
        return f"{stamp(result)}\n\nThe suite failed: {result['error']}"
    return f"{stamp(result)}\n\n{ALL[suite_of(name)].table(result)}" + "".join(f"\n\n![{name}](figures/{file})" for file in result.get("figures", []))


def floors(results: dict[str, dict]) -> str:
    rows: list[list[object]] = []
    for name in ALL:
        for promise in results.get(name, {}).get("floors", []):
            bound = f"≥ {promise['at_least']:g}" if promise["at_least"] is not None else f"≤ {promise['at_most']:g}"
            rows.append([name, promise["what"], promise["value"], bound, {True: "yes", False: "**no**", None: "–"}[promise["met"]]])
    return markdown.table(["suite", "promise", "measured", "bound", "kept"], rows) 


def fill(page: str, results: dict[str, dict]) -> str:
    """Replaces what stands between each `<!-- bench:NAME -->` and the next `<!-- bench end -->`; what was not measured stays."""
    whole = re.compile(r"(<!-- bench:([\w/]+) -->\n).*?(<!-- bench end -->)", re.DOTALL)
    if unknown := {suite_of(name) for _, name, _ in whole.findall(page)} - {*ALL, "floors"}:
        raise SystemExit(f"{PAGE} has markers of unknown suites: {', '.join(sorted(unknown))}")
    measured = {*results, *map(floors_of, results)}
    return whole.sub(lambda found: found[1] + section(found[2], results) + "\n" + found[3] if found[2] in measured else found[0], page)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench report", description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=ROOT / "bench/results", help="folder of the suites' JSON files")
    parser.add_argument("--page", type=Path, default=PAGE)
    args = parser.parse_args()
    files = {str(file.relative_to(args.results).with_suffix("")): file for file in sorted(args.results.rglob("*.json"))}
    results = {name: json.loads(file.read_text()) for name, file in files.items() if suite_of(name) in ALL}
    for name, result in results.items():
        if "error" not in result and name in ALL:
            result["figures"] = figures.draw(name, result, args.page.parent / "figures")
    args.page.write_text(fill(args.page.read_text(), results))
    print(f"{args.page}: {len(results)} suites")
    return 0


if __name__ == "__main__":
    sys.exit(main())
