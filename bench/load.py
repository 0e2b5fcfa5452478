"""Load over HTTP, closed or open loop, against one server or two alternately. See `scripts/bench --help`."""

import argparse
import asyncio
import itertools
import json
import os
import platform
import random
import sys
import time

from loops import Load, Shape, Target, medians, summary


def keeps(sample, args):
    """Whether a request kept the first-token and (by its 99th percentile) the inter-token limit."""
    gaps = sorted(sample.gaps) or [0]
    worst = gaps[min(len(gaps) - 1, int(0.99 * len(gaps)))]
    return sample.error is None and sample.first - sample.begin <= args.slo_first and worst <= args.slo_gap


def measure(load, kind, point, args):
    if kind == "rate":
        outcome = asyncio.run(load.open(point, args.seconds, grace=600))
        met = sum(keeps(sample, args) for sample in outcome.samples)
        return {**summary(outcome), "met_slo": round(met / max(1, len(outcome.samples)), 4)}
    return summary(asyncio.run(load.closed(point, max(args.requests, 2 * point))))


def run(args):
    servers = [(args.name, args.url, args.model)]
    if args.vs:
        servers.append((args.vs_name, args.vs, args.vs_model or args.model))
    shape = Shape(args.task, args.prompt_tokens, args.output_tokens, args.batch, args.vocabulary, args.encoding)
    points = [("rate", rate) for rate in args.rates] or [("clients", clients) for clients in args.clients]
    report = {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S"), "machine": {"processor": processor(), "cores": os.cpu_count(),
                                                             "load_before": os.getloadavg()},
        "task": args.task, "prompt_tokens": args.prompt_tokens, "output_tokens": args.output_tokens,
        "batch": args.batch, "results": [],
    }
    seeds = itertools.count(args.seed)  # no prompt comes to a server twice, which would have cached it
    for kind, point in points:
        rounds = {name: [] for name, _, _ in servers}
        for index in range(args.rounds):
            seed = next(seeds)
            for name, url, model in servers:  # A B A B: what disturbs the machine disturbs both
                target = Target(url, model, args.key, args.embeddings_path)
                outcome = measure(Load(target, shape, seed), kind, point, args)
                rounds[name].append(outcome)
                print(f"{kind} {point:>6} round {index + 1}/{args.rounds} {name:<12} "
                      f"{outcome['output_tokens_per_s']:>9} tokens/s {outcome['texts_per_s']:>9} texts/s  "
                      f"first {outcome['first_token_ms']['p50']} ms  gap {outcome['inter_token_ms']['p50']} ms  "
                      f"failed {outcome['failed']}", file=sys.stderr, flush=True)
                if outcome["first_error"]:
                    print("   ", outcome["first_error"], file=sys.stderr)
        report["results"].append({kind: point, "median": {name: medians(r) for name, r in rounds.items()}, "rounds": rounds})
        if args.out:  # who is broken off leaves what is measured
            with open(args.out, "w") as out:
                json.dump(report, out, indent=1)
    return report


def processor():
    try:
        with open("/proc/cpuinfo") as info:
            return next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def plot(report, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    kind = "rate" if "rate" in report["results"][0] else "clients"
    unit = "texts_per_s" if report["task"] == "embeddings" else "output_tokens_per_s"
    figure, axes = plt.subplots(1, 2, figsize=(10, 4))
    for name in report["results"][0]["median"]:
        x = [point[kind] for point in report["results"]]
        axes[0].plot(x, [point["median"][name][unit] for point in report["results"]], marker="o", label=name)
        axes[1].plot(x, [point["median"][name]["first_token_ms_p50"] for point in report["results"]], marker="o", label=name)
    for axis, label in zip(axes, (unit.replace("_per_s", "/s").replace("_", " "), "time to first token, ms (p50)")):
        axis.set_xlabel(kind)
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
        axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main():
    numbers = lambda text: [int(part) for part in text.split(",")]
    parser = argparse.ArgumentParser(prog="scripts/bench load", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--name", default="weir")
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--vs", help="a second server, measured alternately in the same run")
    parser.add_argument("--vs-name", default="peer")
    parser.add_argument("--vs-model")
    parser.add_argument("--key")
    parser.add_argument("--task", choices=("completions", "embeddings"), default="completions")
    parser.add_argument("--embeddings-path", default="/v1/embeddings")
    parser.add_argument("--clients", type=numbers, default=[1, 8, 32], help="closed loop: so many clients, one request each at a time")
    parser.add_argument("--requests", type=int, default=8, help="requests of a round, at least two a client")
    parser.add_argument("--rates", type=lambda t: [float(p) for p in t.split(",")], default=[],
                        help="open loop instead: requests per second, Poisson")
    parser.add_argument("--seconds", type=float, default=30, help="length of an open-loop round")
    parser.add_argument("--slo-first", type=float, default=0.5)
    parser.add_argument("--slo-gap", type=float, default=0.06)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompt-tokens", type=int, default=128)
    parser.add_argument("--output-tokens", type=int, default=128)
    parser.add_argument("--batch", type=int, default=1, help="texts of one embeddings request")
    parser.add_argument("--encoding", choices=("float", "base64"), default="float", help="of an embeddings answer")
    parser.add_argument("--vocabulary", type=int, default=49000, help="prompt ids are drawn from 1000 up to here")
    parser.add_argument("--seed", type=int, default=None, help="default: a new one each run")
    parser.add_argument("--out", help="write the report as JSON")
    parser.add_argument("--plot", help="write a PNG")
    args = parser.parse_args()
    args.seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 30)
    report = run(args)
    if args.plot:
        plot(report, args.plot)
    for point in report["results"]:
        print(json.dumps({key: point[key] for key in point if key != "rounds"}))
    return 1 if any(m["failed"] for p in report["results"] for m in p["median"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
