"""The last look at every gold of a release: does the reward still tell it from wrong answers?

Verification makes a gold and tests it in one step. What is stored may be older than the rules that
ship with the release, so the stored gold is tested again, as a trainer will read it. What a version
of the reward found of a gold is remembered, so a gold is tested once a version.
"""

from collections.abc import Mapping

import polars as pl

from wsrl_assets.release.quality import gold_fault
from wsrl_assets.reward.version import reward_version
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tested_golds import remember, tested
from wsrl_assets.storage.transaction import frame
from wsrl_assets.text.normalisation import stable_hash

UNPROVEN = "gold_self_test"
_AT_ONCE = 20_000


def failing_golds(store: Store, pairs: pl.DataFrame) -> dict[str, str]:
    """The pairs whose gold the reward cannot tell from five wrong answers, by id, and why.

    `pairs`: columns `pair_id` and `gold` (JSON).
    """
    ids = {gold: stable_hash(gold) for gold in pairs["gold"].unique() if gold}
    found = tested(store, list(ids.values()), reward_version())
    untested = [gold for gold, gold_id in ids.items() if gold_id not in found]
    for first in range(0, len(untested), _AT_ONCE):
        new = {ids[gold]: _fault(gold) for gold in untested[first : first + _AT_ONCE]}
        remember(store, new, reward_version())
        found |= new
    faults = {gold: why for gold, gold_id in ids.items() if (why := found[gold_id])}
    missing = _fault("")
    said = {None: missing, "": missing, **faults}
    return {
        pair_id: why
        for pair_id, gold in pairs.select("pair_id", "gold").iter_rows()
        if (why := said.get(gold))
    }


def failing_places(store: Store, partition: Partition) -> list[str]:
    """The pairs of a domain that have a place and a gold that fails.

    All verified golds are tested, since to look up which of them have a place takes longer.
    """
    with store.moment(partition) as connection:
        golds = frame(connection, "verified_golds")
    failing = golds.filter(pl.col("pair_id").is_in(list(failing_golds(store, golds))))
    if failing.is_empty():
        return []
    wrong = failing["gold"].fill_null("").to_list()
    with store.moment(partition) as connection:
        return list(frame(connection, "placed_of_golds", golds=wrong)["pair_id"])


def _fault(gold: str) -> str | None:
    fault = gold_fault(gold)
    return None if fault is None else fault[:200]


def split_proven(
    pairs: pl.DataFrame, failing: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The pairs whose gold passes, and the others with columns `reason` and `detail`.

    Args:
        pairs: with at least the column `pair_id`.
        failing: see `failing_golds`.
    """
    faults = pl.DataFrame(
        {"pair_id": list(failing), "detail": list(failing.values())},
        schema={"pair_id": pl.String, "detail": pl.String},
    )
    proven = pairs.join(faults, on="pair_id", how="anti", maintain_order="left")
    unproven = pairs.join(faults, on="pair_id", maintain_order="left")
    columns = [*pairs.columns, "reason", "detail"]
    return proven, unproven.with_columns(reason=pl.lit(UNPROVEN)).select(columns)
