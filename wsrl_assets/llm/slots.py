"""One ceiling on calls in flight for all processes that share an endpoint.

A slot is a lock on one byte of a file, so the kernel gives it back when a process dies, however
it dies. A process takes slots only as long as there are any below the ceiling; the ceiling itself
is a number in a file beside it, which every process may move.
"""

import fcntl
import os
import struct
import threading
from pathlib import Path

_CEILING = struct.Struct("<I")


class SharedSlots:
    """Slots `0 .. ceiling-1` of one endpoint, over all processes of this machine.

    Args:
        path: the slot file; made if it is not there.
        ceiling: the ceiling to begin with, where no other process has set one.
    """

    def __init__(self, path: Path, ceiling: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # POSIX locks belong to the process, and closing *any* descriptor of the file drops them
        # all: so one descriptor a process, kept for as long as the process lives.
        self._slots = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._state = os.open(path.with_name(path.name + ".ceiling"), os.O_RDWR | os.O_CREAT, 0o600)
        self._held: set[int] = set()
        self._mutex = threading.Lock()
        self._probe_from = 0
        if not self._others_active():
            self.ceiling = ceiling

    @property
    def ceiling(self) -> int:
        """The most calls in flight, over all processes."""
        raw = os.pread(self._state, _CEILING.size, 0)
        return _CEILING.unpack(raw)[0] if len(raw) == _CEILING.size else 1

    @ceiling.setter
    def ceiling(self, value: int) -> None:
        os.pwrite(self._state, _CEILING.pack(max(1, value)), 0)

    @property
    def held(self) -> int:
        """Slots that this process holds."""
        return len(self._held)

    def try_take(self) -> int | None:
        """A free slot, or none if the ceiling is reached."""
        with self._mutex:
            ceiling = self.ceiling
            if len(self._held) >= ceiling:
                return None
            for step in range(ceiling):
                slot = (self._probe_from + step) % ceiling
                if slot not in self._held and self._lock(slot):
                    self._held.add(slot)
                    self._probe_from = slot + 1
                    return slot
            return None

    def give_back(self, slot: int) -> None:
        """Frees a slot that `try_take` gave."""
        with self._mutex:
            self._held.discard(slot)
            fcntl.lockf(self._slots, fcntl.LOCK_UN, 1, slot)

    def keeps(self, slot: int) -> bool:
        """Whether a held slot still lies below the ceiling and may be used for another call."""
        return slot < self.ceiling

    def _lock(self, slot: int) -> bool:
        try:
            fcntl.lockf(self._slots, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, slot)
        except OSError:
            return False
        return True

    def _others_active(self) -> bool:
        """Whether another process holds any slot now."""
        try:
            fcntl.lockf(self._slots, fcntl.LOCK_EX | fcntl.LOCK_NB, 0, 0)
        except OSError:
            return True
        fcntl.lockf(self._slots, fcntl.LOCK_UN, 0, 0)
        return False
