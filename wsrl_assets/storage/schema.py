"""Table schemas from row dataclasses: one definition gives DDL, Polars types and descriptions."""

import re
import types
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar, TypeVar, Union, get_args, get_origin, get_type_hints

import polars as pl

_SCALARS: dict[type, tuple[str, pl.DataType]] = {
    str: ("VARCHAR", pl.String()),
    int: ("BIGINT", pl.Int64()),
    float: ("DOUBLE", pl.Float64()),
    bool: ("BOOLEAN", pl.Boolean()),
    bytes: ("BLOB", pl.Binary()),
    datetime: ("TIMESTAMPTZ", pl.Datetime("us", "UTC")),
}

_SURROGATE = re.compile("[\ud800-\udfff]")


def column(description: str, *, long: bool = False, default: Any = ...) -> Any:
    """A dataclass field that is a table column.

    `long` marks texts of more than a few hundred characters: DuckDB 2.0 compresses strings
    slowly by default (3.5 s against 0.9 s for 10,000 texts), so these are stored with zstd.
    """
    metadata = {"description": description, "long": long}
    if default is ...:
        return field(metadata=metadata)
    return field(default=default, metadata=metadata)


class Row:
    """Base of the row dataclasses. A subclass is one table: its fields are the columns.

    Attributes:
        TABLE: the table's name.
        KEY: the columns that identify a row; a second write of the same key replaces the first.
        IS_APPENDED: whether each row that is written has a key of its own, so that nothing is
            replaced.
    """

    TABLE: ClassVar[str]
    KEY: ClassVar[tuple[str, ...]]
    IS_APPENDED: ClassVar[bool] = False


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column: its name, DuckDB type, Polars type, description, and whether it is long text."""

    name: str
    duckdb_type: str
    polars_type: pl.DataType
    description: str
    long: bool

    @property
    def ddl(self) -> str:
        compression = " USING COMPRESSION zstd" if self.long else ""
        return f'"{self.name}" {self.duckdb_type}{compression}'


_known: dict[type[Row], tuple[ColumnSpec, ...]] = {}


def columns_of(row_type: type[Row]) -> tuple[ColumnSpec, ...]:
    """The columns of a row dataclass, in order."""
    if row_type not in _known:
        _known[row_type] = _read_columns(row_type)
    return _known[row_type]


def _read_columns(row_type: type[Row]) -> tuple[ColumnSpec, ...]:
    hints = get_type_hints(row_type)
    specs = []
    for item in fields(row_type):  # type: ignore[arg-type]
        duckdb_type, polars_type = _types(hints[item.name])
        specs.append(
            ColumnSpec(
                item.name,
                duckdb_type,
                polars_type,
                item.metadata.get("description", ""),
                item.metadata.get("long", False),
            )
        )
    return tuple(specs)


def create_table_sql(row_type: type[Row]) -> str:
    """`CREATE TABLE IF NOT EXISTS` for a row dataclass.

    No PRIMARY KEY: it doubles the cost of a write. MERGE keeps ids unique, and an asset check
    proves it.
    """
    body = ", ".join(spec.ddl for spec in columns_of(row_type))
    return f'CREATE TABLE IF NOT EXISTS "{row_type.TABLE}" ({body})'


def add_columns_sql(row_type: type[Row], held: Collection[str]) -> list[str]:
    """`ALTER TABLE`, for the columns that a table of an older version does not hold."""
    return [
        f'ALTER TABLE "{row_type.TABLE}" ADD COLUMN {spec.ddl}'
        for spec in columns_of(row_type)
        if spec.name not in held
    ]


def merge_sql(row_type: type[Row], incoming: str) -> str:
    """The MERGE that upserts the relation `incoming` by the table's key."""
    on = " AND ".join(f't."{key}" = i."{key}"' for key in row_type.KEY)
    return (
        f'MERGE INTO "{row_type.TABLE}" t USING {incoming} i ON {on} '
        "WHEN MATCHED THEN UPDATE BY NAME WHEN NOT MATCHED THEN INSERT BY NAME"
    )


