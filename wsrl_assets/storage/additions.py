"""Figures of a large domain, counted whole once and then by what was added.

Runs append rows, most of them of documents that are new. A figure that sums over documents is
therefore what it was plus that of the new ones, which a top-up makes few of. A mark says which rows
were there when the figures were counted whole. It is given up, and all is counted again, as
soon as rows were changed or deleted, rows of older documents were added, or a tenth is new.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from wsrl_assets.storage.catalog import FIRST, extent, rows_between, tables_held
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.layout import Partition, PartitionKind
from wsrl_assets.storage.schema import Row, columns_of
from wsrl_assets.storage.tables import DOMAIN_TABLES, FilteredDocument, LLMCall, Outcome, QADraft
from wsrl_assets.storage.transaction import CHANGES, query_text

Rows = list[list[Any]]

# With fewer rows, counting all of them costs less than looking what is new.
SMALL_ROWS = 50_000
_MOST_ADDED = 0.1
_COUNTED = tuple(t for t in DOMAIN_TABLES if issubclass(t, Outcome) or t is LLMCall)


class Column(StrEnum):
    """How the values of a column of two parts are one; rows meet by their keys."""

    KEY = "key"
    SUM = "sum"
    XOR = "xor"
    LATER = "later"


_JOINED: dict[Column, Callable[[Any, Any], Any]] = {
    Column.SUM: operator.add,
    Column.XOR: operator.xor,
    Column.LATER: lambda _, later: later,
}


def joined(before: Rows, added: Rows, columns: Sequence[Column]) -> Rows:
    """The rows of a figure of two parts. Without columns, those of both stay apart.

    Numbers beyond 64 bits are texts, before and after.
    """
    if not columns:
        return [*before, *added]
    keys = [n for n, column in enumerate(columns) if column is Column.KEY]
    found: dict[tuple[Any, ...], list[Any]] = {}
    for row in (*before, *added):
        key = tuple(row[n] for n in keys)
        known = found.get(key)
        found[key] = row if known is None else list(map(_value, columns, known, row))
    return list(found.values())


def _value(column: Column, known: Any, new: Any) -> Any:
    if column is Column.KEY or new is None:
        return known
    if known is None:
        return new
    join = _JOINED[column]
    return str(join(int(known), int(new))) if isinstance(known, str) else join(known, new)


@dataclass(frozen=True, slots=True)
class Mark:
    """Which rows of a domain were there at a time. Connections are catalogs of this domain alone.

    Attributes:
        domain: slug.
        token: what its file said then of changes to rows (see `Transaction`).
        tables: by table, the first row id that was free, how many rows there were, and a hash
            of the last one's key.
    """

    domain: str
    token: str
    tables: dict[str, tuple[int, int, str | None]]

    @classmethod
    def of(cls, connection: Connection, partition: Partition) -> Self | None:
        """The mark of all rows that there are now; none of partitions that are counted whole."""
        if partition.kind is not PartitionKind.DOMAIN:
            return None
        token, held = _token(connection), tables_held(connection)
        tables = {t.TABLE: _end(connection, t) for t in _COUNTED if t.TABLE in held}
        if token is None or sum(rows for _, rows, _ in tables.values()) < SMALL_ROWS:
            return None
        return cls(partition.key, token, tables)

    def holds(self, connection: Connection) -> bool:
        """Whether nothing happened since but that rows came, of new documents, and not too many."""
        if _token(connection) != self.token or not self.tables.keys() <= tables_held(connection):
            return False
        by_name = {row_type.TABLE: row_type for row_type in _COUNTED}
        if any(_last(connection, by_name[t], m[0]) != m[2] for t, m in self.tables.items()):
            return False  # the database has moved rows to the row ids of deleted ones
        with self.added(connection):
            added = {name: _rows(connection, name) for name in self.tables}
            most = _MOST_ADDED * sum(rows for _, rows, _ in self.tables.values())
            return sum(added.values()) <= most and not any(
                _has_older(connection, t) for t in _COUNTED if added.get(t.TABLE)
            )

    def before(self, connection: Connection) -> AbstractContextManager[None]:
        """Lets queries see the rows that were there."""
        parts = {t: rows_between(t, self.domain, 0, free) for t, (free, *_) in self.tables.items()}
        return _seen(connection, parts)

    def added(self, connection: Connection) -> AbstractContextManager[None]:
        """Lets queries see the rows that came since; those of `main` are all."""
        parts = {t: rows_between(t, self.domain, free) for t, (free, *_) in self.tables.items()}
        return _seen(connection, parts)


@contextmanager
def _seen(connection: Connection, parts: Mapping[str, str]) -> Iterator[None]:
    """Lets queries see parts of tables."""
    connection.execute("CREATE SCHEMA seen")
    try:
        for table, rows in parts.items():
            connection.execute(f'CREATE VIEW seen."{table}" AS {rows}')
        connection.execute("SET search_path = 'seen,main'")
        yield
    finally:
        connection.execute("SET search_path = 'main'")
        connection.execute("DROP SCHEMA seen CASCADE")


def _has_older(connection: Connection, row_type: type[Row]) -> bool:
    """Whether there are rows, among those added, of documents that were not."""
    names = {spec.name for spec in columns_of(row_type)}
    if row_type in (FilteredDocument, LLMCall):
        return False
    of_document = "doc_id" in names
    sql = query_text("rows_of_older_documents").format(
        table=row_type.TABLE,
        column="doc_id" if of_document else "pair_id",
        upstream=FilteredDocument.TABLE if of_document else QADraft.TABLE,
        key="doc_id" if of_document else "draft_id",
    )
    ((rows,),) = connection.execute(sql).fetchall()
    return bool(rows)


def _token(connection: Connection) -> str | None:
    """None of a file that no version has written to that says when rows were changed."""
    if CHANGES not in tables_held(connection):
        return None
    ((token,),) = connection.execute(f"SELECT token FROM {FIRST}.{CHANGES}").fetchall()
    return str(token)


def _end(connection: Connection, row_type: type[Row]) -> tuple[int, int, str | None]:
    free, rows = extent(connection, row_type.TABLE)
    return free, rows, _last(connection, row_type, free)


def _last(connection: Connection, row_type: type[Row], free: int) -> str | None:
    """A hash of the key of the row before the first row id that was free."""
    key = ", ".join(f'"{name}"' for name in row_type.KEY)
    sql = f'SELECT hash({key})::VARCHAR FROM {FIRST}."{row_type.TABLE}" WHERE rowid = {free - 1}'
    found = connection.execute(sql).fetchall()
    return str(found[0][0]) if found else None


def _rows(connection: Connection, table: str) -> int:
    ((rows,),) = connection.execute(query_text("table_rows").format(table=table)).fetchall()
    return int(rows)
