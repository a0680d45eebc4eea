"""One ceiling on calls in flight for all processes of a host that share an endpoint.

Each process keeps two numbers in a small memory-mapped file: how many slots it holds, and whether
calls of it wait. It also keeps a lock on one byte of that file for as long as it lives: the kernel
gives the lock back when a process dies, however it dies, and the others then forget its numbers.

Slots are shared out fairly: while a process has calls waiting and fewer slots than its share, those
that hold more take no new ones.

Where other hosts call the endpoint, too, the processes of this one share a part of the ceiling
(see `host_share`).
"""

import fcntl
import mmap
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_MAX_PROCESSES = 128
_NUMBER = struct.Struct("<I")
_MOMENT = struct.Struct("<d")
_MEMBER = struct.Struct("<IId")  # slots held, calls waiting, when it last said so
_PART = struct.Struct("<d")
_CEILING_AT, _SETTLED_AT, _PLACES_AT, _LIMIT_AT, _LOOKED_AT, _REFUSED_AT = 0, 4, 8, 12, 16, 24
_PART_AT, _PART_UNTIL_AT, _SHARED_AT = 32, 40, 48
_MEMBERS_AT = 64
# A part of a ceiling that is meant to be a whole number may come out a little below it.
_ROUNDING = 1e-6
_SIZE = _MEMBERS_AT + _MAX_PROCESSES * _MEMBER.size
# A process that has not said for this long that it waits, is stopped or stuck: no use in leaving
# slots to it.
_WAITING_HOLDS_S = 1.0
_RECLAIM_EVERY_S = 0.25

# POSIX locks belong to the process, so these files' own places must be kept apart here.
_own_places: set[tuple[Path, int]] = set()


class _Member(NamedTuple):
    """What a process has written of itself."""

    held: int
    waiting: int
    waited_at: float


