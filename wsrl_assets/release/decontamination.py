"""Decontamination: pairs that overlap an evaluation benchmark are left out.

Three rules, each enough by itself:

* `ngram`: the question shares a run of 13 words with any text of a benchmark, as in
  lm-eval-harness (paper, after stage 4).
* `question`: the question is, as a whole, a benchmark's question, and is at least 6 words long or
  has the same answer.
* `wording`: of the runs of 3 words of the shorter of the two questions, at least 40 % are shared if
  the answers are equal too, and at least 80 % if not. Runs that more than 64 benchmark questions
  have ("what is the") do not count.

What that catches: a planted copy, in any case, spacing or punctuation. A paraphrase of a question
of 27 words or more with five of them changed, wherever they stand, if the answer is the same; of a
shorter one when enough of it is left. Not: a paraphrase with another answer form in which no 13
words in a row are left, and not a translation, which shares no words; for these, embeddings of
another kind would be needed.

N-grams are 64-bit hashes, joined in DuckDB. Between ten million of a benchmark and thirty million
of a million questions, the odds of any false hit by collision are one in sixty thousand.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from wsrl_assets.release.benchmarks import BenchmarkError, BenchmarkRow, read_benchmark
from wsrl_assets.release.questions import normal_answer
from wsrl_assets.release.word_ngrams import hashed_ngrams, ngram_text
from wsrl_assets.storage import Partition, Store, Transaction
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.tables import BenchmarkFile, BenchmarkItem, BenchmarkNgram, utc_now
from wsrl_assets.storage.transaction import frame
from wsrl_assets.text.hashing import BloomFilter, text_hash
from wsrl_assets.text.normalisation import stable_hash

BENCHMARKS = Partition.library("benchmarks")
RULES_VERSION = "3"
LONG, SHORT, WHOLE = 13, 3, 0
# From how many words on questions are compared whatever their answers.
MIN_WHOLE_WORDS = 6
SHARE_WITH_ANSWER, SHARE_ALONE = 0.4, 0.8
_MAX_SHARING_ITEMS = 64
_PAGE_ITEMS = 2000


@dataclass(frozen=True, slots=True)
class Hit:
    """How a question overlaps a benchmark.

    Attributes:
        rule: `ngram`, `question` or `wording`.
        benchmark: the file.
        item: row or line in it, from 1.
        ngram: the words that are shared, one run of them.
        share: of the shorter question's runs of three words, for the rule `wording`.
        same_answer: whether the answers are equal.
    """

    rule: str
    benchmark: str
    item: int
    ngram: str
    share: float
    same_answer: bool

    def __str__(self) -> str:
        where = f"{self.benchmark}, row {self.item}"
        if self.rule == "ngram":
            return f'{where}: "{self.ngram}"'
        if self.rule == "question":
            return f'{where} asks the same: "{self.ngram}"'
        answer = " and the answer" if self.same_answer else ""
        return f'{where}: {self.share:.0%} of its wording{answer}, such as "{self.ngram}"'


def load_benchmarks(store: Store, paths: Iterable[Path], columns: Sequence[str] = ()) -> int:
    """Brings the benchmark tables up to date with files; returns the number of n-grams.

    Files whose content and columns are known are not read again. Memory is that of a page of rows.

    Raises:
        BenchmarkError: a file cannot be read, or two have one name; the tables are left as they
            were.
    """
    files = _named(paths)
    with store.transaction(BENCHMARKS) as transaction:
        known = {row.benchmark: row.digest for row in transaction.rows(BenchmarkFile)}
        digests = {name: _digest(path, columns) for name, path in files.items()}
        gone = [name for name, digest in known.items() if digests.get(name) != digest]
        for statement in ("forget_benchmark_files", "forget_benchmark_items"):
            transaction.execute(statement, benchmarks=gone)
        transaction.execute("forget_benchmark_ngrams", benchmarks=gone)
        for name, path in files.items():
            if known.get(name) != digests[name]:
                read = _load(transaction, name, path, columns)
                row = BenchmarkFile(
                    benchmark=name, digest=digests[name], created_at=utc_now(), **asdict(read)
                )
                transaction.merge([row])
        return int(transaction.query("count_benchmark_ngrams")["n"][0])


def benchmarks_digest(store: Store) -> str:
    """Names the benchmarks that are loaded, by their content."""
    if not store.exists(BENCHMARKS):
        return stable_hash()
    with store.snapshot(BENCHMARKS) as connection:
        rows = frame(connection, "benchmark_digests")
    return stable_hash(*rows["digest"])


def find_contamination(
    store: Store, questions: Sequence[str], answers: Sequence[str]
) -> dict[int, Hit]:
    """The questions that overlap a benchmark, by their position."""
    if not questions or not store.exists(BENCHMARKS):
        return {}
    with store.snapshot(BENCHMARKS) as connection:
        hits = _best_hits(connection, questions, answers)
    return {
        row["row"]: Hit(
            rule=row["rule"],
            benchmark=row["benchmark"],
            item=row["item"],
            ngram=ngram_text(questions[row["row"]], row["n"], row["ngram_hash"]) or "",
            share=row["share"],
            same_answer=row["same_answer"],
        )
        for row in hits.iter_rows(named=True)
    }


class LongNgrams:
    """The first rule by itself, for many questions at once.

    Args:
        connection: to the snapshot of `BENCHMARKS`, open as long as this is used.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        known = frame(connection, "benchmark_hashes", n=LONG)["ngram_hash"].to_numpy()
        self._bloom_filter = BloomFilter(known)

    def overlapping(self, questions: Sequence[str]) -> set[int]:
        """The positions of the questions that share a run of 13 words with a benchmark."""
        pages = list(hashed_ngrams(questions, LONG, self._bloom_filter))
        if not pages:
            return set()
        tables = {"question_ngrams": pl.concat(pages)}
        return set(frame(self._connection, "overlapping_questions", tables, n=LONG)["row"])


