"""Tests and measures weir in this folder; writes one JSON file. See README.md. Python's standard library only."""

import argparse
import glob
import importlib.util
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "bench"))
from loops import WORDS  # noqa: E402

LOGS = os.path.join(HERE, "logs")
DEVICE_TEST = os.path.join(HERE, "bin/weir_device_test")
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
TINY = sorted(glob.glob(os.path.join(HERE, "tests/golden/tiny/*/")))


def say(text):
    print(f"==> {text}", flush=True)


def read(path):
    with open(path) as file:
        return json.load(file)


def library_folders():
    """Where torch and the CUDA wheels beside it keep their libraries; torch itself is not imported."""
    spec = importlib.util.find_spec("torch")
    if spec is None:
        raise RuntimeError(f"{sys.executable} has no torch: set PYTHON to one that has, or give --torch-lib")
    torch = list(spec.submodule_search_locations)[0]
    wheels = os.path.join(os.path.dirname(torch), "nvidia")
    return [os.path.join(torch, "lib"), *sorted(glob.glob(wheels + "/*/lib"))]


def card():
    try:
        asked = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,compute_cap", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=60)
        if asked.returncode == 0 and asked.stdout.strip():
            return asked.stdout.strip().splitlines()[0]
    except (OSError, subprocess.TimeoutExpired):
        pass
    return "a card that nvidia-smi does not name" if os.path.exists("/dev/nvidia0") else None


def program(name, command, environment, limit):
    """Runs a program to its end, its output in a log. Errors: its exit code, or that it took too long."""
    log = os.path.join(LOGS, name + ".log")
    with open(log, "w") as out:
        try:
            return subprocess.run(command, cwd=HERE, env=environment, stdout=out, stderr=subprocess.STDOUT, timeout=limit).returncode
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{name} took longer than {limit} s; see {log}") from None


class Daemon:
    """`weir serve` on a free port while the block runs; on the GPU where there is one."""

    def __init__(self, name, environment, arguments, gpu):
        self.log = os.path.join(LOGS, name + ".log")
        self.command = [os.path.join(HERE, "bin/weir"), "serve", "--port", "0", *arguments]
        self.environment, self.gpu = environment, gpu

    def __enter__(self):
        with open(self.log, "w") as out:
            self.process = subprocess.Popen(self.command, cwd=HERE, env=self.environment, stdout=out, stderr=out)
        try:
            self.wait_until_ready()
        except BaseException:  # the deadline too: a daemon that lived on would hold the card
            self.__exit__()
            raise
        return self

    def wait_until_ready(self):
        began = time.monotonic()
        while True:
            with open(self.log) as file:
                text = file.read()
            if started := re.search(r"weir \S+ on (.*)", text):
                self.device = started[1]
                if self.gpu and "cuda" not in self.device:
                    raise RuntimeError(f"the daemon computes on {self.device}: {text[-800:]}")
            if "all models are ready" in text:
                self.url = re.search(r"listening on (http://\S+)", text)[1]
                self.load_s = round(time.monotonic() - began, 1)
                return
            if self.process.poll() is not None:
                raise RuntimeError(f"the daemon ended with {self.process.returncode}: {text[-800:]}")
            time.sleep(0.1)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        for end in (lambda: None, self.process.kill):  # who hangs in the driver cannot even be killed
            end()
            try:
                self.process.wait(20)
                return
            except subprocess.TimeoutExpired:
                pass

    def post(self, path, body, limit=30):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with NO_PROXY.open(request, timeout=limit) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise RuntimeError(f"{path}: {refused.code} {refused.read()[:300]!r}") from None


def listed_tests(environment):
    """Of the device tests' program: suite -> full names."""
    asked = subprocess.run([DEVICE_TEST, "--gtest_list_tests"], env=environment, capture_output=True, text=True, timeout=120)
    if asked.returncode != 0:
        raise RuntimeError(f"weir_device_test ended with {asked.returncode}: {asked.stderr[-600:]}")
    suites = {}
    for line in asked.stdout.splitlines()[1:]:
        name = line.split("#")[0].strip()
        if line.startswith(" "):
            suites[suite].append(suite + name)
        else:
            suite = name
            suites[suite] = []
    return suites


