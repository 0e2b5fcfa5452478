"""Well-formed requests and what mutations make of them, both decided by a seed."""

import copy
import json
import random
from dataclasses import dataclass, field

MOST_TOKENS = 4  # of a completion
WORDS = "river water stone house bank flood mill gate fish boat bridge rain lake wind road tree".split()
GENERATE = ("/v1/chat/completions", "/v1/completions")


@dataclass
class Request:
    path: str
    body: bytes
    headers: dict = field(default_factory=lambda: {"Content-Type": "application/json"})
    leaves_after: int | None = None  # bytes of the body that are sent; then the client is gone

    def has_deadline(self):
        return b'"timeout"' in self.body or "x-weir-deadline-ms" in self.headers


@dataclass
class Case:
    good: Request  # well-formed, of the mutated one's size where that can be had
    mutated: Request


@dataclass(frozen=True)
class Models:
    chat: str
    vectors: str
    vocabulary: int  # of the chat model


def cases(seed: int, count: int, models: Models):
    """`count` cases; the same for the same seed."""
    rng = random.Random(seed)
    return [case(rng, models) for _ in range(count)]


def case(rng: random.Random, models: Models) -> Case:
    path, body = good(rng, models)
    mutated = mutate(rng, path, body)
    return Case(Request(path, padded(rng, path, body, len(mutated.body))), mutated)


def text(rng, words):
    return " ".join(rng.choices(WORDS, k=rng.randint(1, words)))


def good(rng, models):
    kind = rng.choice(["chat", "chat", "completion", "ids", "embedding", "tokenize", "detokenize"])
    some = {"model": models.chat, "max_tokens": rng.randint(1, MOST_TOKENS), "temperature": rng.choice([0, 0.7, 1])}
    if rng.random() < 0.3:
        some |= {"stream": True, "stream_options": {"include_usage": rng.random() < 0.5}}
    if rng.random() < 0.3:
        some |= {"stop": [text(rng, 2)], "seed": rng.randrange(1 << 40), "top_p": 0.9, "top_k": 40, "user": text(rng, 3)}
    ids = [rng.randrange(models.vocabulary) for _ in range(rng.randint(1, 24))]
    if kind == "chat":
        turns = [{"role": ("user", "assistant")[i % 2], "content": text(rng, 12)} for i in range(2 * rng.randint(0, 1) + 1)]
        if rng.random() < 0.3:
            turns[-1]["content"] = [{"type": "text", "text": turns[-1]["content"]}]
        return "/v1/chat/completions", some | {"messages": turns}
    if kind == "completion":
        return "/v1/completions", some | {"prompt": [text(rng, 12), text(rng, 6)][: rng.randint(1, 2)]}
    if kind == "ids":
        return "/v1/completions", some | {"prompt": ids}
    if kind == "embedding":
        return "/v1/embeddings", {"model": models.vectors, "input": [text(rng, 16)], "encoding_format": "base64"}
    if kind == "tokenize":
        return "/tokenize", {"model": models.chat, "prompt": text(rng, 32), "return_token_strs": True}
    return "/detokenize", {"model": models.chat, "tokens": ids}


def padded(rng, path, body, size):
    """The well-formed request, made as long as the mutated one where it is shorter."""
    plain = json.dumps(body).encode()
    missing = size - len(plain) - len(', "user": ""')
    if path in ("/tokenize", "/detokenize") or missing <= 0:
        return plain
    return json.dumps(body | {"user": body.get("user", "") + "u" * missing}).encode()


ODD = [None, True, False, 0, -1, 1, 2, 0.5, -0.0, 1e-320, 1e308, 2**31, 2**32, 2**63, 2**64, -(2**63), 10**30, "", "x", "null", "\u0000",
       "\ud7ff\U0001f600", "a" * 300, [], {}, [[]], [None], [1, "a", {}], {"a": {"b": [1]}}, [[[[[[]]]]]], "<|im_start|>", [0] * 300]
NAMES = ["", "x", "tools", "n", "logprobs", "num_ctx", "keep_alive", "cache_control", "temprature", "a.b[0]", "\r\nx: y", "é" * 80,
         "stop_token_ids", "min_tokens", "priority", "timeout", "response_format", "chat_template_kwargs", "dimensions", "min_p"]


def places(value, found):
    """Every container in a JSON value with each of its keys."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            found.append((value, key))
            places(value[key], found)
    return found


def mutate_value(rng, body):
    holder, key = rng.choice(places(body, []))
    odd, how = copy.deepcopy(rng.choice(ODD)), rng.randrange(6)
    if how <= 2:
        holder[key] = odd
    elif how == 3:
        del holder[key]
    elif isinstance(holder, list):
        holder.extend(copy.deepcopy(holder[key:]) if how == 4 else [odd])
    elif how == 4 and key:
        at = rng.randrange(len(key))
        holder[key[:at] + rng.choice(["", key[at] * 2, "_"]) + key[at + 1 :]] = holder.pop(key)
    else:
        holder[rng.choice(NAMES)] = odd


def mutate_bytes(rng, data):
    at, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    end = min(end, at + 16)
    noise = bytes(rng.randrange(256) for _ in range(rng.randint(1, 8)))
    return rng.choice([
        lambda: data[:at], lambda: data[:at] + data[end:], lambda: data[:at] + noise + data[at:], lambda: data[:at] + noise + data[end:],
        lambda: data[:end] + data[at:], lambda: data + data[at:], lambda: data[:at] + b"[" * 200 + data[at:],
        lambda: data[:at] + rng.choice([b'"', b"}", b"]", b",", b"\x00", b"\xff", b"1e999", b"\\ud800", b'"model":"x",']) + data[at:],
    ])()


def short(path, data):
    """The same body with a completion that ends soon: mutations are to break requests, not to make them long."""
    if path not in GENERATE:
        return data
    try:
        body = json.loads(data)
    except ValueError:
        return data
    if not isinstance(body, dict):
        return data
    asked = [body[name] for name in ("max_tokens", "max_completion_tokens") if body.get(name) is not None]
    if asked and not any(isinstance(most, (int, float)) and most > MOST_TOKENS for most in asked):
        return data
    body.pop("max_completion_tokens", None)
    return json.dumps(body | {"max_tokens": MOST_TOKENS}).encode()


def mutate(rng, path, body) -> Request:
    body = json.loads(json.dumps(body))
    how = rng.random()
    if how < 0.6:
        for _ in range(rng.choice([1, 1, 2, 4])):
            if not body:
                break
            mutate_value(rng, body)
        return Request(path, short(path, json.dumps(body).encode()))
    data = json.dumps(body).encode()
    if how < 0.85:
        return Request(path, short(path, mutate_bytes(rng, data)))
    request = Request(path, data)
    if how < 0.92:
        request.leaves_after = rng.randrange(len(data) + 1)
    else:
        request.headers |= dict([rng.choice([
            ("Content-Type", "text/plain"), ("Content-Type", "application/json; charset=utf-16"), ("Content-Encoding", "gzip"),
            ("Authorization", "Basic eDp5"), ("x-request-id", "a\tb" * 100), ("x-weir-max-wait-ms", "-1"), ("x-weir-deadline-ms", "1"),
            ("x-weir-dry-run", "perhaps"), ("x-weir-dry-run", "true"), ("Connection", "close"), ("Expect", "100-continue"),
        ])])
    return request
