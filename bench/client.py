"""A load generator's HTTP client: one asyncio protocol, keep-alive, server-sent events, as little work per token as possible."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Take = Callable[[bytes, float], None]  # a piece of the body and when it came


@dataclass
class Sample:
    """One request as its client saw it; times in seconds since the run began."""

    begin: float
    times: list[float] = field(default_factory=list)  # of each token's event; an embedding's whole answer is one
    end: float | None = None  # none: it failed or was broken off
    input_tokens: int = 0
    output_tokens: int = 0
    texts: int = 0
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)  # what the server says of itself, if it does
    error: str | None = None
    due: float | None = None  # when an open loop meant to send it; none before its end

    @property
    def first(self) -> float | None:
        return self.times[0] if self.times else None

    @property
    def gaps(self) -> list[float]:
        return [after - before for before, after in zip(self.times, self.times[1:])]

    @property
    def mean_gap(self) -> float | None:
        """Seconds per token after the first one; tokens that share an event count each."""
        tokens = max(self.output_tokens, len(self.times))
        return (self.times[-1] - self.times[0]) / (tokens - 1) if self.times and tokens > 1 else None


class Connection(asyncio.Protocol):
    """One request at a time. A task that is cancelled in mid-answer closes its connection: the client has left."""

    def __init__(self, url: str, key: str | None):
        parts = urlsplit(url)
        self.host, self.port = parts.hostname, parts.port or 80
        self.prefix = parts.path.rstrip("/")
        auth = f"Authorization: Bearer {key}\r\n" if key else ""
        self.fixed = f"Host: {self.host}\r\nContent-Type: application/json\r\n{auth}"
        self.transport: asyncio.Transport | None = None
        self.done: asyncio.Future | None = None

    async def connect(self) -> None:
        if self.transport is None:
            await asyncio.get_running_loop().create_connection(lambda: self, self.host, self.port)

    async def post(self, path: str, body: dict, sample: Sample, take: Take, headers: str = "") -> None:
        """Sends, fills status and headers, hands over the body as it comes; returns at its end."""
        data = json.dumps(body).encode()
        head = f"POST {self.prefix}{path} HTTP/1.1\r\n{self.fixed}{headers}Content-Length: {len(data)}\r\n\r\n"
        for last in (False, True):  # a kept connection may have been closed by the server meanwhile
            await self.connect()
            self.sample, self.take = sample, take
            self.rest, self.left, self.chunked, self.spoken = b"", 0, False, False
            self.done = asyncio.get_running_loop().create_future()
            self.transport.write(head.encode() + data)
            try:
                await self.done
                break
            except ConnectionError:
                if last or self.spoken:
                    raise
            except asyncio.CancelledError:
                self.close()
                raise
        if self.sample.headers.get(b"connection", b"").lower() == b"close":
            self.close()

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()
        self.transport = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def connection_lost(self, failure: Exception | None) -> None:
        self.transport = None
        if self.done is not None and not self.done.done():
            self.done.set_exception(ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self.done is None or self.done.done():
            return
        try:
            self.rest = self.rest + data if self.rest else data
            if not self.spoken and not self._read_head():
                return
            finished = self._read_chunks(now) if self.chunked else self._read_length(now)
        except Exception as failure:  # the request fails, not the loop
            self.done.set_exception(failure)
            self.close()
            return
        if finished:
            self.done.set_result(None)

    def _read_head(self) -> bool:
        head, end, rest = self.rest.partition(b"\r\n\r\n")
        if not end:
            return False
        first, *lines = head.split(b"\r\n")
        self.sample.status = int(first.split(None, 2)[1])
        for line in lines:
            name, _, value = line.partition(b":")
            self.sample.headers[name.strip().lower()] = value.strip()
        self.chunked = self.sample.headers.get(b"transfer-encoding", b"").lower() == b"chunked"
        self.left = int(self.sample.headers.get(b"content-length", b"0"))
        self.spoken, self.rest = True, rest
        return True

    def _read_length(self, now: float) -> bool:
        if self.rest:
            self.left -= len(self.rest)
            self.take(self.rest, now)
            self.rest = b""
        return self.left <= 0

    def _read_chunks(self, now: float) -> bool:
        rest, at, finished = self.rest, 0, False
        while (line := rest.find(b"\r\n", at)) >= 0:
            size = int(rest[at:line].split(b";")[0], 16)
            end = line + 2 + size
            if len(rest) < end + 2:
                break
            at = end + 2
            if size == 0:
                finished = True
                break
            self.take(rest[line + 2 : end], now)
        self.rest = rest[at:]
        return finished


class _Whole:
    """Keeps a body."""

    def __init__(self):
        self.rest = b""

    def __call__(self, data: bytes, now: float) -> None:
        self.rest += data


class _Events:
    """Reads a completion's stream; an event may be cut anywhere by the chunks."""

    def __init__(self, sample: Sample, zero: float):
        self.sample, self.zero, self.rest = sample, zero, b""

    def __call__(self, data: bytes, now: float) -> None:
        self.rest = self.rest + data if self.rest else data
        if self.sample.status != 200:
            return
        *events, self.rest = self.rest.split(b"\n\n")
        for event in events:
            while event.startswith(b":"):  # a comment is a line of its own
                event = event.partition(b"\n")[2]
            if not event.startswith(b"data: {"):
                continue
            if b'"error"' in event[:16]:
                raise RuntimeError(event[:200].decode())
            if b'"usage":{' in event or b'"usage": {' in event:
                answer = json.loads(event[6:])
                self.sample.output_tokens = answer["usage"]["completion_tokens"]
                self.sample.timings = answer.get("timings") or {}
                if not answer["choices"]:
                    continue
            self.sample.times.append(now - self.zero)


