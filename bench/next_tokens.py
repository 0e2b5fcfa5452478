"""How often bfloat16 takes another next token than float32: transformers and weir on the same prefixes, greedily.

usage: PYTHON bench/next_tokens.py [--per-chat 25] [--cpu avx2,avx512_bf16]       PYTHON has torch and transformers

The prefixes are the chats of tests/golden/smollm2.json with the first tokens of float32's own greedy answer (by transformers),
so that one token that differs changes no later prefix. weir is asked over HTTP, a request for each prefix.
"""

import argparse
import dataclasses
import json
import urllib.request
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from servers import MODELS, ROOT, TEXT_MODEL, Server, weir

@dataclasses.dataclass(frozen=True)
class Chat:
    """A prompt, and float32's greedy answer to it."""

    prompt: list[int]
    answer: list[int]


def chats(tokens: int) -> list[Chat]:
    golden = json.loads((ROOT / "tests/golden/smollm2.json").read_text())["chats"]
    return [Chat(chat["prompt_ids"], chat["output_ids"][:tokens]) for chat in golden]


@torch.no_grad()
def of_transformers(folder: Path, dtype: torch.dtype, given: list[Chat]) -> list[torch.Tensor]:
    """The logits after each prefix."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()
    logits: list[torch.Tensor] = []
    for chat in given:
        whole = model(input_ids=torch.tensor([chat.prompt + chat.answer[:-1]])).logits[0]
        logits += whole[len(chat.prompt) - 1:].float()
    return logits


def of_weir(dtype: str, cpu: str, given: list[Chat]) -> list[int]:
    spec = weir("--dtype", dtype)
    server = Server(dataclasses.replace(spec, environment={"WEIR_CPU": cpu} if cpu else {}))
    try:
        server.wait_ready()
        return [next_token(server.port, chat.prompt + chat.answer[:i]) for chat in given for i in range(len(chat.answer))]
    finally:
        server.stop()


def next_token(port: int, ids: list[int]) -> int:
    body = {"model": TEXT_MODEL, "prompt": ids, "max_tokens": 1, "temperature": 0, "ignore_eos": True, "return_token_ids": True}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["choices"][0]["token_ids"][0]


def report(name: str, chosen: list[int], right: list[int], exact: list[torch.Tensor]) -> None:
    """One line: how many agree, and how far float32's logit of its own token is above that of the one chosen instead."""
    gaps = [float(logits[own] - logits[token]) for token, own, logits in zip(chosen, right, exact) if token != own]
    least = f"; float32's logits differ there by {min(gaps):.3f} to {max(gaps):.3f}" if gaps else ""
    print(f"{name}: {len(right) - len(gaps)} of {len(right)} next tokens are float32's{least}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per-chat", type=int, default=25, help="tokens of each of the eight chats; 64 at most")
    parser.add_argument("--cpu", default="", help="instruction sets of weir, as WEIR_CPU names them; the best one if none is given")
    args = parser.parse_args()
    torch.set_num_threads(1)
    given, folder = chats(args.per_chat), MODELS / TEXT_MODEL
    right = [token for chat in given for token in chat.answer]
    exact = of_transformers(folder, torch.float32, given)
    close = sum(float(best[0] - best[1]) < 0.1 for best in (logits.topk(2).values for logits in exact))
    print(f"float32's two largest logits are less than 0.1 apart after {close} of {len(right)} prefixes", flush=True)
    for name, logits in (("float32", exact), ("bfloat16", of_transformers(folder, torch.bfloat16, given))):
        report(f"transformers, {name}", [int(row.argmax()) for row in logits], right, exact)
    for cpu in args.cpu.split(","):
        for dtype in ("float32", "bfloat16"):
            report(f"weir, {dtype}{f' on {cpu}' if cpu else ''}", of_weir(dtype, cpu, given), right, exact)


if __name__ == "__main__":
    main()