def insert_sql(row_type: type[Row], incoming: str) -> str:
    """The INSERT that adds the relation `incoming`, by the names of its columns."""
    return f'INSERT INTO "{row_type.TABLE}" BY NAME SELECT * FROM {incoming}'


def key_hashes_sql(row_type: type[Row], relation: str) -> str:
    """The 64-bit hashes of the keys of a relation, as `key_hash`."""
    columns = ", ".join(f'"{key}"' for key in row_type.KEY)
    return f"SELECT hash({columns}) AS key_hash FROM {relation}"


def frame_of(row_type: type[Row], rows: Sequence[Row]) -> pl.DataFrame:
    """Rows as a frame with the table's columns and types; the last of equal keys wins.

    Lone surrogates, which JSON from a server may hold and no UTF-8 file can, become U+FFFD.
    """
    names = [spec.name for spec in columns_of(row_type)]
    data = {name: [_plain(getattr(row, name)) for row in rows] for name in names}
    frame = frame_of_columns(row_type, data)
    return frame.unique(subset=list(row_type.KEY), keep="last", maintain_order=True)


def frame_of_columns(
    row_type: type[Row], data: Mapping[str, Sequence[Any] | pl.Series]
) -> pl.DataFrame:
    """Columns of plain values, all of a table's, as a frame with its types; as `frame_of`."""
    schema = {spec.name: spec.polars_type for spec in columns_of(row_type)}
    try:
        return pl.DataFrame(data, schema=schema)
    except UnicodeEncodeError:  # seldom enough that the other rows need not pay for a look
        return pl.DataFrame(_without_surrogates(data), schema=schema)


def rows_of(row_type: type[R], frame: pl.DataFrame) -> Iterable[R]:
    """The rows of a frame as dataclasses; the frame must have at least the table's columns."""
    hints = get_type_hints(row_type)
    names = [spec.name for spec in columns_of(row_type)]
    for values in frame.select(names).iter_rows():
        pairs = zip(names, values, strict=True)
        yield row_type(**{name: _typed(value, hints[name]) for name, value in pairs})


def _types(hint: Any) -> tuple[str, pl.DataType]:
    hint = _without_none(hint)
    if hint in _SCALARS:
        return _SCALARS[hint]
    if get_origin(hint) is tuple:
        duckdb_type, polars_type = _types(get_args(hint)[0])
        return f"{duckdb_type}[]", pl.List(polars_type)
    if isinstance(hint, type) and issubclass(hint, str):
        return _SCALARS[str]
    if is_dataclass(hint):
        return _struct_types(hint)
    raise TypeError(f"no column type for {hint!r}")


def _struct_types(hint: Any) -> tuple[str, pl.DataType]:
    hints = get_type_hints(hint)
    members = {item.name: _types(hints[item.name]) for item in fields(hint)}
    duckdb_type = ", ".join(f'"{name}" {kind}' for name, (kind, _) in members.items())
    return f"STRUCT({duckdb_type})", pl.Struct({name: t for name, (_, t) in members.items()})


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        (only,) = (arg for arg in get_args(hint) if arg is not type(None))
        return only
    return hint


def _plain(value: Any) -> Any:
    if value is None or type(value) in _SCALARS:
        return value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    return str(value) if isinstance(value, str) else value


def _typed(value: Any, hint: Any) -> Any:
    """A plain value as its type hint has it: tuples, dataclasses and enums again."""
    if value is None:
        return None
    hint = _without_none(hint)
    if get_origin(hint) is tuple:
        return tuple(_typed(part, get_args(hint)[0]) for part in value)
    if issubclass(hint, Enum):
        return hint(value)
    if isinstance(value, dict):
        hints = get_type_hints(hint)
        return hint(**{name: _typed(part, hints[name]) for name, part in value.items()})
    return value


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_surrogates(item) for key, item in value.items()}
    return value
