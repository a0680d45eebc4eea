"""The documents that were withdrawn for good: one list over all shards, in `library/takedowns`."""

from collections.abc import Sequence

from wsrl_assets.storage.layout import Partition
from wsrl_assets.storage.store import Store
from wsrl_assets.storage.tables import Takedown, utc_now

TAKEDOWNS = Partition.library("takedowns")
WITHDRAWN = "withdrawn"
"""The reason of a row that was withdrawn."""


def take_down(store: Store, doc_ids: Sequence[str], matched: str) -> None:
    """Adds documents to the list; a copy that a later shard brings is rejected as it is read."""
    rows = [Takedown(doc_id=i, matched=matched, created_at=utc_now()) for i in doc_ids]
    with store.transaction(TAKEDOWNS) as transaction:
        transaction.merge(rows)


def taken_down(store: Store, doc_ids: Sequence[str]) -> set[str]:
    """Which of some documents are on the list."""
    if not doc_ids or not store.exists(TAKEDOWNS):
        return set()
    with store.transaction(TAKEDOWNS) as transaction:
        return set(transaction.query("takedowns", doc_ids=list(doc_ids))["doc_id"])
