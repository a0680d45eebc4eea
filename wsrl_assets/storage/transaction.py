"""An open transaction on a partition, and the queries of `sql/`."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, TypeVar

import polars as pl

from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.keys import KnownKeys
from wsrl_assets.storage.layout import Partition, PartitionKind
from wsrl_assets.storage.operations import Kind, Operation, SegmentError
from wsrl_assets.storage.schema import (
    Row,
    frame_of,
    insert_sql,
    key_hashes_sql,
    merge_sql,
    rows_of,
)
from wsrl_assets.storage.tables import ALL_TABLES, Outcome

R = TypeVar("R", bound=Row)
CHANGES = "row_changes"
"""The table, of one row, whose token is another one after each change to rows that were there."""
_ROW_TYPES = {row_type.TABLE: row_type for row_type in ALL_TABLES}


def query_text(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return resources.files("wsrl_assets.storage").joinpath(f"sql/{name}.sql").read_text("utf-8")


def used(sql: str, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """Those parameters that a query names: it takes no others."""
    return {name: value for name, value in parameters.items() if f"${name}" in sql} or None


def frame(
    connection: Connection,
    name: str,
    tables: Mapping[str, pl.DataFrame] | None = None,
    /,
    **parameters: Any,
) -> pl.DataFrame:
    """The result of `sql/<name>.sql` with its `$name` parameters, as a frame.

    Args:
        tables: frames that the query knows as tables, by name.
    """
    with _registered(connection, tables or {}):
        result: pl.DataFrame = connection.sql(query_text(name), params=parameters or None).pl()
    return result


@contextmanager
def _registered(connection: Connection, tables: Mapping[str, pl.DataFrame]) -> Iterator[None]:
    try:
        for name, table in tables.items():
            connection.register(name, table.to_arrow())
        yield
    finally:
        for name in tables:
            connection.unregister(name)


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction on one partition. Everything merged is committed together.

    That rows of a domain's stages were changed or deleted, and not only added, shows in a token
    in its file, by which what was counted before is known to be out of date (see `additions`).
    """

    partition: Partition
    connection: Connection
    keys: KnownKeys = field(default_factory=KnownKeys)
    changes: list[Operation] | None = None

    def merge(self, rows: Sequence[Row]) -> None:
        """Upserts rows, of any mix of this partition's tables, by their keys.

        Rows of a table whose keys are new by nature, such as the ledger's, are appended.
        """
        by_type: dict[type[Row], list[Row]] = {}
        for row in rows:
            by_type.setdefault(type(row), []).append(row)
        for row_type, same in by_type.items():
            write = self.insert if row_type.IS_APPENDED else self.merge_frame
            write(row_type, frame_of(row_type, same))

    def merge_frame(self, row_type: type[Row], frame: pl.DataFrame) -> None:
        """Upserts the rows of a frame that has the table's columns, by its key."""
        if frame.height:
            self._note(Kind.MERGE, row_type.TABLE, rows=frame)
            self._merge_frame(row_type, frame)

    def insert(self, row_type: type[Row], frame: pl.DataFrame) -> None:
        """Adds a frame of rows that are known to be new, by the names of its columns."""
        self._note(Kind.INSERT, row_type.TABLE, rows=frame)
        with _registered(self.connection, {"incoming_rows": frame}):
            self.connection.execute(insert_sql(row_type, "incoming_rows"))

    def query(
        self, name: str, tables: Mapping[str, pl.DataFrame] | None = None, /, **parameters: Any
    ) -> pl.DataFrame:
        """The result of `sql/<name>.sql`, with `$name` parameters and frames as tables."""
        return frame(self.connection, name, tables, **parameters)

    def where(self, row_type: type[Row], column: str, values: Collection[str]) -> pl.DataFrame:
        """The rows of a table in which a column has one of some values."""
        found: pl.DataFrame = self.connection.sql(
            query_text("where").format(table=row_type.TABLE, column=column),
            params={"values": list(values)},
        ).pl()
        return found

    def delete_where(self, row_type: type[Row], column: str, values: Collection[str]) -> None:
        """Deletes the rows of `where`."""
        sql = query_text("delete_where").format(table=row_type.TABLE, column=column)
        found = list(values)
        self._note(Kind.DELETE_WHERE, row_type.TABLE, {"column": column, "values": found})
        self._note_rewritten(self.connection.execute(sql, {"values": found}).fetchall())

    def execute(self, name: str, **parameters: Any) -> None:
        """Runs `sql/<name>.sql`, a statement, with `$name` parameters: plain ones, as in JSON."""
        self._note(Kind.EXECUTE, name, parameters)
        done = self.connection.execute(query_text(name), parameters or None)
        self._note_rewritten(done.fetchall())

    def frame(self, row_type: type[Row]) -> pl.DataFrame:
        """A whole table; only of those that are small by nature."""
        found: pl.DataFrame = self.connection.sql(f'FROM "{row_type.TABLE}"').pl()
        return found

    def count(self, row_type: type[Row]) -> int:
        """The number of rows of a table."""
        (found,) = self.connection.sql(f'SELECT count(*) FROM "{row_type.TABLE}"').fetchall()
        return int(found[0])

    def rows(self, row_type: type[R]) -> list[R]:
        """All rows of a table, as `frame`."""
        return list(rows_of(row_type, self.frame(row_type)))

    def clear(self, row_type: type[Row]) -> None:
        """Deletes all rows of a table that is rebuilt as a whole."""
        self._note(Kind.CLEAR, row_type.TABLE)
        self._note_rewritten(self.connection.execute(f'DELETE FROM "{row_type.TABLE}"').fetchall())

    def apply(self, operation: Operation) -> None:
        """Does what a transaction did elsewhere.

        Raises:
            SegmentError: it is of a table or statement that this version does not know.
        """
        given = operation.parameters
        if operation.kind is Kind.EXECUTE:
            self.execute(operation.name, **given)
            return
        row_type = _ROW_TYPES.get(operation.name)
        if row_type is None:
            raise SegmentError(
                f"another host writes {operation.name!r} with a newer version: install it here, too"
            )
        if operation.kind is Kind.DELETE_WHERE:
            self.delete_where(row_type, given["column"], given["values"])
        elif operation.kind is Kind.CLEAR:
            self.clear(row_type)
        elif operation.rows is not None:
            write = self.insert if operation.kind is Kind.INSERT else self.merge_frame
            write(row_type, operation.rows)

    def _note(
        self,
        kind: Kind,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        rows: pl.DataFrame | None = None,
    ) -> None:
        """Notes a change, for the log of a home that other hosts share."""
        if self.changes is not None:
            self.changes.append(Operation(kind, name, parameters or {}, rows))

    def _merge_frame(self, row_type: type[Row], frame: pl.DataFrame) -> None:
        if self.keys.wants(row_type):
            self.keys.read(row_type, self._key_hashes(row_type, f'"{row_type.TABLE}"'))
        with _registered(self.connection, {"incoming_rows": frame}):
            sql = merge_sql(row_type, "incoming_rows")
            if self.keys.knows(row_type):
                hashes = self._key_hashes(row_type, "incoming_rows")
                if self.keys.are_new(row_type, hashes):
                    sql = insert_sql(row_type, "incoming_rows")
                self.keys.add(row_type, hashes)
            before = self.count(row_type)
            self.connection.execute(sql)
        if issubclass(row_type, Outcome):
            self._note_rewritten([(before + frame.height - self.count(row_type),)])

    def _note_rewritten(self, result: Sequence[Sequence[Any]]) -> None:
        """Notes that rows were changed or deleted, given what the statement says of how many."""
        if self.partition.kind is PartitionKind.DOMAIN and any(row[0] for row in result):
            self.connection.execute(f"UPDATE {CHANGES} SET token = uuid()::VARCHAR")

    def _key_hashes(self, row_type: type[Row], relation: str) -> pl.Series:
        found: pl.DataFrame = self.connection.sql(key_hashes_sql(row_type, relation)).pl()
        return found["key_hash"]
