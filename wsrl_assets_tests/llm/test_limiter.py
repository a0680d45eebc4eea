"""One ceiling on calls in flight for all threads and processes that share an endpoint."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from simulator import simulator_process
from wsrl_assets.llm.limiter import Limiter, limiter_for
from wsrl_assets_tests.factories import ask, engine, quick, stream, until
from wsrl_assets_tests.processes import Said, elsewhere

URL = "http://127.0.0.1:1/v1"


@asynccontextmanager
async def admitting(limiter: Limiter) -> AsyncIterator[None]:
    """What an endpoint does for its limiter: slots freed by other processes ring no bell."""

    async def admit() -> None:
        while True:
            await asyncio.sleep(0.005)
            limiter.admit()

    task = asyncio.create_task(admit())
    try:
        yield
    finally:
        task.cancel()


async def wait_for_slot(limiter: Limiter, priority: int, order: list[int], name: int) -> None:
    async with limiter.slot(priority):
        order.append(name)


# --- one process --------------------------------------------------------------------------------


async def test_low_priorities_go_first_and_equal_ones_in_order_of_arrival(tmp_path: Path) -> None:
    limiter = limiter_for(URL, tmp_path, 1)
    order: list[int] = []
    async with limiter.slot(0):
        asked = [(5, 50), (1, 10), (3, 30), (1, 11), (3, 31)]
        waiting = [asyncio.create_task(wait_for_slot(limiter, p, order, name)) for p, name in asked]
        await until(lambda: limiter.waiting == len(asked))
    await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert order == [10, 11, 30, 31, 50]


async def test_an_old_item_that_asks_late_goes_before_younger_ones_that_wait(
    tmp_path: Path,
) -> None:
    limiter = limiter_for(URL, tmp_path, 1)
    order: list[int] = []
    async with limiter.slot(0):
        young = [asyncio.create_task(wait_for_slot(limiter, 9, order, 9)) for _ in range(5)]
        await until(lambda: limiter.waiting == 5)
        old = asyncio.create_task(wait_for_slot(limiter, 1, order, 1))
        await until(lambda: limiter.waiting == 6)
    await asyncio.wait_for(asyncio.gather(old, *young), 10)
    assert order[0] == 1


async def test_a_call_that_is_cancelled_while_it_waits_leaves_no_trace(tmp_path: Path) -> None:
    limiter = limiter_for(URL, tmp_path, 1)
    order: list[int] = []
    async with limiter.slot(0):
        gone = asyncio.create_task(wait_for_slot(limiter, 1, order, 1))
        stays = asyncio.create_task(wait_for_slot(limiter, 2, order, 2))
        await until(lambda: limiter.waiting == 2)
        gone.cancel()
        await asyncio.wait([gone])
        assert limiter.waiting == 1
    await asyncio.wait_for(stays, 10)
    assert order == [2]
    assert limiter.slots.held == 0


async def test_a_call_that_is_cancelled_as_its_turn_comes_passes_the_slot_on(
    tmp_path: Path,
) -> None:
    limiter = limiter_for(URL, tmp_path, 1)
    for _ in range(50):
        order: list[int] = []
        async with limiter.slot(0):
            gone = asyncio.create_task(wait_for_slot(limiter, 1, order, 1))
            stays = asyncio.create_task(wait_for_slot(limiter, 2, order, 2))
            await until(lambda: limiter.waiting == 2)
        gone.cancel()
        await asyncio.wait_for(asyncio.wait([gone, stays]), 10)
        assert 2 in order
        assert limiter.slots.held == 0


async def test_an_error_in_a_call_gives_its_slot_back(tmp_path: Path) -> None:
    limiter = limiter_for(URL, tmp_path, 1)
    for _ in range(3):
        with suppress(KeyError):
            async with limiter.slot(0):
                raise KeyError
    assert limiter.slots.held == 0


def test_threads_of_a_process_share_one_gate_and_its_ceiling(tmp_path: Path) -> None:
    """As `wsrl run` has it: a thread and an event loop for each partition."""
    limiter = limiter_for(URL, tmp_path, 3)
    lock = threading.Lock()
    now = peak = done = 0

    async def call(priority: int) -> None:
        nonlocal now, peak, done
        async with limiter_for(URL, tmp_path, 99).slot(priority):
            with lock:
                now += 1
                peak = max(peak, now)
            await asyncio.sleep(0.002)
            with lock:
                now -= 1
                done += 1

    async def calls() -> None:
        async with admitting(limiter):
            await asyncio.wait_for(asyncio.gather(*(call(n) for n in range(40))), 30)

    threads = [threading.Thread(target=lambda: asyncio.run(calls())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert limiter_for(URL, tmp_path, 1) is limiter
    assert done == 160
    assert peak == 3
    assert limiter.slots.held == 0


def test_a_run_that_is_cancelled_with_its_loop_leaves_no_slot_taken(tmp_path: Path) -> None:
    limiter = limiter_for(URL, tmp_path, 2)

    async def hold() -> None:
        async with limiter.slot(0):
            await asyncio.sleep(60)

    async def cancelled_run() -> None:
        calls = [asyncio.create_task(hold()) for _ in range(6)]
        await until(lambda: limiter.waiting == 4)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)

    async def next_run() -> None:
        async with limiter.slot(0), limiter.slot(0):
            pass

    asyncio.run(cancelled_run())
    assert limiter.slots.held == 0
    asyncio.run(asyncio.wait_for(next_run(), 10))


# --- several processes --------------------------------------------------------------------------


def _hold_slots(say: Said, folder: Path, slots: int) -> None:
    async def hold() -> None:
        limiter = limiter_for(URL, folder, 3)
        for _ in range(slots):
            await limiter._take(0)
        say("held")
        await asyncio.sleep(60)

    asyncio.run(hold())


async def test_the_slots_of_a_killed_process_come_back(tmp_path: Path) -> None:
    with elsewhere(_hold_slots, tmp_path, 3) as other:
        await asyncio.to_thread(other.hear)
        limiter = limiter_for(URL, tmp_path, 3)
        order: list[int] = []
        async with admitting(limiter):
            waiting = asyncio.create_task(wait_for_slot(limiter, 0, order, 1))
            await asyncio.sleep(0.5)
            assert order == [], "took a slot beyond the ceiling"
            await asyncio.to_thread(other.kill)
            await asyncio.wait_for(waiting, 5)


def _ask_many(say: Said, base_url: str, home: Path, first: int, count: int) -> None:
    async def run() -> None:
        async with engine(base_url, home, lambda call: None, max_in_flight=6) as e:

            async def work(number: int) -> None:
                await e.ask(ask(number))

            say("ready")
            await e.for_each(stream(range(first, first + count)), work)
        say("done")

    asyncio.run(run())


def test_four_processes_together_obey_the_ceiling_and_use_all_of_it(tmp_path: Path) -> None:
    """And when one of them is killed, the others use its share."""
    with simulator_process(quick(slots=64, decode_tokens_per_s=2000.0)) as sim:
        processes = [
            elsewhere(_ask_many, sim.base_url, tmp_path, 1000 * number, 100) for number in range(4)
        ]
        with processes[0] as a, processes[1] as b, processes[2] as c, processes[3] as doomed:
            for process in (a, b, c, doomed):
                assert process.hear() == "ready"
            time.sleep(0.4)
            doomed.kill()
            killed_at = sim.stats()
            sim.reset_stats()
            for process in (a, b, c):
                assert process.hear() == "done"
                assert process.join() == 0
        stats = sim.stats()
    assert killed_at.peak_running == 6
    assert stats.peak_running == 6, "the slots of the killed process did not come back"
    # What ended between the two readings, at most a slot's worth each, is in neither.
    assert killed_at.requests_completed + stats.requests_completed >= 300 - 6


@pytest.mark.parametrize("url", [URL, "http://127.0.0.1:2/v1"])
def test_endpoints_do_not_share_slots(tmp_path: Path, url: str) -> None:
    other = limiter_for("http://127.0.0.1:3/v1", tmp_path, 1)
    limiter = limiter_for(url, tmp_path, 1)
    assert other.slots.try_take()
    assert limiter.slots.try_take()
    other.slots.give_back()
    limiter.slots.give_back()
