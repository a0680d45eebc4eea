"""Near-duplicate documents, over all domains: MinHash of word 5-grams, compared through LSH.

A cluster is a kept document and every document that is a near-duplicate of it. Only the kept one
goes on, so no two documents that feed questions are near-duplicates, whatever domains triage put
them in. (Clusters are not chained: of A, B like A, and C like B but not like A, both A and C are
kept. A chain would grow over documents that share nothing, and no place in a split could be
promised to last.)

Who is kept stands in `library/document_index.duckdb`, with signatures, so new documents are
compared with old ones without reading the old texts again. A page is decided and claimed in one
transaction: of two domains that run at the same time, in threads or processes, one comes first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from wsrl_assets.storage import Store
from wsrl_assets.storage.claims import DOCUMENT_INDEX
from wsrl_assets.storage.schema import frame_of_columns
from wsrl_assets.storage.similar import IndexedItem, Match, SimilarItems
from wsrl_assets.storage.tables import DocumentLink
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.text.minhash import MinHashSettings, signature

STAGE = Stage.FILTERED_DOCUMENTS
VERSION = "2"


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to be decided, with its MinHash signature."""

    doc_id: str
    parent_id: str
    minhash: bytes

    @classmethod
    def page(cls, rows: pl.DataFrame, settings: MinHashSettings) -> "list[NewDocument]":
        """From a frame with `doc_id`, `parent_id` and `text`."""
        minhashes = [signature(text, settings) for text in rows["text"]]
        return list(map(cls, rows["doc_id"], rows["parent_id"], minhashes))


def claim_documents(
    store: Store, domain: Domain, page: Sequence[NewDocument], settings: MinHashSettings
) -> list[Match | None]:
    """For each document the kept one that it repeats; none for those that are kept from now on.

    Asked again, for instance after a kill, it gives a domain what it has claimed before.
    """
    with store.transaction(DOCUMENT_INDEX) as transaction:
        items = [IndexedItem(new.doc_id, str(domain), new.doc_id, new.minhash) for new in page]
        index = SimilarItems(transaction, items, settings)
        matches = [_decide(index, position, item) for position, item in enumerate(items)]
        index.save()
        links = {
            "doc_id": [new.doc_id for new in page],
            "parent_id": [new.parent_id for new in page],
            "cluster_id": cluster_ids(page, matches),
        }
        transaction.merge_frame(DocumentLink, frame_of_columns(DocumentLink, links))
    return matches


def cluster_ids(page: Sequence[NewDocument], matches: Sequence[Match | None]) -> list[str]:
    """Of each document the kept one that it repeats, or it itself."""
    return [m.item_id if m else new.doc_id for new, m in zip(page, matches, strict=True)]


def link_repeated_passages(store: Store, passages: Sequence[tuple[str, str]]) -> None:
    """Records which source rows repeat a passage that is kept for another, as (doc_id, parent_id).

    The split must know: the rest of such a row shares text with the other row.
    """
    if passages:
        doc_ids, parent_ids = map(list, zip(*passages, strict=True))
        with store.transaction(DOCUMENT_INDEX) as transaction:
            transaction.execute("link_passages", doc_ids=doc_ids, parent_ids=parent_ids)


def _decide(index: SimilarItems, position: int, item: IndexedItem) -> Match | None:
    owner = index.owner(position)
    if owner == item.domain:
        return None
    if owner is not None:  # triage gave one document to two domains
        return Match(item.item_id, "content", 1.0)
    match = index.match(position)
    if match is None:
        index.claim(position)
    return match
