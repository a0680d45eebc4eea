"""Can the right option be guessed without knowing? `python -m benchmarks.multiple_choice`.

Multiple-choice questions are drafted by the pipeline's own drafter from the sample corpus and
CPython's help topics, or from a JSON-lines file of one's own (`--corpus`), with no model: where
one would pick among the candidates, a seeded choice does. Then choosers that never see a document
answer them: the most frequent position, words shared with the question, length, how far a figure
lies from the others, and a conditional logit over words and shape of question and options, trained
and tested on different questions. Beside ours stand the same statements with naive distractors:
any answers that are mined from other documents, whatever their type.

One corpus makes few questions, so they are drafted in several rounds, each of another random part
of the documents. The standard error is over statements, not over questions.

Exit code 1 when a chooser beats chance by more than 5 points on ours.
"""

import argparse
import asyncio
import json
import math
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt
import yaml

from benchmarks.engine_report import heading, note, percent, table, verdict
from wsrl_assets.generation.cloze import BLANK
from wsrl_assets.generation.distractors import OPTIONS, Pool, PoolDocument, answers_of
from wsrl_assets.generation.drafting import STAGE, Drafter, DraftJob
from wsrl_assets.llm.engine import ChatRequest, Reply
from wsrl_assets.llm.recipes import Provenance, StageRecipe
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.samples import corpus_dir, pydoc_topics
from wsrl_assets.storage.tables import QADraft, Status
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form, stem_of
from wsrl_assets.text.normalisation import content_id, normalise_document, words

CHANCE = 1 / OPTIONS
MAX_GAIN = 0.05
_DRAFTS = 12
_SHARE_OF_A_ROUND = 0.75
_FOLDS = 5

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Chooser = Callable[["Question"], Floats]


@dataclass(frozen=True)
class Question:
    """A question as a chooser without the document has it; `right` is for the marker."""

    doc_id: str
    stem: str
    options: tuple[str, ...]
    right: int

    @cached_property
    def stem_words(self) -> frozenset[str]:
        return frozenset(words(self.stem))

    @cached_property
    def magnitudes(self) -> Floats:
        """The logarithm of each option's figure, of a date its year; 0 where it has none."""
        return np.array([_magnitude(option) for option in self.options])


@dataclass(frozen=True, slots=True)
class Result:
    """How often a chooser was right, in expectation where it had to draw lots."""

    accuracy: float
    error: float

    @property
    def is_fair(self) -> bool:
        return self.accuracy - CHANCE <= MAX_GAIN

    def __str__(self) -> str:
        return f"{percent(self.accuracy)} ± {self.error * 100:.1f}"


# --- the questions ------------------------------------------------------------------------------


def sample_documents() -> list[PoolDocument]:
    """The good documents of the sample corpus and the help topics."""
    folder = corpus_dir()
    faults = yaml.safe_load((folder.parent / "corpus_faults.yaml").read_text("utf-8"))
    bad = {doc_id for ids in faults.values() for doc_id in ids}
    rows = [row for path in sorted(folder.glob("*.jsonl")) for row in _json_lines(path)]
    texts = [(row.get("title"), row["text"]) for row in rows if row["id"] not in bad]
    texts += [(None, path.read_text("utf-8")) for path in sorted(folder.glob("handbook/*.md"))]
    texts += [(f"Python help: {name}", text) for name, text in pydoc_topics()]
    return _documents(texts)


def own_documents(path: Path) -> list[PoolDocument]:
    """The documents of a JSON-lines file with `text` and perhaps `title`."""
    return _documents((row.get("title"), row["text"]) for row in _json_lines(path))


def draft_questions(documents: Sequence[PoolDocument], seed: int) -> list[Question]:
    """Our questions of some documents, which give each other their distractors."""
    return [_question(row) for row in asyncio.run(_draft(documents, seed))]


def with_naive_distractors(
    questions: Sequence[Question], documents: Sequence[PoolDocument], seed: int
) -> list[Question]:
    """The same statements and right answers beside any answers of other documents."""
    rng = Random(seed)
    answers = [answer for document in documents for answer in answers_of(document)]

    def naive(question: Question) -> Question:
        right = question.options[question.right]
        texts = sorted(
            {a.candidate.answer for a in answers if a.document.doc_id != question.doc_id} - {right}
        )
        options = [right, *rng.sample(texts, OPTIONS - 1)]
        rng.shuffle(options)
        return Question(question.doc_id, question.stem, tuple(options), options.index(right))

    return [naive(question) for question in questions]


