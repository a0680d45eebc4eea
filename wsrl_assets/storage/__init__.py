"""The only door to the DuckDB files."""

from wsrl_assets.storage.catalog import QueryError, catalog, typed_query
from wsrl_assets.storage.layout import Partition, PartitionKind
from wsrl_assets.storage.store import Store, StoreBusyError, StoreError, Transaction
from wsrl_assets.storage.writer import GroupWriter

__all__ = [
    "GroupWriter",
    "Partition",
    "PartitionKind",
    "QueryError",
    "Store",
    "StoreBusyError",
    "StoreError",
    "Transaction",
    "catalog",
    "typed_query",
]
