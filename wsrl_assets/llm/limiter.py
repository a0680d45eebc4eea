"""Who may send next: calls wait here, oldest document first, for a slot of their endpoint."""

import asyncio
import hashlib
import heapq
import itertools
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from wsrl_assets.llm.host_share import HostShare
from wsrl_assets.llm.slots import SharedSlots
from wsrl_assets.storage.shared_home import SharedHome

# Longer than a client that is short of CPU takes from a reply to the next call of its document.
_SPARE_AFTER_S = 0.1

_limiters: dict[tuple[int, Path], "Limiter"] = {}
_limiters_mutex = threading.RLock()


def _forget_limiters() -> None:
    """In a forked child: calls that wait here, and locks that are held, are the parent's."""
    _limiters.clear()
    _limiters_mutex.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_limiters_mutex.acquire,
        after_in_parent=_limiters_mutex.release,
        after_in_child=_forget_limiters,
    )


@dataclass(slots=True, eq=False)
class _Waiter:
    """A call that waits; `turn` is done once it has a slot."""

    loop: asyncio.AbstractEventLoop
    turn: "asyncio.Future[None]"
    queued: bool = True


class Limiter:
    """The slots of one endpoint, handed to waiting calls in order of priority.

    One limiter serves all threads and event loops of a process; `SharedSlots` joins the processes,
    and `share` the hosts of a shared home.
    """

    def __init__(self, slots: SharedSlots, share: HostShare | None = None) -> None:
        self.slots = slots
        self.share = share
        # Whether a run of this process leaves the server out, so that only the first one says so.
        self.is_left_out = False
        self._queue: list[tuple[int, int, _Waiter]] = []
        self._waiting = 0
        self._groups = 0
        self._wanted_at = 0.0
        self._numbers = itertools.count()
        self._mutex = threading.Lock()

    @asynccontextmanager
    async def slot(self, priority: int) -> AsyncIterator[None]:
        """Holds a slot, waiting for one while the ceiling is reached. Low priority goes first."""
        await self._take(priority)
        try:
            yield
        finally:
            self._release()

    @contextmanager
    def task_group(self) -> Iterator[None]:
        """Held by a run while it works through its items, so that others leave it its quota."""
        with self._mutex:
            self._groups += 1
            self._wanted_at = time.monotonic()
        try:
            yield
        finally:
            with self._mutex:
                self._groups -= 1

    @property
    def quota(self) -> float:
        """How many slots one of the groups may count on."""
        return self.slots.share / max(1, self._groups)

    @property
    def has_spare(self) -> bool:
        """Whether slots are free, and no call has had to wait for one for a while."""
        idle_s = time.monotonic() - self._wanted_at
        return idle_s > _SPARE_AFTER_S and self.slots.occupied < self.slots.ceiling_here

    @property
    def waiting(self) -> int:
        """Calls of this process that want a slot."""
        return self._waiting

    def admit(self) -> None:
        """Gives free slots to waiting calls.

        To be called now and then, since another process may have freed a slot, and whenever the
        ceiling was raised. Costs next to nothing while no call waits.
        """
        while self._waiting:
            with self._mutex:
                self.slots.tell_waiting(self._waiting)
                if not self._waiting or not self.slots.try_take():
                    return
                waiter = self._next()
            if waiter is None:
                self.slots.give_back()
            else:
                self._hand_over(waiter)

    async def _take(self, priority: int) -> None:
        if not self._waiting and self.slots.try_take():
            return
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop, loop.create_future())
        with self._mutex:
            heapq.heappush(self._queue, (priority, next(self._numbers), waiter))
            self._waiting += 1
            self._wanted_at = time.monotonic()
            is_first = self._waiting == 1
        if is_first:  # those who wait behind others cannot be the ones that a free slot is for
            self.admit()
        try:
            await waiter.turn
        except asyncio.CancelledError:
            self._abandon(waiter)
            raise

    def _release(self) -> None:
        """Hands the slot to the next call here, unless the ceiling fell or others have less."""
        with self._mutex:
            waiter = self._next() if self._waiting and self.slots.may_keep() else None
            if waiter is None:
                self.slots.give_back()
        if waiter is not None:
            self._hand_over(waiter)

    def _next(self) -> _Waiter | None:
        """Takes the waiter with the lowest priority off the queue; needs the mutex."""
        while self._queue:
            waiter = heapq.heappop(self._queue)[2]
            if waiter.queued:
                self._unqueue(waiter)
                return waiter
        return None

    def _unqueue(self, waiter: _Waiter) -> None:
        waiter.queued = False
        self._waiting -= 1
        if not self._waiting:
            self.slots.tell_waiting(0)

    def _hand_over(self, waiter: _Waiter) -> None:
        def deliver() -> None:
            if waiter.turn.cancelled():
                self._release()
            else:
                waiter.turn.set_result(None)

        if _running_loop() is waiter.loop:
            deliver()
            return
        try:
            waiter.loop.call_soon_threadsafe(deliver)
        except RuntimeError:  # its loop was closed by a cancelled run
            self._release()

    def _abandon(self, waiter: _Waiter) -> None:
        """The waiting call was cancelled, perhaps just as its turn came."""
        if waiter.turn.done() and not waiter.turn.cancelled():
            self._release()
            return
        with self._mutex:
            if waiter.queued:
                self._unqueue(waiter)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def limiter_for(
    base_url: str, folder: Path, ceiling: int, home: SharedHome | None = None
) -> Limiter:
    """The process's one limiter for an endpoint; `folder` is shared with the other processes.

    A ceiling that another run set meanwhile stays. In a home that hosts share, it is that of all.
    """
    name = hashlib.blake2b(base_url.encode(), digest_size=6).hexdigest()
    path = (folder / f"{name}.slots").resolve()
    key = (os.getpid(), path)  # a forked child has slots of its own
    with _limiters_mutex:
        if key not in _limiters:
            slots = SharedSlots(path, ceiling)
            share = HostShare.of(home, base_url, path, slots) if home is not None else None
            _limiters[key] = Limiter(slots, share)
        return _limiters[key]
