"""Large requests: no more is read of them than is kept, and others are served beside them."""
import threading

import pytest

from daemon import CHAT, VECTORS

SENTENCE = "The quick brown fox jumps over the lazy dog; 12 of them. "


def vector(daemon, text, **more):
    answer = daemon.post("/v1/embeddings", {"model": VECTORS, "input": text, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"][0]["embedding"], answer.json()["usage"]["prompt_tokens"]


def test_a_long_text_that_is_cut_gives_the_vector_of_its_beginning(daemon):
    text = SENTENCE * 100_000
    assert vector(daemon, text, truncate=True) == vector(daemon, text[:4000], truncate=True)
    assert vector(daemon, text, truncate_prompt_tokens=20) == vector(daemon, text[:4000], truncate_prompt_tokens=20)


def test_a_long_text_that_is_not_cut_is_refused_by_what_was_read(daemon):
    answer = daemon.post("/v1/embeddings", {"model": VECTORS, "input": SENTENCE * 3_000})
    assert answer.status_code == 400 and "at least 512 tokens" in answer.json()["error"]["message"]


@pytest.mark.parametrize("value", ["{}", "[]", "0"])
def test_bodies_of_many_values_are_refused(daemon, value):
    values = ",".join([value] * 4_200_000)
    body = f'{{"model":"{CHAT}","messages":[{{"role":"user","content":"hi"}}],"chat_template_kwargs":{{"a":[{values}]}}}}'
    answer = daemon.post("/v1/chat/completions", None, data=body)
    assert answer.status_code == 400 and "the body has more than" in answer.json()["error"]["message"]


def test_others_are_served_beside_large_requests(daemon):
    text = SENTENCE * 1_500
    counts, threads = [], []
    for _ in range(6):
        threads.append(threading.Thread(target=lambda: counts.append(
            daemon.post("/tokenize", {"model": CHAT, "prompt": text}).json()["count"])))
        threads[-1].start()
    assert daemon.complete("The capital of France is", max_tokens=4)["usage"]["completion_tokens"] == 4
    for thread in threads:
        thread.join()
    assert len(counts) == 6 and len(set(counts)) == 1
    assert daemon.metric("weir_intake_running") == 0 and daemon.metric("weir_intake_waiting") == 0
    assert daemon.metric("weir_intake_bytes") == 0
