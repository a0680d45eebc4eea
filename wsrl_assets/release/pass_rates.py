"""Selection by difficulty: which pass rates a release takes."""

from dataclasses import dataclass

import polars as pl

from wsrl_assets.taxonomy.forms import UNRATED

OUT_OF_RANGE = "pass_rate_out_of_range"
NO_RATE = "no_pass_rate"
UNREACHED = "unreached"


@dataclass(frozen=True, slots=True)
class PassRateRange:
    """Pass rates strictly between two bounds; where neither is set, any rate and none.

    Above 0 and below 1 takes pairs that some rollouts pass and some fail. Those that none passed
    are a pool of their own: left out with the reason `unreached`, or taken beside the others.
    """

    above: float | None = None
    below: float | None = None
    unreached: bool = False

    def split(self, pairs: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The pairs in the range, and the others with columns `reason` and `detail`.

        `pairs` has at least `form`, `pass_rate` (a float, none where a pair was not rated),
        `rollouts` and `policy`. A pair without a rate is in no range that has a bound, unless its
        form has no closed-book rate: an abstention, or an explanation.
        """
        if self.above is None and self.below is None:
            nothing = pl.lit(None, dtype=pl.String)
            return pairs, pairs.clear().with_columns(reason=nothing, detail=nothing)
        is_rated = ~pl.col("form").is_in(UNRATED)
        marked = pairs.with_columns(
            reason=pl.when(is_rated).then(self._reason()),
            detail=pl.format(
                "{} over {} rollouts of {}", pl.col("pass_rate").round(4), "rollouts", "policy"
            ),
        )
        kept = marked.filter(pl.col("reason").is_null()).drop("reason", "detail")
        return kept, marked.filter(pl.col("reason").is_not_null())

    def _reason(self) -> pl.Expr:
        rate, outside = pl.col("pass_rate"), pl.lit(False)
        if self.above is not None:
            outside = outside | (rate <= self.above)
        if self.below is not None:
            outside = outside | (rate >= self.below)
        if self.unreached:
            outside = outside & (rate > 0)
        return (
            pl.when(rate.is_null())
            .then(pl.lit(NO_RATE))
            .when(outside & (rate == 0))
            .then(pl.lit(UNREACHED))
            .when(outside)
            .then(pl.lit(OUT_OF_RANGE))
            .otherwise(None)
        )
