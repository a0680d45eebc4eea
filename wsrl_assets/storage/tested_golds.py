"""Which golds went through the reward's self-test: in `library/golds`, for all domains."""

from collections.abc import Mapping, Sequence

import polars as pl

from wsrl_assets.storage.layout import Partition
from wsrl_assets.storage.store import Store
from wsrl_assets.storage.tables import TestedGold
from wsrl_assets.storage.transaction import frame

GOLDS = Partition.library("golds")


def tested(store: Store, gold_ids: Sequence[str], reward: str) -> dict[str, str | None]:
    """What this version of the reward found, none being a pass; of those that it has tested."""
    if not store.exists(GOLDS):
        return {}
    asked = pl.DataFrame({"gold_id": gold_ids}, schema={"gold_id": pl.String})
    with store.snapshot(GOLDS) as connection:
        return dict(frame(connection, "tested_golds", {"asked": asked}, reward=reward).iter_rows())


def remember(store: Store, found: Mapping[str, str | None], reward: str) -> None:
    """Writes down what was found of golds, by their ids."""
    rows = pl.DataFrame(
        {"gold_id": list(found), "fault": list(found.values())},
        schema={"gold_id": pl.String, "fault": pl.String},
    )
    with store.transaction(GOLDS) as transaction:
        transaction.merge_frame(TestedGold, rows.with_columns(reward=pl.lit(reward)))
    store.publish(GOLDS)
