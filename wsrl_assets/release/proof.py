"""The last look at every gold of a release: does the reward still tell it from wrong answers?

Verification makes a gold and tests it in one step. What is stored may be older than the rules that
ship with the release, so the stored gold is tested again, as a trainer will read it.
"""

from collections.abc import Iterable

import polars as pl

from wsrl_assets.release.quality import gold_fault

UNPROVEN = "gold_self_test"


def failing_golds(golds: Iterable[str | None]) -> dict[str | None, str]:
    """Those of the golds, as JSON, that the reward cannot tell from five wrong answers, and why."""
    return {gold: why for gold in dict.fromkeys(golds) if (why := _fault(gold))}


def _fault(gold: str | None) -> str | None:
    fault = gold_fault(gold or "")
    return None if fault is None else fault[:200]


def split_proven(pairs: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The pairs whose column `gold` passes, and the others with columns `reason` and `detail`."""
    failing = failing_golds(pairs["gold"])
    details = [failing.get(gold) for gold in pairs["gold"]]
    marked = pairs.with_columns(reason=pl.lit(UNPROVEN), detail=pl.Series(details, dtype=pl.String))
    proven = marked.filter(pl.col("detail").is_null()).drop("reason", "detail")
    return proven, marked.filter(pl.col("detail").is_not_null())
