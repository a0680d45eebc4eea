"""Processes that serve scores: one a core, forked when everything is loaded, each on a socket.

All sockets have one address, and the kernel deals connections out among them. The parent serves
nothing: it replaces a worker that ends, and stops them all on Ctrl-C or SIGTERM. A worker whose
parent is gone, however it went, ends by itself.
"""

import asyncio
import contextlib
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from wsrl_assets.settings import SettingsError

MAX_HEADER_BYTES = 16 << 10
HEADER_S = 10.0
"""How long a connection may take to say what it wants; an idle one is closed after it."""
_KEEP_ALIVE_S = 30
_BACKLOG = 4_096
_MAX_FILES = 65_536
_MAX_WORKERS = 16
_STOP_S = 1.5
"""A second for requests under way, and half a one for the process."""
_POLL_S = 0.1
_END_OF_HEADERS = b"\r\n\r\n"
_HEADERS_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)
_RESTART_PAUSE_S = 1.0


def worker_count() -> int:
    """One for each core that this process may use, up to what a trainer can ask for."""
    may_use = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return min(len(may_use) or os.cpu_count() or 1, _MAX_WORKERS)


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """So many sockets that listen on one address; port 0 takes a free one.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # Alone first: with the option to share, an address that is in use could be joined.
        with socket.create_server((host, port), family=family) as alone:
            port = alone.getsockname()[1]
        return [
            socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=True)
            for _ in range(count)
        ]
    except (OSError, OverflowError) as error:
        raise SettingsError(
            f"cannot listen on {host} port {port} ({error}). Choose another with --port, or "
            "--port 0 for a free one."
        ) from None


def serve_in_workers(
    app: ASGIApp, sockets: Sequence[socket.socket], ready: Callable[[], None]
) -> None:
    """Serves the application in a process for each socket, until Ctrl-C or SIGTERM.

    What the caller has loaded is loaded in each of them. `ready` is called when all have begun.
    """
    _allow_many_files()
    workers: dict[int, socket.socket] = {}
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    with _handled(stop):
        for listening in sockets:
            workers[_fork(app, listening)] = listening
        ready()
        while not stopping:
            time.sleep(_POLL_S)
            for pid in _ended(workers):
                # One that cannot even begin is not begun over and over in a hurry.
                time.sleep(_RESTART_PAUSE_S)
                listening = workers.pop(pid)
                workers[_fork(app, listening)] = listening
        _stop_all(workers)


@contextlib.contextmanager
def _handled(stop: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(workers: Iterable[int]) -> list[int]:
    return [pid for pid in workers if os.waitpid(pid, os.WNOHANG)[0]]


def _stop_all(workers: Iterable[int]) -> None:
    """Asks each to end, and kills those that do not."""
    left = set(workers) - set(_ended(workers))
    deadline = time.monotonic() + _STOP_S
    for pid in left:
        os.kill(pid, signal.SIGTERM)
    while left and time.monotonic() < deadline:
        time.sleep(_POLL_S / 5)
        left -= set(_ended(left))
    for pid in left:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _fork(app: ASGIApp, listening: socket.socket) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        _Worker(_config(app), parent).run(sockets=[listening])
    finally:
        # In any case, a child must not continue what its parent was about to do.
        os._exit(0)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        ws="none",
        lifespan="off",
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=1,
        log_level="error",
        access_log=False,
        server_header=False,
    )


class _Worker(uvicorn.Server):
    """Ends when its parent says so or is gone; Ctrl-C, which all processes get, is the parent's."""

    def __init__(self, config: uvicorn.Config, parent: int) -> None:
        super().__init__(config)
        self._parent = parent

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig != signal.SIGINT:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or os.getppid() != self._parent


class BoundedProtocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]
    """HTTP whose headers have a size and a time, with either of uvicorn's parsers.

    uvicorn bounds the time between requests alone: a connection that never says what it wants, or
    says it a byte at a time, would stay for good.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._header_bytes = 0
        self._header_timer: asyncio.TimerHandle | None = None
        self._wait_for_headers()

    def data_received(self, data: bytes) -> None:
        if not self._is_in_request():
            end = data.find(_END_OF_HEADERS)
            self._header_bytes += len(data) if end < 0 else end
            if self._header_bytes > MAX_HEADER_BYTES:
                self.transport.write(_HEADERS_TOO_LARGE)
                self.transport.close()
                return
        super().data_received(data)
        if self._is_in_request():
            self._header_bytes = 0
            self._stop_waiting()
        else:
            self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _is_in_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_headers(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(HEADER_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _give_up(self) -> None:
        self._header_timer = None
        if not self._is_in_request():
            self.transport.close()


def _allow_many_files() -> None:
    """A connection is a file, and the usual limit of 1,024 is soon reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_FILES if hard == resource.RLIM_INFINITY else min(_MAX_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
