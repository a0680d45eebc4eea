"""A row that was written is the row that is read, with any content."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsrl_assets.storage.schema import (
    Row,
    columns_of,
    create_table_sql,
    frame_of,
    merge_sql,
    rows_of,
)
from wsrl_assets.storage.tables import ALL_TABLES, Personas, Status, Verdict, VerifiedPair
from wsrl_assets_tests.factories import WHEN, call_row, source_document

LEAF: dict[type, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(),
    datetime: st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value that a column of this type may hold."""
    if get_origin(hint) in (Union, UnionType):
        return st.one_of([values_of(arg) for arg in get_args(hint)])
    if hint is type(None):
        return st.none()
    if get_origin(hint) is tuple:
        return st.lists(values_of(get_args(hint)[0]), max_size=4).map(tuple)
    if is_dataclass(hint):
        return any_of(hint)  # type: ignore[arg-type]
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    return LEAF[hint]


def any_of(row_type: type[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(row_type)
    return st.builds(
        row_type, **{item.name: values_of(hints[item.name]) for item in fields(row_type)}
    )


@cache
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


@contextmanager
def table(row_type: type[Row]) -> Iterator[duckdb.DuckDBPyConnection]:
    database().execute(create_table_sql(row_type))
    try:
        yield database()
    finally:
        database().execute(f'DROP TABLE "{row_type.TABLE}"')


def merge(connection: duckdb.DuckDBPyConnection, row_type: type[Row], rows: list[Any]) -> None:
    connection.register("incoming", frame_of(row_type, rows).to_arrow())
    connection.execute(merge_sql(row_type, "incoming"))
    connection.unregister("incoming")


def read(connection: duckdb.DuckDBPyConnection, row_type: type[Row]) -> list[Any]:
    return list(rows_of(row_type, connection.sql(f'FROM "{row_type.TABLE}"').pl()))


def key_of(row: Row) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in row.KEY)


@pytest.mark.parametrize("row_type", ALL_TABLES, ids=lambda row_type: row_type.TABLE)
@given(data=st.data())
@settings(max_examples=12)
def test_any_row_comes_back_as_it_was_written(row_type: type[Row], data: st.DataObject) -> None:
    rows = data.draw(st.lists(any_of(row_type), min_size=1, max_size=4, unique_by=key_of))
    with table(row_type) as connection:
        merge(connection, row_type, rows)
        found = {key_of(row): row for row in read(connection, row_type)}
    assert found == {key_of(row): row for row in rows}


@given(writes=st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 99)), max_size=6)))
@settings(max_examples=40)
def test_last_write_of_a_key_wins_within_a_batch_and_over_batches(
    writes: list[list[tuple[int, int]]],
) -> None:
    with table(type(call_row(0))) as connection:
        for batch in writes:
            merge(connection, type(call_row(0)), [call_row(key, attempts=n) for key, n in batch])
        found = read(connection, type(call_row(0)))
    expected = {f"call-{key}": n for batch in writes for key, n in batch}
    assert {row.call_id: row.attempts for row in found} == expected
    assert len(found) == len(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "before\x00after",
        "\u200b\ufeff\u202e",
        "𝔘𝔫𝔦 🎉 你好 ́",
        "'; DROP TABLE x; --",
        "x" * 5_000_000,
    ],
    ids=["empty", "nul", "inner nul", "invisible", "wide", "quotes", "5 MB"],
)
def test_texts_of_every_kind_are_stored_to_the_letter(text: str) -> None:
    row = replace(source_document(0, "any"), text=text, title=text, doc_id=text[:100])
    with table(type(row)) as connection:
        merge(connection, type(row), [row])
        assert read(connection, type(row)) == [row]


def test_lone_surrogates_of_one_row_neither_stop_a_commit_nor_touch_other_rows() -> None:
    broken = Personas(
        doc_id="1",
        personas=("a \ud800 b",),
        recipe="r",
        run_id="r",
        created_at=WHEN,
        detail="\udfff",
    )
    sound = replace(broken, doc_id="2", personas=("naïve",), detail=None)
    with table(Personas) as connection:
        merge(connection, Personas, [broken, sound])
        first, second = read(connection, Personas)
    assert (first.personas, first.detail) == (("a \ufffd b",), "\ufffd")
    assert second == sound


def test_enums_tuples_and_nested_rows_are_read_as_their_own_types() -> None:
    row = VerifiedPair(
        pair_id="p",
        doc_id="d",
        status=Status.REJECTED,
        verdicts=(Verdict("form", True), Verdict("leak", False, "leaked", "in the question")),
        recipe="r",
        run_id="r",
        created_at=WHEN,
    )
    with table(VerifiedPair) as connection:
        merge(connection, VerifiedPair, [row])
        (found,) = read(connection, VerifiedPair)
    assert found.status is Status.REJECTED
    assert found.verdicts[1] == Verdict("leak", False, "leaked", "in the question")


@pytest.mark.parametrize("row_type", ALL_TABLES, ids=lambda row_type: row_type.TABLE)
def test_every_column_has_a_description_and_every_key_is_a_column(row_type: type[Row]) -> None:
    columns = {spec.name: spec.description for spec in columns_of(row_type)}
    assert all(columns.values())
    assert set(row_type.KEY) <= set(columns)


def test_long_texts_are_compressed_with_zstd() -> None:
    assert '"text" VARCHAR USING COMPRESSION zstd' in create_table_sql(
        type(source_document(0, "text"))
    )