def ran_tests(name, pattern, environment, limit):
    """What gtest reports of the tests that match, or None: the program died or took too long."""
    report = os.path.join(LOGS, name + ".json")
    try:
        program(name, [DEVICE_TEST, f"--gtest_filter={pattern}", f"--gtest_output=json:{report}"], environment, limit)
    except RuntimeError:
        return None
    if not os.path.exists(report):
        return None
    return [test for suite in read(report)["testsuites"] for test in suite["testsuite"]]


NEEDS_A_MODEL = "SmolLm2"  # of a suite's name: its tests skip themselves where the model is not


def tests_of(suite, names, environment):
    """Those of a suite in one process; who fails, and all where that dies, also alone: an error that sticks fails what follows it."""
    log = "test-" + suite.strip(".").replace("/", "-")
    tests = ran_tests(log, suite + "*", environment, 90)
    together = {t["name"]: t for t in tests or []}
    for index, name in enumerate(names):
        test = together.get(name[len(suite):])
        if test and not test.get("failures"):
            continue
        alone = ran_tests(f"{log}-{index}", name, environment, 30)
        died = {"name": name[len(suite):], "failures": [{"failure": f"its process died or ran out of time; see logs/{log}-{index}.log"}]}
        alone = alone[0] if alone else died
        if test:  # it failed beside others: that is a failure, however it does alone
            test["failures"].append({"failure": "alone it fails too" if alone.get("failures") else "alone it passes"})
        together[name[len(suite):]] = test or alone
    return together


def device_tests(done, environment, gpu):
    done.update(passed=0, failed=0, skipped=0, failures={})
    for suite, names in listed_tests(environment).items():
        for name, test in tests_of(suite, names, environment).items():
            failures = [f["failure"][:600] for f in test.get("failures", [])]
            skipped = test.get("result") == "SKIPPED"
            if skipped and gpu and NEEDS_A_MODEL not in suite:
                failures = [f"it skipped itself, though there is {gpu}"]
            outcome = "failed" if failures else "skipped" if skipped else "passed"
            done[outcome] += 1
            if failures:
                done["failures"][suite + name] = failures[:2] + failures[-1:] if len(failures) > 3 else failures


def check_text(daemon, name, prompts, count):
    """Greedy tokens against the reference's; how many agree before the first that does not."""
    same = total = 0
    for prompt, expected in prompts:
        body = {"model": name, **prompt, "max_tokens": count, "temperature": 0, "ignore_eos": True, "return_token_ids": True}
        got = daemon.post("/v1/completions", body)["choices"][0]["token_ids"]
        expected = expected[:count]
        same += next((i for i, pair in enumerate(zip(got, expected)) if pair[0] != pair[1]), min(len(got), len(expected)))
        total += len(expected)
    return {"tokens": total, "agree": same, "failed": int(same < total)}


def unit(vector):
    length = math.sqrt(sum(x * x for x in vector))
    return [x / length for x in vector]


def check_vectors(daemon, name, texts):
    """Directions only: weir normalises where a folder does not say, its references do not. The device tests see lengths."""
    worst = 0.0
    for text, expected in texts:
        got = unit(daemon.post("/v1/embeddings", {"model": name, "input": text})["data"][0]["embedding"])
        expected = unit(expected)
        worst = max([worst, *(abs(a - b) for a, b in zip(got, expected))])
        if len(got) != len(expected):
            worst = math.inf
    return {"texts": len(texts), "largest_difference": worst, "failed": int(not worst < 2e-4)}


def check_model(daemon, name, golden):
    if "chats" in golden:
        return check_text(daemon, name, [({"prompt": c["prompt_ids"]}, c["output_ids"]) for c in golden["chats"]], 64)
    if "prompts" in golden:
        return check_text(daemon, name, [({"prompt": p["ids"]}, p["output_ids"]) for p in golden["prompts"]], 24)
    if "sources" in golden:
        both = [({"prompt": s["source_ids"], "decoder_prompt": s["decoder_ids"]}, s["output_ids"]) for s in golden["sources"]]
        return check_text(daemon, name, both, 24)
    uncut = lambda t: t.get("tokens_uncut", len(t["ids"])) == len(t["ids"])  # a longer text would be refused
    return check_vectors(daemon, name, [(t["text"] if uncut(t) else t["ids"], t["vector"]) for t in golden["texts"] if t["text"]])


