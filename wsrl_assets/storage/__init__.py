"""The only door to the DuckDB files."""

from wsrl_assets.storage.catalog import QueryError, catalog, typed_query
from wsrl_assets.storage.faults import ElsewhereError, StoreBusyError, StoreError
from wsrl_assets.storage.layout import Partition, PartitionKind
from wsrl_assets.storage.objects import ObjectsError
from wsrl_assets.storage.operations import SegmentError
from wsrl_assets.storage.store import Store
from wsrl_assets.storage.transaction import Transaction
from wsrl_assets.storage.writer import GroupWriter

__all__ = [
    "ElsewhereError",
    "GroupWriter",
    "ObjectsError",
    "Partition",
    "PartitionKind",
    "QueryError",
    "SegmentError",
    "Store",
    "StoreBusyError",
    "StoreError",
    "Transaction",
    "catalog",
    "typed_query",
]
