"""Claims about reading JSON lines, good and bad."""

import gzip
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsrl_assets.sources.readers import DropReason, ShardFault, SourceError, discover, read_rows
from wsrl_assets_tests.sources.files import (
    TEXT,
    compressed,
    detail,
    json_lines,
    read,
    read_until_fault,
    reasons,
    texts,
    write,
)

COMPRESSED = [".jsonl.gz", ".jsonl.zst"]


def test_row_has_text_title_and_the_single_values_beside_them(tmp_path: Path) -> None:
    row = {
        "text": TEXT,
        "title": "Rivers",
        "license": "CC-BY-4.0",
        "id": 7,
        "score": 0.5,
        "ok": True,
        "nothing": None,
        "tags": ["a"],
        "meta": {"url": "x"},
    }
    (only,) = read(write(tmp_path / "a.jsonl", json_lines(row)))
    assert (only.row_number, only.text, only.title) == (1, TEXT, "Rivers")
    assert only.metadata == {
        "license": "CC-BY-4.0",
        "id": "7",
        "score": "0.5",
        "ok": "true",
        "tags": '["a"]',
        "meta.url": "x",
    }


def test_row_number_is_the_line_and_blank_lines_are_no_rows(tmp_path: Path) -> None:
    rows = read(write(tmp_path / "a.jsonl", '\n{"text": "a"}\n  \n\n{"text": "b"}'))
    assert [(row.row_number, row.text) for row in rows] == [(2, "a"), (5, "b")]


def test_windows_line_ends_and_byte_order_mark_are_read(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbf{"text": "a"}\r\n{"text": "b"}\r\n'
    assert texts(read(write(tmp_path / "a.jsonl", data))) == ["a", "b"]


def test_of_a_doubled_key_the_last_counts(tmp_path: Path) -> None:
    assert texts(read(write(tmp_path / "a.jsonl", '{"text": "a", "text": "b"}'))) == ["b"]


def test_unicode_line_separators_inside_a_text_end_no_line(tmp_path: Path) -> None:
    text = "a\u2028b\u0085c"
    data = f'{{"text": "{text}"}}\n'
    assert texts(read(write(tmp_path / "a.jsonl", data))) == [text]


@pytest.mark.parametrize(
    ("line", "reason", "words"),
    [
        (b'{"text": "a",}', DropReason.BAD_JSON, "not JSON ("),
        (b'{"text": "a"', DropReason.BAD_JSON, "at character 13"),
        (b"<html>", DropReason.BAD_JSON, "not JSON (Expecting value at character 1)"),
        (b'{"text": "a"} {"text": "b"}', DropReason.BAD_JSON, "Extra data"),
        (b"[" * 100_000, DropReason.BAD_JSON, "nested too deeply"),
        (b'{"text": "a", "n": ' + b"9" * 5000 + b"}", DropReason.BAD_JSON, "limit"),
        (b'["a"]', DropReason.NOT_AN_OBJECT, "a JSON array, not an object"),
        (b'"a"', DropReason.NOT_AN_OBJECT, "a JSON string"),
        (b"null", DropReason.NOT_AN_OBJECT, "a JSON null"),
        (b"true", DropReason.NOT_AN_OBJECT, "a JSON boolean"),
        (b"12", DropReason.NOT_AN_OBJECT, "a JSON number"),
        (b'{"id": 1}', DropReason.NO_TEXT, 'column "text" is missing'),
        (b'{"text": null}', DropReason.NO_TEXT, 'column "text" is null'),
        (b'{"text": " \\n"}', DropReason.NO_TEXT, 'column "text" is blank'),
        (b'{"text": ["a"]}', DropReason.TEXT_NOT_A_STRING, 'column "text" holds a list'),
        (b'{"text": 12}', DropReason.TEXT_NOT_A_STRING, 'column "text" holds a int'),
        (b'{"text": "caf\xe9"}', DropReason.WRONG_ENCODING, "byte 0xE9 at offset 13"),
        (b'{"text": "\xed\xa0\x80"}', DropReason.WRONG_ENCODING, "not UTF-8"),
        (b'{"text": "a\x00"}', DropReason.BINARY, "a NUL byte at offset 11"),
        (b"\xff" * 50, DropReason.WRONG_ENCODING, "byte 0xFF at offset 0"),
    ],
)
def test_bad_line_is_a_rejected_row_and_its_neighbours_are_read(
    tmp_path: Path, line: bytes, reason: DropReason, words: str
) -> None:
    data = json_lines({"text": "before"}) + line + b"\n" + json_lines({"text": "after"})
    rows = read(write(tmp_path / "a.jsonl", data))
    assert texts(rows) == ["before", "after"]
    assert reasons(rows) == {2: reason}
    assert words in detail(rows)


def test_rejected_row_keeps_what_helps_to_find_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", json_lines({"text": None, "id": "x1"}))
    (row,) = read(path, text_column="text")
    assert row.metadata == {"id": "x1"}


def test_file_of_bad_lines_alone_is_all_rejected_rows(tmp_path: Path) -> None:
    rows = read(write(tmp_path / "a.jsonl", "nope\n[]\n"))
    assert reasons(rows) == {1: DropReason.BAD_JSON, 2: DropReason.NOT_AN_OBJECT}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=400),
    st.sampled_from([".jsonl", ".jsonl.gz", ".jsonl.zst", ".txt", ".parquet"]),
)
def test_any_bytes_at_all_give_rows_or_a_source_error(
    tmp_path: Path, data: bytes, ending: str
) -> None:
    path = write(tmp_path / f"a{ending}", data)
    try:
        rows = read(path)
    except SourceError:
        return
    assert all((row.text is None) == (row.reason is not None) for row in rows)


