"""The only door to the DuckDB files."""

from wsrl_assets.storage.catalog import catalog
from wsrl_assets.storage.layout import Kind, Partition
from wsrl_assets.storage.store import Store, StoreBusyError, StoreError, Transaction
from wsrl_assets.storage.writer import GroupWriter

__all__ = [
    "GroupWriter",
    "Kind",
    "Partition",
    "Store",
    "StoreBusyError",
    "StoreError",
    "Transaction",
    "catalog",
]
