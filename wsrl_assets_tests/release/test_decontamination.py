"""Benchmark copies are found by shared n-grams, and broken benchmark files by file and line."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest

from wsrl_assets.release.decontamination import (
    BenchmarkError,
    overlaps,
    read_benchmark,
    text_hashes,
)

# Written for this test, in the manner of a benchmark question.
LONG = (
    "A baker sells twelve loaves of rye bread on Monday, twice as many on Tuesday, and half as "
    "many on Wednesday as on Monday; how many loaves does the baker sell in the three days?"
)
SHORT = "Which metal melts in a warm hand?"


def hashes(texts: Iterable[str]) -> set[str]:
    return {value for text in texts for value in text_hashes(text)}


class TestOverlap:
    @pytest.mark.parametrize(
        "question",
        [
            LONG,
            LONG.upper().replace(",", " ,"),
            "Read this. " + LONG + " Give a number.",
            "On a market day, " + " ".join(LONG.split()[5:22]) + " and so on?",
        ],
    )
    def test_a_long_copy_is_caught_whole_or_in_part(self, question: str) -> None:
        assert overlaps(question, hashes([LONG]))

    @pytest.mark.parametrize(
        "question",
        [
            " ".join(LONG.split()[:12]) + " and nothing more?",
            "A baker sells twelve loaves of wheat bread on Friday, and half as many on Sunday; "
            "how many loaves of bread does the baker sell on these two days?",
            "",
        ],
    )
    def test_twelve_common_words_are_no_copy(self, question: str) -> None:
        assert not overlaps(question, hashes([LONG]))

    @pytest.mark.parametrize("question", [SHORT, "which metal melts, in a warm hand"])
    def test_a_short_question_is_compared_whole(self, question: str) -> None:
        assert overlaps(question, hashes([SHORT]))

    @pytest.mark.parametrize("question", [SHORT + " Say why.", "Which metal melts in a hand?"])
    def test_a_short_question_with_other_words_is_no_copy(self, question: str) -> None:
        assert not overlaps(question, hashes([SHORT]))

    @pytest.mark.parametrize("text", ["Paris", "True", "all of the above", "What is 2 + 2?"])
    def test_texts_under_six_words_say_too_little(self, text: str) -> None:
        assert text_hashes(text) == set()

    def test_without_benchmarks_nothing_overlaps(self) -> None:
        assert not overlaps(LONG, frozenset())


class TestFiles:
    ROWS = ({"question": LONG, "choices": ["a", {"text": SHORT}]}, {"question": None, "n": 3})

    def write(self, path: Path) -> Path:
        lines = "\n".join(json.dumps(row) for row in self.ROWS) + "\n\n"
        if path.suffix == ".parquet":
            pl.DataFrame({"question": [LONG, None], "choices": [["a", SHORT], []]}).write_parquet(
                path
            )
        elif path.suffix == ".gz":
            path.write_bytes(gzip.compress(lines.encode()))
        else:
            path.write_text(lines, "utf-8")
        return path

    @pytest.mark.parametrize("name", ["b.jsonl", "b.json", "b.jsonl.gz", "b.parquet"])
    def test_every_string_of_every_row_is_read(self, tmp_path: Path, name: str) -> None:
        assert list(read_benchmark(self.write(tmp_path / name))) == [LONG, "a", SHORT]

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (b'{"question": }', "line 2"),
            (b"[1, 2", "line 2"),
            (b'{"question": "\xff\xfe"}', "line 2"),
            (b"[" * 100_000, "line 2"),
        ],
    )
    def test_a_broken_line_is_named(self, tmp_path: Path, line: bytes, said: str) -> None:
        path = tmp_path / "b.jsonl"
        path.write_bytes(b'{"question": "fine"}\n' + line + b"\n")
        with pytest.raises(BenchmarkError, match=said) as raised:
            list(read_benchmark(path))
        assert str(path) in str(raised.value)

    @pytest.mark.parametrize(
        ("name", "data"),
        [
            ("b.jsonl.gz", b"no gzip"),
            ("b.jsonl.gz", gzip.compress(b'{"a": "b"}\n' * 10_000)[:-20]),
            ("b.parquet", b"no parquet"),
            ("b.parquet", b""),
            ("b.csv", b"question\n"),
        ],
    )
    def test_a_broken_file_is_named(self, tmp_path: Path, name: str, data: bytes) -> None:
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(BenchmarkError) as raised:
            list(read_benchmark(path))
        assert str(path) in str(raised.value)

    def test_a_missing_file_is_named_with_its_setting(self, tmp_path: Path) -> None:
        with pytest.raises(BenchmarkError, match="WSRL_BENCHMARKS"):
            list(read_benchmark(tmp_path / "gone.jsonl"))

    def test_a_folder_is_no_benchmark(self, tmp_path: Path) -> None:
        with pytest.raises(BenchmarkError):
            list(read_benchmark(tmp_path))
