"""Rewards compared on the same rollouts: agreement, cost, and where they differ. Pure.

Where a reward is undecided it is left out of what is said of its agreement, and counted. Intervals
are by resampling source documents: rollouts of one question, or of one document, are no
independent cases.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from wsrl_assets.pipeline.rewards import Case, RewardRun, Said, Verdict
from wsrl_assets.reporting.bootstrap import Numbers, document_weights, interval_where_defined
from wsrl_assets.text.hashing import seeded_draw

EXAMPLES_PER_TYPE = 6
_THOUSAND = 1_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with the bounds of its 95 % interval.

    Attributes:
        value: none where there is nothing to measure.
        low, high: none where too many resamples have no value.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class RewardFigures:
    """One reward over all rollouts.

    Attributes:
        accepted, rejected, undecided: rollouts.
        failed: of the undecided, those whose judge gave no usable reply.
        accepted_share: of those that it decided.
        precision, recall: by what people say of responses: of what it accepts, right; and of what
            is right, accepted. None where no response is labelled.
        of_good_pairs: of what it accepts on pairs that people have judged, the share on pairs that
            they accept: its precision is not above that. None where no pair is labelled.
        calls, tokens, cost, seconds: for 1,000 rollouts, by itself; processor seconds.
    """

    name: str
    accepted: int
    rejected: int
    undecided: int
    failed: int
    accepted_share: Estimate
    precision: Estimate | None
    recall: Estimate | None
    of_good_pairs: Estimate | None
    calls: float
    tokens: float
    cost: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two rewards on the rollouts that both decide.

    Attributes:
        both, only_first, only_second, neither: which of them accept.
        undecided: rollouts that one of them, or both, leave undecided.
        agreement: share on which they say the same.
        kappa: Cohen's: agreement beyond what their shares of accepted rollouts give by chance.
    """

    first: str
    second: str
    both: int
    only_first: int
    only_second: int
    neither: int
    undecided: int
    agreement: Estimate
    kappa: Estimate


@dataclass(frozen=True, slots=True)
class TypeFigures:
    """The rewards on the golds of one answer type; `accepted` and `undecided` one a reward."""

    answer_type: str
    rollouts: int
    accepted: Sequence[int]
    undecided: Sequence[int]
    pairs: Sequence[Agreement]


@dataclass(frozen=True, slots=True)
class Differing:
    """A rollout on which rewards differ, with what each says, in their order."""

    case: Case
    said: Sequence[Said]


@dataclass(frozen=True, slots=True)
class RewardComparison:
    """All that a trial of rewards has to show.

    Attributes:
        rollouts, sources: rollouts, and source documents that they were asked of.
        rewards: in the order given.
        pairs: every two rewards.
        types: by answer type, the most frequent first.
        examples: by answer type, rollouts on which rewards differ.
    """

    rollouts: int
    sources: int
    rewards: Sequence[RewardFigures]
    pairs: Sequence[Agreement]
    types: Sequence[TypeFigures]
    examples: dict[str, Sequence[Differing]]

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def compare_rewards(
    cases: Sequence[Case], runs: Sequence[RewardRun], seed: int
) -> RewardComparison:
    """The comparison of every two rewards.

    Args:
        cases: the rollouts, one at least.
        runs: two rewards or more, each over all of them.
        seed: of resampling, and of the examples.
    """
    resampler = _Resampler([case.source for case in cases], seed)
    by_type = _by_type(cases)
    everything = np.ones(len(cases), bool)
    return RewardComparison(
        rollouts=len(cases),
        sources=resampler.sources,
        rewards=[_figures(run, cases, resampler) for run in runs],
        pairs=_agreements(runs, everything, resampler),
        types=[_type_figures(name, chosen, runs, resampler) for name, chosen in by_type],
        examples=dict(_examples(cases, runs, seed)),
    )


def _by_type(cases: Sequence[Case]) -> list[tuple[str, "Chosen"]]:
    types = np.array([case.answer_type for case in cases])
    found = [(str(name), types == name) for name in sorted(set(types))]
    return sorted(found, key=lambda item: -int(item[1].sum()))


# --- figures ------------------------------------------------------------------------------------

# One a rollout: whether it is counted.
Chosen = np.ndarray[Any, np.dtype[np.bool_]]


def _is(run: RewardRun, verdict: Verdict) -> Chosen:
    return np.array([said.verdict is verdict for said in run.said], bool)


def _figures(run: RewardRun, cases: Sequence[Case], resampler: "_Resampler") -> RewardFigures:
    accepted, undecided = _is(run, Verdict.ACCEPTED), _is(run, Verdict.UNDECIDED)
    right, wrong = _labelled([case.is_right for case in cases])
    good, bad = _labelled([case.is_good_pair for case in cases])
    has_labels, has_pairs = bool((right | wrong).any()), bool((good | bad).any())
    share = resampler.share
    scale = _THOUSAND / len(cases)
    return RewardFigures(
        name=run.name,
        accepted=int(accepted.sum()),
        rejected=int(_is(run, Verdict.REJECTED).sum()),
        undecided=int(undecided.sum()),
        failed=run.failed,
        accepted_share=share(accepted, ~undecided),
        precision=share(accepted & right, accepted & (right | wrong)) if has_labels else None,
        recall=share(accepted & right, right) if has_labels else None,
        of_good_pairs=share(accepted & good, accepted & (good | bad)) if has_pairs else None,
        calls=scale * sum(said.calls for said in run.said),
        tokens=scale * sum(said.tokens for said in run.said),
        cost=scale * sum(said.cost for said in run.said),
        seconds=scale * run.seconds,
    )


