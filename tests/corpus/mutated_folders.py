"""Model folders made from tests/golden/tiny and spoilt in one to three places, by seed: what `weir check` says of each and what
becomes of it in a daemon with others.

usage: mutated_folders.py [--folders 2000] [--seed 1] [--keep DIR]

A daemon serves 20 of them. Asserted: no process ends by itself, check and serve agree on every folder, every request is answered,
and with 500 only where the model gives NaN. Prints the share of good folders, which is to be a third at least. --keep leaves
folders that fail in DIR.
"""
import argparse
import collections
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np
import requests

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
from daemon import BINARY, ROOT, Daemon  # noqa: E402

TINY = os.path.join(ROOT, "tests/golden/tiny")
KINDS = ("bert", "llama", "qwen2", "qwen3", "phi3")
BASES = sorted(name for name in os.listdir(TINY) if name.split("-")[0] in KINDS)  # whose weights are made here
MODELS_A_DAEMON = 20
NUMBERS = [0, -1, 1, 2, 3, 7, 15, 16, 258, 512, 40_000_000, 2**31, 2**31 - 1, 2**63, 2**64, -2**31, 0.5, 1e-30, 1e30, 1e300]
VALUES = NUMBERS + ["x", "0.02", "", None, True, False, [], {}, [1], {"a": 1}]


# --- files ---------------------------------------------------------------------------------------------------------

