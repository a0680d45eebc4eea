"""HTTP/1.1 over asyncio, as little of it as the simulator needs.

Why not a web framework: half of the faults live below HTTP (resets, cut bodies, silence), a
client's leaving must free its slot at once, and at 17 µs of CPU a request this is half of what
uvicorn and aiohttp need (measured: 34 to 40 µs, same parser and loop).
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import httptools

_LINGER_ZERO = struct.pack("ii", 1, 0)
"""Makes a close send RST and drop what is still unsent."""

_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True, eq=False)
class Exchange:
    """One request and the way back to its client. Exactly one answer ends it.

    Attributes:
        method: Upper case.
        path: Without the query.
        authorization: The header, or "".
        body: Raw.
        on_disconnect: Called if the client leaves before an answer.
    """

    connection: Connection
    method: str
    path: str
    authorization: str
    body: bytes
    on_disconnect: Callable[[], None] | None = None

    def answer(
        self, body: bytes, *, status: int = 200, kind: str = "application/json", extra: str = ""
    ) -> bool:
        """Sends a whole answer; whether there was still a client to send it to."""
        return self.connection.send(self, self._head(status, kind, len(body), extra) + body)

    def answer_json(self, value: Any, *, status: int = 200, extra: str = "") -> bool:
        """The same, for a value. `extra` is header lines, each with its line end."""
        return self.answer(json.dumps(value).encode(), status=status, extra=extra)

    def cut(self, body: bytes) -> None:
        """Promises the body, sends half of it and closes."""
        head = self._head(200, "application/json", len(body), "")
        self.connection.send(self, head + body[: len(body) // 2])
        self.connection.close()

    def reset(self) -> None:
        """Resets the connection (RST)."""
        self.connection.finish(self)
        self.connection.reset()

    def _head(self, status: int, kind: str, length: int, extra: str) -> bytes:
        return (
            f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\ncontent-type: {kind}\r\n"
            f"content-length: {length}\r\n{extra}\r\n"
        ).encode("latin-1")


class Connection(asyncio.Protocol):
    """One client connection, kept alive between requests. No pipelining: that is refused."""

    def __init__(
        self, on_request: Callable[[Exchange], None], connections: set[Connection]
    ) -> None:
        self._on_request = on_request
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._exchange: Exchange | None = None
        self._url = b""
        self._authorization = b""
        self._expects_continue = False
        self._keep_alive = True
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: a client has come."""
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone, by whosever doing."""
        self._connections.discard(self)
        self._transport = None
        exchange, self._exchange = self._exchange, None
        if exchange is not None and exchange.on_disconnect is not None:
            exchange.on_disconnect()

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes have come."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.reset()

    def on_url(self, url: bytes) -> None:
        """httptools: a part of the request's target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: a header."""
        lowered = name.lower()
        if lowered == b"authorization":
            self._authorization = value
        elif lowered == b"expect":
            self._expects_continue = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """httptools: the body comes next."""
        self._keep_alive = self._parser.should_keep_alive()
        if self._expects_continue and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """httptools: a part of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """httptools: a whole request has come."""
        if self._exchange is not None:  # a second request before the first one's answer
            self.reset()
            return
        exchange = Exchange(
            connection=self,
            method=self._parser.get_method().decode("latin-1"),
            path=self._url.partition(b"?")[0].decode("latin-1"),
            authorization=self._authorization.decode("latin-1"),
            body=b"".join(self._body),
        )
        self._url, self._authorization, self._body = b"", b"", []
        self._expects_continue = False
        self._exchange = exchange
        self._on_request(exchange)

    def send(self, exchange: Exchange, data: bytes) -> bool:
        """Ends an exchange with these bytes; whether the client was still there."""
        self.finish(exchange)
        if self._transport is None or self._transport.is_closing():
            return False
        self._transport.write(data)
        if not self._keep_alive:
            self._transport.close()
        return True

    def finish(self, exchange: Exchange) -> None:
        """Ends an exchange without a word."""
        if self._exchange is exchange:
            self._exchange = None

    def close(self) -> None:
        """Closes once all is sent."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Drops the connection with RST."""
        if self._transport is None:
            return
        raw: socket.socket = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._transport.abort()
