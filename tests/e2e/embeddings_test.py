"""Embeddings: the vectors of transformers, their encodings, what is too long."""
import base64

import numpy as np
import openai
import pytest

from conftest import TEXTS
from daemon import CHAT, VECTORS, Daemon, model

SHORT = [t for t in TEXTS if t["tokens_uncut"] == len(t["ids"])]
LONG = next(t for t in TEXTS if t["tokens_uncut"] > len(t["ids"]))


def embed(daemon, texts, **more):
    response = daemon.post("/v1/embeddings", {"model": VECTORS, "input": texts, **more})
    assert response.status_code == 200, response.text
    return response.json()


def vectors(answer):
    assert [d["index"] for d in answer["data"]] == list(range(len(answer["data"])))
    return np.array([d["embedding"] for d in answer["data"]], dtype=np.float32)


def test_vectors_equal_transformers(daemon):
    answer = embed(daemon, [t["text"] for t in SHORT])
    expected = np.array([t["vector"] for t in SHORT], dtype=np.float32)
    np.testing.assert_allclose(vectors(answer), expected, atol=2e-5)
    assert answer["usage"]["prompt_tokens"] == sum(len(t["ids"]) for t in SHORT)


@pytest.mark.parametrize("golden", SHORT, ids=lambda t: ascii(t["text"][:16]))
def test_alone_equals_batch(daemon, golden):
    np.testing.assert_allclose(vectors(embed(daemon, golden["text"]))[0], golden["vector"], atol=2e-5)


def test_token_ids_as_input(daemon):
    answer = vectors(embed(daemon, [t["ids"] for t in SHORT[:3]]))
    np.testing.assert_allclose(answer, [t["vector"] for t in SHORT[:3]], atol=2e-5)


def test_base64_is_the_same_numbers(daemon):
    texts = [t["text"] for t in SHORT[:3]]
    coded = embed(daemon, texts, encoding_format="base64")
    plain = vectors(embed(daemon, texts))
    for item, row in zip(coded["data"], plain):
        np.testing.assert_array_equal(np.frombuffer(base64.b64decode(item["embedding"]), dtype="<f4"), row)


def test_dimensions_cut_and_renormalise(daemon):
    cut = vectors(embed(daemon, SHORT[0]["text"], dimensions=64))[0]
    expected = np.array(SHORT[0]["vector"][:64])
    np.testing.assert_allclose(cut, expected / np.linalg.norm(expected), atol=2e-5)


def test_too_long_is_refused_or_cut(daemon):
    refused = daemon.post("/v1/embeddings", {"model": VECTORS, "input": LONG["text"]})
    assert refused.status_code == 400
    assert str(LONG["tokens_uncut"]) in refused.json()["error"]["message"]
    for how in ({"truncate": True}, {"truncate_prompt_tokens": -1}, {"truncate_prompt_tokens": 256}):
        np.testing.assert_allclose(vectors(embed(daemon, LONG["text"], **how))[0], LONG["vector"], atol=2e-5)


def test_openai_client_asks_for_base64_by_itself(daemon):
    client = openai.OpenAI(base_url=daemon.url + "/v1", api_key="none", max_retries=0)
    answer = client.embeddings.create(model=VECTORS, input=[t["text"] for t in SHORT])
    np.testing.assert_allclose([d.embedding for d in answer.data], [t["vector"] for t in SHORT], atol=2e-5)


def test_wrong_kind_of_model(daemon):
    assert daemon.post("/v1/embeddings", {"model": CHAT, "input": "x"}).status_code in (400, 404)
    answer = daemon.post("/v1/completions", {"model": VECTORS, "prompt": "x"})
    assert answer.status_code in (400, 404)


def test_bfloat16_stays_close():
    with Daemon(*model(VECTORS), "--dtype", "bfloat16") as daemon:
        daemon.ready()
        got = vectors(embed(daemon, [t["text"] for t in SHORT]))
    expected = np.array([t["vector"] for t in SHORT])
    cosines = (got * expected).sum(1) / np.linalg.norm(got, axis=1)
    assert cosines.min() > 0.9999, cosines