def checked(check):
    try:
        return check()
    except Exception as failure:
        return {"error": f"{type(failure).__name__}: {failure}", "failed": 1}


KNOWN = {"smollm2-135m-instruct": "smollm2.json", "all-minilm-l6-v2": "minilm.json"}


def given_models(folders):
    """By name; also where the device tests look for them."""
    given = {}
    os.makedirs(os.path.join(HERE, "models/downloaded"), exist_ok=True)
    for folder in folders:
        name = os.path.basename(os.path.abspath(folder)).lower()
        if name not in KNOWN:
            raise SystemExit(f"--model {folder}: there are references for {', '.join(KNOWN)}")
        given[name] = os.path.abspath(folder)
        link = os.path.join(HERE, "models/downloaded", name)
        if not os.path.exists(link):
            os.symlink(given[name], link)
    return given


def goldens(done, environment, given, gpu):
    wanted = {os.path.basename(f.rstrip("/")): (f, read(f + "golden.json")) for f in TINY}
    for name, folder in given.items():
        wanted[name] = (folder, read(os.path.join(HERE, "tests/golden", KNOWN[name])))
    arguments = ["--memory", "512MiB"]
    for name, (folder, _) in wanted.items():
        arguments += ["--model", f"{name}={folder},dtype=float32"]
    done.update(models={}, failed=0)
    with Daemon("goldens", environment, arguments, gpu) as daemon:
        done.update(device=daemon.device, load_s=daemon.load_s)
        for name, (_, golden) in wanted.items():
            done["models"][name] = checked(lambda: check_model(daemon, name, golden))
            done["failed"] += done["models"][name]["failed"]


def lost_device(done, environment):
    """Streams run and others wait when a kernel writes where it may not."""
    fault = os.path.join(LOGS, "lose-device")
    environment = {**environment, "LD_PRELOAD": os.path.join(HERE, "bin/libweir_lose_device.so"), "WEIR_LOSE_DEVICE_AT": fault}
    folder = os.path.join(HERE, "shapes/small-llama")
    write_tokenizer(folder, read(folder + "/config.json"))
    arguments = ["--model", f"m={folder},max-model-len=1024", "--load-format", "dummy", "--max-num-seqs", "2"]
    answers = []
    with Daemon("lost-device", environment, arguments, gpu=True) as daemon:
        def ask():
            try:
                body = {"model": "m", "prompt": [2, 3, 4], "max_tokens": 1000, "ignore_eos": True}
                while True:  # until it does not come
                    daemon.post("/v1/completions", body, limit=20)
            except urllib.error.URLError as failure:
                answers.append("refused: it has ended" if isinstance(failure.reason, ConnectionRefusedError) else str(failure)[:200])
            except Exception as failure:
                answers.append(str(failure)[:200])

        clients = [threading.Thread(target=ask) for _ in range(8)]
        for client in clients:
            client.start()
        time.sleep(1)
        open(fault, "w").close()
        began = time.monotonic()
        code = daemon.process.wait(30)
        ended_s = round(time.monotonic() - began, 2)
        for client in clients:
            client.join()
    told = sum(": 503 " in answer for answer in answers)
    good = told > 0 and all(": 503 " in answer or answer.startswith("refused") for answer in answers)
    done.update(exit_code=code, ended_s=ended_s, answers=answers, failed=int(code != 3 or ended_s > 2 or not good))


def limits(done):
    asked = subprocess.run([sys.executable, os.path.join(HERE, "limits.py")], capture_output=True, text=True)
    if asked.returncode != 0:
        raise RuntimeError(asked.stderr[-800:])
    done.update(json.loads(asked.stdout.splitlines()[-1]))


def parameters(config):
    """Of the layers' products, and with them those of the output layer: each token reads and multiplies by all of them once."""
    hidden, inner, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    if "BertModel" in config["architectures"]:
        layers = config["num_hidden_layers"] * (4 * hidden * hidden + 2 * hidden * inner)
        return layers, layers
    wide = config["head_dim"] * (2 * heads + 2 * config["num_key_value_heads"])
    layers = config["num_hidden_layers"] * (hidden * wide + 3 * hidden * inner)
    return layers, layers + hidden * config["vocab_size"]