# The text column


def test_column_that_was_asked_for_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", json_lines({"text": "a", "Story": "b"}))
    assert texts(read(path, text_column="Story")) == ["b"]
    assert texts(read(path, text_column="story")) == ["b"]


def test_missing_column_lists_the_columns_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", json_lines({"id": 1, "Story": "b"}))
    message = r'"a.jsonl": no column "text"; its columns are "id", "Story"\..*--text-column or W'
    with pytest.raises(SourceError, match=message):
        read(path, text_column="text")


def test_no_column_of_text_lists_the_columns_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", json_lines({"id": 1, "n": [1]}))
    with pytest.raises(SourceError, match='no column that holds text; its columns are "id", "n"'):
        read(path)


# Files that are not what they say


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.jsonl", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "the file is binary, not JSON lines"),
        ("a.jsonl", b"PAR1\x15\x00\x00", "the file is binary"),
        ("a.jsonl", '{"text": "a"}\n'.encode("utf-16"), "the file is UTF-16. Convert it: iconv"),
        ("a.jsonl", '{"text": "a"}\n'.encode("utf-16-le"), "the file is binary"),
        ("a.jsonl.gz", gzip.compress(b"\0" * 100, mtime=0), "the file is binary"),
        (
            "a.jsonl",
            b"one, two\n" * 1000,
            r"none of its first 1,000 lines is .* \(line 1:",
        ),
        ("a.jsonl", b"\n\n \n", "no rows in it"),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0), "no rows in it"),
    ],
)
def test_file_that_is_something_else_is_named_with_a_remedy(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    with pytest.raises(SourceError, match=f'shard "{name}": .*{words}'):
        read(write(tmp_path / name, data))


# Compression


@pytest.mark.parametrize("ending", COMPRESSED)
def test_compressed_lines_are_read(tmp_path: Path, ending: str) -> None:
    data = json_lines(*({"text": f"{number} {TEXT}"} for number in range(3000)))
    rows = read(write(tmp_path / f"a{ending}", compressed(ending, data)))
    assert [row.row_number for row in rows] == list(range(1, 3001))
    assert rows[-1].text == f"2999 {TEXT}"


@pytest.mark.parametrize("ending", COMPRESSED)
def test_streams_one_after_another_are_read_to_the_end(tmp_path: Path, ending: str) -> None:
    data = b"".join(compressed(ending, json_lines({"text": name})) for name in "abc")
    assert texts(read(write(tmp_path / f"a{ending}", data))) == ["a", "b", "c"]


def test_zstd_frames_to_be_skipped_are_skipped(tmp_path: Path) -> None:
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"abcd"
    data = skippable + zstandard.compress(b'{"text": "a"}') + skippable
    assert texts(read(write(tmp_path / "a.jsonl.zst", data))) == ["a"]


@pytest.mark.parametrize("ending", COMPRESSED)
@pytest.mark.parametrize("kept_share", [0.2, 0.5, 0.999])
def test_truncated_stream_keeps_the_rows_before_the_break(
    tmp_path: Path, ending: str, kept_share: float
) -> None:
    lines = json_lines(*({"text": f"{number**7} {number**9}"} for number in range(60_000)))
    data = compressed(ending, lines)
    path = write(tmp_path / f"a{ending}", data[: int(len(data) * kept_share)])
    rows, fault = read_until_fault(path)
    assert all(row.reason is None for row in rows)
    assert fault.reason is DropReason.TRUNCATED_FILE
    assert f'"a{ending}": {len(rows):,} rows were read, then: the file ends inside' in str(fault)
    assert len(rows) > 60_000 * kept_share * 0.3


@pytest.mark.parametrize("ending", COMPRESSED)
def test_damaged_stream_ends_the_shard_with_a_fault(tmp_path: Path, ending: str) -> None:
    data = bytearray(compressed(ending, json_lines(*({"text": f"{n**9}"} for n in range(9999)))))
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    _, fault = read_until_fault(write(tmp_path / f"a{ending}", bytes(data)))
    assert fault.reason in (DropReason.CORRUPT_FILE, DropReason.TRUNCATED_FILE)


@pytest.mark.parametrize("window_log", [10, 27, 28, 31])
def test_zstd_of_every_window_is_read(tmp_path: Path, window_log: int) -> None:
    """As `zstd --long=31` writes it, which the dumps of forums are made with."""
    parameters = zstandard.ZstdCompressionParameters(window_log=window_log, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = compressor.compress(json_lines(*[{"text": TEXT}] * 50)) + compressor.flush()
    assert texts(read(write(tmp_path / "a.jsonl.zst", data))) == [TEXT] * 50


def test_zstd_bomb_ends_the_shard_in_bounded_memory(tmp_path: Path) -> None:
    compressor = zstandard.ZstdCompressor().compressobj()
    chunks = [compressor.compress(bytes([32]) * 2**20) for _ in range(300)]
    data = b"".join([*chunks, compressor.flush()])
    (shard,) = discover(write(tmp_path / "a.jsonl.zst", data))
    tracemalloc.start()
    with pytest.raises(ShardFault, match=r"compression bomb: .* unpack it first") as fault:
        list(read_rows(shard, max_row_bytes=2**20))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert fault.value.reason == DropReason.CORRUPT_FILE
    assert peak_bytes < 100 * 2**20


# Bounds


def test_huge_line_is_skipped_without_being_held(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(b'{"text": "before"}\n{"text": "')
        for _ in range(64):
            file.write(b"x" * 2**20)
        file.write(b'"}\n{"text": "after"}\n')
    (shard,) = discover(path)
    tracemalloc.start()
    rows = [row for batch in read_rows(shard, max_row_bytes=2**20) for row in batch]
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert texts(rows) == ["before", "after"]
    assert "64.0 MiB is above the limit of 1.0 MiB" in detail(rows)
    assert peak_bytes < 10 * 2**20


def test_line_of_just_the_limit_is_read(tmp_path: Path) -> None:
    line = b'{"text": "abcdefgh"}'
    path = write(tmp_path / "a.jsonl", line + b"\n" + line)
    assert texts(read(path, max_row_bytes=len(line))) == ["abcdefgh"] * 2
    assert reasons(read(path, max_row_bytes=len(line) - 1)) == {
        1: DropReason.ROW_TOO_LARGE,
        2: DropReason.ROW_TOO_LARGE,
    }


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path) -> None:
    data = json_lines({"text": TEXT * 8, "id": 1}) * 40_000
    (shard,) = discover(write(tmp_path / "a.jsonl", data))
    del data
    tracemalloc.start()
    count = sum(len(batch) for batch in read_rows(shard))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 40_000
    assert peak_bytes < 12 * 2**20
