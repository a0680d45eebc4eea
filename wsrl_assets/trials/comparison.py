"""Two arms compared: measures, their differences with intervals, and pairs side by side. Pure.

Intervals are by resampling source documents, the same ones in both arms (paired bootstrap): what is
asked of one document, or of passages of one, is no independent case.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from wsrl_assets.reporting.bootstrap import Numbers, document_weights, interval_where_defined
from wsrl_assets.reporting.diversity import distinct_ngrams, sampled
from wsrl_assets.storage.accounting import Account
from wsrl_assets.taxonomy.stages import STAGES, Stage, stages_up_to
from wsrl_assets.text.hashing import seeded_draw
from wsrl_assets.text.normalisation import words

HALVES = 200
SHOWN_PAIRS = 10
# An arm makes no splits and no release.
_SHOWN = stages_up_to(Stage.PASS_RATES)


@dataclass(frozen=True, slots=True)
class ArmResult:
    """What an arm made of the sample.

    Attributes:
        name: of the arm.
        accounts: of its stages.
        drafts: the columns of `trial_drafts.sql`.
        spent: `doc_id`, `tokens`, `cost` of all calls on a document.
        labels: what people say: the columns of `trial_labels.sql`.
    """

    name: str
    accounts: Sequence[Account]
    drafts: pl.DataFrame
    spent: pl.DataFrame
    labels: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure of an arm less that of the first, with the bounds of its 95 % interval.

    Attributes:
        value: none where one of the two has no value.
        low, high: none where too many resamples have no value.
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure of every arm.

    Attributes:
        name: what is measured.
        values: one an arm; none where there is nothing to measure.
        differences: of every arm but the first, to the first.
        is_share: whether it is a share, to be shown in percent.
    """

    name: str
    values: Sequence[float | None]
    differences: Sequence[Difference]
    is_share: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows of a stage in every arm by what became of them: kept, or the reason."""

    stage: str
    outcome: str
    rows: Sequence[int]


@dataclass(frozen=True, slots=True)
class Slot:
    """What two arms made of one document, form and persona number.

    Attributes:
        first, second: rows of `trial_drafts.sql`; none where an arm has no draft there.
    """

    doc_id: str
    title: str | None
    first: Mapping[str, Any] | None
    second: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that a trial has to show.

    Attributes:
        arms: names, the first of which the others are compared with.
        documents, sources: documents of the sample, and source documents they are passages of.
        measures: see `Measured`.
        counts: rows by stage and outcome.
        failed: rows that failed by a fault, by the arm's name and by stage; the comparison lacks
            them.
        slots: pairs on which an arm and the first differ, by the arm's name.
    """

    arms: Sequence[str]
    documents: int
    sources: int
    measures: Sequence[Measured]
    counts: Sequence[Counted]
    failed: Mapping[str, Mapping[str, int]]
    slots: Mapping[str, Sequence[Slot]]

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def compare(
    arms: Sequence[ArmResult], sources: Mapping[str, str], seed: int, labels: pl.DataFrame
) -> Comparison:
    """The comparison of arms with the first of them.

    Args:
        arms: two or more.
        sources: the source document of every document of the sample, by id.
        seed: of resampling.
        labels: what people say of pairs elsewhere: the columns of `trial_labels.sql`. They count
            for a pair of an arm with the same question and answer of the same document.
    """
    places = {source: place for place, source in enumerate(sorted(set(sources.values())))}
    by_document = {doc_id: places[source] for doc_id, source in sources.items()}
    resampler = _Resampler(len(places), seed)
    tables = [_table(arm, by_document, len(places), labels) for arm in arms]
    measures = [
        measured
        for name, over, under, is_share in _RATIOS
        if (measured := resampler.ratio(tables, name, over, under, is_share=is_share))
    ]
    questions = [_questions(arm, by_document, len(places)) for arm in arms]
    return Comparison(
        arms=[arm.name for arm in arms],
        documents=len(sources),
        sources=len(places),
        measures=[*measures, resampler.distinct(questions)],
        counts=_counts(arms),
        failed={arm.name: _failed(arm.accounts) for arm in arms},
        slots={arm.name: differing(arms[0].drafts, arm.drafts, seed) for arm in arms[1:]},
    )


