"""A hundredth of tests/corpus/openapi_cases.py, with cases of a small generator of our own: the daemon answers as /openapi.json says."""
import os
import random
import sys

import requests

from daemon import ROOT

sys.path.append(os.path.join(ROOT, "tests/corpus"))

import openapi_cases
import openapi_values as values

CASES = 4  # of each route, allowed and spoiled each


def body_of(rng, path, operation):
    """A body that the document allows, and one that it does not."""
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    kind = rng.choice(schema.get("anyOf", [schema]))
    body = openapi_cases.made_likely(path, values.allowed(rng, kind))
    spoiled = values.spoiled(rng, kind, body)
    return body, spoiled if spoiled is not None and values.violation(schema, spoiled, {}) else []


def check(operation, document, answer, sent):
    assert not openapi_cases.is_fault(answer.status_code, {}, sent), (sent, answer.text)
    told = operation["responses"].get(str(answer.status_code))
    assert told, (answer.status_code, sent, answer.text)
    kind = answer.headers["Content-Type"].split(";")[0]
    assert kind in told["content"], (kind, sent)
    if kind == "application/json":
        why = values.violation(told["content"][kind]["schema"], answer.json(), document)
        assert why is None, (why, sent, answer.text[:1000])


def test_answers_are_as_the_document_says(daemon):
    document = requests.get(daemon.url + "/openapi.json", timeout=10).json()
    rng = random.Random(21)
    seen = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            url = daemon.url + path.replace("{id}", rng.choice(["all-minilm-l6-v2", "nobody"]))
            for _ in range(CASES if "requestBody" in operation else 1):
                if "requestBody" not in operation:
                    answer = requests.request(method, url, timeout=60)
                    check(operation, document, answer, None)
                    continue
                allowed, spoiled = body_of(rng, path, operation)
                answer = requests.request(method, url, json=allowed, timeout=60)
                check(operation, document, answer, allowed)
                seen.add(answer.status_code)
                if answer.status_code == 400:
                    assert openapi_cases.refusal_is_known(answer.json()["error"]["message"]), (allowed, answer.text)
                answer = requests.request(method, url, json=spoiled, timeout=60)
                check(operation, document, answer, spoiled)
                assert answer.status_code == 400, (spoiled, answer.text)
    assert 200 in seen


def test_the_page_needs_nothing_from_elsewhere(daemon):
    page = requests.get(daemon.url + "/docs", timeout=10)
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert f"curl '{daemon.url}/v1/embeddings'" in page.text
