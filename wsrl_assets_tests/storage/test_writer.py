"""Rows are committed in groups, nothing handed over is lost, and a failed commit ends the run."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsrl_assets.storage import GroupWriter, Store, StoreBusyError, Transaction
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.tables import LLMCall
from wsrl_assets_tests.factories import IN_DOMAIN, call_row, rows, until


class CountingStore(Store):
    """A store that notes the size of each commit, and can be made slow or failing."""

    def __init__(self, home: Path, before_commit: Callable[[int], None] | None = None) -> None:
        super().__init__(home)
        self.commits: list[int] = []
        self._before_commit = before_commit or (lambda number: None)

    def transaction(self, partition: Any) -> Any:
        store, given = self, super().transaction(partition)

        class Counted:
            def __enter__(self) -> "Counted":
                self.inner: Transaction = given.__enter__()
                return self

            def __exit__(self, *what: Any) -> Any:
                return given.__exit__(*what)

            def merge(self, batch: list[Row]) -> None:
                store._before_commit(len(store.commits))
                store.commits.append(len(batch))
                self.inner.merge(batch)

        return Counted()


def stored(home: Path) -> int:
    return len(rows(Store(home), LLMCall, IN_DOMAIN))


async def test_a_full_group_is_committed_without_waiting_for_the_clock(tmp_path: Path) -> None:
    store = CountingStore(tmp_path)
    async with GroupWriter(store, IN_DOMAIN, rows=10, seconds=60) as writer:
        writer.add(*(call_row(number) for number in range(10)))
        await until(lambda: store.commits == [10])


async def test_a_few_rows_are_committed_when_their_time_has_come(tmp_path: Path) -> None:
    store = CountingStore(tmp_path)
    async with GroupWriter(store, IN_DOMAIN, rows=1000, seconds=0.1) as writer:
        writer.add(call_row(1))
        await until(lambda: store.commits == [1])


async def test_leaving_commits_the_rest(tmp_path: Path) -> None:
    async with GroupWriter(Store(tmp_path), IN_DOMAIN, rows=1000, seconds=60) as writer:
        writer.add(*(call_row(number) for number in range(25)))
    assert stored(tmp_path) == 25


async def test_leaving_by_an_error_commits_the_rest(tmp_path: Path) -> None:
    async def fail() -> None:
        async with GroupWriter(Store(tmp_path), IN_DOMAIN, rows=1000, seconds=60) as writer:
            writer.add(call_row(1))
            raise KeyError("the run failed")

    with pytest.raises(KeyError):
        await fail()
    assert stored(tmp_path) == 1


async def test_the_event_loop_goes_on_while_a_commit_is_under_way(tmp_path: Path) -> None:
    store = CountingStore(tmp_path, lambda number: time.sleep(0.5))
    ticks = 0
    async with GroupWriter(store, IN_DOMAIN, rows=1, seconds=60) as writer:
        writer.add(call_row(1))
        while not store.commits:
            await asyncio.sleep(0.01)
            ticks += 1
    assert ticks >= 10


async def test_makers_wait_when_commits_cannot_keep_up(tmp_path: Path) -> None:
    store = CountingStore(tmp_path, lambda number: time.sleep(0.05))
    most = 0
    async with GroupWriter(store, IN_DOMAIN, rows=10, seconds=60) as writer:

        async def make(first: int) -> None:
            nonlocal most
            for number in range(first, first + 50):
                await writer.put(call_row(number))
                most = max(most, len(writer._buffer))

        await asyncio.gather(make(0), make(100), make(200))
    assert stored(tmp_path) == 150
    assert most <= 10 + 3, "each maker may be one row over"


@pytest.mark.parametrize("cancels", [1, 3])
async def test_cancelling_during_the_last_commits_loses_nothing(
    tmp_path: Path, cancels: int
) -> None:
    """The commit under way and the one still to come are both made, however often Ctrl-C comes."""
    store = CountingStore(tmp_path, lambda number: time.sleep(0.3))

    async def run() -> None:
        async with GroupWriter(store, IN_DOMAIN, rows=10, seconds=60) as writer:
            writer.add(*(call_row(number) for number in range(10)))
            await asyncio.sleep(0.1)
            writer.add(*(call_row(number) for number in range(10, 15)))

    task = asyncio.create_task(run())
    await asyncio.sleep(0.2)
    for _ in range(cancels):
        task.cancel()
        await asyncio.sleep(0.05)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 20)
    assert stored(tmp_path) == 15


def _fail_from_second(number: int) -> None:
    if number >= 1:
        raise StoreBusyError("domains/natural_science has been locked by process 1")


async def test_a_failed_commit_ends_the_run_with_its_error(tmp_path: Path) -> None:
    store = CountingStore(tmp_path, _fail_from_second)

    async def run() -> None:
        async with GroupWriter(store, IN_DOMAIN, rows=5, seconds=60) as writer:
            for number in range(1000):
                await writer.put(call_row(number))
                await asyncio.sleep(0.005)

    with pytest.raises(StoreBusyError, match="process 1"):
        await asyncio.wait_for(run(), 20)
    assert 0 < stored(tmp_path) < 1000


async def test_a_failed_last_commit_is_told(tmp_path: Path) -> None:
    store = CountingStore(tmp_path, lambda number: _fail_from_second(1))

    async def run() -> None:
        async with GroupWriter(store, IN_DOMAIN, rows=1000, seconds=60) as writer:
            writer.add(call_row(1))

    with pytest.raises(StoreBusyError):
        await asyncio.wait_for(run(), 20)


async def test_it_is_full_while_so_many_rows_are_uncommitted_those_under_way_too(
    tmp_path: Path,
) -> None:
    writing = threading.Event()

    def wait(number: int) -> None:
        writing.wait(10)

    store = CountingStore(tmp_path, wait)
    async with GroupWriter(store, IN_DOMAIN, rows=10, seconds=60) as writer:
        writer.add(*(call_row(number) for number in range(6)))
        await asyncio.sleep(0.05)
        assert not writer.is_full, "six are being committed, and four have room"
        writer.add(*(call_row(number) for number in range(6, 10)))
        assert writer.is_full
        writing.set()
        await asyncio.wait_for(writer.drained(), 10)
        assert not writer.is_full
    assert stored(tmp_path) == 10


async def test_makers_that_wait_for_a_commit_that_fails_do_not_wait_for_ever(
    tmp_path: Path,
) -> None:
    def fail_late(number: int) -> None:
        time.sleep(0.2)
        raise StoreBusyError("locked")

    async def run() -> None:
        async with GroupWriter(CountingStore(tmp_path, fail_late), IN_DOMAIN, rows=1) as writer:
            await asyncio.gather(*(writer.put(call_row(number)) for number in range(50)))
            await asyncio.sleep(60)

    with pytest.raises(StoreBusyError):
        await asyncio.wait_for(run(), 20)
