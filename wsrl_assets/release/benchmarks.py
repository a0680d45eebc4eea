"""Benchmark files: parquet, JSON or a table of text, with a question and its answer in each row."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from wsrl_assets.release.benchmark_layouts import answer_of, questions_of, rows_of, short_answer

_PARQUET, _GZIP, _ZSTD = b"PAR1", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_TABLES = {".csv": ",", ".tsv": "\t"}
_BROKEN = (pa.ArrowException, OSError, EOFError, zlib.error, zstandard.ZstdError, csv.Error)
_NAMED_COLUMNS = 20


class BenchmarkError(ValueError):
    """A benchmark file that cannot be read; the message names the file, the row and the remedy."""


@dataclass(frozen=True, slots=True)
class BenchmarkRow:
    """One row of a benchmark.

    Attributes:
        item: number of the row or line, from 1.
        texts: every string in it, at any depth, or in the columns that were asked for.
        questions: what it asks, see `benchmark_layouts`; several where it has several turns.
        answer: the short answer, if it has one.
    """

    item: int
    texts: tuple[str, ...]
    questions: tuple[str, ...]
    answer: str | None

    @property
    def question(self) -> str | None:
        """The first question."""
        return self.questions[0] if self.questions else None


def read_benchmark(path: Path, columns: Sequence[str] = ()) -> Iterator[BenchmarkRow]:
    """The rows of a benchmark file, whatever its name ends in.

    Args:
        columns: the columns to read; all if none are named. Columns that a file does not have are
            no error, as benchmarks differ, unless it has none of them. Where no column has a known
            name, the first of these holds the question and the second the answer.

    Raises:
        BenchmarkError: the file is missing, of another kind, or broken, or no row of it has a
            question. Rows may have been yielded before.
    """
    if not path.is_file():
        raise BenchmarkError(f"benchmark file {path} does not exist; see WSRL_BENCHMARKS")
    asked = False
    seen: dict[str, None] = {}
    try:
        for item, value in _values(path):
            row = _row(item, value, columns)
            asked = asked or bool(row.questions)
            seen |= dict.fromkeys(value) if isinstance(value, dict) else {}
            yield row
    except _BROKEN as error:
        raise BenchmarkError(f"benchmark file {path} cannot be read: {error}") from None
    if not asked:
        raise BenchmarkError(_no_question(path, columns, list(seen)))


def _row(item: int, value: Any, columns: Sequence[str]) -> BenchmarkRow:
    if not columns or not isinstance(value, dict):
        return BenchmarkRow(item, tuple(_strings(value)), questions_of(value), answer_of(value))
    kept = {name: value[name] for name in columns if name in value}
    values = [*kept.values(), None, None]
    questions = questions_of(kept) or questions_of(values[0])
    answer = answer_of(kept)
    if answer is None and questions_of(values[0]) == questions:
        answer = short_answer(values[1])
    return BenchmarkRow(item, tuple(_strings(kept)), questions, answer)


def _no_question(path: Path, columns: Sequence[str], seen: Sequence[str]) -> str:
    named = ", ".join(map(repr, seen[:_NAMED_COLUMNS])) or "none"
    missing = f" and none of {', '.join(columns)}" if columns else ""
    return (
        f"benchmark file {path} has no question in a column of a known name{missing}, so copies of "
        f"it would pass. Its columns are {named}. Name that of the question, then that of the "
        "answer, in WSRL_BENCHMARK_COLUMNS"
    )


def _values(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start == _PARQUET:
            yield from enumerate(_parquet(file), start=1)
            return
        with _decompressed(file, start) as stream:
            yield from _text_values(path, stream)


def _parquet(file: BinaryIO) -> Iterator[Any]:
    for batch in pq.ParquetFile(file).iter_batches(1000):
        yield from batch.to_pylist()


@contextmanager
def _decompressed(file: BinaryIO, start: bytes) -> Iterator[io.BufferedReader]:
    raw: Any = file
    if start.startswith(_GZIP):
        raw = gzip.GzipFile(fileobj=file)
    elif start == _ZSTD:
        context = zstandard.ZstdDecompressor(max_window_size=1 << 31)
        raw = context.stream_reader(file, read_across_frames=True)
    with io.BufferedReader(raw) as stream:
        yield stream


def _text_values(path: Path, stream: io.BufferedReader) -> Iterator[tuple[int, Any]]:
    first = stream.peek(1 << 16).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    ending = next((end for end in _TABLES if end in path.suffixes), None)
    if ending is not None:
        yield from enumerate(_table(stream, _TABLES[ending]), start=1)
    elif first and first in b'{["':
        yield from _json(path, stream)
    else:
        raise BenchmarkError(
            f"benchmark file {path}: neither parquet, JSON lines, a JSON array nor a .csv or .tsv"
        )


def _table(stream: io.BufferedReader, delimiter: str) -> Iterator[Any]:
    text = io.TextIOWrapper(stream, "utf-8-sig", "replace", newline="")
    csv.field_size_limit(1 << 26)
    yield from csv.DictReader(text, delimiter=delimiter)


def _json(path: Path, stream: io.BufferedReader) -> Iterator[tuple[int, Any]]:
    """JSON lines; or one JSON value that holds all rows, on one line or many."""
    numbered = ((number, line) for number, line in enumerate(stream, start=1) if line.strip())
    head = list(islice(numbered, 2))
    if len(head) == 2 and not _is_part(head[0][1]):
        for number, line in chain(head, numbered):
            yield number, _parsed(path, f"line {number}", line)
        return
    whole = b"".join(line for _, line in chain(head, numbered))
    place = f"line {head[0][0]}" + (" and after" if len(head) == 2 else "")
    yield from enumerate(rows_of(_parsed(path, place, whole)), start=1)


def _is_part(line: bytes) -> bool:
    """Whether a line begins a value that goes on in the next, as `[` or `{"data": [`."""
    try:
        json.loads(line)
    except (ValueError, RecursionError) as error:
        ended = getattr(error, "pos", 0) >= len(line.decode("utf-8", "replace").rstrip())
        return ended or line.strip() in (b"[", b"{")
    return False


def _parsed(path: Path, place: str, text: bytes) -> Any:
    try:
        return json.loads(text.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
        raise BenchmarkError(
            f"benchmark file {path}, {place}: {error}. A file is JSON lines, one value a line, or "
            "one JSON array."
        ) from None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
