"""A server that says exactly what a test writes, for what the simulator would never say."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent. Header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Response:
    """What to answer: `body` as JSON unless it is bytes; sent `byte_every_s` if that is set."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    byte_every_s: float | None = None


Script = Callable[[Request], Awaitable[Response]]


def models(*names: str, **others: Any) -> Response:
    """A list of models."""
    return Response({"object": "list", "data": [{"id": name, **others} for name in names]})


def completion(text: str, finish_reason: str = "stop") -> Response:
    """A chat completion of 10 prompt and 5 completion tokens."""
    message = {"role": "assistant", "content": text}
    return Response(
        {
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        }
    )


def error(status: int, message: str = "no", **headers: str) -> Response:
    """An error in OpenAI's form."""
    return Response({"error": {"message": message, "code": status}}, status, headers)


@asynccontextmanager
async def scripted_server(script: Script) -> AsyncIterator[str]:
    """A server on the running event loop; gives its base URL, ending in `/v1`."""
    serving: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                await _send(writer, await script(await _receive(reader)))
        serving.discard(task)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.close()
        for task in tuple(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def _receive(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
    }
    raw = await reader.readexactly(int(headers.get("content-length") or 0))
    return Request(head[0].split()[1], headers, json.loads(raw) if raw else None)


async def _send(writer: asyncio.StreamWriter, response: Response) -> None:
    body = response.body
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json", "content-length": len(data), **response.headers}
    lines = [f"HTTP/1.1 {response.status} X", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    writer.write("\r\n".join(lines).encode())
    if response.byte_every_s is None:
        writer.write(data)
        await writer.drain()
        return
    for byte in data:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(response.byte_every_s)
