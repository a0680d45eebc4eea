"""A file that stands for far more than it holds ends with a reason, in bounded memory and time."""

import gzip
import io
import json
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

_MIB = 2**20
_LINE = b'{"text": "The river rises in the hills and runs for 340 kilometres to the sea."}\n'
_LONG_ROW = _LINE.replace(b"The river", b"The river " + b"l" * 5_000)
_MOST_MEMORY_MIB = 900
_MOST_CPU_S = 60.0


def _gz(chunk: bytes, times: int, head: bytes = b"") -> bytes:
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1) as out:
        out.write(head)
        for _ in range(times):
            out.write(chunk)
    return file.getvalue()


def _zst(chunk: bytes, times: int, head: bytes = b"") -> bytes:
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    parts = [packer.compress(head), *(packer.compress(chunk) for _ in range(times))]
    return b"".join([*parts, packer.flush()])


def _zip(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("inner.jsonl", data)
    return file.getvalue()


def _parquet(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd", **options)
    return file.getvalue()


def _dictionary(value_mib: int, rows: int) -> bytes:
    value = pa.array(["x" * (value_mib * _MIB)])
    column = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), value)
    return _parquet(pa.table({"text": column}), dictionary_pagesize_limit=2**30)


def _honest_parquet() -> bytes:
    return _parquet(pa.table({"text": [f"The river {n} is long." for n in range(1000)]}))


def _footer(change: Callable[[bytes], bytes]) -> bytes:
    """A parquet file whose footer is changed, and its length made right again."""
    data = _honest_parquet()
    (size,) = struct.unpack("<I", data[-8:-4])
    footer = change(data[-8 - size : -8])
    return data[: -8 - size] + footer + struct.pack("<I", len(footer)) + b"PAR1"


def _with_length(length: int) -> bytes:
    return _honest_parquet()[:-8] + struct.pack("<I", length) + b"PAR1"


def _thousand_as(count: bytes) -> bytes:
    """The footer says another number of rows: 1000 is zigzag varint d0 0f."""
    return _footer(lambda footer: footer.replace(b"\xd0\x0f", count))


# By name: ending, content, and a reason that one of its rows or its end must have; None where it is
# plain though odd, and must be read whole.
BOMBS: dict[str, tuple[str, Callable[[], bytes], str | None]] = {
    "gzip of one line": (".jsonl.gz", lambda: _gz(b" " * _MIB, 256), "corrupt_file"),
    "gzip of blank lines": (".jsonl.gz", lambda: _gz(b"\n" * _MIB, 256), "corrupt_file"),
    "gzip of zeros": (".jsonl.gz", lambda: _gz(b"\0" * _MIB, 256, b"{"), "refused"),
    "gzip of one row again": (".jsonl.gz", lambda: _gz(_LONG_ROW * 200, 256), "corrupt_file"),
    "gzip behind good rows": (".jsonl.gz", lambda: _gz(b"x" * _MIB, 256, _LINE), "corrupt_file"),
    "gzip of a text": (".txt.gz", lambda: _gz(b"a" * _MIB, 256), "row_too_large"),
    "gzip of table rows": (".csv.gz", lambda: _gz(b" \n" * _MIB, 96, b"text\n"), "corrupt_file"),
    "gzip of one cell": (".csv.gz", lambda: _gz(b"a" * _MIB, 256, b'text\n"'), "corrupt_file"),
    "gzip in gzip": (".jsonl.gz", lambda: gzip.compress(_gz(b" " * _MIB, 256)), "refused"),
    "gzip ten deep": (".jsonl.gz", lambda: _nested(10), "refused"),
    "zip in gzip": (".jsonl.gz", lambda: gzip.compress(_zip(_LINE * 9)), "refused"),
    "zip by name of gzip": (".jsonl.gz", lambda: _zip(_LINE * 9), "refused"),
    "zip": (".zip", lambda: _zip(_LINE * 9), "refused"),
    "zstd of one line": (".jsonl.zst", lambda: _zst(b" " * _MIB, 256), "corrupt_file"),
    "zstd of zeros": (".jsonl.zst", lambda: _zst(b"\0" * _MIB, 256, b"{"), "refused"),
    "zstd of one row again": (".jsonl.zst", lambda: _zst(_LONG_ROW * 200, 256), "corrupt_file"),
    "zstd of table rows": (
        ".csv.zst",
        lambda: _zst(_LONG_ROW * 200, 256, b"text\n"),
        "corrupt_file",
    ),
    "zstd in gzip": (".jsonl.gz", lambda: gzip.compress(_zst(b" " * _MIB, 256)), "refused"),
    "gzip without an ending": (".data", lambda: _gz(b"{" * _MIB, 256), None),
    "dictionary of 8 MiB": (".parquet", lambda: _dictionary(8, 20_000), "corrupt_file"),
    "dictionary of 60 MiB": (".parquet", lambda: _dictionary(60, 2_000), "corrupt_file"),
    "dictionary of 100 MiB": (".parquet", lambda: _dictionary(100, 20), "row_too_large"),
    "rows of nothing": (".parquet", lambda: _nulls(3_000_000), "corrupt_file"),
    "columns by the thousand": (".parquet", lambda: _wide(3_000), None),
    "footer of more rows": (".parquet", lambda: _thousand_as(b"\xd0\x8f\x7f"), "corrupt_file"),
    "footer of fewer rows": (".parquet", lambda: _thousand_as(b"\xd0\x01"), None),
    "footer of huge length": (".parquet", lambda: _with_length(2**31), "refused"),
    "footer longer than all": (".parquet", lambda: _with_length(10**6), "refused"),
    "footer of no length": (".parquet", lambda: _with_length(0), "refused"),
    "footer of zeros": (".parquet", lambda: _footer(lambda f: b"\0" * len(f)), "refused"),
    "footer of ones": (".parquet", lambda: _footer(lambda f: b"\xff" * len(f)), "refused"),
    "pages of noise": (".parquet", lambda: _noise(), "corrupt_file"),
    "JSON 10,000 deep": (".jsonl", lambda: _deep(b"[", b"]", 10_000), "bad_json"),
    "JSON objects deep": (".jsonl", lambda: _deep(b'{"a":', b"}", 100_000), "bad_json"),
    "JSON deep and open": (".jsonl", lambda: _LINE + b'{"a":' * 1_000_000 + b"\n", "bad_json"),
    "JSON of a million keys": (".jsonl", lambda: _keys(1_000_000), None),
    "JSON of a long key": (".jsonl", lambda: _row({"k" * 10_000_000: 1, "text": "a b"}), None),
    "JSON of a long number": (".jsonl", lambda: b'{"a": ' + b"9" * _MIB + b"}\n", "bad_json"),
    "JSON of a long list": (".jsonl", lambda: _row({"text": "a b", "l": [1] * 10**6}), None),
    "JSON in JSON in JSON": (".jsonl", lambda: _row({"text": "a b", "m": _strings(12)}), None),
    "no column to choose": (
        ".jsonl",
        lambda: _row({f"id{n}_id": n for n in range(10**5)}),
        "refused",
    ),
    "a line above the limit": (".jsonl", lambda: _LINE + b"x" * (80 * _MIB), "row_too_large"),
    "table of many columns": (".csv", lambda: b",".join([b"c"] * 200_000) + b",text\n1", "refused"),
    "table of commas": (".csv", lambda: b"text,b\n" + b"," * (8 * _MIB) + b"\n", "refused"),
    "table of quotes": (".csv", lambda: b"text\n" + b'"' * (32 * _MIB + 1), None),
}


