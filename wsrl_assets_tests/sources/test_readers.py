"""Claims about batches, whatever the format."""

from pathlib import Path

import pytest

from wsrl_assets.sources.readers import discover, read_rows
from wsrl_assets_tests.sources.files import TEXT, json_lines, write, write_parquet


@pytest.fixture(params=["jsonl", "parquet"])
def ten_rows(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    long_texts = [TEXT * 20] * 10
    if request.param == "parquet":
        return write_parquet(tmp_path / "a.parquet", {"text": long_texts})
    return write(tmp_path / "a.jsonl", json_lines(*({"text": text} for text in long_texts)))


def test_batches_are_bounded_by_rows(ten_rows: Path) -> None:
    batches = list(read_rows(discover(ten_rows)[0], batch_rows=4))
    assert [len(batch) for batch in batches] == [4, 4, 2]


def test_batches_are_bounded_by_bytes(ten_rows: Path) -> None:
    batches = list(read_rows(discover(ten_rows)[0], batch_bytes=len(TEXT) * 50))
    assert [len(batch) for batch in batches] == [2, 2, 2, 2, 2]


def test_row_above_the_bytes_of_a_batch_is_a_batch_by_itself(ten_rows: Path) -> None:
    batches = list(read_rows(discover(ten_rows)[0], batch_bytes=1))
    assert [len(batch) for batch in batches] == [1] * 10


def test_reading_can_be_stopped_halfway(ten_rows: Path) -> None:
    batches = read_rows(discover(ten_rows)[0], batch_rows=1)
    assert len(next(batches)) == 1
    del batches


def test_what_folders_say_is_said_of_their_rows(tmp_path: Path) -> None:
    row = {"text": TEXT, "lang": "de"}
    path = write(
        tmp_path / "license=cc-by-4.0" / "lang=en" / "x=a%2Fb" / "a.jsonl", json_lines(row)
    )
    (only,) = [row for batch in read_rows(discover(path)[0]) for row in batch]
    assert only.metadata == {"license": "cc-by-4.0", "lang": "de", "x": "a/b"}


def test_what_folders_say_is_said_of_the_texts_in_them(tmp_path: Path) -> None:
    write(tmp_path / "notes" / "license=mit" / "a.md", TEXT)
    write(tmp_path / "notes" / "b.md", TEXT)
    rows = [row for batch in read_rows(discover(tmp_path / "notes")[0]) for row in batch]
    assert [row.metadata.get("license") for row in rows] == [None, "mit"]


def test_limits_below_one_are_refused(ten_rows: Path) -> None:
    with pytest.raises(ValueError, match="limits must be 1 or more"):
        read_rows(discover(ten_rows)[0], batch_rows=0)
