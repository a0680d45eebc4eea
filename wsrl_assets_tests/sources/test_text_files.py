"""Claims about reading text files."""

from pathlib import Path

import pytest

from wsrl_assets.sources.readers import DropReason, ShardFault, discover, read_rows
from wsrl_assets_tests.sources.files import TEXT, detail, read, reasons, write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_file_is_one_document_in_utf8_or_marked_utf16(tmp_path: Path, encoding: str) -> None:
    (row,) = read(write(tmp_path / "a.md", "# Café\n\n東京\n".encode(encoding)))
    assert row.text == "# Café\n\n東京\n"
    assert row.metadata == {"file": "a.md"}


def test_files_of_a_folder_are_rows_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.md", "c d'e.txt"):
        write(tmp_path / "notes" / name, name)
    rows = read(tmp_path / "notes")
    assert [(row.row_number, row.text) for row in rows] == [
        (1, "a/z.md"),
        (2, "b.txt"),
        (3, "c d'e.txt"),
    ]
    assert rows[0].metadata == {"file": "a/z.md"}


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (b"", DropReason.NO_TEXT, "blank"),
        (b" \n\t", DropReason.NO_TEXT, "blank"),
        (b"caf\xe9 au lait", DropReason.WRONG_ENCODING, "not UTF-8: byte 0xE9 at offset 3"),
        (b"\xff\xfea\x00\x00\xd8", DropReason.BINARY, "NUL"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", DropReason.BINARY, "NUL at offset 8"),
        (b"text\0text", DropReason.BINARY, "NUL at offset 4"),
        ("a".encode("utf-16-le"), DropReason.BINARY, "NUL"),
        (b"x" * 5000, DropReason.ROW_TOO_LARGE, "(max_row_bytes)"),
    ],
)
def test_bad_file_is_a_rejected_row_and_its_neighbours_are_read(
    tmp_path: Path, data: bytes, reason: DropReason, words: str
) -> None:
    write(tmp_path / "notes" / "a.txt", TEXT)
    write(tmp_path / "notes" / "b.txt", data)
    write(tmp_path / "notes" / "c.txt", TEXT)
    rows = read(tmp_path / "notes", max_row_bytes=4096)
    assert [row.text for row in rows] == [TEXT, None, TEXT]
    assert reasons(rows) == {2: reason}
    assert words in detail(rows)
    assert rows[1].metadata == {"file": "b.txt"}


def test_file_that_went_away_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "notes" / "b.txt", TEXT)
    (shard,) = discover(tmp_path / "notes")
    path.unlink()
    with pytest.raises(ShardFault, match=r'notes/b\.txt" does not exist'):
        list(read_rows(shard))