def _best_hits(
    connection: Connection, questions: Sequence[str], answers: Sequence[str]
) -> pl.DataFrame:
    """One hit for each question that has any: `row`, `rule`, `n`, `ngram_hash` and so on."""
    short = pl.concat(hashed_ngrams(questions, SHORT)).unique(maintain_order=True)
    counts = short.group_by("row").len("ngrams")
    table = pl.DataFrame(
        {
            "row": range(len(questions)),
            "answer_hash": [_answer_hash(answer) for answer in answers],
        },
        schema={"row": pl.Int64, "answer_hash": pl.Int64},
    ).join(counts, on="row", how="left")
    tables = {
        "questions": table,
        "long_ngrams": pl.concat(hashed_ngrams(questions, LONG)),
        "short_ngrams": short,
        "wholes": pl.concat(hashed_ngrams(questions, WHOLE)).unique(maintain_order=True),
    }
    return frame(
        connection,
        "contaminated_questions",
        tables,
        min_ngrams=MIN_WHOLE_WORDS - SHORT + 1,
        with_answer=SHARE_WITH_ANSWER,
        alone=SHARE_ALONE,
    )


def benchmark_files(store: Store) -> list[BenchmarkFile]:
    """The files that are loaded, with what was read in each."""
    with store.transaction(BENCHMARKS) as transaction:
        return sorted(transaction.rows(BenchmarkFile), key=lambda row: row.benchmark)


@dataclass(slots=True)
class _Read:
    """What was read in a file: rows, and rows with a question, and with an answer."""

    items: int = 0
    questions: int = 0
    answers: int = 0

    def add(self, page: Sequence[BenchmarkRow]) -> None:
        self.items += len(page)
        self.questions += sum(bool(row.questions) for row in page)
        self.answers += sum(row.answer is not None for row in page)


def _load(transaction: Transaction, name: str, path: Path, columns: Sequence[str]) -> _Read:
    rows = read_benchmark(path, columns)
    read = _Read()
    while page := list(islice(rows, _PAGE_ITEMS)):
        for part in _ngram_frames(name, page):
            transaction.insert(BenchmarkNgram, part)
        transaction.insert(BenchmarkItem, _item_frame(name, page))
        read.add(page)
    transaction.execute("forget_repeated_ngrams", n=LONG, benchmark=name)
    transaction.execute("forget_common_ngrams", n=SHORT, benchmark=name, most=_MAX_SHARING_ITEMS)
    return read


def _ngram_frames(name: str, page: Sequence[BenchmarkRow]) -> Iterator[pl.DataFrame]:
    texts = [(row.item, text) for row in page for text in row.texts]
    questions = [(row.item, question) for row in page for question in row.questions]
    for n, numbered in ((LONG, texts), (SHORT, questions), (WHOLE, questions)):
        items = pl.Series("item", [item for item, _ in numbered], pl.Int64)
        for part in hashed_ngrams([text for _, text in numbered], n):
            yield part.select(
                "ngram_hash",
                n=pl.lit(n, pl.Int64),
                benchmark=pl.lit(name),
                item=items.gather(part["row"]),
            ).unique(maintain_order=True)


def _item_frame(name: str, page: Sequence[BenchmarkRow]) -> pl.DataFrame:
    numbered = [(index, text) for index, row in enumerate(page) for text in row.questions]
    rows = pl.Series("row", [index for index, _ in numbered], pl.Int64)
    empty = pl.DataFrame(schema={"row": pl.Int64, "ngram_hash": pl.Int64})
    hashed = pl.concat([empty, *hashed_ngrams([text for _, text in numbered], SHORT)])
    distinct = hashed.with_columns(row=rows.gather(hashed["row"])).unique()
    short = distinct.group_by("row").len("ngrams")
    return (
        pl.DataFrame(
            {
                "row": range(len(page)),
                "benchmark": [name] * len(page),
                "item": [row.item for row in page],
                "answer_hash": [_answer_hash(row.answer) for row in page],
            },
            schema_overrides={"row": pl.Int64, "answer_hash": pl.Int64},
        )
        .join(short, on="row", how="left")
        .select("benchmark", "item", pl.col("ngrams").fill_null(0).cast(pl.Int64), "answer_hash")
    )


def _answer_hash(answer: str | None) -> int | None:
    normal = normal_answer(answer) if answer else ""
    return text_hash(normal) if normal else None


def _named(paths: Iterable[Path]) -> Mapping[str, Path]:
    files: dict[str, Path] = {}
    for path in paths:
        if path.name in files and files[path.name] != path:
            raise BenchmarkError(
                f"benchmark files {files[path.name]} and {path} have one name; rename one, since "
                "the name says where a rejected pair was found"
            )
        files[path.name] = path
    return files


def _digest(path: Path, columns: Sequence[str]) -> str:
    if not path.is_file():
        raise BenchmarkError(f"benchmark file {path} does not exist; see WSRL_BENCHMARKS")
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return stable_hash(RULES_VERSION, content, *sorted(columns))
