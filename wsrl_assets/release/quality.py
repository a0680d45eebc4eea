"""What must hold of a stage's rows and of a release, as functions over frames.

Dagster shows them as asset checks (see `reports`), and the release refuses to be made where those
that block it do not hold (see `release.gate`).
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import polars as pl

from wsrl_assets.reward import Gold, Rubric, is_rubric, self_test, self_test_rubric

_EXAMPLES = 10
MAX_DOMAIN_SHARE = 0.6
"""Of a release's pairs in one domain. The paper's largest, of ten, has about a third."""
RUNS = 10
MIN_RUNS = 3
MIN_RUN_ROWS = 20
"""A run of fewer rows says little of a rate: at 20, one row is five points."""
MIN_DRIFT = 0.10
_SPREADS = 3.0
_REMEMBERED_GOLDS = 1 << 16


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        passed: whether it holds.
        says: the finding in a sentence.
        figures: what it rests on.
        examples: ids of some rows that break it.
    """

    passed: bool
    says: str
    figures: Mapping[str, float] = field(default_factory=dict)
    examples: Sequence[str] = ()


def unique_ids(repeated: pl.DataFrame) -> Finding:
    """No id stands in two rows. `repeated`: ids with more than one row, columns `id`, `rows`."""
    if repeated.is_empty():
        return Finding(True, "Every id is there once.")
    examples = repeated["id"].head(_EXAMPLES).to_list()
    extra = int(repeated["rows"].sum()) - repeated.height
    return Finding(
        False,
        f"{extra} rows repeat an id, for example {examples[0]}.",
        {"repeated_ids": repeated.height, "extra_rows": extra},
        examples,
    )


def one_split_per_source(pairs: pl.DataFrame) -> Finding:
    """No source document feeds two splits. `pairs`: columns `parent_id`, `split`."""
    leaking = (
        pairs.group_by("parent_id")
        .agg(pl.col("split").n_unique().alias("splits"))
        .filter(pl.col("splits") > 1)
        .sort("parent_id")
    )
    sources = pairs["parent_id"].n_unique() if pairs.height else 0
    return no_leakage(sources, leaking["parent_id"].to_list())


def no_leakage(sources: int, leaking: Sequence[str]) -> Finding:
    """As `one_split_per_source`, given how many source documents there are, and which leak."""
    figures = {"source_documents": sources, "in_two_splits": len(leaking)}
    if not leaking:
        return Finding(True, f"Each of {sources} source documents is in one split.", figures)
    return Finding(
        False,
        f"{len(leaking)} source documents are in several splits, for example {leaking[0]}.",
        figures,
        leaking[:_EXAMPLES],
    )


def golds_pass(golds: int, failing: Sequence[str]) -> Finding:
    """The reward accepts each gold answer and no perturbation of it: its self-test.

    Args:
        golds: how many were tested.
        failing: the pairs whose gold fails, such as one that cannot be read.
    """
    figures = {"golds": golds, "failing": len(failing)}
    if not failing:
        return Finding(True, f"All {golds} golds pass their self-test.", figures)
    return Finding(
        False,
        f"{len(failing)} of {golds} golds fail their self-test, for example {failing[0]}.",
        figures,
        failing[:_EXAMPLES],
    )


def balanced_domains(pairs: pl.DataFrame, max_share: float = MAX_DOMAIN_SHARE) -> Finding:
    """No domain has more than `max_share` of all pairs. `pairs`: column `domain`."""
    if pairs.is_empty():
        return Finding(True, "There are no pairs yet.")
    counts = pairs["domain"].value_counts().sort("count", "domain", descending=[True, False])
    largest, rows = counts.row(0)
    share = rows / pairs.height
    figures = {"largest_share": round(share, 4), "domains": counts.height}
    says = f"{largest} has {share:.0%} of all pairs, of {counts.height} domains with pairs"
    if share <= max_share:
        return Finding(True, f"{says}.", figures)
    return Finding(False, f"{says}; more than {max_share:.0%} is one-sided.", figures)


def steady_rejection(runs: pl.DataFrame) -> Finding:
    """The newest run rejects about as large a share as up to ten runs before it did.

    `runs`: a row for each run, newest first, with columns `rows` and `rejected`. Runs of fewer than
    20 rows do not count. The share may stray from the mean by 10 points, or by three standard
    deviations of the runs before, whichever is more.
    """
    enough = runs.filter(pl.col("rows") >= MIN_RUN_ROWS).head(RUNS + 1)
    shares = (enough["rejected"] / enough["rows"]).to_list()
    if runs.is_empty() or runs["rows"][0] < MIN_RUN_ROWS or len(shares) <= MIN_RUNS:
        return Finding(True, "There are too few runs, or rows in this one, to compare.")
    now, before = shares[0], shares[1:]
    mean = statistics.fmean(before)
    allowed = max(MIN_DRIFT, _SPREADS * statistics.stdev(before))
    figures = {"rejected_share": round(now, 4), "mean_before": round(mean, 4)}
    says = f"This run rejected {now:.0%} of its rows; the {len(before)} before it, {mean:.0%}"
    if abs(now - mean) <= allowed:
        return Finding(True, f"{says}.", figures)
    return Finding(False, f"{says}: more than {allowed:.0%} apart.", figures)


@lru_cache(maxsize=_REMEMBERED_GOLDS)
def gold_fault(gold: str) -> str | None:
    """Why a gold, as JSON, fails its self-test; none if it passes.

    Remembered: a gold is looked at as its domain is split, as the release is made, and as both are
    checked.
    """
    try:
        if is_rubric(gold):
            tested = self_test_rubric(Rubric.from_json(gold))
        else:
            tested = self_test(Gold.from_json(gold))
    except ValueError as error:
        return str(error)
    return None if tested.ok else tested.reason
