"""Figures of a partition's rows, kept beside its file until rows change.

Counting the rows of a home reads all of it, and a command or a stage wants the counts many
times over, while most partitions never change again. What a query says of one partition is
therefore kept in a small file, with what tells this state of the database from the next
(`keys.version_of`). It holds while the database is in that state, and can be deleted at any
time. Of a large domain to which rows were added, only those are counted (`additions`).
"""

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from wsrl_assets.storage.additions import Column, Mark, Rows, joined
from wsrl_assets.storage.catalog import pooled_catalog
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.keys import version_of
from wsrl_assets.storage.layout import Partition
from wsrl_assets.storage.store import Store
from wsrl_assets.storage.tables import DOMAIN_TABLES
from wsrl_assets.storage.transaction import query_text

NOTHING_DONE = {f"since_{row_type.TABLE}": 0 for row_type in DOMAIN_TABLES}
"""See `done_before`."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query on the catalog of one partition, whose rows are kept.

    Attributes:
        sql: its text.
        parameters: its `$name` parameters, as far as it names them.
        columns: of a query that sums over documents, how its rows of some of them and of the others
            are those of all (see `additions.joined`); none of any other query.
        of_added: what is run in its place on rows that were added, if that is another query.
    """

    sql: str
    parameters: Mapping[str, Any]
    columns: Sequence[Column] | None = None
    of_added: str | None = None

    @classmethod
    def of(cls, sql: str, **parameters: Any) -> "Query":
        return cls(sql, {k: v for k, v in parameters.items() if f"${k}" in sql})

    @classmethod
    def named(cls, name: str, **parameters: Any) -> "Query":
        """The query of `sql/<name>.sql`."""
        return cls.of(query_text(name), **parameters)

    @property
    def key(self) -> str:
        """What tells it from other queries."""
        whole = json.dumps([self.sql, self.parameters], sort_keys=True)
        return hashlib.blake2b(whole.encode(), digest_size=12).hexdigest()

    def summed(self, *columns: Column, of_added: str | None = None) -> "Query":
        """It, as one that sums over documents."""
        return replace(self, columns=columns, of_added=of_added)

    def rows(self, connection: Connection, *, added: bool = False) -> Rows:
        """Its rows; of those that were added alone, on a connection that sees no others."""
        sql = self.of_added if added and self.of_added else self.sql
        found = connection.execute(sql, dict(self.parameters) or None).fetchall()
        return [list(row) for row in found]


def remembered(store: Store, partition: Partition, queries: Mapping[str, Query]) -> dict[str, Rows]:
    """The rows of each query on a partition as it is now; none of any if it has no file.

    Rows are of text and numbers. A query is run once for each state of the partition.

    Raises:
        StoreBusyError: another process kept the partition for longer than the timeout.
    """
    memory = _counted(store, partition, queries.values())
    return {name: memory.rows[query.key] if memory else [] for name, query in queries.items()}


def done_before(store: Store, partition: Partition, waiting: Collection[Query]) -> dict[str, int]:
    """Before which row id no row of a table waits for anything, as parameters for a list of work.

    They are named `since_` and each table of a domain. All are 0 of a domain that was never counted
    whole, and where rows wait anywhere else than among those that were added since it was.

    Args:
        waiting: what sums over documents, with rows that wait in the last column.

    Raises:
        StoreBusyError: as `remembered`.
    """
    if _Memory.read(_path(store, partition), None).whole is None:
        return NOTHING_DONE
    memory = _counted(store, partition, waiting)
    whole = memory.whole if memory else None
    is_done = whole is not None and not any(row[-1] for q in waiting for row in whole.rows[q.key])
    marked = whole.mark.tables if whole is not None and is_done else {}
    return NOTHING_DONE | {f"since_{table}": free for table, (free, *_) in marked.items()}


def _counted(store: Store, partition: Partition, queries: Collection[Query]) -> "_Memory | None":
    """What is kept of a partition, with the rows of some queries; none if it has no file."""
    with store.current([partition]) as files:
        if partition not in files:
            return None
        memory = _Memory.read(_path(store, partition), version_of(files[partition]))
        missing = [query for query in queries if query.key not in memory.rows]
        if missing:
            with pooled_catalog(files, _texts(missing)) as connection:
                memory.count(connection, partition, missing)
            memory.write()
    return memory


def _texts(queries: Collection[Query]) -> list[str]:
    """All that is run to count these: of what sums over documents, also what tells new ones."""
    texts = [text for query in queries for text in (query.sql, query.of_added) if text]
    if any(query.columns is not None for query in queries):
        texts += [row_type.TABLE for row_type in DOMAIN_TABLES]
    return texts


def last_remembered(store: Store, partition: Partition, query: Query) -> Rows | None:
    """The rows of a query as they were when it was run last; none if it never was."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        found = json.loads(_path(store, partition).read_text("utf-8"))
        return cast(Rows, found["rows"][query.key])
    return None


def _path(store: Store, partition: Partition) -> Path:
    return store.home / partition.kind / "figures" / f"{partition.key}.json"


@dataclass
class _Whole:
    """What was counted of the rows up to a mark."""

    mark: Mark
    rows: dict[str, Rows] = field(default_factory=dict)


@dataclass
class _Memory:
    """What is kept of one state of a partition, and of an earlier one that was counted whole."""

    path: Path
    version: list[int]
    rows: dict[str, Rows]
    whole: _Whole | None = None

    @classmethod
    def read(cls, path: Path, version: tuple[int, int, int] | None) -> "_Memory":
        state = list(version or ())
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads(path.read_text("utf-8"))
            kept = found["whole"]  # not in those of versions that counted everything whole
            whole = _Whole(Mark(**kept["mark"]), kept["rows"]) if kept else None
            return cls(path, state, found["rows"] if found["version"] == state else {}, whole)
        return cls(path, state, {})

    def count(
        self, connection: Connection, partition: Partition, queries: Collection[Query]
    ) -> None:
        """Counts, on a catalog connection to the partition alone."""
        summed = [query for query in queries if query.columns is not None]
        for query in queries:
            if query.columns is None:
                self.rows[query.key] = query.rows(connection)
        if self.whole is None or not self.whole.mark.holds(connection):
            mark = Mark.of(connection, partition)
            self.whole = _Whole(mark) if mark else None
        if self.whole is None:
            self.rows |= {query.key: query.rows(connection) for query in summed}
            return
        mark, whole = self.whole.mark, self.whole.rows
        with mark.before(connection):
            new = [query for query in summed if query.key not in whole]
            whole |= {query.key: query.rows(connection) for query in new}
        with mark.added(connection):
            for query in summed:
                added = query.rows(connection, added=True)
                self.rows[query.key] = joined(whole[query.key], added, query.columns or ())

    def write(self) -> None:
        """Keeps what is there; a home that cannot be written to is counted again each time."""
        partial = self.path.with_name(
            f".{self.path.name}.{os.getpid()}.{threading.get_ident()}.partial"
        )
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            whole = asdict(self.whole) if self.whole else None
            kept = {"version": self.version, "rows": self.rows, "whole": whole}
            partial.write_text(json.dumps(kept), "utf-8")
            partial.replace(self.path)