def shares(point, task, clients, shape, most):
    """Lower bounds: work of attention, and all that waits between steps, count as nothing done."""
    if "memory_gb_per_s" not in most:
        return {}
    layers, all_parameters = parameters(shape)
    if task == "decode":  # each step reads all weights once for all of its rows
        steps = point["output_tokens_per_s"] / clients
        return {"of_memory": round(steps * 2 * all_parameters / (most["memory_gb_per_s"] * 1e9), 4)}
    return {"of_matmul": round(point["input_tokens_per_s"] * 2 * layers / (most["matmul_bf16_tflops"] * 1e12), 4)}


def write_tokenizer(folder, shape):
    """Random weights give random tokens: each needs some text, or a stream would have nothing to send."""
    bert = "BertModel" in shape["architectures"]
    base = os.path.join(HERE, "tests/golden/tiny", "bert-mean" if bert else "llama-llama3-rope")
    tokenizer = read(base + "/tokenizer.json")
    vocabulary = tokenizer["model"]["vocab"]
    taken = set(vocabulary.values())
    words = iter(WORDS if bert else [])  # so that a word of the bench's texts is one token
    for token in range(shape["vocab_size"]):
        if token not in taken:
            vocabulary[next((w for w in words if w not in vocabulary), f"w{token}")] = token
    with open(folder + "/tokenizer.json", "w") as out:
        json.dump(tokenizer, out)
    shutil.copy(base + "/tokenizer_config.json", folder)


def loads(shape, small):
    """Name, task, and the bench's arguments."""
    if small:
        return [("decode", ["--prompt-tokens", "16", "--output-tokens", "16", "--clients", "1,4", "--requests", "4", "--rounds", "1"])]
    if "BertModel" in shape["architectures"]:
        return [("embed", ["--task", "embeddings", "--prompt-tokens", "256", "--batch", "32", "--encoding", "base64",
                           "--clients", "1,4,16", "--requests", "32"])]
    decode = ["--prompt-tokens", "128", "--output-tokens", "128", "--clients", "1,8,64", "--requests", "8"]
    prefill = ["--prompt-tokens", "2048", "--output-tokens", "1", "--clients", "1,8", "--requests", "16"]
    return [("decode", decode), ("prefill", prefill)]


def bench(done, name, environment, gpu, most):
    folder = os.path.join(HERE, "shapes", name)
    shape = read(folder + "/config.json")
    write_tokenizer(folder, shape)
    arguments = ["--model", f"{name}={folder}", "--load-format", "dummy", "--prefix-cache", "off"]
    arguments += ["--max-model-len", "4096"] if shape["max_position_embeddings"] > 4096 else []
    done["failed"] = 0
    with Daemon("bench-" + name, environment, arguments, gpu) as daemon:
        done["load_s"] = daemon.load_s
        for task, options in loads(shape, not gpu):
            report = os.path.join(LOGS, f"bench-{name}-{task}.json")
            command = [sys.executable, "bench/load.py", "--url", daemon.url, "--model", name, "--vocabulary", str(shape["vocab_size"]),
                       "--out", report, *options]
            try:
                program(f"load-{name}-{task}", command, {**os.environ}, None)
            finally:
                done[task] = points_of(report, task, shape, most) if os.path.exists(report) else []
                done["failed"] += sum(point["failed"] for point in done[task])