def differing(
    first: pl.DataFrame, second: pl.DataFrame, seed: int, most: int = SHOWN_PAIRS
) -> list[Slot]:
    """Pairs on which two arms differ: those that one of them accepts, in turn from each side, then
    those that both accept and that ask or answer otherwise. The same ones for the same seed.

    `first`, `second`: the columns of `trial_drafts.sql`.
    """
    one, other = _by_slot(first), _by_slot(second)
    groups: dict[str, list[Slot]] = {"first": [], "second": [], "both": []}
    for key in sorted({*one, *other}, key=lambda key: seeded_draw(seed, str(key))):
        slot = _slot(one.get(key), other.get(key))
        group = _group(slot)
        if group is not None:
            groups[group].append(slot)
    turns = [
        slot
        for turn in range(max(len(groups["first"]), len(groups["second"])))
        for side in ("first", "second")
        for slot in groups[side][turn : turn + 1]
    ]
    return [*turns, *groups["both"]][:most]


_Key = tuple[str, str, int]


def _by_slot(drafts: pl.DataFrame) -> dict[_Key, dict[str, Any]]:
    return {
        (row["doc_id"], row["form"], row["persona_index"]): row
        for row in drafts.iter_rows(named=True)
    }


def _slot(first: Mapping[str, Any] | None, second: Mapping[str, Any] | None) -> Slot:
    row = first or second
    assert row is not None
    return Slot(row["doc_id"], row["title"], first, second)


def _group(slot: Slot) -> str | None:
    """Who accepts it, if there is a difference to see."""
    accepted = [bool(row and row["is_accepted"]) for row in (slot.first, slot.second)]
    if accepted == [True, True]:
        said = [(row["question"], row["answer"]) for row in (slot.first, slot.second) if row]
        return "both" if said[0] != said[1] else None
    if accepted == [False, False]:
        return None
    return "first" if accepted[0] else "second"


# --- figures by source document -----------------------------------------------------------------

# Name, sum above the line, sum below it, and whether that is a share.
_RATIOS = (
    ("drafts per document", "drafts", "documents", False),
    ("accepted pairs per document", "accepted", "documents", False),
    ("accepted share of drafts", "accepted", "drafts", True),
    ("tokens per document", "tokens", "documents", False),
    ("tokens per accepted pair", "tokens", "accepted", False),
    ("cost per accepted pair", "cost", "accepted", False),
    ("mean pass rate of accepted pairs", "rates", "rated", True),
    ("agreement with people's labels", "agreed", "labelled", True),
)
# Measures that are left out where no arm has any of this.
_OPTIONAL = {"cost", "rates", "agreed"}


def _table(
    arm: ArmResult, by_document: Mapping[str, int], sources: int, labels: pl.DataFrame
) -> dict[str, Numbers]:
    """Sums by source document, an array a column."""
    found = {name: np.zeros(sources) for _, *names, _ in _RATIOS for name in names}
    for place in by_document.values():
        found["documents"][place] += 1
    for row in arm.spent.iter_rows(named=True):
        place = by_document[row["doc_id"]]
        found["tokens"][place] += row["tokens"]
        found["cost"][place] += row["cost"]
    people = _people(labels, arm.labels)
    for row in arm.drafts.iter_rows(named=True):
        place = by_document[row["doc_id"]]
        found["drafts"][place] += 1
        found["accepted"][place] += row["is_accepted"]
        if row["is_accepted"] and row["pass_rate"] is not None:
            found["rates"][place] += row["pass_rate"]
            found["rated"][place] += 1
        is_good = people.get(_said(row))
        if is_good is not None:
            found["labelled"][place] += 1
            found["agreed"][place] += is_good == row["is_accepted"]
    return found


def _people(*labels: pl.DataFrame) -> dict[tuple[Any, ...], bool]:
    return {_said(row): row["is_good"] for frame in labels for row in frame.iter_rows(named=True)}