def _labelled(labels: Sequence[bool | None]) -> tuple[Chosen, Chosen]:
    """Where people say yes, and where they say no."""
    return (
        np.array([label is True for label in labels], bool),
        np.array([label is False for label in labels], bool),
    )


def _type_figures(
    name: str, chosen: Chosen, runs: Sequence[RewardRun], resampler: "_Resampler"
) -> TypeFigures:
    return TypeFigures(
        name,
        int(chosen.sum()),
        [int((_is(run, Verdict.ACCEPTED) & chosen).sum()) for run in runs],
        [int((_is(run, Verdict.UNDECIDED) & chosen).sum()) for run in runs],
        _agreements(runs, chosen, resampler),
    )


def _agreements(
    runs: Sequence[RewardRun], chosen: Chosen, resampler: "_Resampler"
) -> list[Agreement]:
    return [_agreement(one, other, chosen, resampler) for one, other in combinations(runs, 2)]


def _agreement(
    first: RewardRun, second: RewardRun, chosen: Chosen, resampler: "_Resampler"
) -> Agreement:
    undecided = _is(first, Verdict.UNDECIDED) | _is(second, Verdict.UNDECIDED)
    decided = chosen & ~undecided
    one, other = _is(first, Verdict.ACCEPTED), _is(second, Verdict.ACCEPTED)
    cells = [decided & cell for cell in (one & other, one & ~other, ~one & other, ~one & ~other)]
    both, only_first, only_second, neither = (int(cell.sum()) for cell in cells)
    return Agreement(
        first=first.name,
        second=second.name,
        both=both,
        only_first=only_first,
        only_second=only_second,
        neither=neither,
        undecided=int((chosen & undecided).sum()),
        agreement=resampler.share(cells[0] | cells[3], decided),
        kappa=resampler.kappa(cells),
    )


class _Resampler:
    """Draws source documents, the same ones for every figure."""

    def __init__(self, sources: Sequence[str], seed: int) -> None:
        places = {source: place for place, source in enumerate(sorted(set(sources)))}
        self.sources = len(places)
        self._place = np.array([places[source] for source in sources], np.intp)
        self._weights = document_weights(self.sources, np.random.default_rng(seed))

    def share(self, part: Chosen, whole: Chosen) -> Estimate:
        """The share of a whole that is a part of it."""
        over, under = self._sums(part), self._sums(whole)
        return _estimate(
            _ratio(over.sum(), under.sum()), _ratio(self._drawn(over), self._drawn(under))
        )

    def kappa(self, cells: Sequence[Chosen]) -> Estimate:
        """Cohen's kappa of: both accept, only the first, only the second, neither."""
        sums = [self._sums(cell) for cell in cells]
        drawn = [self._drawn(cell) for cell in sums]
        return _estimate(_kappa(*(cell.sum() for cell in sums)), _kappa(*drawn))

    def _sums(self, chosen: Chosen) -> Numbers:
        """Rollouts by source document."""
        weights = chosen.astype(np.float64)
        sums = np.bincount(self._place, weights=weights, minlength=self.sources)
        return sums.astype(np.float64)

    def _drawn(self, sums: Numbers) -> Numbers:
        drawn: Numbers = self._weights @ sums
        return drawn


def _ratio(over: Any, under: Any) -> Numbers:
    """The ratio, and NaN where there is none."""
    above, below = np.asarray(over, np.float64), np.asarray(under, np.float64)
    found: Numbers = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
    return found


def _kappa(both: Any, only_first: Any, only_second: Any, neither: Any) -> Numbers:
    total = np.asarray(both + only_first + only_second + neither, np.float64)
    observed = _ratio(both + neither, total)
    first, second = _ratio(both + only_first, total), _ratio(both + only_second, total)
    by_chance = first * second + (1 - first) * (1 - second)
    return _ratio(observed - by_chance, np.nan_to_num(1 - by_chance))


def _estimate(value: Numbers, drawn: Numbers) -> Estimate:
    if np.isnan(value):
        return Estimate(None)
    return Estimate(float(value), *interval_where_defined(drawn))


# --- examples -----------------------------------------------------------------------------------


def _examples(
    cases: Sequence[Case], runs: Sequence[RewardRun], seed: int
) -> Iterator[tuple[str, Sequence[Differing]]]:
    """By answer type, each pattern of verdicts in turn; the same ones for the same seed."""
    by_type: dict[str, dict[tuple[Verdict, ...], list[Differing]]] = {}
    order = sorted(range(len(cases)), key=lambda n: seeded_draw(seed, cases[n].case_id))
    for number in order:
        said = [run.said[number] for run in runs]
        pattern = tuple(one.verdict for one in said)
        if len(set(pattern)) > 1:
            patterns = by_type.setdefault(cases[number].answer_type, {})
            patterns.setdefault(pattern, []).append(Differing(cases[number], said))
    for name, patterns in sorted(by_type.items()):
        yield name, _in_turn([patterns[pattern] for pattern in sorted(patterns)])


def _in_turn(groups: Sequence[Sequence[Differing]]) -> list[Differing]:
    longest = max(len(group) for group in groups)
    turns = [one for turn in range(longest) for group in groups for one in group[turn : turn + 1]]
    return turns[:EXAMPLES_PER_TYPE]
