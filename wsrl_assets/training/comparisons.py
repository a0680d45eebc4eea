"""Which differences between arms are beyond chance: a paired bootstrap by document.

Questions on one document are not independent, so documents are drawn, each with all its questions;
and both arms are asked the same ones, so the difference of each question is what is drawn.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from wsrl_assets.reporting.bootstrap import Numbers, document_weights, interval

Scores = Mapping[str, float]
"""The mean score of each question, by pair id."""


class Finding(StrEnum):
    """What a difference says."""

    HIGHER = "higher"
    LOWER = "lower"
    WITHIN = "within its interval"


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean difference of two arms over the same questions, with its 95 % interval."""

    mean: float
    low: float
    high: float
    questions: int
    documents: int

    @property
    def finding(self) -> Finding:
        """Whether the interval is all above 0, all below, or holds it."""
        if self.low > 0:
            return Finding.HIGHER
        return Finding.LOWER if self.high < 0 else Finding.WITHIN


def paired_difference(
    arm: Scores, other: Scores, documents: Mapping[str, str], seed: int
) -> Difference | None:
    """How much higher one arm scores than another; none if they share no question.

    Args:
        documents: the source document of each question.
        seed: of the draws, the same for all comparisons.
    """
    shared = sorted(arm.keys() & other.keys())
    if not shared:
        return None
    sums, counts = _by_document([arm[q] - other[q] for q in shared], [documents[q] for q in shared])
    weights = document_weights(len(sums), np.random.default_rng(seed))
    low, high = interval((weights @ sums) / (weights @ counts))
    mean = float(sums.sum() / counts.sum())
    return Difference(mean, low, high, len(shared), len(sums))


def mean_scores(runs: Sequence[Scores]) -> dict[str, float]:
    """The mean of each question over the seeds of an arm."""
    return {pair_id: sum(run[pair_id] for run in runs) / len(runs) for pair_id in runs[0]}


def _by_document(differences: Sequence[float], documents: Sequence[str]) -> tuple[Numbers, Numbers]:
    groups: dict[str, list[float]] = defaultdict(list)
    for difference, document in zip(differences, documents, strict=True):
        groups[document].append(difference)
    sums = np.array([sum(group) for group in groups.values()])
    return sums, np.array([float(len(group)) for group in groups.values()])
