"""Figures of a partition's rows, kept beside its file until rows change.

Counting the rows of a home reads all of it, and a command or a stage wants the counts many
times over, while most partitions never change again. What a query says of one partition is
therefore kept in a small file, with what tells this state of the database from the next
(`keys.version_of`). It holds while the database is in that state, and can be deleted at any
time.
"""

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from wsrl_assets.storage.catalog import attached_catalog
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.keys import version_of
from wsrl_assets.storage.layout import Partition
from wsrl_assets.storage.store import Store
from wsrl_assets.storage.transaction import query_text

Rows = list[list[Any]]


@dataclass(frozen=True, slots=True)
class Query:
    """A query on the catalog of one partition, whose rows are kept.

    Attributes:
        sql: its text.
        parameters: its `$name` parameters, as far as it names them.
    """

    sql: str
    parameters: Mapping[str, Any]

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

    def rows(self, connection: Connection) -> Rows:
        found = connection.execute(self.sql, dict(self.parameters) or None).fetchall()
        return [list(row) for row in found]


def remembered(store: Store, partition: Partition, queries: Mapping[str, Query]) -> dict[str, Rows]:
    """The rows of each query on a partition as it is now; none of any if it has no file.

    Rows are of text and numbers. A query is run once for each state of the partition.

    Raises:
        StoreBusyError: another process kept the partition for longer than the timeout.
    """
    with store.current([partition]) as files:
        if partition not in files:
            return {name: [] for name in queries}
        memory = _Memory.read(_path(store, partition), version_of(files[partition]))
        missing = {n: q for n, q in queries.items() if q.key not in memory.rows}
        if missing:
            with attached_catalog(files) as connection:
                for query in missing.values():
                    memory.rows[query.key] = query.rows(connection)
            memory.write()
    return {name: memory.rows[query.key] for name, query in queries.items()}


def last_remembered(store: Store, partition: Partition, query: Query) -> Rows | None:
    """The rows of a query as they were when it was run last; none if it never was."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        found = json.loads(_path(store, partition).read_text("utf-8"))
        return cast(Rows, found["rows"][query.key])
    return None


def _path(store: Store, partition: Partition) -> Path:
    return store.home / partition.kind / "figures" / f"{partition.key}.json"


@dataclass(frozen=True, slots=True)
class _Memory:
    """What is kept of one state of a partition."""

    path: Path
    version: list[int]
    rows: dict[str, Rows]

    @classmethod
    def read(cls, path: Path, version: tuple[int, int, int] | None) -> "_Memory":
        state = list(version or ())
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(path.read_text("utf-8"))
            if found["version"] == state:
                return cls(path, state, found["rows"])
        return cls(path, state, {})

    def write(self) -> None:
        """Keeps what is there; a home that cannot be written to is counted again each time."""
        partial = self.path.with_name(
            f".{self.path.name}.{os.getpid()}.{threading.get_ident()}.partial"
        )
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps({"version": self.version, "rows": self.rows}), "utf-8")
            partial.replace(self.path)