class SharedSlots:
    """The slots of one endpoint, over all processes of this machine.

    Times are those of the system-wide monotonic clock.

    Args:
        path: the file with everybody's numbers; made if it is not there.
        ceiling: the ceiling to begin with, where no other process is at work.
    """

    def __init__(self, path: Path, ceiling: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        # Closing *any* descriptor of a file drops all of the process's locks on it: so this one
        # stays open for as long as the process lives.
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._mutex = threading.Lock()
        self._held = 0
        self._reclaimed_at = 0.0
        with self._alone():
            if os.fstat(self._file).st_size != _SIZE:
                os.ftruncate(self._file, _SIZE)
            self._data = mmap.mmap(self._file, _SIZE)
            self._place = self._take_place()
            if not self._others_live():
                self._begin(ceiling)

    @property
    def ceiling(self) -> int:
        """The most calls in flight, over all processes and hosts."""
        return self._number(_CEILING_AT)

    @ceiling.setter
    def ceiling(self, value: int) -> None:
        _NUMBER.pack_into(self._data, _CEILING_AT, max(1, value))

    @property
    def ceiling_here(self) -> int:
        """The most calls in flight from this host: its part of the ceiling, and one at least."""
        return max(1, int(self.ceiling * self.part + _ROUNDING))

    @property
    def part(self) -> float:
        """This host's part of the ceiling, from 0 to 1."""
        until = self._moment(_PART_UNTIL_AT)
        if not until:
            return 1.0
        part: float = _PART.unpack_from(self._data, _PART_AT)[0]
        return part if time.monotonic() < until else 0.0

    def set_part(self, part: float, holds_s: float) -> None:
        """Sets this host's part of the ceiling, for so long; then, if not set again, it is 0."""
        _PART.pack_into(self._data, _PART_AT, part)
        _MOMENT.pack_into(self._data, _PART_UNTIL_AT, time.monotonic() + holds_s)

    @property
    def settled(self) -> bool:
        """Whether the endpoint's limit has been met once, and so is roughly known."""
        return bool(self._number(_SETTLED_AT))

    @settled.setter
    def settled(self, value: bool) -> None:
        _NUMBER.pack_into(self._data, _SETTLED_AT, value)

    @property
    def limit(self) -> int:
        """How many calls the endpoint is believed to bear, since it refused more; 0: not known."""
        return self._number(_LIMIT_AT)

    @limit.setter
    def limit(self, value: int) -> None:
        _NUMBER.pack_into(self._data, _LIMIT_AT, value)

    @property
    def held(self) -> int:
        """Slots that this process holds."""
        return self._held

    @property
    def occupied(self) -> int:
        """Slots that all processes of this host hold."""
        return self._held + sum(member.held for member in self._others())

    @property
    def occupied_by_all(self) -> int:
        """Slots that all hosts hold, if the others fill their parts as this one does."""
        return round(self.occupied * self.ceiling / self.ceiling_here)

    @property
    def has_waiting(self) -> bool:
        """Whether calls wait in any process of this host."""
        return bool(_rivals([self._member(place) for place in self._places()]))

    @property
    def share(self) -> int:
        """How many of the slots are this process's, while others want some too."""
        return self._share_among(self._others())

    def try_take(self) -> bool:
        """Takes a slot, if the ceiling and a fair share of it allow."""
        if self._held >= self.ceiling_here:
            return False
        with self._alone():
            wanted = self._held + 1
            room = self._has_room(wanted) or (self._reclaim_dead() and self._has_room(wanted))
            if room:
                self._set_held(wanted)
        return room

    def give_back(self) -> None:
        """Frees a slot."""
        with self._mutex:
            self._set_held(self._held - 1)

    def may_keep(self) -> bool:
        """Whether a slot that has come free here may be used for another call at once."""
        return self._has_room(self._held)

    def tell_waiting(self, calls: int) -> None:
        """Lets the other processes know how many calls wait here; to be repeated while some do."""
        at = _MEMBERS_AT + self._place * _MEMBER.size
        _MEMBER.pack_into(self._data, at, self._held, calls, time.monotonic())

    def claim_look(self, every_s: float) -> bool:
        """Whether it is time to look at the server again; true for one caller of all processes."""
        return self._claim(_LOOKED_AT, every_s)

    def claim_sharing(self, every_s: float) -> bool:
        """Whether it is time to share with other hosts; true for one caller of all processes."""
        return self._claim(_SHARED_AT, every_s)

    def claim_decrease(self, every_s: float) -> bool:
        """Whether a refusal may lower the ceiling; true for one of a burst, over all processes."""
        return self._claim(_REFUSED_AT, every_s)

    def _claim(self, at: int, every_s: float) -> bool:
        """Whether what is noted at a place was so long ago; if so, it is noted again."""
        now = time.monotonic()
        if now - self._moment(at) < every_s:
            return False
        with self._alone():
            due = now - self._moment(at) >= every_s
            if due:
                _MOMENT.pack_into(self._data, at, now)
        return due

    def _has_room(self, held: int) -> bool:
        """Whether this process may hold that many."""
        others = self._others()
        if held + sum(member.held for member in others) > self.ceiling_here:
            return False
        rivals = _rivals(others)
        if not rivals:
            return True
        share = self._share_among(others)
        return held <= share or all(rival.held >= share for rival in rivals)

    def _share_among(self, others: list[_Member]) -> int:
        """An equal part of what those leave who hold slots and want no more."""
        rivals = _rivals(others)
        content = sum(member.held for member in others) - sum(rival.held for rival in rivals)
        return max(1, -(-(self.ceiling_here - content) // (len(rivals) + 1)))

    def _others(self) -> list[_Member]:
        """What the other processes that hold slots or wait for some have written."""
        members = ((place, self._member(place)) for place in self._places())
        return [m for place, m in members if place != self._place and (m.held or m.waiting)]

    def _places(self) -> range:
        return range(self._number(_PLACES_AT))

    def _member(self, place: int) -> _Member:
        return _Member(*_MEMBER.unpack_from(self._data, _MEMBERS_AT + place * _MEMBER.size))

    def _set_held(self, held: int) -> None:
        self._held = held
        _NUMBER.pack_into(self._data, _MEMBERS_AT + self._place * _MEMBER.size, held)

    def _number(self, at: int) -> int:
        number: int = _NUMBER.unpack_from(self._data, at)[0]
        return number

    def _moment(self, at: int) -> float:
        moment: float = _MOMENT.unpack_from(self._data, at)[0]
        return moment

    def _begin(self, ceiling: int) -> None:
        """Resets the file: no other process uses it."""
        self._data[:] = bytes(_SIZE)
        self.ceiling = ceiling
        _NUMBER.pack_into(self._data, _PLACES_AT, self._place + 1)

    def _others_live(self) -> bool:
        return any(place != self._place and self._lives(place) for place in self._places())

    def _take_place(self) -> int:
        for place in range(_MAX_PROCESSES):
            if (self._path, place) not in _own_places and self._lock_place(place):
                _own_places.add((self._path, place))
                self._write_member(place, _Member(0, 0, 0.0))
                used = max(self._number(_PLACES_AT), place + 1)
                _NUMBER.pack_into(self._data, _PLACES_AT, used)
                return place
        raise RuntimeError(f"more than {_MAX_PROCESSES} processes share {self._path}")

    def _reclaim_dead(self) -> bool:
        """Forgets processes that died with slots; whether there were any."""
        now = time.monotonic()
        if now - self._reclaimed_at < _RECLAIM_EVERY_S:
            return False
        self._reclaimed_at = now
        found = False
        for place in self._places():
            member = self._member(place)
            if (member.held or member.waiting) and not self._lives(place):
                self._write_member(place, _Member(0, 0, 0.0))
                found = True
        return found

    def _lives(self, place: int) -> bool:
        """Whether the process that took a place is alive: then it has the lock on it."""
        if (self._path, place) in _own_places:
            return True
        if not self._lock_place(place):
            return True
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, 1 + place)
        return False

    def _write_member(self, place: int, member: _Member) -> None:
        _MEMBER.pack_into(self._data, _MEMBERS_AT + place * _MEMBER.size, *member)

    def _lock_place(self, place: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 1 + place)
        except OSError:
            return False
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keeps other threads and processes from taking slots, for some microseconds."""
        with self._mutex:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, 0)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, 0)


def _rivals(others: list[_Member]) -> list[_Member]:
    """Those that have calls waiting."""
    long_ago = time.monotonic() - _WAITING_HOLDS_S
    return [member for member in others if member.waiting and member.waited_at > long_ago]