def points_of(report, task, shape, most):
    points = []
    for point in read(report)["results"]:
        middle = sorted(point["rounds"]["weir"], key=lambda r: r["requests_per_s"])[len(point["rounds"]["weir"]) // 2]
        points.append({"clients": point["clients"], **middle, **shares(middle, task, point["clients"], shape, most)})
    return points


STEPS = {"device_tests": 200, "goldens": 90, "limits": 60, "bench": 120, "lost_device": 60}  # seconds of each at most


class OutOfTime(BaseException):
    """No Exception: checks that go on after a failure do not go on after this."""


def break_off(*_):
    raise OutOfTime("its time is over")


def write_result(path, result):
    """What is known survives whatever comes next, with the logs beside it."""
    with open(path + ".new", "w") as out:
        json.dump(result, out, indent=1)
    os.replace(path + ".new", path)
    with tarfile.open(os.path.join(os.path.dirname(os.path.abspath(path)), "logs.tar.gz"), "w:gz") as logs:
        logs.add(LOGS, "logs")


class Steps:
    """Runs them one after the other and writes down what each did, whole or not."""

    def __init__(self, out, wanted, deadline, gpu):
        self.out, self.wanted, self.end, self.done = out, wanted, time.monotonic() + deadline, {}
        self.result = {"date": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "gpu": gpu, "steps": self.done}
        signal.signal(signal.SIGALRM, break_off)

    def __call__(self, name, run, *arguments):
        """`name` begins with that of a step. What it did, as far as it came; {} where it is not wanted."""
        step, done = name.split()[0], {}
        if step not in self.wanted:
            return done
        say(name)
        self.done[name], began = done, time.monotonic()
        try:
            if began + 1 >= self.end:
                break_off()
            signal.alarm(int(min(STEPS[step], self.end - began)))
            run(done, *arguments)
        except (Exception, OutOfTime) as failure:  # recorded beside what was done; the rest goes on, or is named
            done["error"] = f"{type(failure).__name__}: {failure}"
        finally:
            signal.alarm(0)
        done["took_s"] = round(time.monotonic() - began, 1)
        say(f"{name}: {json.dumps(done)[:400]}")
        write_result(self.out, self.result)
        return done


def everything(step, environment, given, gpu):
    step("device_tests", device_tests, environment, gpu)
    models = step("goldens", goldens, environment, given, gpu)
    if not gpu:
        step("bench small-llama", bench, "small-llama", environment, gpu, {})
        return
    if models.get("error") and "device" not in models:  # the one setting that a card's driver may not bear
        environment = {**environment, "PYTORCH_ALLOC_CONF": "expandable_segments:False"}
        models = step("goldens without expandable segments", goldens, environment, given, gpu)
    most = step("limits", limits)
    if models.get("error") and "device" not in models:
        say("the daemon does not start on the card: what needs it is left out")
        return
    for name in ["llama-3.1-8b", "qwen3-1.7b", "bert-large"]:
        step("bench " + name, bench, name, environment, gpu, most)
    step("lost_device", lost_device, environment)  # last: it may leave the card slow to start again


def main():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__)
    parser.add_argument("--model", action="append", default=[], metavar="DIR", help="also check this Hugging Face folder")
    parser.add_argument("--out", default=os.path.join(HERE, "result.json"))
    parser.add_argument("--torch-lib", help="folders of torch's and CUDA's libraries, separated by colons; default: found in Python's environment")
    parser.add_argument("--no-gpu", action="store_true", help="do as if there were none")
    parser.add_argument("--only", action="append", default=[], metavar="STEP", help=f"leave out the others; steps are {', '.join(STEPS)}")
    parser.add_argument("--deadline", type=int, default=0, metavar="SECONDS", help="break off what runs then, and leave out the rest")
    args = parser.parse_args()
    if unknown := set(args.only) - STEPS.keys():
        parser.error(f"--only {', '.join(sorted(unknown))}: steps are {', '.join(STEPS)}")
    given = given_models(args.model)
    shutil.rmtree(LOGS, ignore_errors=True)
    os.makedirs(LOGS)
    gpu = None if args.no_gpu else card()
    folders = args.torch_lib.split(":") if args.torch_lib else library_folders()
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join([*folders, os.path.join(HERE, "lib"), os.environ.get("LD_LIBRARY_PATH", "")]).rstrip(":")}
    if args.no_gpu:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    say(gpu or "no GPU: its tests skip themselves, the rest runs small and on the CPU")
    steps = Steps(args.out, set(args.only) or STEPS.keys(), args.deadline or math.inf, gpu)
    everything(steps, environment, given, gpu)
    bad = [name for name, done in steps.done.items() if done.get("error") or done.get("failed")]
    print(json.dumps(steps.result, separators=(",", ":")))
    say(f"{args.out}: {len(steps.done)} steps, failed: {', '.join(bad) or 'none'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
