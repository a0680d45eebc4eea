"""Claims about reading CSV and TSV."""

from pathlib import Path

import pytest

from wsrl_assets.sources.readers import DropReason, SourceError
from wsrl_assets_tests.sources.files import TEXT, read, read_until_fault, reasons, texts, write


def test_row_has_text_title_and_the_cells_beside_them(tmp_path: Path) -> None:
    data = f'title,text,license,empty\nRivers,"{TEXT}\nAnd ""more"".",MIT,\n'
    (row,) = read(write(tmp_path / "a.csv", data))
    assert (row.row_number, row.text, row.title) == (1, f'{TEXT}\nAnd "more".', "Rivers")
    assert row.metadata == {"license": "MIT"}


def test_bad_cells_are_rejected_rows_and_their_neighbours_are_read(tmp_path: Path) -> None:
    data = b"text,id\nbefore,1\ncaf\xe9,2\n,3\n\nafter,4,more\n"
    rows = read(write(tmp_path / "a.csv", data))
    assert texts(rows) == ["before", "after"]
    assert reasons(rows) == {2: DropReason.WRONG_ENCODING, 3: DropReason.NO_TEXT}
    assert [row.metadata["id"] for row in rows] == ["1", "2", "3", "4"]


def test_a_quote_that_is_never_closed_ends_the_shard_with_a_fault(tmp_path: Path) -> None:
    data = 'text\nfirst\n"second\n' + "x" * 9000
    rows, fault = read_until_fault(write(tmp_path / "a.csv", data), max_row_bytes=4096)
    assert texts(rows) == ["first"]
    assert fault.reason is DropReason.CORRUPT_FILE


@pytest.mark.parametrize("data", ["text\n", "id,url\n1,2\n"])
def test_a_table_without_text_is_named(tmp_path: Path, data: str) -> None:
    with pytest.raises(SourceError, match=r'"a\.csv": no '):
        read(write(tmp_path / "a.csv", data))


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    assert texts(read(write(tmp_path / "a.csv", b"\xef\xbb\xbftext,n\r\na,1\r\n"))) == ["a"]
