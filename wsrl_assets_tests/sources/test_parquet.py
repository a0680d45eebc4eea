"""Claims about reading parquet."""

import datetime
import tracemalloc
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from wsrl_assets.sources.readers import DropReason, SourceError, discover, read_rows
from wsrl_assets_tests.sources.files import (
    TEXT,
    detail,
    read,
    read_until_fault,
    reasons,
    texts,
    write,
    write_parquet,
)

TEXT_TYPES = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.large_binary(),
    pa.dictionary(pa.int32(), pa.string()),
]


@pytest.mark.parametrize("kind", TEXT_TYPES, ids=str)
def test_text_of_every_string_type_is_read(tmp_path: Path, kind: pa.DataType) -> None:
    values = pa.array(["a", None, "東京"], pa.string()).cast(kind)
    rows = read(write_parquet(tmp_path / "a.parquet", {"text": values}))
    assert [row.text for row in rows] == ["a", None, "東京"]
    assert reasons(rows) == {2: DropReason.NO_TEXT}
    assert detail(rows) == 'column "text" is null'


def test_row_has_title_and_the_values_beside_it_nested_ones_too(tmp_path: Path) -> None:
    columns = {
        "title": ["Rivers"],
        "text": [TEXT],
        "id": [7],
        "score": [0.5],
        "ok": [True],
        "price": [Decimal("1.20")],
        "day": [datetime.date(2024, 2, 29)],
        "at": pa.array([1], pa.timestamp("ns")),
        "empty": pa.nulls(1),
        "tags": [["a"]],
        "meta": [{"url": "x", "inner": {"license": "mit", "vector": [0.5]}}],
        "map": pa.array([[("spdx", "MIT")]], pa.map_(pa.string(), pa.string())),
        "vector": [[0.5, 0.25]],
        "rows": [[{"a": "b"}]],
    }
    (row,) = read(write_parquet(tmp_path / "a.parquet", columns))
    assert (row.row_number, row.text, row.title) == (1, TEXT, "Rivers")
    assert row.metadata == {
        "id": "7",
        "score": "0.5",
        "ok": "true",
        "price": "1.20",
        "day": "2024-02-29",
        "at": "1970-01-01 00:00:00.000000001",
        "tags": '["a"]',
        "meta.url": "x",
        "meta.inner.license": "mit",
        "map.spdx": "MIT",
    }


def test_row_numbers_go_on_over_row_groups(tmp_path: Path) -> None:
    names = [str(number) for number in range(10)]
    path = write_parquet(tmp_path / "a.parquet", {"text": names}, row_group_size=3)
    rows = read(path, batch_rows=2)
    assert [(row.row_number, row.text) for row in rows] == list(enumerate(names, start=1))


def test_bytes_that_are_no_utf8_are_a_rejected_row(tmp_path: Path) -> None:
    bad = pa.array([b"good", b"caf\xe9", b"\x89PNG\0"])
    for name, values in [("binary", bad), ("string", bad.view(pa.string()))]:
        rows = read(write_parquet(tmp_path / f"{name}.parquet", {"text": values}))
        assert texts(rows) == ["good"]
        assert reasons(rows) == {2: DropReason.WRONG_ENCODING, 3: DropReason.WRONG_ENCODING}
        assert rows[1].detail == "not UTF-8: byte 0xE9 at offset 3"


def test_blank_and_too_large_cells_are_rejected_rows(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"text": ["a", " ", "b" * 5000], "id": [1, 2, 3]})
    rows = read(path, max_row_bytes=4096)
    assert reasons(rows) == {2: DropReason.NO_TEXT, 3: DropReason.ROW_TOO_LARGE}
    assert rows[2].metadata == {"id": "3"}


def test_column_is_guessed_among_the_columns_that_hold_text(tmp_path: Path) -> None:
    columns = {"text": [1], "Body": ["a"], "notes": ["longer"], "nested": [["longest of all"]]}
    assert texts(read(write_parquet(tmp_path / "a.parquet", columns))) == ["a"]


def test_column_asked_for_that_holds_no_text_is_named(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"text": [1], "body": ["a"]})
    with pytest.raises(SourceError, match=r'column "text" holds int64, not text\. Name another'):
        read(path, text_column="text")


def test_column_asked_for_that_is_missing_lists_the_columns_found(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"id": [1], "body": ["a"]})
    with pytest.raises(SourceError, match='no column "text"; its columns are "id", "body"'):
        read(path, text_column="text")


def test_file_without_any_text_column_lists_the_columns_found(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"id": [1], "tags": [["a"]]})
    with pytest.raises(SourceError, match=r'no column that holds text; .*"id", "tags".*--text-col'):
        read(path)


@pytest.mark.parametrize("other", ["a.b", "text", "text.x", "'; DROP TABLE documents; --", ""])
def test_strange_column_names_are_read(tmp_path: Path, other: str) -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["a"])], names=[other, "text"])
    path = tmp_path / "a.parquet"
    pa.parquet.write_table(table, path)
    assert texts(read(path)) == ["a"]


def test_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r'shard "a\.parquet": not a readable parquet file'):
        read(write(tmp_path / "a.parquet", b"PAR1 and then something else"))


def test_parquet_cut_off_in_copying_is_named(tmp_path: Path) -> None:
    data = write_parquet(tmp_path / "a.parquet", {"text": [TEXT] * 100}).read_bytes()
    with pytest.raises(SourceError, match=r"not a readable parquet file.*Copy or write it again"):
        read(write(tmp_path / "b.parquet", data[:-20]))


def test_file_with_no_rows_is_named(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"text": pa.array([], pa.string())})
    with pytest.raises(SourceError, match=r'shard "a\.parquet": no rows in it'):
        read(path)


@pytest.mark.parametrize("group_rows", [100, 1000])
def test_damaged_page_keeps_the_row_groups_before_it(tmp_path: Path, group_rows: int) -> None:
    names = [f"{number} {TEXT}" for number in range(4000)]
    path = write_parquet(
        tmp_path / "a.parquet",
        {"text": names},
        row_group_size=group_rows,
        compression="gzip",
        use_dictionary=False,
    )
    third_group = pa.parquet.ParquetFile(path).metadata.row_group(2).column(0)
    data = bytearray(path.read_bytes())
    start = third_group.data_page_offset + 40
    data[start : start + 200] = bytes(200)
    rows, fault = read_until_fault(write(tmp_path / "b.parquet", bytes(data)))
    assert len(texts(rows)) == 2 * group_rows
    assert fault.reason is DropReason.CORRUPT_FILE


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    schema = pa.schema({"text": pa.string()})
    with pa.parquet.ParquetWriter(path, schema, use_dictionary=False, compression="none") as writer:
        for _ in range(10):
            writer.write_table(pa.table({"text": ["x" * 10_000] * 1000}), row_group_size=10_000)
    (shard,) = discover(path)
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    pool = pa.default_memory_pool()
    rows = peak_arrow = 0
    for batch in read_rows(shard, batch_bytes=2**20):
        rows += len(batch)
        peak_arrow = max(peak_arrow, pool.bytes_allocated() - before)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 10_000
    assert peak_bytes < 20 * 2**20
    assert peak_arrow < 40 * 2**20
