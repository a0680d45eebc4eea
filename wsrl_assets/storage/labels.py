"""What people say of pairs, and the samples that they read: in `library/review`, and nowhere else.

No stage writes here, so no run, regeneration or withdrawal takes a label away.
"""

from collections.abc import Sequence

import polars as pl

from wsrl_assets.storage.layout import Partition
from wsrl_assets.storage.store import Store
from wsrl_assets.storage.tables import ReviewLabel, ReviewSample, utc_now

REVIEW = Partition.library("review")


def save_labels(store: Store, labels: Sequence[ReviewLabel]) -> None:
    """Adds labels; one replaces what the same reviewer said of the same pair before."""
    with store.transaction(REVIEW) as transaction:
        transaction.merge(labels)


def save_newer_labels(store: Store, labels: Sequence[ReviewLabel]) -> int:
    """Adds the labels that are newer than what their reviewer said of the pair; returns how many.

    Looked up and written in one transaction, so that a label which is given meanwhile stays.
    """
    with store.transaction(REVIEW) as transaction:
        said = {(row.pair_id, row.reviewer): row for row in transaction.rows(ReviewLabel)}
        newer = []
        for label in sorted(labels, key=lambda label: label.created_at):
            before = said.get((label.pair_id, label.reviewer))
            if before is None or before.created_at < label.created_at:
                said[label.pair_id, label.reviewer] = label
                newer.append(label)
        transaction.merge(newer)
    return len({(label.pair_id, label.reviewer) for label in newer})


def all_labels(store: Store) -> list[ReviewLabel]:
    """Every label, by pair and time."""
    if not store.exists(REVIEW):
        return []
    with store.transaction(REVIEW) as transaction:
        rows = transaction.rows(ReviewLabel)
    return sorted(rows, key=lambda row: (row.pair_id, row.created_at, row.reviewer))


def save_sample(store: Store, name: str, pair_ids: Sequence[str]) -> None:
    """Adds a sample, to be read in this order."""
    now = utc_now()
    rows = [
        ReviewSample(sample=name, pair_id=pair_id, place=place, created_at=now)
        for place, pair_id in enumerate(pair_ids, start=1)
    ]
    with store.transaction(REVIEW) as transaction:
        transaction.merge(rows)


def rejected_in_review(store: Store) -> pl.DataFrame:
    """The pairs that somebody rejects: `pair_id` and `said`, by whom and why."""
    if not store.exists(REVIEW):
        return pl.DataFrame(schema={"pair_id": pl.String, "said": pl.String})
    return store.read(REVIEW, "review_rejects")
