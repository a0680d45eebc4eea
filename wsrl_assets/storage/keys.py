"""Which keys a partition's tables hold, so that rows with new keys are appended without a look.

A MERGE reads the key column of the whole table, which in a large one costs more than the rows
that it writes. A run that commits again and again reads it once instead, as 64-bit hashes, and
keeps them up to date. Of two keys with one hash, the second is merged as if it were known: that is
slower, and never wrong. The hashes count only while nobody else has written to the file.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from wsrl_assets.storage.schema import Row

Version = tuple[int, int, int]


@dataclass
class _Hashes:
    """The hashes of one table's keys, as few sorted arrays: 8 bytes a key, however many come."""

    runs: list[NDArray[np.uint64]]

    def any_of(self, hashes: NDArray[np.uint64]) -> bool:
        return any(_are_in(hashes, run) for run in self.runs)

    def add(self, hashes: NDArray[np.uint64]) -> None:
        self.runs.append(np.sort(hashes))
        while len(self.runs) > 1 and 2 * len(self.runs[-1]) > len(self.runs[-2]):
            last = self.runs.pop()
            self.runs[-1] = np.sort(np.concatenate([self.runs[-1], last]))


def _are_in(hashes: NDArray[np.uint64], run: NDArray[np.uint64]) -> bool:
    """Whether a sorted array has any of some hashes."""
    places = np.searchsorted(run, hashes)
    inside = places < len(run)
    return bool((run[places[inside]] == hashes[inside]).any())


@dataclass
class KnownKeys:
    """The keys of a partition's tables, as far as they were read, for one version of its file."""

    version: Version | None = None
    _tables: dict[type[Row], _Hashes] = field(default_factory=dict)
    _merged: set[type[Row]] = field(default_factory=set)

    def check(self, live: Path) -> None:
        """Forgets everything if the file is not as this process left it."""
        if self.version is None or self.version != version_of(live):
            self._tables.clear()
            self._merged.clear()

    def wants(self, row_type: type[Row]) -> bool:
        """Whether a table's keys are worth a pass: one that is merged into again."""
        again = row_type in self._merged
        self._merged.add(row_type)
        return again and row_type not in self._tables

    def read(self, row_type: type[Row], hashes: pl.Series) -> None:
        self._tables[row_type] = _Hashes([np.sort(hashes.to_numpy())])

    def are_new(self, row_type: type[Row], hashes: pl.Series) -> bool:
        """Whether no row of the table has any of these keys; false where that is not known."""
        known = self._tables.get(row_type)
        return known is not None and not known.any_of(hashes.to_numpy())

    def add(self, row_type: type[Row], hashes: pl.Series) -> None:
        if row_type in self._tables:
            self._tables[row_type].add(hashes.to_numpy())

    def knows(self, row_type: type[Row]) -> bool:
        return row_type in self._tables


def version_of(live: Path) -> Version | None:
    """What tells one state of a database file from the next."""
    try:
        found = live.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
