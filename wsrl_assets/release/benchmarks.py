"""Benchmark files: parquet or JSON lines, a question and its answer in each row."""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

_QUESTIONS = "question problem prompt inputs input text query instruction task".split()
_ANSWERS = (
    "correct answer|correct_answer|final_answer|answer|answers|targets|target|expected_answer|"
    "label|solution"
).split("|")
_OPTIONS = "options choices endings".split()
# GSM8K's mark before the final number.
_WORKED_ANSWER = re.compile(r"####\s*(.+?)\s*\Z", re.DOTALL)
_MAX_ANSWER_CHARS = 200


class BenchmarkError(ValueError):
    """A benchmark file that cannot be read; the message names the file, the row and the remedy."""


@dataclass(frozen=True, slots=True)
class BenchmarkRow:
    """One row of a benchmark.

    Attributes:
        item: number of the row or line, from 1.
        texts: every string in it, at any depth, or in the columns that were asked for.
        question: the string of the question's column; the first string if no column is known.
        answer: the short answer, where a column of it is known: of a choice its text, of a worked
            solution in GSM8K's manner what stands after `####`.
    """

    item: int
    texts: tuple[str, ...]
    question: str | None
    answer: str | None


def read_benchmark(path: Path, columns: Sequence[str] = ()) -> Iterator[BenchmarkRow]:
    """The rows of a benchmark file.

    Args:
        columns: the columns to read; all if none are named. Columns that a file does not have are
            no error, as benchmarks differ, unless it has none of them.

    Raises:
        BenchmarkError: the file is missing, of another kind, or broken.
    """
    if not path.is_file():
        raise BenchmarkError(f"benchmark file {path} does not exist; see WSRL_BENCHMARKS")
    try:
        found = False
        for item, value in _values(path):
            kept = _chosen(value, columns)
            found = found or kept != {}
            yield _row(item, kept)
        if columns and not found:
            raise BenchmarkError(
                f"benchmark file {path} has none of the columns {', '.join(columns)}; "
                "see WSRL_BENCHMARK_COLUMNS"
            )
    except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error) as error:
        raise BenchmarkError(f"benchmark file {path} cannot be read: {error}") from None


def _values(path: Path) -> Iterator[tuple[int, Any]]:
    if path.suffix == ".parquet":
        yield from enumerate(pl.read_parquet(path).iter_rows(named=True), start=1)
    elif path.name.endswith((".jsonl", ".jsonl.gz", ".json")):
        yield from _json_lines(path)
    else:
        raise BenchmarkError(f"benchmark file {path}: use .parquet, .jsonl or .jsonl.gz")


def _json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
                raise BenchmarkError(
                    f"benchmark file {path}, line {number}: {error}. "
                    "Each line must be one JSON value."
                ) from None


def _chosen(value: Any, columns: Sequence[str]) -> Any:
    if not columns or not isinstance(value, dict):
        return value
    return {name: part for name, part in value.items() if name in columns}


def _row(item: int, value: Any) -> BenchmarkRow:
    texts = tuple(_strings(value))
    if not isinstance(value, dict):
        return BenchmarkRow(item, texts, texts[0] if texts else None, None)
    named = {str(name).lower(): part for name, part in value.items()}
    question = next((named[n] for n in _QUESTIONS if isinstance(named.get(n), str)), None)
    return BenchmarkRow(item, texts, question or (texts[0] if texts else None), _answer(named))


def _answer(named: Mapping[str, Any]) -> str | None:
    value = next((named[name] for name in _ANSWERS if named.get(name) is not None), None)
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    options = next((named[name] for name in _OPTIONS if isinstance(named.get(name), list)), None)
    if options:
        value = _option(value, options)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    worked = _WORKED_ANSWER.search(str(value))
    answer = worked[1] if worked else str(value)
    return answer if len(answer) <= _MAX_ANSWER_CHARS else None


def _option(value: Any, options: list[Any]) -> Any:
    """The text of a choice that is given by its number or letter."""
    if isinstance(value, str) and len(value) == 1 and value.isascii() and value.isalpha():
        value = ord(value.upper()) - ord("A")
    if isinstance(value, int) and 0 <= value < len(options):
        return options[value]
    return value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
