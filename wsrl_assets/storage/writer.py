"""Group commits: rows and ledger entries reach DuckDB together, every few hundred or seconds."""

import asyncio
import contextlib
from types import TracebackType

from wsrl_assets.storage.layout import Partition
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.store import Store

UNCOMMITTED_ROWS = 800
COMMIT_S = 2.0


class GroupWriter:
    """Commits what it is given, in a thread, while the event loop goes on.

    A commit holds everything that was handed over until it began. It begins when half of the rows
    that may be uncommitted are there, so that the other half has room while it is written; makers
    wait (`put`), and no new call is made (`is_full`), while there is no room. So a kill loses what
    was in flight and `rows` at most, however slow commits are. Leaving the context commits
    the rest, also when the run was cancelled, or is cancelled while it does so. If a commit fails,
    the task that opened the writer is cancelled, and leaving the context raises the commit's error.

    Args:
        store, partition: where the rows go.
        rows: the most that are uncommitted, those of the commit under way among them.
        seconds: how long a row waits for a commit to begin.
    """

    def __init__(
        self,
        store: Store,
        partition: Partition,
        *,
        rows: int = UNCOMMITTED_ROWS,
        seconds: float = COMMIT_S,
    ) -> None:
        self._store = store
        self._partition = partition
        self._max_rows = rows
        self._max_s = seconds
        self._buffer: list[Row] = []
        self._committing = 0
        self._due = asyncio.Event()
        self._drained = asyncio.Event()
        self._closing = False
        self._error: BaseException | None = None
        self._loop_task: asyncio.Task[None] | None = None
        self._owner: asyncio.Task[object] | None = None

    async def __aenter__(self) -> "GroupWriter":
        self._owner = asyncio.current_task()
        self._loop_task = asyncio.create_task(self._commit_loop())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._loop_task is not None
        self._closing = True
        self._due.set()
        cancelled: asyncio.CancelledError | None = None
        if isinstance(error, asyncio.CancelledError):
            self._store.hurry()
        while not self._loop_task.done():
            try:
                await asyncio.shield(self._loop_task)
            except asyncio.CancelledError as again:
                cancelled = again
                self._store.hurry()
        if self._error is not None:
            raise self._error
        if cancelled is not None:
            raise cancelled

    @property
    def is_full(self) -> bool:
        """Whether as many rows are uncommitted as may be."""
        return len(self._buffer) + self._committing >= self._max_rows and self._error is None

    async def drained(self) -> None:
        """Waits while it is full."""
        while self.is_full:
            self._drained.clear()
            await self._drained.wait()

    def add(self, *rows: Row) -> None:
        """Hands rows over; they are committed soon. Never waits."""
        self._buffer.extend(rows)
        if 2 * len(self._buffer) >= self._max_rows:
            self._due.set()

    async def put(self, *rows: Row) -> None:
        """Like `add`, but waits while it is full."""
        self.add(*rows)
        await self.drained()

    async def _commit_loop(self) -> None:
        try:
            while not (self._closing and not self._buffer):
                await self._wait_until_due()
                await self._commit()
        except BaseException as error:
            self._error = error
            self._drained.set()
            if self._owner is not None and not self._closing:
                self._owner.cancel()

    async def _wait_until_due(self) -> None:
        if not self._closing:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._max_s):
                    await self._due.wait()
        self._due.clear()

    async def _commit(self) -> None:
        batch, self._buffer = self._buffer, []
        self._committing = len(batch)
        if batch:
            await asyncio.to_thread(self._write, batch)
        self._committing = 0
        self._drained.set()

    def _write(self, batch: list[Row]) -> None:
        with self._store.transaction(self._partition) as transaction:
            transaction.merge(batch)
