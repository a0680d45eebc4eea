"""Several servers on a clock of their own: `python -m benchmarks.engine_clock`.

The engine and simulated servers in one process, without connections: time goes on when nothing is
left to do, so that no load of the machine shows, and runs differ little. What documents
ask is made up: personas, three drafts, and three checks of each, with prompts as long as those of
`engine_saturation`. The client is held to cost nothing, and answers come 4 to 8 ms late.
"""

import asyncio
import json
import random
import selectors
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2

from benchmarks.engine_report import heading, note, percent, table, verdict
from simulator.batching import Batch, SimulatedSequence, Timer
from wsrl_assets.llm import health, server
from wsrl_assets.llm.client import Completion
from wsrl_assets.llm.engine import ChatRequest, Engine, FreeText
from wsrl_assets.llm.errors import TransientError
from wsrl_assets.llm.roles import Role, RoleSettings

SLOTS, CACHED_DOCUMENTS = 64, 200
_PREFILL_TOKENS_PER_S, _DECODE_TOKENS_PER_S = 40_000.0, 60.0
_GROUPS = 4
_LATE_S = 0.002
_TARGET = 0.95
_DOCUMENTS = 500
_BLOCK_TOKENS = 16
_SYSTEM = ("system", 96)


class _Clock(selectors.SelectSelector):
    """A selector that never waits: it moves the time instead."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += max(0.0, timeout or 0.0)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: _Clock) -> None:
        self._own = clock
        super().__init__(clock)

    def time(self) -> float:
        return self._own.now


@dataclass(frozen=True, slots=True)
class _Timing:
    """The loop's time, as a batch asks for it."""

    loop: _Loop

    def now(self) -> float:
        return self.loop.time()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        return self.loop.call_later(delay_s, callback)


class _Server:
    """A batch that a client asks without a connection."""

    def __init__(self, loop: _Loop, share: int, cached_tokens: int) -> None:
        self.batch = Batch(
            _Timing(loop),
            slots=SLOTS // share,
            prefill_tokens_per_s=_PREFILL_TOKENS_PER_S / share,
            decode_tokens_per_s=_DECODE_TOKENS_PER_S,
            prefix_cache_tokens=cached_tokens // share,
        )
        self.died_at: float | None = None
        self.asked = self.cached = 0
        self.waiting: set[asyncio.Future[None]] = set()

    def kill(self, now: float) -> None:
        """Ends all calls; it answers no more."""
        self.batch.settle()
        self.died_at = now
        self.batch.close()
        for call in self.waiting:
            if not call.done():
                call.set_exception(TransientError("connection", "killed"))