async def _draft(documents: Sequence[PoolDocument], seed: int) -> list[QADraft]:
    form = Form.MULTIPLE_CHOICE
    model = StageModel(_Picks(seed), Provenance(StageRecipe(STAGE, "{}"), "bench"))
    drafter = Drafter({form: model}, {})
    pool = Pool.of(documents)
    jobs = (
        DraftJob(
            doc_id=d.doc_id,
            title=d.title,
            text=d.text,
            domain=Domain.OTHER,
            persona_index=n,
            persona="anyone",
            personas=_DRAFTS,
            form=form,
            pool=pool,
        )
        for d in documents
        for n in range(_DRAFTS)
    )
    rows = [await drafter.draft(job) for job in jobs]
    return [row for row in rows if row.status is Status.KEPT]


class _Picks:
    """In place of a model: picks among the candidates by lot."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)

    async def ask(self, ask: ChatRequest[Reply]) -> Reply:
        properties = (ask.schema or {})["properties"]
        assert isinstance(properties, Mapping)
        return ask.reply_type.model_validate(
            {"blank": self._rng.choice(properties["blank"]["enum"])}
        )


def _question(row: QADraft) -> Question:
    assert row.question is not None
    assert row.answer is not None
    stem = stem_of(row.question, row.choices)
    return Question(row.doc_id, stem, row.choices, row.choices.index(row.answer))


def part_of(documents: Sequence[PoolDocument], seed: int) -> list[PoolDocument]:
    """The documents of one round."""
    return Random(seed).sample(documents, round(len(documents) * _SHARE_OF_A_ROUND))


def _documents(
    texts: Sequence[tuple[str | None, str]] | Iterator[tuple[str | None, str]],
) -> list[PoolDocument]:
    normal = ((title, normalise_document(text)) for title, text in texts)
    found = {content_id(text): (title, text) for title, text in normal}
    return [PoolDocument(doc_id, doc_id, *both) for doc_id, both in sorted(found.items())]


def _json_lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file if line.strip())


# --- the choosers -------------------------------------------------------------------------------


def shared_words(question: Question) -> Floats:
    return np.array([len(question.stem_words & set(words(o))) for o in question.options], float)


def length(question: Question) -> Floats:
    return np.array([len(option) for option in question.options], float)


def apartness(question: Question) -> Floats:
    """How far each option's figure lies from the middle of the others, by magnitude."""
    logs = question.magnitudes
    others = [np.median(np.delete(logs, i)) for i in range(len(logs))]
    return np.abs(logs - np.array(others))


# Those that learn nothing. A higher value is a likelier option.
CHOOSERS: dict[str, Chooser] = {
    "most words of the question": shared_words,
    "fewest words of the question": lambda q: -shared_words(q),
    "longest option": length,
    "shortest option": lambda q: -length(q),
    "figure farthest from the others": apartness,
    "figure closest to the others": lambda q: -apartness(q),
    "largest figure": lambda q: q.magnitudes,
    "smallest figure": lambda q: -q.magnitudes,
}


def _magnitude(option: str) -> float:
    number = re.search(r"\d{4}$|\d[\d,]*(?:\.\d+)?", option)
    found = re.search(r"\d{4}$", option) or number
    return math.log1p(float(found.group().replace(",", ""))) if found else 0.0


# --- a learned chooser --------------------------------------------------------------------------

_WORD_BUCKETS = 384
_STEPS = 150
_RATE = 0.05
_DECAY = 0.02


def learned_bag_of_words(questions: Sequence[Question]) -> Floats:
    """The value of each option (questions x options), by a model of the other folds.

    A conditional logit: the softmax over a question's options of a linear score of their features.
    """
    features = np.stack([_features(question) for question in questions])
    right = np.array([question.right for question in questions])
    values = np.zeros(features.shape[:2])
    for train, test in _folds(questions):
        values[test] = features[test] @ _fit(features[train], right[train])
    return values


def most_frequent_position(questions: Sequence[Question]) -> Floats:
    """How often each position is right in the other folds (questions x options)."""
    right = np.eye(OPTIONS)[[question.right for question in questions]]
    values = np.zeros(right.shape)
    for train, test in _folds(questions):
        values[test] = right[train].mean(axis=0)
    return values


def _folds(questions: Sequence[Question]) -> Iterator[tuple[Booleans, Booleans]]:
    """Which questions to learn from and which to answer, by the hash of their options.

    Not by document: then the right option would come from a document that was not learned from,
    and the wrong ones mostly from others, so that a chooser could tell them by what it knows.
    """
    options = (" ".join(sorted(question.options)) for question in questions)
    fold = np.array([zlib.crc32(text.encode()) % _FOLDS for text in options])
    for held_out in range(_FOLDS):
        train, test = fold != held_out, fold == held_out
        if train.any() and test.any():
            yield train, test


def _fit(features: Floats, right: npt.NDArray[np.int64]) -> Floats:
    """Weights by Adam on the log-likelihood, with decay."""
    weights, mean, square = np.zeros((3, features.shape[2]))
    target = np.eye(features.shape[1])[right]
    for step in range(1, _STEPS + 1):
        scores = features @ weights
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        slope = np.einsum("qo,qof->f", shares - target, features) / len(right) + _DECAY * weights
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        step_size = _RATE * math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        weights = weights - step_size * mean / (np.sqrt(square) + 1e-8)
    return weights


