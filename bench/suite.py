"""Runs suites of measurements, each with its own servers, and writes one JSON file a suite. See `scripts/bench suite --help`."""

import argparse
import gc
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import machine
from bench import Bench, say
from suites import ALL


def parse() -> argparse.Namespace:
    names = "\n".join(f"  {name:<15} {module.__doc__.splitlines()[0]}" for name, module in ALL.items())
    parser = argparse.ArgumentParser(prog="scripts/bench suite", description=f"{__doc__}\n\nsuites:\n{names}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="+", choices=[*ALL, "all"], metavar="NAME", help="suites to run, or all")
    parser.add_argument("--peers-home", type=Path, default=Path(os.environ.get("PEERS_HOME", "/tmp/peers")),
                        help="where the peers are installed (PEERS_HOME); those that are not there are left out")
    parser.add_argument("--out", type=Path, default=machine.ROOT / "bench/results", help="folder of the results")
    parser.add_argument("--rounds", type=int, help="measurements of each figure, in turn; the median counts (default: 3)")
    parser.add_argument("--seconds", type=float, help="length of a run of overload, caps and open, and of an open loop of translate")
    parser.add_argument("--quick", action="store_true", help="as short as can be: shows that it works, not how fast it is")
    return parser.parse_args()


def commit() -> str | None:
    done = subprocess.run(["git", "-C", machine.ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or None


def run(name: str, args: argparse.Namespace) -> bool:
    """Whether it ran through and kept its floors; what went wrong is written down and the next one goes on."""
    bench = Bench(args.peers_home, args.rounds, args.seconds, args.quick)
    report = {"suite": name, "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "machine": machine.describe(), "commit": commit(),
              "quick": args.quick, "limits": machine.measure_limits()}
    say(f"suite {name}")
    began = time.perf_counter()
    try:
        report |= ALL[name].run(bench)
    except Exception as failure:
        traceback.print_exc()
        report["error"] = f"{type(failure).__name__}: {failure}"
    report |= {"skipped": bench.skipped, "took_s": round(time.perf_counter() - began, 1), "load_after": list(os.getloadavg())}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n")
    for promise in report.get("floors", []):
        bound = f"at least {promise['at_least']}" if promise["at_least"] is not None else f"at most {promise['at_most']}"
        say(f"{ {True: 'kept', False: 'MISSED', None: 'not measured'}[promise['met']] }: {promise['what']}: {promise['value']} ({bound})")
    return "error" not in report and all(promise["met"] is not False for promise in report["floors"])


def main() -> int:
    args = parse()
    # A stop by signal unwinds the stack, so that the servers are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536) if most > 0 else 65536, most))
    gc.disable()  # its pauses would count as the servers'; a run's garbage is small
    names = list(ALL) if "all" in args.suites else args.suites
    kept = []
    for name in names:
        kept.append(run(name, args))
        gc.collect()
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
