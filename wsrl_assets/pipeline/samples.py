"""A sample of a home's documents, planted in a home of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from wsrl_assets.storage import Partition, PartitionKind, Store, catalog
from wsrl_assets.storage.tables import Shard, SourceDocument, utc_now
from wsrl_assets.storage.transaction import frame


def drawn_rows(store: Store, query: str, seed: int, documents: int) -> list[dict[str, Any]]:
    """Rows of `source_documents` by a sampling query, in its order; more columns as it has them."""
    with catalog(store, store.partitions(PartitionKind.SHARD)) as connection:
        return frame(connection, query, seed=str(seed), documents=documents).to_dicts()


def as_shard(rows: Sequence[Mapping[str, Any]], shard: str) -> list[SourceDocument]:
    """The documents as those of one shard, in this order."""
    return [
        SourceDocument(**{**row, "shard": shard, "source_row": number, "passage": 0})
        for number, row in enumerate(rows, 1)
    ]


def plant(store: Store, sample: Sequence[SourceDocument], shard: str) -> None:
    """Puts a sample into a home that has none of it yet, as a shard that was read."""
    registered = Shard(
        shard=shard,
        path=shard,
        sha256="",
        size_bytes=0,
        registered_at=utc_now(),
        source_rows=len(sample),
        ingest_recipe=shard,
    )
    partition = Partition.shard(shard)
    with store.transaction(partition) as transaction:
        if transaction.count(SourceDocument) == 0:
            transaction.merge([registered, *sample])
    store.publish(partition)
