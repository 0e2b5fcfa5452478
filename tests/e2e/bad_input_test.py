"""Wrong input: each its own error, and the next request is served as before."""
import http.client
import json
import socket
import time

import pytest
import requests

from conftest import CHATS
from daemon import CHAT, VECTORS, Daemon, model

MESSAGES = [{"role": "user", "content": "hi"}]
GOOD = {"model": CHAT, "messages": MESSAGES, "max_tokens": 1}

# (path, body, status, what the error's param is, or None for no field)
BODIES = [
    ("/v1/chat/completions", b"", 400, None),
    ("/v1/chat/completions", b"{", 400, None),
    ("/v1/chat/completions", b"[]", 400, None),
    ("/v1/chat/completions", b'"text"', 400, None),
    ("/v1/chat/completions", b"{} {}", 400, None),
    ("/v1/chat/completions", b"{'model': 1}", 400, None),
    ("/v1/chat/completions", b'{"messages": "\xff\xfe"}', 400, None),
    ("/v1/chat/completions", b'{"messages": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400, None),
    ("/v1/chat/completions", b'{"model": "' + CHAT.encode() + b'", "model": "x", "messages": []}', 400, None),
    ("/v1/chat/completions", {"model": CHAT}, 400, "messages"),
    ("/v1/chat/completions", {**GOOD, "messages": []}, 400, "messages"),
    ("/v1/chat/completions", {**GOOD, "messages": "hi"}, 400, "messages"),
    ("/v1/chat/completions", {**GOOD, "messages": [1]}, 400, "messages[0]"),
    ("/v1/chat/completions", {**GOOD, "messages": [{"role": "user"}]}, 400, "messages[0].content"),
    ("/v1/chat/completions", {**GOOD, "messages": [{"role": 1, "content": "x"}]}, 400, "messages[0].role"),
    ("/v1/chat/completions", {**GOOD, "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400,
     "messages[0].content[0].type"),
    ("/v1/chat/completions", {**GOOD, "temperature": "hot"}, 400, "temperature"),
    ("/v1/chat/completions", {**GOOD, "temperature": -1}, 400, "temperature"),
    ("/v1/chat/completions", {**GOOD, "temperature": 2.5}, 400, "temperature"),
    ("/v1/chat/completions", {**GOOD, "top_p": 1.5}, 400, "top_p"),
    ("/v1/chat/completions", {**GOOD, "max_tokens": 0}, 400, "max_tokens"),
    ("/v1/chat/completions", {**GOOD, "max_tokens": -5}, 400, "max_tokens"),
    ("/v1/chat/completions", {**GOOD, "max_tokens": 5.5}, 400, "max_tokens"),
    ("/v1/chat/completions", {**GOOD, "max_tokens": 10**30}, 400, "max_tokens"),
    ("/v1/chat/completions", {**GOOD, "max_tokens": True}, 400, "max_tokens"),
    ("/v1/chat/completions", {**GOOD, "stream": "yes"}, 400, "stream"),
    ("/v1/chat/completions", {**GOOD, "n": 0}, 400, "n"),
    ("/v1/chat/completions", {**GOOD, "n": 129}, 400, "n"),
    ("/v1/chat/completions", {**GOOD, "best_of": 2}, 400, "best_of"),
    ("/v1/chat/completions", {**GOOD, "logprobs": 5}, 400, "logprobs"),
    ("/v1/chat/completions", {**GOOD, "top_logprobs": 5}, 400, "top_logprobs"),
    ("/v1/chat/completions", {**GOOD, "logprobs": True, "top_logprobs": 21}, 400, "top_logprobs"),
    ("/v1/chat/completions", {**GOOD, "prompt_logprobs": 1, "stream": True}, 400, "prompt_logprobs"),
    ("/v1/chat/completions", {**GOOD, "echo": True}, 400, "echo"),
    ("/v1/chat/completions", {**GOOD, "tools": [{"type": "function"}]}, 400, "tools"),
    ("/v1/chat/completions", {**GOOD, "presence_penalty": 2.5}, 400, "presence_penalty"),
    ("/v1/chat/completions", {**GOOD, "frequency_penalty": -2.5}, 400, "frequency_penalty"),
    ("/v1/chat/completions", {**GOOD, "repetition_penalty": 0}, 400, "repetition_penalty"),
    ("/v1/chat/completions", {**GOOD, "logit_bias": {"x": 1}}, 400, "logit_bias.x"),
    ("/v1/chat/completions", {**GOOD, "logit_bias": {"49152": 1}}, 400, "logit_bias.49152"),
    ("/v1/chat/completions", {**GOOD, "allowed_token_ids": []}, 400, "allowed_token_ids"),
    ("/v1/chat/completions", {**GOOD, "allowed_token_ids": [5, 49152]}, 400, "allowed_token_ids[1]"),
    ("/v1/chat/completions", {**GOOD, "bad_words": [""]}, 400, "bad_words[0]"),
    ("/v1/chat/completions", {**GOOD, "temprature": 1}, 400, "temprature"),
    ("/v1/chat/completions", {**GOOD, "stop": [""]}, 400, "stop[0]"),
    ("/v1/chat/completions", {**GOOD, "model": "nobody"}, 404, "model"),
    ("/v1/chat/completions", {**GOOD, "model": 3}, 400, "model"),
    ("/v1/completions", {"model": CHAT, "prompt": [1, -2, 3]}, 400, None),
    ("/v1/completions", {"model": CHAT, "prompt": [1, 49152]}, 400, None),
    ("/v1/completions", {"model": CHAT, "prompt": [1, "x"]}, 400, None),
    ("/v1/completions", {"model": CHAT, "prompt": []}, 400, "prompt"),
    ("/v1/completions", {"model": CHAT, "prompt": "x", "logprobs": True}, 400, "logprobs"),
    ("/v1/completions", {"model": CHAT, "prompt": "x", "logprobs": 21}, 400, "logprobs"),
    ("/v1/completions", {"model": CHAT, "prompt": "x", "max_tokens": 0}, 400, "max_tokens"),
    ("/v1/completions", {"model": CHAT, "prompt": {"a": 1}}, 400, "prompt"),
    ("/v1/completions", {"model": CHAT, "prompt": "word " * 9000}, 400, None),
    ("/v1/embeddings", {"model": VECTORS}, 400, "input"),
    ("/v1/embeddings", {"model": VECTORS, "input": []}, 400, "input"),
    ("/v1/embeddings", {"model": VECTORS, "input": "x", "dimensions": 0}, 400, "dimensions"),
    ("/v1/embeddings", {"model": VECTORS, "input": "x", "dimensions": 385}, 400, "dimensions"),
    ("/v1/embeddings", {"model": VECTORS, "input": "x", "encoding_format": "int8"}, 400, "encoding_format"),
    ("/tokenize", {"model": CHAT}, 400, None),
    ("/detokenize", {"model": CHAT, "tokens": "x"}, 400, "tokens"),
]


@pytest.mark.parametrize("path,body,status,param", BODIES, ids=range(len(BODIES)))
def test_wrong_body(daemon, path, body, status, param):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = requests.post(daemon.url + path, data=data, headers={"content-type": "application/json"}, timeout=30)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error" and error["message"]
    if param is not None:
        assert error["param"] == param, error
    assert daemon.post("/v1/chat/completions", GOOD).status_code == 200


@pytest.mark.parametrize("body", [
    {**GOOD, "n": 1, "presence_penalty": 0, "frequency_penalty": 0.0, "logprobs": False, "tools": [], "logit_bias": {},
     "user": "me", "metadata": {"a": "b"}, "store": False, "seed": None, "stop": None, "suffix": None, "surprise": None},
    {**GOOD, "response_format": {"type": "text"}, "max_tokens": 1.0, "top_k": -1},
])
def test_values_that_do_nothing_are_taken(daemon, body):
    answer = daemon.post("/v1/chat/completions", body)
    assert answer.status_code == 200, answer.text


def test_fields_of_other_servers_are_ignored_and_told(daemon):
    said = daemon.chat([{"role": "user", "content": "hi"}], max_tokens=4)["choices"][0]["message"]
    back = {**said, "provider_specific_fields": {"refusal": None}, "reasoning_content": "so"}
    body = {"model": CHAT, "messages": [*MESSAGES, back, *MESSAGES], "max_tokens": 1, "num_ctx": 4096}
    told = "messages[1].provider_specific_fields, messages[1].reasoning_content, num_ctx"
    for stream in False, True:
        answer = daemon.post("/v1/chat/completions", {**body, "stream": stream})
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-weir-ignored"] == told


def test_too_long_prompt_names_the_limit(daemon):
    answer = daemon.post("/v1/completions", {"model": CHAT, "prompt": [5] * 9000})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["message"].startswith("This model's maximum context length is 8192 tokens") and "9000" in error["message"]
    assert error["code"] == "context_length_exceeded" and error["param"] == "prompt"


def test_what_is_only_tokenized_is_bounded_too(daemon):
    answer = daemon.post("/tokenize", {"model": CHAT, "prompt": "a" * (8 << 20)})
    error = answer.json()["error"]
    assert answer.status_code == 400 and error["param"] == "prompt"
    assert "8388608 bytes" in error["message"] and error["code"] == "context_length_exceeded"


def test_routes_and_methods(daemon):
    assert requests.get(daemon.url + "/nothing", timeout=10).status_code == 404
    wrong = requests.get(daemon.url + "/v1/chat/completions", timeout=10)
    assert wrong.status_code == 405 and "POST" in wrong.headers["allow"]
    assert requests.get(daemon.url + "/v1/models/nobody", timeout=10).status_code == 404
    assert requests.head(daemon.url + "/health", timeout=10).status_code == 200
    assert requests.get(daemon.url + "/" + "x" * 5000, timeout=10).status_code in (400, 414)


def test_content_types(daemon):
    post = lambda **headers: requests.post(daemon.url + "/v1/chat/completions", data=json.dumps(GOOD), headers=headers, timeout=60)
    assert post(**{"content-type": "application/x-www-form-urlencoded"}).status_code == 200
    assert post(**{"content-type": "application/json; charset=utf-8"}).status_code == 200
    assert post(**{"content-type": "text/plain"}).status_code == 415
    assert post(**{"content-type": "application/json", "content-encoding": "gzip"}).status_code == 415


def test_body_over_the_limit():
    with Daemon(*model(VECTORS), "--max-body", "64KiB") as daemon:
        daemon.ready()
        big = {"model": VECTORS, "input": "x" * 70000}
        assert daemon.post("/v1/embeddings", big).status_code == 413
        chunked = requests.post(daemon.url + "/v1/embeddings", data=iter([b'{"input":"', b"x" * 70000, b'"}']), timeout=30,
                                headers={"content-type": "application/json"})
        assert chunked.status_code == 413
        assert daemon.post("/v1/embeddings", {"model": VECTORS, "input": "x"}).status_code == 200


def raw(daemon, data, seconds=5):
    """What comes back on a connection of its own, up to its end or to `seconds`."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=seconds) as s:
        s.sendall(data)
        got = b""
        try:
            while chunk := s.recv(65536):
                got += chunk
        except (TimeoutError, ConnectionResetError):
            pass
        return got


@pytest.mark.parametrize("data", [
    b"GARBAGE\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 100000 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
], ids=range(7))
def test_broken_http(daemon, data):
    got = raw(daemon, data, seconds=15)
    assert not got.startswith(b"HTTP/1.1 200"), got[:200]
    assert requests.get(daemon.url + "/health", timeout=10).status_code == 200


@pytest.mark.long
def test_slow_header_is_cut(daemon):
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=30) as s:
        s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        s.settimeout(0.5)
        while time.monotonic() - began < 25:
            try:
                s.sendall(b"X-Slow: 1\r\n")
                if s.recv(4096) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            raise AssertionError("a header that never ends is still read after 25 s")
    assert time.monotonic() - began > 5


def test_client_that_leaves_mid_stream_costs_nothing_more(daemon):
    daemon.idle()
    before = daemon.metric("weir_generated_tokens_total")
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
    body = {"model": CHAT, "messages": CHATS[0]["messages"], "max_tokens": 4000, "ignore_eos": True, "stream": True}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200
    response.read(200)
    daemon.running(1)
    connection.sock.close()
    response.close()
    connection.close()
    daemon.idle(seconds=5)
    assert daemon.metric("weir_generated_tokens_total") - before < 1000


def test_client_that_leaves_while_it_waits_costs_nothing_more(daemon):
    daemon.idle()
    body = json.dumps({"model": CHAT, "messages": CHATS[0]["messages"], "max_tokens": 4000, "ignore_eos": True}).encode()
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=10) as s:
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body) + body)
        daemon.running(1)
    daemon.idle(seconds=5)
