"""onnxruntime's float32 encoder in process: texts/s of random tokens. usage: onnx_embed.py MODEL TOKENS BATCH SECONDS THREADS"""

import json
import sys
import time

import numpy
import onnxruntime


def main(model: str, tokens: int, batch: int, seconds: float, threads: int) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    random = numpy.random.default_rng()

    def step() -> None:
        ids = random.integers(1000, 30000, (batch, tokens), dtype=numpy.int64)
        whole = {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)}
        session.run(None, {given.name: whole[given.name] for given in session.get_inputs()})

    for _ in range(3):
        step()
    steps, begin = 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < seconds:
        step()
        steps += 1
    print(json.dumps({"tokens": tokens, "batch": batch, "texts_per_s": round(steps * batch / spent, 1), "version": onnxruntime.__version__}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
