"""A dead endpoint stops the run within 30 seconds, with one useful sentence, and loses nothing.

In real time, patience and all: so each way to be dead is tried once, all of them at once.
"""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from simulator import Fault, FaultPlan, running_simulator, simulator_process
from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.pipeline import triage
from wsrl_assets.pipeline.job import Job
from wsrl_assets.storage.tables import LLMCall, Status, TriagedDocument
from wsrl_assets_tests.factories import (
    IN_SHARD,
    SHARD,
    documents,
    job,
    plant_shard,
    quick,
    rows,
    until,
)

pytestmark = pytest.mark.timing

STOPPED_WITHIN_S = 30.0
# Slow enough that a server can die in the middle of the run, on a slow machine too.
SLOW = {"decode_tokens_per_s": 100.0, "slots": 8}
DOCUMENTS = 200


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended, `took_s` after its endpoint was dead."""

    error: BaseException | None
    took_s: float
    base_url: str
    done: list[TriagedDocument]
    calls: list[LLMCall]


async def _triage(home: Path, base_url: str, dead: Callable[[Job], Awaitable[None]]) -> Ending:
    work = job(home, base_url, timeout_s=300.0)
    return await _ending(work, base_url, dead)


async def _ending(work: Job, base_url: str, dead: Callable[[Job], Awaitable[None]]) -> Ending:
    await asyncio.to_thread(plant_shard, work.store, documents(DOCUMENTS))
    run = asyncio.create_task(triage.triage_shard(work, SHARD))
    await dead(work)
    began = time.monotonic()
    (error,) = await asyncio.gather(asyncio.wait_for(run, 60), return_exceptions=True)
    took_s = time.monotonic() - began
    done = await asyncio.to_thread(rows, work.store, TriagedDocument, IN_SHARD)
    calls = await asyncio.to_thread(rows, work.store, LLMCall, IN_SHARD)
    return Ending(
        error if isinstance(error, BaseException) else None, took_s, base_url, done, calls
    )


async def _from_the_beginning(work: Job) -> None:
    return


async def never_there(home: Path) -> Ending:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return await _triage(home, f"http://127.0.0.1:{port}/v1", _from_the_beginning)


async def accepts_and_never_answers(home: Path) -> Ending:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        return await _triage(home, f"http://127.0.0.1:{port}/v1", _from_the_beginning)
    finally:
        server.close()


async def dies_in_the_middle(home: Path) -> Ending:
    async with running_simulator(quick(**SLOW)) as sim:

        async def die(work: Job) -> None:
            await until(lambda: sim.stats.requests_completed > 30, 30)
            sim.stop()

        return await _triage(home, sim.base_url, die)


async def falls_silent_in_the_middle(home: Path) -> Ending:
    """Connections are still accepted, by the kernel; nobody reads them."""
    with ExitStack() as stack:
        # In a thread, since the other endpoints of this test live on this event loop.
        server = simulator_process(quick(**SLOW))
        sim = await asyncio.to_thread(stack.enter_context, server)

        def freeze() -> None:
            while sim.stats().requests_completed < 30:
                time.sleep(0.1)
            os.kill(sim.pid, signal.SIGSTOP)

        async def fall_silent(work: Job) -> None:
            await asyncio.to_thread(freeze)

        try:
            return await _triage(home, sim.base_url, fall_silent)
        finally:
            os.kill(sim.pid, signal.SIGCONT)


async def answers_all_but_completions(home: Path, fault: Fault, timeout_s: float = 300.0) -> Ending:
    async with running_simulator(quick(faults=FaultPlan(probabilities={fault: 1.0}))) as sim:
        work = job(home, sim.base_url, timeout_s=timeout_s)
        return await _ending(work, sim.base_url, _from_the_beginning)


WAYS: dict[str, Callable[[Path], Awaitable[Ending]]] = {
    "never there": never_there,
    "accepts and never answers": accepts_and_never_answers,
    "dies in the middle": dies_in_the_middle,
    "falls silent in the middle": falls_silent_in_the_middle,
    "drops every completion": lambda home: answers_all_but_completions(home, Fault.RESET),
    "is unavailable": lambda home: answers_all_but_completions(home, Fault.UNAVAILABLE),
    "times out": lambda home: answers_all_but_completions(home, Fault.HANG, timeout_s=3.0),
}
IN_THE_MIDDLE = ("dies in the middle", "falls silent in the middle")


@cache
def endings() -> dict[str, Ending]:
    async def all_at_once(folder: Path) -> list[Ending]:
        return await asyncio.gather(*(way(folder / name) for name, way in WAYS.items()))

    with TemporaryDirectory() as folder:
        return dict(zip(WAYS, asyncio.run(all_at_once(Path(folder))), strict=True))


@pytest.mark.parametrize("way", WAYS)
def test_a_dead_endpoint_stops_the_run_with_a_sentence_that_says_what_to_do(way: str) -> None:
    ending = endings()[way]
    assert isinstance(ending.error, EndpointError), repr(ending.error)
    assert ending.base_url in str(ending.error)
    assert "WSRL_LLM_BASE_URL" in str(ending.error)
    assert "what is done is kept" in str(ending.error)


@pytest.mark.parametrize("way", WAYS)
def test_a_dead_endpoint_stops_the_run_within_thirty_seconds(way: str) -> None:
    assert endings()[way].took_s < STOPPED_WITHIN_S


@pytest.mark.parametrize("way", WAYS)
def test_no_row_is_blamed_for_a_dead_endpoint(way: str) -> None:
    assert [row.reason for row in endings()[way].done if row.status is Status.FAILED] == []


@pytest.mark.parametrize("way", IN_THE_MIDDLE)
def test_what_was_done_before_the_endpoint_died_is_committed(way: str) -> None:
    ending = endings()[way]
    answered = {call.row_id for call in ending.calls if call.error is None}
    assert len(answered) >= 30
    assert answered == {row.doc_id for row in ending.done}
