"""The log of a home that several hosts share: what each transaction did, in an object store.

Each partition has a log of numbered segments, one a transaction. A segment is written by a
conditional put of its number before the transaction is committed on the host, so a transaction
is in the log as a whole or not at all, and of two that follow the same state one fails and is
rolled back. What a host has on its disk is a copy: some state of the log, brought up to date by
doing what the segments after it say. From time to time a host puts its copy into the store as a
base, and what came before is deleted.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wsrl_assets.storage.layout import Partition, PartitionKind
from wsrl_assets.storage.objects import Entry, Objects
from wsrl_assets.storage.operations import Kind, Operation, packed, unpacked

_LOG, _BASES, _LOADS = "log", "bases", "loads"
# A copy is put into the store once the log has grown by half of it, and by this at least; or by so
# many segments, since each is read by itself.
_BASE_BYTES = 16 * 2**20
_BASE_SEGMENTS = 512
_LOOK_EVERY = 16
# How old the list of all partitions may be: readers need no more, and writers look for themselves.
_HEADS_HOLD_S = 1.0


@dataclass(frozen=True, slots=True)
class Base:
    """A copy of a partition in the store: what it holds after a position of the log."""

    name: str
    position: int


class SharedLog:
    """The logs of all partitions of a home.

    Args:
        objects: of the home.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._heads: dict[Partition, int] = {}
        self._heads_at = float("-inf")

    def heads(self) -> dict[Partition, int]:
        """The last position of each partition's log, as it was a moment ago."""
        if time.monotonic() - self._heads_at > _HEADS_HOLD_S:
            asked_at = time.monotonic()
            found: dict[Partition, int] = {}
            for entry in self._objects.entries(_LOG):
                _, kind, key, number = entry.name.split("/")
                found[Partition(PartitionKind(kind), key)] = int(number)
            self._heads, self._heads_at = found, asked_at
        return self._heads

    def look_again(self) -> None:
        """Lets `heads` ask the store, however fresh its last answer is."""
        self._heads_at = float("-inf")

    def after(self, partition: Partition, position: int) -> list[Entry]:
        """The segments of a partition after a position, in order, as they are now."""
        return self._objects.entries(_folder(_LOG, partition), after=_segment(partition, position))

    def read(self, entry: Entry) -> list[Operation]:
        """The operations of a segment.

        Raises:
            FileNotFoundError: it was deleted, since there is a base that holds it.
            SegmentError: it is damaged, or of a newer version.
        """
        found = self._objects.read(entry.name)
        if found is None:
            raise FileNotFoundError(entry.name)
        return unpacked(found.body)

    def append(self, partition: Partition, position: int, operations: Sequence[Operation]) -> bool:
        """Writes a segment at a position; whether that was free."""
        body = packed(operations, secrets.token_hex(8))
        written = self._objects.create(_segment(partition, position), body) is not None
        if written and partition in self._heads:
            self._heads[partition] = position
        else:
            self.look_again()
        return written

    def base(self, partition: Partition) -> Base | None:
        """The newest base of a partition."""
        found = self._objects.entries(_folder(_BASES, partition))
        return Base(found[-1].name, position_of(found[-1])) if found else None

    def fetch(self, name: str, path: Path) -> None:
        """Writes a base, or what is to be loaded, to a file.

        Raises:
            FileNotFoundError: there is none of that name.
        """
        self._objects.fetch(name, path)

    def wants_base(self, partition: Partition, position: int, live: Path) -> bool:
        """Whether a log has grown so much since the last base that there should be another."""
        if position % _LOOK_EVERY:
            return False
        entries = self._objects.entries(_folder(_LOG, partition))
        size = sum(entry.size for entry in entries)
        enough = max(_BASE_BYTES, live.stat().st_size / 2)
        return size > enough or len(entries) > _BASE_SEGMENTS

    def put_base(self, partition: Partition, position: int, live: Path) -> None:
        """Puts a copy of a partition as it is after a position, and deletes what it replaces."""
        name = f"{_folder(_BASES, partition)}/{position:012}-{secrets.token_hex(4)}"
        self._objects.put(name, live)
        old = [e for e in self._objects.entries(_folder(_BASES, partition)) if e.name < name]
        self._objects.delete([entry.name for entry in old])
        self.forget_before(partition, position)

    def put_load(self, live: Path) -> str:
        """Puts a database that a `LOAD` names."""
        name = f"{_LOADS}/{secrets.token_hex(16)}"
        self._objects.put(name, live)
        return name

    def forget_before(self, partition: Partition, position: int) -> None:
        """Deletes the segments before a position, first to last."""
        entries = self._objects.entries(_folder(_LOG, partition))
        self._objects.delete([entry.name for entry in entries if position_of(entry) < position])


def position_of(entry: Entry) -> int:
    """The position of a segment, or of a base."""
    return int(entry.name.rpartition("/")[2].partition("-")[0])


def stands_alone(operations: Sequence[Operation]) -> bool:
    """Whether a segment says what a partition is, whatever came before it."""
    return operations[0].kind in (Kind.DISCARD, Kind.LOAD)


def _folder(kind: str, partition: Partition) -> str:
    return f"{kind}/{partition.kind}/{partition.key}"


def _segment(partition: Partition, position: int) -> str:
    return f"{_folder(_LOG, partition)}/{position:012}"
