"""Decontamination: pairs that overlap an evaluation benchmark are left out.

As in lm-eval-harness, an overlap is a shared 13-gram of words (paper, after stage 4). A question
of fewer words is compared whole, from 6 words on.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from wsrl_assets.text import ngrams, words

NGRAM = 13
MIN_WHOLE_WORDS = 6


class BenchmarkError(ValueError):
    """A benchmark file that cannot be read; the message names the file, the row and the remedy."""


def text_hashes(text: str) -> set[str]:
    """The hashed n-grams of a text, 16 hex characters each; of a short text, of it as a whole."""
    tokens = words(text)
    if len(tokens) < MIN_WHOLE_WORDS:
        return set()
    return {_hash(gram) for gram in ngrams(tokens, min(NGRAM, len(tokens)))}


def overlaps(question: str, benchmark_hashes: Collection[str]) -> bool:
    """Whether a question shares a hashed n-gram with the benchmarks."""
    return not text_hashes(question).isdisjoint(benchmark_hashes)


def read_benchmark(path: Path) -> Iterator[str]:
    """The texts of a benchmark file: every string in every row of parquet or JSON lines.

    Raises:
        BenchmarkError: the file is missing, of another kind, or broken.
    """
    if not path.is_file():
        raise BenchmarkError(f"benchmark file {path} does not exist; see WSRL_BENCHMARKS")
    try:
        if path.suffix == ".parquet":
            yield from _strings(pl.read_parquet(path).to_dicts())
        elif path.name.endswith((".jsonl", ".jsonl.gz", ".json")):
            yield from _json_lines(path)
        else:
            raise BenchmarkError(f"benchmark file {path}: use .parquet, .jsonl or .jsonl.gz")
    except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error) as error:
        raise BenchmarkError(f"benchmark file {path} cannot be read: {error}") from None


def _json_lines(path: Path) -> Iterator[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield from _strings(json.loads(line))
            except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
                raise BenchmarkError(
                    f"benchmark file {path}, line {number}: {error}. "
                    "Each line must be one JSON value."
                ) from None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _hash(gram: str) -> str:
    return hashlib.blake2b(gram.encode(), digest_size=8).hexdigest()
