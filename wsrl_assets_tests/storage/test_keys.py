"""The keys that a run remembers of a table: what is known is known however it came."""

from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.keys import KnownKeys
from wsrl_assets.storage.tables import DocumentOwner, SourceDocument
from wsrl_assets.storage.transaction import Transaction

hashes = st.lists(st.integers(0, 60), max_size=8)
DOCUMENTS = Partition.library("documents")


@given(hashes, st.lists(hashes, max_size=12), hashes)
def test_a_key_is_new_while_nothing_added_has_it(
    read: list[int], added: list[list[int]], asked: list[int]
) -> None:
    keys = KnownKeys()
    keys.read(SourceDocument, pl.Series(read, dtype=pl.UInt64))
    for some in added:
        keys.add(SourceDocument, pl.Series(some, dtype=pl.UInt64))
    known = {*read, *(key for some in added for key in some)}
    found = keys.are_new(SourceDocument, pl.Series(asked, dtype=pl.UInt64))
    assert found == known.isdisjoint(asked)


def _claim(transaction: Transaction, shard: str, doc_ids: list[str]) -> None:
    transaction.execute("claim_documents", shard=shard, doc_ids=doc_ids)


def test_a_document_belongs_to_the_shard_that_claims_it_first(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.transaction(DOCUMENTS) as transaction:
        _claim(transaction, "one", ["a", "b"])
        _claim(transaction, "two", ["b", "c"])
        _claim(transaction, "two", [])
        _claim(transaction, "one", ["a", "c"])
        owners = {(row.doc_id, row.shard) for row in transaction.rows(DocumentOwner)}
        assert transaction.count(DocumentOwner) == 3
    assert owners == {("a", "one"), ("b", "one"), ("c", "two")}
