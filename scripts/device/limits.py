"""What the card can do at most, measured by torch: a bfloat16 matrix product and a copy on the device. Prints JSON."""

import json

import torch


def seconds(run, times):
    run()
    best = float("inf")
    for _ in range(5):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(times):
            run()
        end.record()
        end.synchronize()
        best = min(best, begin.elapsed_time(end) / 1000 / times)
    return best


def main():
    size = 8192
    a, b = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    product = torch.empty_like(a)
    flops = 2 * size**3 / seconds(lambda: torch.mm(a, b, out=product), 10)
    source = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    copied = source.numel() / seconds(lambda: target.copy_(source), 10)
    print(json.dumps({
        "card": torch.cuda.get_device_name(), "torch": torch.__version__, "cuda": torch.version.cuda,
        "matmul_bf16_tflops": round(flops / 1e12, 1),
        "copy_gb_per_s": round(copied / 1e9, 1),
        "memory_gb_per_s": round(2 * copied / 1e9, 1),  # a copy reads and writes
    }))


main()
