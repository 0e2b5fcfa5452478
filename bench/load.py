"""Load over HTTP, closed or open loop, against one server or two alternately. See `scripts/bench --help`."""

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import sys
import time

from client import Connection, completion, embedding

# Each is one token of the usual vocabularies.
WORDS = "river water stone house bank flood mill gate fish boat bridge rain lake wind road tree".split()


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def summary(samples, wall):
    good = [s for s in samples if s.error is None]
    first = [s.first - s.begin for s in good if s.first is not None]
    gaps = [gap for s in good for gap in s.gaps]
    spread = lambda values: {
        name: percentile(values, share) and round(percentile(values, share) * 1000, 3)
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
    }
    return {
        "requests": len(samples),
        "failed": len(samples) - len(good),
        "first_error": next((s.error for s in samples if s.error), None),
        "wall_s": round(wall, 3),
        "requests_per_s": round(len(good) / wall, 3),
        "output_tokens_per_s": round(sum(s.output_tokens for s in good) / wall, 2),
        "input_tokens_per_s": round(sum(s.input_tokens for s in good) / wall, 2),
        "texts_per_s": round(sum(s.texts for s in good) / wall, 2),
        "first_token_ms": spread(first),
        "inter_token_ms": spread(gaps),
        "latency_ms": spread([s.end - s.begin for s in good]),
    }


class Load:
    def __init__(self, args, url, model, seed):
        self.args, self.url, self.model = args, url, model
        self.random = random.Random(seed)

    def _one(self, connection, zero):
        args = self.args
        if args.task == "embeddings":
            texts = [" ".join(self.random.choice(WORDS) for _ in range(args.prompt_tokens - 2)) for _ in range(args.batch)]
            return embedding(connection, {"model": self.model, "input": texts}, zero, args.embeddings_path)
        # A prompt of exactly so many tokens, new each time: no prefix cache can help.
        prompt = [self.random.randrange(1000, args.vocabulary) for _ in range(args.prompt_tokens)]
        body = {
            "model": self.model, "prompt": prompt, "max_tokens": args.output_tokens, "temperature": 0,
            "ignore_eos": True, "stream": True, "stream_options": {"include_usage": True},
        }
        return completion(connection, body, zero)

    async def closed(self, clients, requests):
        zero, samples, left = time.perf_counter(), [], [requests]

        async def client():
            connection = Connection(self.url, self.args.key)
            while left[0] > 0:
                left[0] -= 1
                samples.append(await self._one(connection, zero))
            connection.close()

        await asyncio.gather(*(client() for _ in range(clients)))
        return summary(samples, time.perf_counter() - zero)

    async def open(self, rate, seconds):
        zero, tasks, idle = time.perf_counter(), [], []

        async def one():
            connection = idle.pop() if idle else Connection(self.url, self.args.key)
            sample = await self._one(connection, zero)
            idle.append(connection)
            return sample

        due = 0.0
        while (due := due + self.random.expovariate(rate)) < seconds:
            await asyncio.sleep(max(0.0, due - (time.perf_counter() - zero)))
            tasks.append(asyncio.create_task(one()))
        samples = await asyncio.gather(*tasks)
        result = summary(samples, time.perf_counter() - zero)
        met = [s for s in samples if s.error is None and s.first - s.begin <= self.args.slo_first
               and percentile(s.gaps or [0], 0.99) <= self.args.slo_gap]
        result["met_slo"] = round(len(met) / max(1, len(samples)), 4)
        return result


def medians(rounds):
    pick = lambda path: [value for r in rounds if (value := path(r)) is not None]
    middle = lambda path: round(statistics.median(pick(path)), 3) if pick(path) else None
    return {
        "output_tokens_per_s": middle(lambda r: r["output_tokens_per_s"]),
        "texts_per_s": middle(lambda r: r["texts_per_s"]),
        "requests_per_s": middle(lambda r: r["requests_per_s"]),
        "first_token_ms_p50": middle(lambda r: r["first_token_ms"]["p50"]),
        "first_token_ms_p99": middle(lambda r: r["first_token_ms"]["p99"]),
        "inter_token_ms_p50": middle(lambda r: r["inter_token_ms"]["p50"]),
        "inter_token_ms_p99": middle(lambda r: r["inter_token_ms"]["p99"]),
        "failed": sum(r["failed"] for r in rounds),
    }


def run(args):
    servers = [(args.name, args.url, args.model)]
    if args.vs:
        servers.append((args.vs_name, args.vs, args.vs_model or args.model))
    points = [("rate", rate) for rate in args.rates] or [("clients", clients) for clients in args.clients]
    results = []
    for kind, point in points:
        rounds = {name: [] for name, _, _ in servers}
        for index in range(args.rounds):
            for name, url, model in servers:  # A B A B: what disturbs the machine disturbs both
                load = Load(args, url, model, seed=args.seed + index)
                if kind == "rate":
                    outcome = asyncio.run(load.open(point, args.seconds))
                else:
                    outcome = asyncio.run(load.closed(point, max(args.requests, 2 * point)))
                rounds[name].append(outcome)
                print(f"{kind} {point:>6} round {index + 1}/{args.rounds} {name:<12} "
                      f"{outcome['output_tokens_per_s']:>9} tokens/s {outcome['texts_per_s']:>9} texts/s  "
                      f"first {outcome['first_token_ms']['p50']} ms  gap {outcome['inter_token_ms']['p50']} ms  "
                      f"failed {outcome['failed']}", file=sys.stderr, flush=True)
                if outcome["first_error"]:
                    print("   ", outcome["first_error"], file=sys.stderr)
        results.append({kind: point, "median": {name: medians(r) for name, r in rounds.items()}, "rounds": rounds})
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S"), "machine": {"processor": processor(), "cores": os.cpu_count(),
                                                             "load_before": os.getloadavg()},
        "task": args.task, "prompt_tokens": args.prompt_tokens, "output_tokens": args.output_tokens,
        "batch": args.batch, "results": results,
    }


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
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
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
    parser.add_argument("--vocabulary", type=int, default=49000, help="prompt ids are drawn from 1000 up to here")
    parser.add_argument("--seed", type=int, default=None, help="default: a new one each run")
    parser.add_argument("--out", help="write the report as JSON")
    parser.add_argument("--plot", help="write a PNG")
    args = parser.parse_args()
    args.seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 30)
    report = run(args)
    if args.out:
        with open(args.out, "w") as out:
            json.dump(report, out, indent=1)
    if args.plot:
        plot(report, args.plot)
    for point in report["results"]:
        print(json.dumps({key: point[key] for key in point if key != "rounds"}))
    return 1 if any(m["failed"] for p in report["results"] for m in p["median"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