async def completion(connection: Connection, body: dict, sample: Sample, zero: float, headers: str = "") -> None:
    """A streamed completion, or chat where the body has messages; what went wrong stands in `sample.error`."""
    sample.input_tokens = len(body.get("prompt", ()))
    events = _Events(sample, zero)
    await _post(connection, "/v1/chat/completions" if "messages" in body else "/v1/completions", body, sample, events, zero, headers)
    if sample.error is None and not sample.output_tokens:
        sample.error = "the stream ended without its usage"


async def text(connection: Connection, body: dict, sample: Sample, zero: float) -> None:
    """A completion that is not streamed; what went wrong stands in `sample.error`."""
    sample.texts = 1
    whole = _Whole()
    await _post(connection, "/v1/completions", body, sample, whole, zero, "")
    if sample.error is None:
        sample.times.append(sample.end)
        sample.output_tokens = json.loads(whole.rest)["usage"]["completion_tokens"]


async def embedding(connection: Connection, body: dict, sample: Sample, zero: float, path: str) -> None:
    """Vectors of `body["input"]`; what went wrong stands in `sample.error`."""
    sample.texts = len(body["input"])
    whole = _Whole()
    await _post(connection, path, body, sample, whole, zero, "")
    if sample.error is None:
        sample.times.append(sample.end)
        answer = json.loads(whole.rest)
        sample.input_tokens = answer.get("usage", {}).get("prompt_tokens", 0)
        if len(answer["data"]) != sample.texts:
            sample.error = f"{len(answer['data'])} vectors for {sample.texts} texts"


async def _post(connection: Connection, path: str, body: dict, sample: Sample, take: _Events | _Whole, zero: float,
                headers: str) -> None:
    try:
        await connection.post(path, body, sample, take, headers)
        if sample.status != 200:
            sample.error = f"{sample.status}: {take.rest[:200].decode(errors='replace')}"
        sample.end = time.perf_counter() - zero
    except Exception as failure:  # a failed request is a figure too
        sample.error = f"{type(failure).__name__}: {failure}"
        connection.close()
