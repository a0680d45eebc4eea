"""How far verification agrees with people. Pure functions over labels and verdicts.

A pair that reviewers disagree on counts as disputed, and in no figure but that one. Figures count
pairs that were read; they hold for all pairs as far as those were drawn at random (`wsrl review
--sample`), for kept and rejected ones each by themselves.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.intervals import wilson_interval
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.opinions import Opinion


@dataclass(frozen=True, slots=True)
class Share:
    """A part of some pairs, with the interval that holds the true share with 95 % (Wilson)."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        return self.part / self.whole if self.whole else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound; 0 and 1 where nothing was counted."""
        return wilson_interval(self.part, self.whole)

    def __str__(self) -> str:
        if not self.whole:
            return "none read"
        low, high = self.interval
        return f"{self.part} of {self.whole}: {self.value:.0%} ({low:.0%} to {high:.0%})"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A pair that people have read.

    Attributes:
        opinions: one for each reviewer.
        status: what verification says; none if the pair is gone.
        reason: why verification rejects it.
        failed_checks: the checks that it did not pass.
    """

    pair_id: str
    opinions: tuple[Opinion, ...]
    status: str | None
    reason: str | None
    failed_checks: tuple[str, ...]

    @property
    def is_disputed(self) -> bool:
        return len(set(self.opinions)) > 1

    @property
    def is_good(self) -> bool:
        return set(self.opinions) == {Opinion.ACCEPT}


@dataclass(frozen=True, slots=True)
class Agreement:
    """Verification against people.

    Attributes:
        reviewers: how many people.
        pairs: pairs that they read.
        disputed: of these, pairs on which they disagree.
        gone: of these, pairs that are no longer there.
        shared: of the pairs that several read, those on which they agree.
        kept: of the pairs that passed every check, those that people accept.
        rejected: of the pairs that a check rejects, those that people reject.
        checks: by check, of the pairs that it rejects, those that people reject: its precision.
        reasons: by reason, of the pairs rejected for it, those that people accept: good pairs lost.
    """

    reviewers: int
    pairs: int
    disputed: int
    gone: int
    shared: Share
    kept: Share
    rejected: Share
    checks: Sequence[tuple[str, Share]]
    reasons: Sequence[tuple[str, Share]]


def agreement(reviewed: Sequence[Reviewed], reviewers: int) -> Agreement:
    """The figures of what `reviewers` people have read."""
    shared = [pair for pair in reviewed if len(pair.opinions) > 1]
    clear = [pair for pair in reviewed if not pair.is_disputed]
    kept = [pair for pair in clear if pair.status == "kept"]
    rejected = [pair for pair in clear if pair.status == "rejected"]
    return Agreement(
        reviewers,
        len(reviewed),
        sum(pair.is_disputed for pair in reviewed),
        sum(pair.status is None for pair in reviewed),
        Share(sum(not pair.is_disputed for pair in shared), len(shared)),
        _good(kept),
        _bad(rejected),
        [(name, _bad(pairs)) for name, pairs in _grouped(_by_check(rejected))],
        [(name, _good(pairs)) for name, pairs in _grouped(_by_reason(rejected))],
    )


def read_agreement(store: Store) -> Agreement | None:
    """The figures of a home; none if nobody has read a pair there."""
    with catalog(store) as connection:
        rows = frame(connection, "review_judged").to_dicts()
    if not rows:
        return None
    by_pair = groupby(rows, lambda row: row["pair_id"])
    pairs = [_reviewed(pair_id, list(same)) for pair_id, same in by_pair]
    return agreement(pairs, len({row["reviewer"] for row in rows}))


def _reviewed(pair_id: str, rows: Sequence[dict[str, Any]]) -> Reviewed:
    first = rows[0]
    opinions = {row["reviewer"]: Opinion(row["verdict"]) for row in rows}
    checks = tuple(first["failed_checks"])
    return Reviewed(pair_id, tuple(opinions.values()), first["status"], first["reason"], checks)


def _good(pairs: Sequence[Reviewed]) -> Share:
    return Share(sum(pair.is_good for pair in pairs), len(pairs))


def _bad(pairs: Sequence[Reviewed]) -> Share:
    return Share(sum(not pair.is_good for pair in pairs), len(pairs))


def _by_check(pairs: Iterable[Reviewed]) -> Iterable[tuple[str, Reviewed]]:
    return ((check, pair) for pair in pairs for check in dict.fromkeys(pair.failed_checks))


def _by_reason(pairs: Iterable[Reviewed]) -> Iterable[tuple[str, Reviewed]]:
    return ((pair.reason or "unknown", pair) for pair in pairs)


def _grouped(named: Iterable[tuple[str, Reviewed]]) -> list[tuple[str, list[Reviewed]]]:
    """By name, the most frequent first."""
    groups: dict[str, list[Reviewed]] = {}
    for name, pair in named:
        groups.setdefault(name, []).append(pair)
    return sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
