"""A domain's qualified documents, less near-duplicates. No model is asked."""

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

import polars as pl

from wsrl_assets.curation.dedup import STAGE, VERSION, DedupSettings, NearDuplicates, signature
from wsrl_assets.domains import Domain
from wsrl_assets.llm import StageRecipe, Stamp, rule_recipe
from wsrl_assets.storage import Kind, Partition, Store
from wsrl_assets.storage.store import frame
from wsrl_assets.storage.tables import FilteredDocument, Status

T = TypeVar("T")

_PAGE = 500
# Domains that begin together are filtered one after another: the work is Python's, so together
# none of them would be done before all are, and the endpoint would idle until then.
_one_at_a_time = threading.Lock()


def filter_recipe(settings: DedupSettings) -> StageRecipe:
    """The recipe of near-duplicate removal."""
    return rule_recipe(
        STAGE,
        VERSION,
        similarity=settings.similarity,
        ngram=settings.ngram,
        permutations=settings.permutations,
    )


def filter_domain(
    store: Store,
    domain: Domain,
    run_id: str,
    settings: DedupSettings | None = None,
    on_progress: Callable[[int], None] = lambda rows: None,
) -> int:
    """Brings `filtered_documents` of a domain up to date; returns the number of new rows.

    New documents are compared with those kept before by their stored signatures; the old texts
    are not read again. Documents are taken in order of shard, row and passage, so that of two
    near-duplicates the first stays.
    """
    with _one_at_a_time:
        return _filter(store, domain, run_id, settings or DedupSettings(), on_progress)


def _filter(
    store: Store,
    domain: Domain,
    run_id: str,
    settings: DedupSettings,
    on_progress: Callable[[int], None],
) -> int:
    partition = Partition.domain(domain)
    stamp = Stamp(filter_recipe(settings), run_id)
    with store.transaction(partition) as transaction:
        known = transaction.query("filtered_signatures")
        transaction.merge([stamp.recipe.row()])
    index = NearDuplicates(settings)
    kept = known.filter(pl.col("status") == Status.KEPT)
    index.add_all(zip(kept["doc_id"], kept["minhash"], strict=True))
    clusters = dict(zip(known["doc_id"], known["cluster_id"], strict=True))
    done = set(known["doc_id"])
    added = 0
    for page in _pages(_new_documents(store, domain, done)):
        rows = [_row(document, index, clusters, settings, stamp) for document in page]
        with store.transaction(partition) as transaction:
            transaction.merge(rows)
        added += len(rows)
        on_progress(len(rows))
    store.publish(partition)
    return added


def _new_documents(store: Store, domain: Domain, done: set[str]) -> Iterator[dict[str, object]]:
    for shard in store.partitions(Kind.SHARD):
        with store.snapshot(shard) as connection:
            ids = frame(connection, "qualified_ids", domain=str(domain))["doc_id"]
            fresh = [doc_id for doc_id in ids if doc_id not in done]
            done.update(fresh)
            for page in _pages(fresh):
                yield from frame(connection, "qualified_documents", doc_ids=page).to_dicts()


def _pages(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while page := list(islice(rest, _PAGE)):
        yield page


def _row(
    document: dict[str, object],
    index: NearDuplicates,
    clusters: dict[str, str],
    settings: DedupSettings,
    stamp: Stamp,
) -> FilteredDocument:
    doc_id = str(document["doc_id"])
    raw = signature(str(document["text"]), settings)
    similar = index.most_similar(raw)
    if similar is None:
        index.add(doc_id, raw)
        clusters[doc_id] = doc_id
        status, reason, detail = Status.KEPT, None, None
    else:
        clusters[doc_id] = clusters[similar[0]]
        status, reason = Status.REJECTED, "near_duplicate"
        detail = f"{similar[1]:.2f} similar to {similar[0]}"
    return FilteredDocument(
        **document,  # type: ignore[arg-type]
        cluster_id=clusters[doc_id],
        minhash=raw,
        status=status,
        reason=reason,
        detail=detail,
        **stamp(),
    )
