"""How the golden files are written: JSON, one line an entry, numbers with seven digits (enough for float32 at 1e-6)."""
import json

import torch


def numbers(tensor):
    """A tensor as nested lists of floats with seven significant digits, or of ints."""
    if not tensor.is_floating_point():
        return tensor.tolist()
    if tensor.dim() > 1:
        return [numbers(row) for row in tensor]
    return [float(f"{x:.7g}") for x in tensor.float().tolist()]


def top(logits, count):
    """The largest logits of one position: {"ids": [...], "values": [...]}, largest first."""
    values, ids = torch.topk(logits.float(), count)
    return {"ids": ids.tolist(), "values": numbers(values)}


def write(path, value):
    with open(path, "w", encoding="utf-8") as f:
        f.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace(',{"', ',\n{"') + "\n")


@torch.no_grad()
def greedy(model, ids, count):
    """Greedy continuation past any stop token: (ids, smallest gap between the best and the second logit of a step)."""
    past, step, out, gap = None, torch.tensor([ids]), [], float("inf")
    for _ in range(count):
        result = model(input_ids=step, past_key_values=past, use_cache=True)
        past = result.past_key_values
        best = torch.topk(result.logits[0, -1].float(), 2)
        gap = min(gap, (best.values[0] - best.values[1]).item())
        out.append(best.indices[0].item())
        step = torch.tensor([[out[-1]]])
    return out, gap