def _features(question: Question) -> Floats:
    """Of each option: its words, also with those around the blank, and what shows of it."""
    before, _, after = question.stem.partition(BLANK)
    around = words(before)[-2:] + words(after)[:2] + words(question.stem.rpartition('" ')[2])
    rows = np.zeros((len(question.options), _WORD_BUCKETS))
    for row, option in zip(rows, question.options, strict=True):
        shape = re.sub(r"[A-Za-z]+", "a", re.sub(r"\d", "0", option))
        for word in (*words(option), shape):
            row[_bucket(word)] = 1
            for near in (*around, shape):
                row[_bucket(f"{near} {word}")] = 1
        for near in question.stem_words:
            row[_bucket(f"{near} with {shape}")] = 1
    shown = [chooser(question) for chooser in (shared_words, length, apartness)]
    ranks = [_ranks(values) for values in (*shown, question.magnitudes)]
    return np.column_stack([rows, *shown, *ranks, question.magnitudes, np.eye(len(rows))])


def _ranks(values: Floats) -> Floats:
    """0 to 1, ties in the middle."""
    below = (values[:, None] > values[None, :]).sum(axis=1)
    equal = (values[:, None] == values[None, :]).sum(axis=1) - 1
    return np.asarray((below + equal / 2) / len(values))


def _bucket(word: str) -> int:
    return zlib.crc32(word.encode()) % _WORD_BUCKETS


# --- marks --------------------------------------------------------------------------------------


def mark(questions: Sequence[Question], values: Sequence[Floats]) -> Result:
    """Accuracy, where the best value wins and ties share; its error is over statements."""
    by_statement: dict[str, list[float]] = defaultdict(list)
    for question, value in zip(questions, values, strict=True):
        best = np.isclose(value, value.max())
        by_statement[question.stem].append(float(best[question.right] / best.sum()))
    marks = [mark for same in by_statement.values() for mark in same]
    sums = np.array([sum(same) - np.mean(marks) * len(same) for same in by_statement.values()])
    return Result(float(np.mean(marks)), float(np.sqrt((sums**2).sum()) / len(marks)))


def mark_all(rounds: Sequence[Sequence[Question]]) -> dict[str, Result]:
    """The result of every chooser. What learns does so within a round, as within a data set."""
    questions = [question for drafted in rounds for question in drafted]
    positions = [value for drafted in rounds for value in most_frequent_position(drafted)]
    learned = [value for drafted in rounds for value in learned_bag_of_words(drafted)]
    return {
        "most frequent position": mark(questions, positions),
        **{name: mark(questions, list(map(pick, questions))) for name, pick in CHOOSERS.items()},
        "learned bag of words": mark(questions, learned),
        "the same, turned around": mark(questions, [-value for value in learned]),
    }


def compare(documents: Sequence[PoolDocument], rounds: int) -> bool:
    """Prints the table; whether no chooser gains more than it may on our questions."""
    parts = [part_of(documents, seed) for seed in range(rounds)]
    ours = [draft_questions(part, seed) for seed, part in enumerate(parts)]
    questions = [question for drafted in ours for question in drafted]
    if not all(ours):
        note("These documents make too few questions.")
        return False
    naive = [
        with_naive_distractors(drafted, part, seed)
        for seed, (part, drafted) in enumerate(zip(parts, ours, strict=True))
    ]
    note(
        f"{len(documents)} documents; {len(questions):,} questions on "
        f"{len({question.stem for question in questions}):,} statements in {rounds} rounds; "
        f"right option at {_positions(questions)}\n"
    )
    results, beside = mark_all(ours), mark_all(naive)
    columns = ("chooser", "ours", "over chance", "naive distractors", "over chance")
    table(columns, [(name, *_cells(results[name]), *_cells(beside[name])) for name in results])
    is_fair = all(result.is_fair for result in results.values())
    note(f"chance is {percent(CHANCE)}; none above it by more than 5 points: {verdict(is_fair)}")
    return is_fair


def _cells(result: Result) -> tuple[str, str]:
    return str(result), f"{(result.accuracy - CHANCE) * 100:+.1f}"


def _positions(questions: Sequence[Question]) -> str:
    counts = Counter(question.right for question in questions)
    return ", ".join(f"{'ABCD'[i]} {percent(counts[i] / len(questions))}" for i in sorted(counts))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, help="a JSON-lines file with text and title")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    heading("Multiple choice without the document")
    documents = own_documents(options.corpus) if options.corpus else sample_documents()
    return 0 if compare(documents, options.rounds) else 1


if __name__ == "__main__":
    raise SystemExit(main())
