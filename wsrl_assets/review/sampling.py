"""Drawing the pairs that people read: half kept and half rejected, spread over domain and form."""

import polars as pl

from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.labels import REVIEW, save_sample
from wsrl_assets.storage.transaction import frame
from wsrl_assets.text.hashing import seeded_draw


def draw(candidates: pl.DataFrame, size: int, seed: int) -> list[str]:
    """A sample of `size` pairs, or all if there are fewer; the same one for the same arguments.

    Half are kept pairs and half rejected ones; where one kind has too few, the other fills up. Each
    half has domains and forms in proportion, by systematic sampling: of the pairs in order of
    domain and form, and of a hash within those, every n-th. The order of the result is random, so
    that its beginning is a sample too.

    Args:
        candidates: columns pair_id, domain, form, is_kept.
    """
    keyed = candidates.with_columns(
        draw=pl.Series([seeded_draw(seed, i) for i in candidates["pair_id"]], dtype=pl.UInt64)
    ).sort("domain", "form", "draw")
    kept = keyed.filter("is_kept")
    rejected = keyed.filter(~pl.col("is_kept"))
    from_rejected = min(rejected.height, max(size // 2, size - kept.height))
    halves = [(kept, size - from_rejected), (rejected, from_rejected)]
    chosen = pl.concat([_every_nth(half, count) for half, count in halves])
    return chosen.sort("draw")["pair_id"].to_list()


def sample_name(size: int, seed: int) -> str:
    """What a sample is called: it tells how it was drawn."""
    return f"{size}-seed-{seed}"


def take_sample(store: Store, size: int, seed: int) -> tuple[str, bool]:
    """The name of a sample, drawn unless it is there already, and whether it was drawn now.

    A sample that is there stays as it is, whatever pairs have come since.
    """
    name = sample_name(size, seed)
    with store.turn("review-sample"), catalog(store) as connection:
        known = frame(connection, "review_progress")["sample"].to_list()
        if name in known:
            return name, False
        pairs = draw(frame(connection, "review_candidates"), size, seed)
        if pairs:
            save_sample(store, name, pairs)
            store.publish(REVIEW)
    return name, bool(pairs)


def _every_nth(ordered: pl.DataFrame, count: int) -> pl.DataFrame:
    count = min(count, ordered.height)
    places = [(2 * i + 1) * ordered.height // (2 * count) for i in range(count)]
    return ordered[places]
