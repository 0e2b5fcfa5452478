"""One module a suite: `run(bench)` measures and answers a JSON object with `floors`, `table(result)` makes its table."""

from suites import (caps, choices, drafts, embeddings, embeddings_f32, fairness, footprint, generate, heads, long_prompt, neighbours, open_loop,
                    overload, prediction, request, translate, waiting)

ALL = {
    "generate": generate, "open": open_loop, "long_prompt": long_prompt, "waiting": waiting, "neighbours": neighbours,
    "drafts": drafts, "footprint": footprint, "embeddings": embeddings, "embeddings_f32": embeddings_f32, "heads": heads,
    "choices": choices,
    "translate": translate, "overload": overload, "fairness": fairness, "caps": caps, "prediction": prediction, "request": request,
}
