"""A load generator's HTTP client: asyncio sockets, keep-alive, server-sent events, as little work per token as possible."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Sample:
    """One request as its client saw it; times in seconds since the run began."""

    begin: float
    first: float | None = None
    end: float | None = None
    gaps: list[float] = field(default_factory=list)
    input_tokens: int = 0
    output_tokens: int = 0
    texts: int = 0
    error: str | None = None


class Connection:
    def __init__(self, url: str, key: str | None):
        parts = urlsplit(url)
        self.host, self.port = parts.hostname, parts.port or 80
        self.prefix = parts.path.rstrip("/")
        self.key = key
        self.reader = self.writer = None

    async def _open(self):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port, limit=1 << 24)

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    async def post(self, path: str, body: dict):
        """Sends; returns (status, headers). The body is read by `chunks`."""
        data = json.dumps(body).encode()
        auth = f"Authorization: Bearer {self.key}\r\n" if self.key else ""
        head = (
            f"POST {self.prefix}{path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: application/json\r\n"
            f"{auth}Content-Length: {len(data)}\r\n\r\n"
        )
        line = b""
        for _ in range(2):  # a kept connection may have been closed by the server meanwhile
            await self._open()
            try:
                self.writer.write(head.encode() + data)
                await self.writer.drain()
                if line := await self.reader.readline():
                    break
            except ConnectionError:
                pass
            self.close()
        if not line:
            raise ConnectionError("the server closed the connection twice")
        status = int(line.split()[1])
        headers = {}
        while (line := await self.reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        return status, headers

    async def chunks(self, headers):
        """The body, piece by piece, chunked or by length."""
        if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            while size := int((await self.reader.readline()).split(b";")[0], 16):
                yield await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readline()
        else:
            yield await self.reader.readexactly(int(headers.get(b"content-length", b"0")))
        if headers.get(b"connection", b"").lower() == b"close":
            self.close()


async def completion(connection: Connection, body: dict, zero: float) -> Sample:
    sample = Sample(begin=time.perf_counter() - zero, input_tokens=len(body["prompt"]))
    try:
        status, headers = await connection.post("/v1/completions", body)
        rest, last = b"", None  # an event may be cut anywhere by the chunks
        async for chunk in connection.chunks(headers):
            if status != 200:
                raise RuntimeError(f"{status}: {chunk[:200]!r}")
            rest += chunk
            *events, rest = rest.split(b"\n\n")
            for event in events:
                if not event.startswith(b"data: {"):
                    continue
                if b'"error"' in event[:16]:
                    raise RuntimeError(event[:200].decode())
                now = time.perf_counter() - zero
                if b'"usage":{' in event or b'"usage": {' in event:
                    chunk = json.loads(event[6:])
                    sample.output_tokens = chunk["usage"]["completion_tokens"]
                    if not chunk["choices"]:
                        continue
                if sample.first is None:
                    sample.first = now
                elif last is not None:
                    sample.gaps.append(now - last)
                last = now
        sample.end = time.perf_counter() - zero
    except Exception as failure:  # a failed request is a figure too
        sample.error = f"{type(failure).__name__}: {failure}"
        connection.close()
    return sample


async def embedding(connection: Connection, body: dict, zero: float, path: str) -> Sample:
    sample = Sample(begin=time.perf_counter() - zero, texts=len(body["input"]))
    try:
        status, headers = await connection.post(path, body)
        data = b"".join([chunk async for chunk in connection.chunks(headers)])
        if status != 200:
            raise RuntimeError(f"{status}: {data[:200]!r}")
        sample.end = sample.first = time.perf_counter() - zero
        answer = json.loads(data)
        if len(answer["data"]) != sample.texts:
            raise RuntimeError(f"{len(answer['data'])} vectors for {sample.texts} texts")
        sample.input_tokens = answer.get("usage", {}).get("prompt_tokens", 0)
    except Exception as failure:
        sample.error = f"{type(failure).__name__}: {failure}"
        connection.close()
    return sample
