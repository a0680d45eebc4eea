"""Read-only SQL over everything: all snapshots attached under one connection, a view per table."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from wsrl_assets.errors import UserError
from wsrl_assets.storage.instances import MEMORY, Connection, configure, instances
from wsrl_assets.storage.layout import Partition, PartitionKind
from wsrl_assets.storage.schema import Row, columns_of
from wsrl_assets.storage.store import Store, allow_open_files, attach_snapshot
from wsrl_assets.storage.tables import ALL_TABLES, DOMAIN_TABLES, LIBRARY_TABLES, SHARD_TABLES
from wsrl_assets.storage.transaction import query_text

_SCOPES: dict[PartitionKind, tuple[type[Row], ...]] = {
    PartitionKind.SHARD: SHARD_TABLES,
    PartitionKind.DOMAIN: DOMAIN_TABLES,
    PartitionKind.LIBRARY: LIBRARY_TABLES,
}
_WITH_SUPERSEDED = {**_SCOPES, PartitionKind.SUPERSEDED: DOMAIN_TABLES}
# Views over the tables' views, each in `sql/view_<name>.sql`.
_DERIVED = ("pairs", "documents")
_VIEWS = (*(row_type.TABLE for row_type in ALL_TABLES), *_DERIVED)
_WORD = re.compile(r"\w+")

# Without external access the attached files themselves stay open to COPY, and with them the
# snapshots to damage: hence no file system at all. What is attached can be read nevertheless; a
# query that does not fit in memory has nowhere to spill, and fails.
_LOCKDOWN = """
    SET enable_external_access = false;
    SET disabled_filesystems = 'LocalFileSystem';
    SET python_enable_replacements = false;
    SET lock_configuration = true;
"""


FIRST = "p0"
"""What the file of a catalog's first partition is attached as."""
# What a query may hold that cannot spill.
_CATALOG_MEMORY = "50%"


class QueryError(UserError, ValueError):
    """A query that somebody typed and that does not run; the message is DuckDB's."""