def _nested(times: int) -> bytes:
    data = _LINE
    for _ in range(times):
        data = gzip.compress(data)
    return data


def _nulls(rows: int) -> bytes:
    column = pa.concat_arrays([pa.array(["The river is long."]), pa.nulls(rows, pa.string())])
    return _parquet(pa.table({"text": column}), row_group_size=rows + 1)


def _wide(columns: int) -> bytes:
    return _parquet(pa.table({**{f"c{n}": ["a"] for n in range(columns)}, "text": ["a river"]}))


def _noise() -> bytes:
    data = bytearray(_honest_parquet())
    data[40:400] = bytes(n * 37 % 251 for n in range(360))
    return bytes(data)


def _row(row: dict[str, Any]) -> bytes:
    return json.dumps(row).encode() + b"\n"


def _keys(count: int) -> bytes:
    return _row({**{f"k{n}": n for n in range(count)}, "text": "The river is long."})


def _deep(opening: bytes, closing: bytes, depth: int) -> bytes:
    return _LINE + opening * depth + b"1" + closing * depth + b"\n"


def _strings(depth: int) -> str:
    text = "x"
    for _ in range(depth):
        text = json.dumps({"a": text})
    return text


def _read(path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "wsrl_assets_tests.hostile.reading", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return dict(json.loads(ended.stdout))


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_with_a_reason_in_bounded_memory_and_time(name: str, tmp_path: Path) -> None:
    ending, make, reason = BOMBS[name]
    path = tmp_path / f"a{ending}"
    path.write_bytes(make())
    found = _read(path)
    if reason is not None:
        assert reason in found["reasons"], found
    assert found["cpu_s"] < _MOST_CPU_S, found
    assert found["memory_mib"] < _MOST_MEMORY_MIB, found
    assert len(found["said"]) < 5_000


def test_good_rows_before_a_bomb_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(_gz(b" " * _MIB, 256, _LINE * 3))
    found = _read(path)
    assert found["kept"] == 3
    assert "3 rows were read, then: a compression bomb" in found["said"]


def test_a_file_that_shrinks_well_is_read_whole(tmp_path: Path) -> None:
    """Real text that repeats itself a good deal: a hundredth of its size is no bomb."""
    lines = b"".join(
        json.dumps({"text": f"Row {n}. " + "The river rises in the hills. " * 40}).encode() + b"\n"
        for n in range(20_000)
    )
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(lines))
    assert len(lines) > 20 * path.stat().st_size
    assert _read(path)["kept"] == 20_000
