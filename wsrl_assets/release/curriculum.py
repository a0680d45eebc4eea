"""The order of a release's rows as a curriculum: what a policy passes often comes first.

In each domain pairs stand by falling pass rate, and domains are dealt into one another by their
sizes, so every stretch of the release has the mix of the whole. With a spread, places are shifted
by normal draws: a stretch then holds pairs of rates around a mean that falls. Nemotron 3 Nano draws
its batches so; here it is an order of rows, which trainers follow with shuffling switched off.
"""

from statistics import NormalDist

import polars as pl

from wsrl_assets.release.spec import ReleaseSpec
from wsrl_assets.text.hashing import seeded_draw

_DRAWS = 2**64


def in_order(pairs: pl.DataFrame, spec: ReleaseSpec) -> pl.DataFrame:
    """The pairs in the order of the spec's curriculum, or as they are where it has none.

    `pairs` has at least the columns slug, pair_id and pass_rate; pairs without a rate come last.
    The same pairs, rates and seed give the same order.
    """
    if spec.curriculum is None or pairs.is_empty():
        return pairs
    shifts = [_normal(spec.seed, pair_id) * spec.curriculum.spread for pair_id in pairs["pair_id"]]
    by_rate = pl.struct(-pl.col("pass_rate").fill_null(-1.0), "pair_id")
    place = by_rate.rank("ordinal").over("slug") / pl.len().over("slug")
    return (
        pairs.with_columns(_place=place + pl.Series(shifts, dtype=pl.Float64))
        .sort("_place", "pair_id")
        .drop("_place")
    )


def _normal(seed: int, pair_id: str) -> float:
    return NormalDist().inv_cdf((seeded_draw(seed, pair_id) + 0.5) / _DRAWS)
