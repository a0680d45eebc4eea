"""Who may send next: calls wait here, oldest document first, for a slot of their endpoint."""

import asyncio
import hashlib
import heapq
import itertools
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from wsrl_assets.llm.slots import SharedSlots

_gates: dict[Path, "Gate"] = {}
_gates_mutex = threading.Lock()


@dataclass(order=True)
class _Waiter:
    priority: int
    number: int
    loop: asyncio.AbstractEventLoop = field(compare=False)
    slot: "asyncio.Future[int]" = field(compare=False)


class Gate:
    """The slots of one endpoint, handed to waiting calls in order of priority.

    One gate serves all threads and event loops of a process; `SharedSlots` joins the processes.
    """

    def __init__(self, slots: SharedSlots) -> None:
        self.slots = slots
        self._waiting: list[_Waiter] = []
        self._numbers = itertools.count()
        self._mutex = threading.Lock()

    @asynccontextmanager
    async def slot(self, priority: int) -> AsyncIterator[None]:
        """Holds a slot, waiting for one while the ceiling is reached. Low priority goes first."""
        taken = await self._take(priority)
        try:
            yield
        finally:
            self._release(taken)

    @property
    def waiting(self) -> int:
        """Calls of this process that want a slot."""
        return len(self._waiting)

    def admit(self) -> None:
        """Gives free slots to waiting calls.

        Called on every release, and by the engine every few milliseconds, since a slot may have
        been freed by another process or the ceiling raised.
        """
        while True:
            with self._mutex:
                if not self._waiting:
                    return
                slot = self.slots.try_take()
                if slot is None:
                    return
                waiter = heapq.heappop(self._waiting)
            self._hand_over(waiter, slot)

    async def _take(self, priority: int) -> int:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(priority, next(self._numbers), loop, loop.create_future())
        with self._mutex:
            heapq.heappush(self._waiting, waiter)
        self.admit()
        try:
            return await waiter.slot
        except asyncio.CancelledError:
            self._abandon(waiter)
            raise

    def _release(self, slot: int) -> None:
        # Given back and taken anew, not handed on: another process may be the one whose turn it is.
        self.slots.give_back(slot)
        self.admit()

    def _hand_over(self, waiter: _Waiter, slot: int) -> None:
        def deliver() -> None:
            if waiter.slot.cancelled():
                self._release(slot)
            else:
                waiter.slot.set_result(slot)

        try:
            waiter.loop.call_soon_threadsafe(deliver)
        except RuntimeError:  # its loop was closed by a cancelled run
            self._release(slot)

    def _abandon(self, waiter: _Waiter) -> None:
        with self._mutex:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                heapq.heapify(self._waiting)
                return
        if waiter.slot.done() and not waiter.slot.cancelled():
            self._release(waiter.slot.result())


def gate_for(base_url: str, folder: Path, ceiling: int) -> Gate:
    """The process's one gate for an endpoint; `folder` is shared with the other processes.

    A ceiling that another run set meanwhile stays.
    """
    name = hashlib.blake2b(base_url.encode(), digest_size=6).hexdigest()
    path = (folder / f"{name}.slots").resolve()
    with _gates_mutex:
        if path not in _gates:
            _gates[path] = Gate(SharedSlots(path, ceiling))
        return _gates[path]
