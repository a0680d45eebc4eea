"""Pass rates as histograms, by domain and policy: what a status, a check list and a card show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.transaction import frame

BUCKETS = ("0", "(0, .25]", "(.25, .5]", "(.5, .75]", "(.75, 1)", "1")
"""0 and 1 stand apart: a group of rollouts that all fail, or all pass, has no advantage to learn
from in GRPO."""
_UPPER_BOUNDS = (0.0, 0.25, 0.5, 0.75)


def bucket_of(pass_rate: float) -> int:
    """The place of a pass rate, 0 to 1, in `BUCKETS`."""
    if pass_rate >= 1:
        return len(BUCKETS) - 1
    below = (n for n, bound in enumerate(_UPPER_BOUNDS) if pass_rate <= bound)
    return next(below, len(_UPPER_BOUNDS))


def counted(pass_rates: Iterable[float]) -> list[int]:
    """How many pass rates are in each of `BUCKETS`."""
    pairs = [0] * len(BUCKETS)
    for rate in pass_rates:
        pairs[bucket_of(rate)] += 1
    return pairs


@dataclass(frozen=True, slots=True)
class RateHistogram:
    """The pass rates of a policy in a domain.

    Attributes:
        partition: domain slug.
        policy: model whose rates they are.
        pairs: rated pairs in each of `BUCKETS`.
        mean: mean pass rate over the pairs.
        rollouts: rollouts behind them.
        truncated: of these, cut off before they ended.
    """

    partition: str
    policy: str
    pairs: tuple[int, ...]
    mean: float
    rollouts: int
    truncated: int

    @property
    def total(self) -> int:
        """Pairs that were rated."""
        return sum(self.pairs)

    @property
    def between(self) -> int:
        """Pairs that some rollouts passed and some failed: those that GRPO learns from."""
        return sum(self.pairs[1:-1])

    @property
    def truncated_share(self) -> float:
        """Of rollouts, cut off: where it is high, rates say more of the limit than of the pairs."""
        return self.truncated / self.rollouts


def rate_histograms(connection: Connection) -> list[RateHistogram]:
    """A histogram for each domain and policy that has pass rates, on a catalog connection."""
    by_key: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in frame(connection, "pass_rates").iter_rows(named=True):
        by_key.setdefault((row["partition"], row["policy"]), []).append(row)
    return [_histogram(*key, rows) for key, rows in by_key.items()]


def _histogram(partition: str, policy: str, rows: Sequence[dict[str, Any]]) -> RateHistogram:
    pairs, total = [0] * len(BUCKETS), 0.0
    for row in rows:
        pairs[bucket_of(row["pass_rate"])] += row["pairs"]
        total += row["pass_rate"] * row["pairs"]
    return RateHistogram(
        partition,
        policy,
        tuple(pairs),
        total / sum(pairs),
        sum(row["rollouts"] for row in rows),
        sum(row["truncated"] for row in rows),
    )