class _Client:
    """What the engine asks, in place of `ChatClient`."""

    servers: Mapping[str, _Server] = {}

    def __init__(self, role: RoleSettings) -> None:
        self._server = self.servers[role.base_url]

    async def close(self) -> None:
        """There is nothing to close."""

    async def get(self, url: str, timeout_s: float) -> httpx2.Response:
        """Models and metrics."""
        if self._server.died_at is not None:
            raise httpx2.ConnectError("killed")
        batch = self._server.batch
        batch.settle()
        queue = f"vllm:num_requests_running {batch.running}\n"
        queue += f"vllm:num_requests_waiting {batch.waiting}\n"
        texts = {"/models": json.dumps({"data": [{"id": "m"}]}), "/metrics": queue}
        return httpx2.Response(
            200, text=next((texts[end] for end in texts if url.endswith(end)), "{}")
        )

    async def complete(self, body: Mapping[str, Any], session: str | None = None) -> Completion:
        """Works through a prompt that is given as names and lengths of its parts."""
        await asyncio.sleep(_LATE_S * (1 + 2 * random.random()))
        if self._server.died_at is not None:
            raise TransientError("connection", "killed")
        parts, reply_tokens = json.loads(body["messages"][0]["content"])
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        blocks: list[int] = []
        for name, tokens in parts:
            for number in range(tokens // _BLOCK_TOKENS):
                blocks.append(hash((blocks[-1] if blocks else 0, name, number)))
        tokens = sum(length for _, length in parts)
        sequence = SimulatedSequence(tokens, blocks, reply_tokens, lambda _: _end(done))
        self._server.batch.submit(sequence)
        self._server.waiting.add(done)
        try:
            await done
        except asyncio.CancelledError:
            self._server.batch.abort(sequence)
            raise
        finally:
            self._server.waiting.discard(done)
        self._server.asked += tokens
        self._server.cached += sequence.cached_tokens
        await asyncio.sleep(_LATE_S)
        return Completion("x", "stop", tokens, sequence.cached_tokens, reply_tokens)


def _end(done: "asyncio.Future[None]") -> None:
    if not done.done():
        done.set_result(None)


@dataclass(frozen=True, slots=True)
class Shares:
    """Of prompt tokens, those from a cache; of slots, those in use; seconds on the clock."""

    cached: float
    busy: float
    seconds: float


def measure(count: int, documents: int, *, killed: bool = False) -> Shares:
    """Documents on so many servers, which have one server's slots and cache between them.

    With `killed` the first one dies when half of the documents are done.
    """
    clock = _Clock()
    loop = _Loop(clock)
    random.seed(count)
    mean = sum(_document(number)[1] for number in range(documents)) / documents + _SYSTEM[1]
    servers = {
        f"http://{count}-{place}/v1": _Server(loop, count, round(CACHED_DOCUMENTS * mean))
        for place in range(count)
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        patch("time.monotonic", lambda: clock.now),
        patch.object(server, "ChatClient", _Client),
        patch.object(_Client, "servers", servers),
        patch.object(health.Health.__init__, "__defaults__", (health.PATIENCE_S, loop.time)),
    ):
        began = clock.now
        loop.run_until_complete(_run(list(servers.items()), documents, Path(folder), killed))
        loop.close()
    return _shares(list(servers.values()), began, clock.now)


def _shares(servers: list[_Server], began: float, ended: float) -> Shares:
    for one in servers:
        if one.died_at is None:
            one.batch.close()
    room = sum(one.batch.slots * ((one.died_at or ended) - began) for one in servers)
    busy = sum(one.batch.counters.busy_slot_seconds for one in servers)
    cached = sum(one.cached for one in servers) / sum(one.asked for one in servers)
    return Shares(cached, busy / room, ended - began)


async def _run(
    servers: list[tuple[str, _Server]], documents: int, folder: Path, killed: bool
) -> None:
    role = RoleSettings(",".join(url for url, _ in servers))
    first = servers[0][1]
    done = 0

    async def group(number: int) -> None:
        async with Engine(
            {Role.GENERATOR: role}, record=lambda _: None, run_id="r", limiter_folder=folder
        ) as engine:

            async def work(document: int) -> None:
                nonlocal done
                await _ask_of(engine, document)
                done += 1
                if killed and done == documents // 2:
                    first.kill(time.monotonic())

            share = _stream(range(number, documents, _GROUPS))
            await engine.for_each(share, work, calls_at_once=2.0, key=str)

    await asyncio.gather(*(group(number) for number in range(_GROUPS)))


async def _stream(documents: range) -> AsyncIterator[int]:
    for document in documents:
        yield document


def _document(number: int) -> tuple[str, int]:
    return f"document {number}", random.Random(number).randint(300, 900)


async def _ask_of(engine: Engine, number: int) -> None:
    """All calls of a document, in the order of the pipeline."""
    document, lengths = _document(number), random.Random(-number)

    async def ask(step: str, reply_tokens: int, *parts: tuple[str, int]) -> None:
        tokens = max(4, round(lengths.gauss(reply_tokens, reply_tokens / 4)))
        prompt = {"role": "user", "content": json.dumps([parts, tokens])}
        await engine.ask(
            ChatRequest("s", step, Role.GENERATOR, str(number), "r", [prompt], FreeText, 512)
        )

    async def pair(persona: int) -> None:
        own = f"{number}, {persona}"
        examples = (f"examples {number % 10}", 940)
        await ask("open", 90, _SYSTEM, document, examples, (f"persona {own}", 30))
        await asyncio.gather(
            ask("judge_question", 45, ("judge", 460), (f"question {own}", 34)),
            ask("judge_supported", 40, _SYSTEM, document, ("support", 190), (f"pair {own}", 90)),
        )
        await ask("round_trip", 10, _SYSTEM, document, ("answer", 64), (f"asked {own}", 64))

    await ask("personas", 70, _SYSTEM, document, ("personas", 160))
    await pair(0)
    await asyncio.gather(pair(1), pair(2))


def main() -> None:
    """Prints one server, and several with and without one that is killed."""
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else _DOCUMENTS
    heading(f"Several servers on a clock of their own: {documents:,} documents, {SLOTS} slots")
    alone = measure(1, documents)
    found = {"1 server": alone}
    for count in (2, 4, 8):
        found[f"{count} servers"] = measure(count, documents)
        found[f"{count} servers, one killed half-way"] = measure(count, documents, killed=True)
    rows = [
        [
            name,
            percent(one.cached),
            f"{one.cached / alone.cached:.2f}",
            percent(one.busy),
            f"{one.busy / alone.busy:.2f}",
            f"{one.seconds:.0f}",
        ]
        for name, one in found.items()
    ]
    table(("", "cached", "of 1 server", "slots busy", "of 1 server", "s on the clock"), rows)
    least = min(min(one.cached / alone.cached, one.busy / alone.busy) for one in found.values())
    note(f"Target: {_TARGET:.0%} of one server's shares: {verdict(least >= _TARGET)}.")


if __name__ == "__main__":
    main()