def typed_query(connection: Connection, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns and rows of a query that somebody typed, on a catalog connection.

    Raises:
        QueryError: it does not run.
    """
    try:
        result = connection.sql(query)
        if result is None:  # a statement without a result, such as SET
            return [], []
        return list(result.columns), result.fetchall()
    except duckdb.Error as error:
        raise QueryError(f"that query does not run: {error}") from None


@contextmanager
def catalog(
    store: Store, only: Collection[Partition] | None = None, *, superseded: bool = False
) -> Iterator[Connection]:
    """A connection with one view per table over all partitions, each with a `partition` column.

    Two views join them: `pairs` has every draft, and `documents` every passage of a shard, each
    with its verdict, the stage where it left, and why.

    A table that no partition has yet is an empty view, so that a query never fails because data is
    missing. The connection can neither write nor touch any other file, nor load extensions: it is
    safe to hand it SQL that somebody typed.

    Args:
        only: the partitions to attach; all if none are named.
        superseded: whether rows that were replaced, or withdrawn, stand among those of their
            domain.
    """
    scopes = _WITH_SUPERSEDED if superseded else _SCOPES
    with _opened(store, only, scopes, _CATALOG_MEMORY) as connection:
        connection.execute(_LOCKDOWN)
        yield connection


@contextmanager
def brief_catalog(store: Store, only: Collection[Partition]) -> Iterator[Connection]:
    """Like `catalog`, for a few queries of our own on partitions as they are now.

    Large partitions are read where they are and not copied, so that none of them can be written
    to until the block ends.

    Raises:
        StoreBusyError: another process kept a partition for longer than the timeout.
    """
    with store.current(only) as files, pooled_catalog(files) as connection:
        yield connection


@contextmanager
def workspace(store: Store, only: Collection[Partition], scratch: Path) -> Iterator[Connection]:
    """Like `catalog`, for queries of our own over more than fits in memory.

    It sees the partitions as they are when it is opened, and nothing that is published later.
    What does not fit in memory goes to `scratch`, a folder of nobody else's, and is gone at the
    end.
    """
    with _opened(store, only, _SCOPES, MEMORY) as connection:
        connection.execute("SET temp_directory = $folder", {"folder": str(scratch)})
        yield connection


def batches(
    connection: Connection,
    name: str,
    rows: int,
    tables: Mapping[str, pl.DataFrame] | None = None,
    /,
) -> Iterator[pl.DataFrame]:
    """The result of `sql/<name>.sql` in frames of up to so many rows, made as they are asked for.

    Of a join, the left side passes by and the right side is held in memory: write the narrow one
    there. DuckDB would hold the one with fewer rows, be they documents.

    Args:
        tables: frames that the query knows as tables, by name.
    """
    for known, table in (tables or {}).items():
        connection.register(known, table.to_arrow())
    connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
    try:
        for batch in connection.sql(query_text(name)).to_arrow_reader(rows):
            yield pl.DataFrame(batch)
    finally:
        connection.execute("RESET disabled_optimizers")


@contextmanager
def _opened(
    store: Store,
    only: Collection[Partition] | None,
    scopes: Mapping[PartitionKind, tuple[type[Row], ...]],
    memory: str,
) -> Iterator[Connection]:
    with attached_catalog(store.snapshots(scopes, only), scopes, memory) as connection:
        yield connection


@contextmanager
def attached_catalog(
    files: Mapping[Partition, Path],
    scopes: Mapping[PartitionKind, tuple[type[Row], ...]] = _SCOPES,
    memory: str = _CATALOG_MEMORY,
) -> Iterator[Connection]:
    """A connection with a view per table over the database files of some partitions.

    What does not fit in `memory` goes to a folder beside the first of them.
    """
    connection = duckdb.connect()
    try:
        configure(connection, memory)
        for path in list(files.values())[:1]:
            spilled = str(path.with_name(f"{path.name}.read.tmp"))
            connection.execute("SET temp_directory = $folder", {"folder": spilled})
        _make_views(connection, files, scopes, _VIEWS)
        yield connection
    finally:
        connection.close()


@contextmanager
def pooled_catalog(
    files: Mapping[Partition, Path], queries: Iterable[str] | None = None
) -> Iterator[Connection]:
    """Like `attached_catalog`, on a pooled instance: to make one is half of what a catalog costs.

    Args:
        queries: all that will be run, for which only the views that they name are created, a
            millisecond each; if not given, all are.
    """
    if not files:
        with attached_catalog(files, memory=MEMORY) as connection:
            yield connection
        return
    names: Collection[str] = _VIEWS
    if queries is not None:
        words = set(_WORD.findall("\n".join(queries)))
        names = _VIEWS if words.intersection(_DERIVED) else words.intersection(_VIEWS)
    with instances().cursor(next(iter(files.values()))) as connection:
        _make_views(connection, files, _SCOPES, names)
        yield connection
        for name in names:
            connection.execute(f'DROP VIEW "{name}"')


def _make_views(
    connection: Connection,
    files: Mapping[Partition, Path],
    scopes: Mapping[PartitionKind, Collection[type[Row]]],
    names: Collection[str],
) -> None:
    attached = _attach(connection, files)
    held = _held_tables(connection)
    for row_type in ALL_TABLES:
        if row_type.TABLE in names:
            connection.execute(_view_sql(row_type, attached, held, scopes))
    for name in _DERIVED:
        if name in names:
            connection.execute(f'CREATE VIEW "{name}" AS {query_text(f"view_{name}")}')


def _attach(connection: Connection, snapshots: Mapping[Partition, Path]) -> dict[Partition, str]:
    attached = {}
    allow_open_files(len(snapshots))
    for number, (partition, path) in enumerate(snapshots.items()):
        alias = f"p{number}"
        attach_snapshot(connection, path, alias)
        attached[partition] = alias
    return attached


def extent(connection: Connection, table: str) -> tuple[int, int]:
    """The first row id that is free in a table of the first partition, and its rows."""
    sql = f'SELECT coalesce(max(rowid) + 1, 0), count(*) FROM {FIRST}."{table}"'
    ((free, rows),) = connection.execute(sql).fetchall()
    return int(free), int(rows)


def rows_between(table: str, domain: str, first: int, end: int | None = None) -> str:
    """What selects the rows of a table of the first partition that have row ids of a range.

    Args:
        domain: its key.
        first, end: row ids, `end` exclusive; all from `first` on if there is none.
    """
    ids = f"rowid >= {first}" + ("" if end is None else f" AND rowid < {end}")
    return f'SELECT \'{domain}\' AS "partition", * FROM {FIRST}."{table}" WHERE {ids}'


def tables_held(connection: Connection) -> set[str]:
    """The tables of the first partition: a file of an older version lacks some."""
    return {table for alias, table in _held_tables(connection) if alias == FIRST}


def _held_tables(connection: Connection) -> set[tuple[str, str]]:
    """Database and table, of all that are attached."""
    return set(
        connection.execute("SELECT database_name, table_name FROM duckdb_tables()").fetchall()
    )


def _view_sql(
    row_type: type[Row],
    attached: dict[Partition, str],
    held: Collection[tuple[str, str]],
    scopes: Mapping[PartitionKind, Collection[type[Row]]],
) -> str:
    """The view of a table. A snapshot that is older than a table, or a column, has none of it."""
    parts = [
        f'SELECT \'{partition.key}\' AS "partition", * FROM {alias}."{row_type.TABLE}"'
        for partition, alias in attached.items()
        if row_type in scopes[partition.kind] and (alias, row_type.TABLE) in held
    ]
    body = " UNION ALL BY NAME ".join([_empty_sql(row_type), *parts])
    return f'CREATE VIEW "{row_type.TABLE}" AS {body}'


def _empty_sql(row_type: type[Row]) -> str:
    columns = ", ".join(
        f'NULL::{spec.duckdb_type} AS "{spec.name}"' for spec in columns_of(row_type)
    )
    return f'SELECT NULL::VARCHAR AS "partition", {columns} WHERE false'