def _said(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["doc_id"], row["form"], row["question"], row["answer"]


def _questions(arm: ArmResult, by_document: Mapping[str, int], sources: int) -> list[list[str]]:
    """The accepted questions of each source document."""
    found: list[list[str]] = [[] for _ in range(sources)]
    accepted = arm.drafts.filter("is_accepted")
    for doc_id, question in accepted.select("doc_id", "question").iter_rows():
        found[by_document[doc_id]].append(question)
    return found


class _Resampler:
    """Draws source documents, the same ones for every arm and measure."""

    def __init__(self, sources: int, seed: int) -> None:
        draws = np.random.default_rng(seed)
        self._weights = document_weights(sources, draws)
        self._halves = [
            sorted(draws.permutation(sources)[: (sources + 1) // 2].tolist()) for _ in range(HALVES)
        ]

    def ratio(
        self,
        tables: Sequence[Mapping[str, Numbers]],
        name: str,
        over: str,
        under: str,
        *,
        is_share: bool,
    ) -> Measured | None:
        """A ratio of sums; none where it is optional and no arm has any of it."""
        if over in _OPTIONAL and not any(
            table[over if over == "cost" else under].any() for table in tables
        ):
            return None
        values = [_divided(table[over].sum(), table[under].sum()) for table in tables]
        drawn = [self._drawn(table[over], table[under]) for table in tables]
        differences = [
            _difference(values[0], value, more - drawn[0])
            for value, more in zip(values[1:], drawn[1:], strict=True)
        ]
        return Measured(name, values, differences, is_share)

    def _drawn(self, over: Numbers, under: Numbers) -> Numbers:
        below = self._weights @ under
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Numbers = np.where(below > 0, (self._weights @ over) / below, np.nan)
        return found

    def distinct(self, questions: Sequence[Sequence[Sequence[str]]]) -> Measured:
        """Distinct 2-grams over equal numbers of questions, by arm and source document.

        A question that is drawn twice adds nothing to them, so resamples with repetition would
        show too few. Half-samples without it vary about as much as whole samples do.
        """
        values = _distinct(questions, range(len(questions[0])))
        halves = [_distinct(questions, half) for half in self._halves]
        differences = []
        for arm, value in enumerate(values[1:], 1):
            apart = [_apart(half[0], half[arm]) for half in halves]
            drawn = np.array([np.nan if one is None else one for one in apart], np.float64)
            found = _apart(values[0], value)
            # Fewer questions have more distinct 2-grams: halves tell the spread, not the place.
            has_place = found is not None and not np.isnan(drawn).all()
            centred = drawn - np.nanmean(drawn) + found if has_place else drawn
            differences.append(_difference(values[0], value, centred))
        name = "distinct 2-grams, of equally many accepted questions"
        return Measured(name, values, differences, True)


def _distinct(
    questions: Sequence[Sequence[Sequence[str]]], places: Sequence[int]
) -> list[float | None]:
    """The measure of each arm, over as many questions as the arm with the fewest has."""
    by_arm = [[question for place in places for question in arm[place]] for arm in questions]
    most = min(len(asked) for asked in by_arm)
    if most == 0:
        return [None] * len(by_arm)
    return [distinct_ngrams(map(_words, sampled(asked, most)), 2) for asked in by_arm]


@lru_cache(maxsize=100_000)
def _words(question: str) -> tuple[str, ...]:
    return tuple(words(question))


def _divided(over: float, under: float) -> float | None:
    return float(over / under) if under else None


def _apart(first: float | None, second: float | None) -> float | None:
    return second - first if first is not None and second is not None else None


def _difference(first: float | None, second: float | None, drawn: Numbers) -> Difference:
    value = _apart(first, second)
    if value is None:
        return Difference(None)
    return Difference(value, *interval_where_defined(drawn))


def _failed(accounts: Sequence[Account]) -> dict[str, int]:
    """Failed rows by stage, of the stages that have some."""
    found: dict[str, int] = {}
    for account in accounts:
        if account.failed:
            found[account.stage] = found.get(account.stage, 0) + account.failed
    return found


def _counts(arms: Sequence[ArmResult]) -> list[Counted]:
    """Rows by stage and outcome, in order of the stages: kept, pending, then reasons by number."""
    found: dict[tuple[str, str], list[int]] = {}
    for place, arm in enumerate(arms):
        for account in arm.accounts:
            outcomes = {"kept": account.kept, "pending": account.pending, **account.reasons}
            for outcome, rows in outcomes.items():
                found.setdefault((account.stage, outcome), [0] * len(arms))[place] += rows
    order = {str(stage): number for number, stage in enumerate(STAGES)}
    first = {"kept": 0, "pending": 1}
    ranked = sorted(
        found.items(),
        key=lambda item: (
            order[item[0][0]],
            first.get(item[0][1], 2),
            -sum(item[1]),
            item[0][1],
        ),
    )
    return [Counted(*place, rows) for place, rows in ranked if any(rows) and place[0] in _SHOWN]