class Folder:
    """A copy of a tiny model, as a mutation sees it."""

    def __init__(self, path, base):
        self.path, self.base, self.done = path, base, []
        shutil.copytree(os.path.join(TINY, base), path, ignore=shutil.ignore_patterns("golden.json"))

    @property
    def encodes(self):
        return self.base.startswith("bert")

    def at(self, name):
        return os.path.join(self.path, name)

    def has(self, name):
        return os.path.exists(self.at(name))

    def read(self, name):
        if not self.has(name):
            return {}
        with open(self.at(name), encoding="utf-8") as f:
            return json.load(f)

    def write(self, name, value):
        os.makedirs(os.path.dirname(self.at(name)), exist_ok=True)
        with open(self.at(name), "w", encoding="utf-8") as f:
            json.dump(value, f)

    def write_text(self, name, text):
        with open(self.at(name), "w", encoding="utf-8") as f:
            f.write(text)

    def weights(self):
        return random_of(self.path, ".safetensors")

    def tensors(self, file):
        with open(self.at(file), "rb") as f:
            size = struct.unpack("<Q", f.read(8))[0]
            return json.loads(f.read(size)), f.read()

    def write_tensors(self, file, header, data):
        text = json.dumps(header).encode()
        with open(self.at(file), "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text + data)


def random_of(path, ending):
    return random.choice(sorted(name for name in os.listdir(path) if name.endswith(ending)))


def make_checkpoint(folder, shapes):
    """A checkpoint of these tensors, random but for norms."""
    for name in os.listdir(folder.path):
        if "safetensors" in name:
            os.remove(folder.at(name))
    numbers = np.random.default_rng(random.getrandbits(32))
    header, data = {}, b""
    for name, shape in shapes.items():
        values = numbers.standard_normal(shape) * 0.2 + (1 if "norm" in name.lower() and name.endswith("weight") else 0)
        raw = values.astype(np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    folder.write_tensors("model.safetensors", header, data)


def decoder_layer(base, hidden, inner, q, kv):
    """The tensors of a layer of Llama's kind, but for norms of heads."""
    parts = {"self_attn.q_proj": q, "self_attn.k_proj": kv, "self_attn.v_proj": kv}
    gates = {"mlp.gate_proj": inner, "mlp.up_proj": inner}
    shapes = {"input_layernorm.weight": [hidden], "post_attention_layernorm.weight": [hidden],
              "self_attn.o_proj.weight": [hidden, q], "mlp.down_proj.weight": [hidden, inner]}
    if base.startswith("qwen2"):
        shapes |= {part + ".bias": [out] for part, out in parts.items()}
    if base.startswith("phi3"):
        parts, gates = {"self_attn.qkv_proj": q + 2 * kv}, {"mlp.gate_up_proj": 2 * inner}
    return shapes | {name + ".weight": [out, hidden] for name, out in {**parts, **gates}.items()}


# --- mutations that keep a folder good ------------------------------------------------------------------------------

def other_sizes(folder):
    """Another shape, with weights of that shape: odd heads of encoders, groups of queries, one layer, wide heads."""
    config = folder.read("config.json")
    vocab = config["vocab_size"]
    layers = config["num_hidden_layers"] = random.choice([1, 2, 3])
    inner = config["intermediate_size"] = random.choice([1, 17, 33, 64])
    shapes = {}
    if folder.encodes:
        heads = config["num_attention_heads"] = random.choice([1, 2, 3, 5])
        hidden = config["hidden_size"] = heads * random.choice([1, 7, 8, 15, 16, 33, 255])
        config["max_position_embeddings"] = 64
        shapes = {"embeddings.word_embeddings.weight": [vocab, hidden], "embeddings.position_embeddings.weight": [64, hidden],
                  "embeddings.token_type_embeddings.weight": [2, hidden]}
        norms, linears = ["embeddings.LayerNorm"], []
        for i in range(layers):
            layer = f"encoder.layer.{i}."
            norms += [layer + "attention.output.LayerNorm", layer + "output.LayerNorm"]
            linears += [(layer + f"attention.self.{part}", hidden, hidden) for part in ("query", "key", "value")]
            linears += [(layer + "attention.output.dense", hidden, hidden), (layer + "intermediate.dense", inner, hidden),
                        (layer + "output.dense", hidden, inner)]
        for norm in norms:
            shapes[norm + ".weight"] = shapes[norm + ".bias"] = [hidden]
        for name, out, width in linears:
            shapes[name + ".weight"], shapes[name + ".bias"] = [out, width], [out]
        if folder.has("1_Pooling/config.json"):
            pooling = folder.read("1_Pooling/config.json")
            folder.write("1_Pooling/config.json", {**pooling, "word_embedding_dimension": hidden})
    else:
        if "layer_types" in config:
            config["layer_types"] = config["layer_types"][:1] * layers
        groups, kv = random.choice([1, 2, 3]), random.choice([1, 2])
        heads, hidden = groups * kv, random.choice([16, 33, 48])
        head = random.choice([2, 6, 16, 30, 64, 128, 256])
        config.update(num_attention_heads=heads, num_key_value_heads=kv, head_dim=head, hidden_size=hidden,
                      attention_bias=False, mlp_bias=False, tie_word_embeddings=True)
        shapes = {"model.embed_tokens.weight": [vocab, hidden], "model.norm.weight": [hidden]}
        for i in range(layers):
            layer = f"model.layers.{i}."
            shapes |= {layer + name: shape for name, shape in decoder_layer(folder.base, hidden, inner, heads * head, kv * head).items()}
            if folder.base.startswith("qwen3"):
                shapes |= {layer + "self_attn.q_norm.weight": [head], layer + "self_attn.k_norm.weight": [head]}
    folder.write("config.json", config)
    make_checkpoint(folder, shapes)


def unknown_fields(folder):
    name = random.choice(["config.json", "generation_config.json", "tokenizer_config.json"])
    folder.write(name, {**folder.read(name), "made_up_field": random.choice(VALUES)})


def added_token_past_the_table(folder):
    tokenizer = folder.read("tokenizer.json")
    content = "<past>"
    tokenizer["added_tokens"].append({"id": random.choice([288, 453, 10**9, 2**32 - 1]), "content": content, "single_word": False,
                                      "lstrip": False, "rstrip": False, "normalized": False, "special": random.random() < 0.5})
    folder.write("tokenizer.json", tokenizer)


def ends_past_the_table(folder):
    name = random.choice(["config.json", "generation_config.json"])
    ends = random.choice([999_999, [1, 288], [-1], 2**40, [287], 0])
    folder.write(name, {**folder.read(name), "eos_token_id": ends})


def harmless_tensors(folder):
    file = folder.weights()
    header, data = folder.tensors(file)
    name = random.choice(["embeddings.position_ids", "model.layers.0.self_attn.rotary_emb.inv_freq", "pooler.dense.bias", "made.up"])
    if name in header:
        return
    header[name] = {"dtype": random.choice(["I64", "F64"]), "shape": [4], "data_offsets": [len(data), len(data) + 32]}
    folder.write_tensors(file, header, data + b"\0" * 32)


def other_sampling(folder):
    folder.write("generation_config.json", {**folder.read("generation_config.json"), "temperature": random.choice([0, 0.5, 1.0]),
                                            "top_p": random.choice([0.5, 1.0]), "top_k": random.choice([0, 5, 50])})


def long_context(folder):
    if not folder.encodes:
        folder.write("config.json", {**folder.read("config.json"), "max_position_embeddings": random.choice([2, 17, 40_000_000])})


def index_beside_a_whole_file(folder):
    if folder.has("model.safetensors"):
        folder.write("model.safetensors.index.json", {"weight_map": {"x": "gone.safetensors"}})


# --- mutations that may spoil it ------------------------------------------------------------------------------------

def config_value(folder):
    config = folder.read("config.json")
    config[random.choice(sorted(config))] = random.choice(VALUES)
    folder.write("config.json", config)


def rope(folder):
    config = folder.read("config.json")
    kind = {random.choice(["type", "rope_type"]): random.choice(["default", "linear", "llama3", "dynamic", "yarn", 1]),
            random.choice(["factor", "rope_theta", "low_freq_factor", "original_max_position_embeddings"]): random.choice(VALUES)}
    config[random.choice(["rope_scaling", "rope_parameters"])] = kind
    folder.write("config.json", config)


def missing_field(folder):
    config = folder.read("config.json")
    del config[random.choice(sorted(config))]
    folder.write("config.json", config)


def any_json_value(folder):
    """One value of any JSON file, at any depth, becomes another."""
    names = [n for n in ("config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json", "modules.json",
                         "1_Pooling/config.json", "sentence_bert_config.json", "model.safetensors.index.json") if folder.has(n)]
    name = random.choice(names)
    root = value = folder.read(name)
    while isinstance(value, (dict, list)) and value:
        key = random.choice(sorted(value)) if isinstance(value, dict) else random.randrange(len(value))
        if random.random() < 0.3 or not isinstance(value[key], (dict, list)) or not value[key]:
            value[key] = random.choice(VALUES)
            break
        value = value[key]
    folder.write(name, root)


def header_value(folder):
    file = folder.weights()
    header, data = folder.tensors(file)
    name = random.choice(sorted(k for k in header if k != "__metadata__"))
    entry = header[name]
    what = random.choice(["dtype", "shape", "offset", "rename", "drop", "copy"])
    if what == "dtype":
        entry["dtype"] = random.choice(["F16", "BF16", "F32", "I32", "I64", "F8_E4M3", "BOOL", "X", 1])
    elif what == "shape":
        entry["shape"] = random.choice([[], [0], [-1], [2**63, 2], [2**32, 2**32], entry["shape"][::-1], "x", [1.5]])
    elif what == "offset":
        entry["data_offsets"] = random.choice([[0, 0], [1, 0], [0, 2**64 - 1], [-4, 0], [0], [8, 12], "x", [0.0, 4.0]])
    elif what == "rename":
        header[name + "x"] = header.pop(name)
    elif what == "drop":
        del header[name]
    else:
        header[name + ".copy"] = entry
    folder.write_tensors(file, header, data)


def strange_numbers(folder):
    """NaN and infinity in a tensor."""
    file = folder.weights()
    header, data = folder.tensors(file)
    begin, end = header[random.choice(sorted(k for k in header if k != "__metadata__"))]["data_offsets"]
    pattern = random.choice([b"\xff\xff\xff\xff", b"\x00\x00\x80\x7f", b"\x80\x7f\x80\x7f", b"\xff\xff\x7f\x7f"])
    count = max(1, (end - begin) // 4) if random.random() < 0.7 else 1
    patch = (pattern * count)[: end - begin]
    folder.write_tensors(file, header, data[:begin] + patch + data[begin + len(patch):])


def broken_file(folder):
    names = sorted(n for n in os.listdir(folder.path) if os.path.isfile(folder.at(n)) and n != "config.json") + ["config.json"]
    name = random.choice(names)
    how = random.choice(["empty", "cut", "lfs", "pipe", "zero", "dangling", "gone", "deep", "noise"])
    with open(folder.at(name), "rb") as f:
        content = f.read()
    if how in ("pipe", "zero", "dangling", "gone"):
        if name == "config.json" and how != "gone":
            return
        os.remove(folder.at(name))
    if how == "empty":
        folder.write_text(name, "")
    elif how == "cut":
        with open(folder.at(name), "wb") as f:
            f.write(content[: random.randrange(len(content))])
    elif how == "lfs":
        folder.write_text(name, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    elif how == "pipe":
        os.mkfifo(folder.at(name))
    elif how == "zero":
        os.symlink("/dev/zero", folder.at(name))
    elif how == "dangling":
        os.symlink("../gone", folder.at(name))
    elif how == "deep":
        folder.write_text(name, '{"a":' * 100_000 + "1" + "}" * 100_000)
    elif how == "noise":
        at = random.randrange(max(1, len(content) - 8))
        with open(folder.at(name), "wb") as f:
            f.write(content[:at] + random.randbytes(8) + content[at + 8:])


def template(folder):
    text = random.choice([
        "", "{{", "{% for m in messages %}{{ m.content }}", "{{ messages[0].content * 3 }}", "{{ raise_exception('no') }}",
        "{{ messages | tojson }}", "{{ undefined_thing.x.y }}", "<past>{{ messages[0].content }}", "{% set x = 1 %}", "{{ 1 / 0 }}",
        "{{ " + "-" * 2000 + "1 }}", "{{ messages[9].content }}", "{% include 'x' %}", "{{ strftime_now('%Y') }}"])
    if random.random() < 0.5:
        folder.write_text("chat_template.jinja", text)
    else:
        config = folder.read("tokenizer_config.json")
        config["chat_template"] = random.choice([text, [{"name": "default", "template": text}], [{"name": "tool", "template": text}], 7])
        folder.write("tokenizer_config.json", config)


def sampling_out_of_range(folder):
    folder.write("generation_config.json", {**folder.read("generation_config.json"),
                                            random.choice(["temperature", "top_p", "top_k", "min_p", "eos_token_id"]): random.choice(VALUES)})


def modules(folder):
    if not folder.encodes:
        return
    kinds = random.sample(["Transformer", "Pooling", "Normalize", "Dense", "LSTM", "Pooling"], random.randrange(1, 4))
    folder.write("modules.json", [{"idx": i, "name": str(i), "path": random.choice(["", "1_Pooling", "nowhere"]),
                                   "type": f"sentence_transformers.models.{kind}"} for i, kind in enumerate(kinds)])
    folder.write("1_Pooling/config.json", random.choice([
        {}, {"pooling_mode_mean_tokens": True}, {"pooling_mode": "mean"}, {"pooling_mode_max_tokens": True}, {"pooling_mode": 3},
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, {"pooling_mode": "lasttoken", "include_prompt": True}]))


KIND = [other_sizes, unknown_fields, added_token_past_the_table, ends_past_the_table, harmless_tensors, other_sampling, long_context,
        index_beside_a_whole_file]
CRUEL = [config_value, rope, missing_field, any_json_value, any_json_value, header_value, strange_numbers, broken_file, template,
         sampling_out_of_range, modules]


def make_folder(path, seed):
    random.seed(seed)
    folder = Folder(path, random.choice(BASES))
    kind = random.sample(KIND, random.randrange(0, 3))
    if other_sizes in kind:  # it writes weights and sizes anew
        kind.sort(key=lambda mutate: mutate is not other_sizes)
    cruel = random.sample(CRUEL, random.choice([0, 0, 1, 1, 2]))
    for mutate in kind + cruel:
        try:
            mutate(folder)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, OSError):
            continue  # an earlier mutation left nothing that this one could spoil
        folder.done.append(mutate.__name__)
    return folder


# --- what is asked of them ------------------------------------------------------------------------------------------

def check(folders):
    """What `weir check` says of each: None, or why it is refused."""
    arguments = [word for name, folder in folders.items() for word in ("--model", f"{name}={folder.path}")]
    said = subprocess.run([BINARY, "check", *arguments], capture_output=True, text=True, errors="replace", timeout=300,
                          env={k: v for k, v in os.environ.items() if not k.startswith("WEIR_")}, check=False)
    assert said.returncode in (0, 1), f"weir check ended with {said.returncode}:\n{said.stdout[-2000:]}\n{said.stderr[-2000:]}"
    verdicts = {}
    for line in said.stdout.splitlines():
        if line.startswith("model ") and line[6:] in folders:
            verdicts.setdefault(line[6:], None)
        elif line.startswith("wrong: "):
            named = [n for n, f in folders.items() if line.startswith(f"wrong: model {n}: ") or f.path in line]
            assert len(named) == 1, f"check does not say which model it refuses: {line}"
            verdicts[named[0]] = line[len("wrong: "):]
    missing = set(folders) - set(verdicts)
    assert not missing, f"check says nothing of {missing}:\n{said.stdout[-3000:]}"
    return verdicts


def ask(daemon, name, encodes):
    """Three requests; yields (status, message)."""
    if encodes:
        bodies = [("/v1/embeddings", {"input": "the weir holds <past> back the water"}), ("/v1/embeddings", {"input": ["a", "[MASK] b"]}),
                  ("/v1/embeddings", {"input": [[2, 5, 3]]})]
    else:
        bodies = [("/v1/completions", {"prompt": "the weir <past> holds", "max_tokens": 3, "min_tokens": 2}),
                  ("/v1/chat/completions", {"messages": [{"role": "user", "content": "water </s>"}], "max_tokens": 3}),
                  ("/v1/completions", {"prompt": [5, 6, 7], "max_tokens": 3, "temperature": 0, "min_tokens": 1})]
    for path, body in bodies:
        answer = requests.post(daemon.url + path, json={"model": name, **body}, timeout=120)
        json.loads(answer.text, parse_constant=lambda constant: (_ for _ in ()).throw(AssertionError(f"{constant} in an answer")))
        if encodes and answer.status_code == 200:
            numbers = [x for item in answer.json()["data"] for x in item["embedding"]]
            yield (200, "") if all(type(x) in (int, float) for x in numbers) else (500, "an embedding holds what is no number")
        else:
            yield answer.status_code, answer.text


def states(daemon, seconds=300):
    """The state of each model, once none is loading: "ready" or why not."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert daemon.process.poll() is None, f"the daemon ended with {daemon.process.returncode}:\n{daemon.tail()}"
        models = {m["name"]: m for m in requests.get(daemon.url + "/ready", timeout=60).json()["models"]}
        if all(m["phase"] in ("ready", "failed") for m in models.values()):
            return {name: m.get("reason") or m["phase"] for name, m in models.items()}
        time.sleep(0.1)
    raise AssertionError(f"models are still loading after {seconds} s: {models}")


def serve(folders, verdicts):
    """Serves them together; what is wrong, by name."""
    wrong = collections.defaultdict(list)
    arguments = [word for name, folder in folders.items() for word in ("--model", f"{name}={folder.path}")]
    with Daemon(*arguments, "--memory", "256MiB") as daemon:
        for name, state in states(daemon).items():
            if (state == "ready") != (verdicts[name] is None):
                wrong[name].append(f"check says {verdicts[name] or 'good'}, serve says {state}")
            if state != "ready":
                continue
            for status, text in ask(daemon, name, folders[name].encodes):
                if status >= 500 and "the model gives " not in text:
                    wrong[name].append(f"{status}: {text[:300]}")
                assert daemon.process.poll() is None, f"{name} ended the daemon:\n{daemon.tail()}"
        assert daemon.stop() == 0, daemon.tail()
    return wrong


def try_together(folders):
    """(verdicts, what is wrong by folder's name) of one daemon's folders."""
    try:
        verdicts = check(folders)
        return verdicts, serve(folders, verdicts)
    except (AssertionError, requests.RequestException) as failure:
        return {}, {name: [str(failure)] for name in folders}


def run(count, seed, place):
    """Makes and tries `count` folders; (good, [(folder, what is wrong)])."""
    good, wrong = 0, []
    for first in range(0, count, MODELS_A_DAEMON):
        folders = {f"m{i:05}": make_folder(os.path.join(place, f"m{i:05}"), seed * 1_000_003 + i)
                   for i in range(first, min(count, first + MODELS_A_DAEMON))}
        # A folder without config.json is no model, and a wrong command line.
        asked = {name: folder for name, folder in folders.items() if os.path.isfile(folder.at("config.json"))}
        verdicts, faults = try_together(asked)
        good += sum(verdict is None for verdict in verdicts.values())
        wrong += [(folders[name], said) for name, said in faults.items()]
        for name in folders.keys() - faults.keys():
            shutil.rmtree(folders[name].path, ignore_errors=True)
    return good, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folders", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep")
    options = parser.parse_args()
    place = options.keep or tempfile.mkdtemp(prefix="weir-mutated-")
    os.makedirs(place, exist_ok=True)
    good, wrong = run(options.folders, options.seed, place)
    for folder, faults in wrong:
        print(f"{folder.path} ({folder.base}, {', '.join(folder.done)}):")
        for fault in faults:
            print(f"  {fault}")
    print(f"{options.folders} folders, {good} good ({100 * good / options.folders:.0f} %), {len(wrong)} wrong")
    if not options.keep:
        shutil.rmtree(place, ignore_errors=True)
    return 1 if wrong or good * 3 < options.folders else 0


if __name__ == "__main__":
    sys.exit(main())
