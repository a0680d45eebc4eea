"""A domain's qualified documents, less near-duplicates. No model is asked."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from wsrl_assets.curation.dedup import (
    STAGE,
    VERSION,
    NewDocument,
    claim_documents,
    link_repeated_passages,
)
from wsrl_assets.llm.recipes import Provenance, StageRecipe, rule_recipe
from wsrl_assets.storage import Partition, PartitionKind, Store
from wsrl_assets.storage.domains import carry_over, recorded_domains
from wsrl_assets.storage.home_accounting import open_shards
from wsrl_assets.storage.replacement import remove_documents
from wsrl_assets.storage.similar import Match
from wsrl_assets.storage.tables import FilteredDocument, Status
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.text.minhash import MinHashSettings

T = TypeVar("T")

_PAGE = 500


def filter_recipe(settings: MinHashSettings) -> StageRecipe:
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
    settings: MinHashSettings | None = None,
    on_rows: Callable[[int], None] = lambda rows: None,
) -> int:
    """Brings `filtered_documents` of a domain up to date; returns the number of new rows.

    New documents are compared with those kept before, in any domain, by their stored signatures;
    the old texts are not read again. Documents are taken in order of shard, row and passage, so
    that of two near-duplicates of a domain the first stays, if triage had found both; of two
    domains, the one that was filtered first has it. Memory is that of a page, and of the ids of
    one shard.

    Documents that triage has given to another domain since, or to none, leave first, with all that
    hangs on them. In a home whose domains have changed, what was made of a document in the domain
    that it left comes along.

    Raises:
        StoreBusyError: another run is at this domain.
    """
    # One domain at a time: the work is bound by the processor, so of several at once none would be
    # done before all are, and the endpoint would idle until then.
    with store.exclusive_run(Partition.domain(domain)), store.turn(STAGE):
        return _filter(store, domain, run_id, settings or MinHashSettings(), on_rows)


def _filter(
    store: Store,
    domain: Domain,
    run_id: str,
    settings: MinHashSettings,
    on_rows: Callable[[int], None],
) -> int:
    partition = Partition.domain(domain)
    provenance = Provenance(filter_recipe(settings), run_id)
    open_to = _open_shards(store, domain)
    withdraw_unqualified(store, domain, open_to)
    with store.transaction(partition) as transaction:
        transaction.merge([provenance.recipe.row()])
    has_changed = bool(recorded_domains(store))
    added = 0
    for page in _pages(_new_documents(store, domain, open_to)):
        new = NewDocument.page(page, settings)
        # Claimed first: a run that is killed in between is given its claims again.
        matches = claim_documents(store, domain, new, settings)
        rows = [_row(*parts, provenance) for parts in zip(page, new, matches, strict=True)]
        if has_changed:
            kept = [row.doc_id for row in rows if row.status is Status.KEPT]
            carry_over(store, domain, kept)
        with store.transaction(partition) as transaction:
            transaction.merge(rows)
        added += len(rows)
        on_rows(len(rows))
    store.publish(partition)
    return added


def withdraw_unqualified(
    store: Store, domain: Domain, among: Collection[Partition] | None = None
) -> None:
    """Takes out the documents that triage no longer gives to the domain, with all their rows.

    Args:
        among: the shards to look at, if they are known.

    The caller holds the domain's `exclusive_run`.
    """
    partition = Partition.domain(domain)
    if not store.exists(partition):
        return
    for shard in sorted(_open_shards(store, domain) if among is None else among):
        remove_documents(store, domain, _unqualified(store, domain, shard))


def _open_shards(store: Store, domain: Domain) -> set[Partition]:
    """The shards to look at: the domain has other documents of them than it was given."""
    here = set(store.partitions(PartitionKind.SHARD))
    return {Partition.shard(key) for key in open_shards(store, domain)} & here


def _unqualified(store: Store, domain: Domain, shard: Partition) -> list[str]:
    with store.transaction(Partition.domain(domain)) as transaction:
        ids = transaction.query("filtered_ids", shard=shard.key)["doc_id"].to_list()
    with store.snapshot(shard) as connection:
        found = frame(connection, "unqualified_ids", doc_ids=ids, domain=str(domain))
    return list(found["doc_id"])


def _new_documents(
    store: Store, domain: Domain, among: Collection[Partition]
) -> Iterator[dict[str, object]]:
    """Qualified documents that the domain has not filtered, each once, whole, in order."""
    seen: set[str] = set()
    for shard in sorted(among):
        with store.snapshot(shard) as connection:
            ids = frame(connection, "qualified_ids", domain=str(domain))["doc_id"].to_list()
            fresh = [doc_id for doc_id in _unfiltered(store, domain, ids) if doc_id not in seen]
            seen.update(fresh)
            if fresh:
                repeated = frame(connection, "repeated_passages")
                link_repeated_passages(store, list(repeated.iter_rows()))
            for page in _pages(fresh):
                yield from frame(connection, "qualified_documents", doc_ids=page).to_dicts()


def _unfiltered(store: Store, domain: Domain, ids: Sequence[str]) -> list[str]:
    if not ids:
        return []
    with store.transaction(Partition.domain(domain)) as transaction:
        known = set(transaction.query("known_documents", doc_ids=list(ids))["doc_id"])
    return [doc_id for doc_id in ids if doc_id not in known]


def _pages(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while page := list(islice(rest, _PAGE)):
        yield page


def _row(
    document: dict[str, object], new: NewDocument, match: Match | None, provenance: Provenance
) -> FilteredDocument:
    kept = match is None
    return FilteredDocument(
        **document,  # type: ignore[arg-type]
        cluster_id=match.item_id if match else new.doc_id,
        minhash=new.minhash,
        status=Status.KEPT if kept else Status.REJECTED,
        reason=None if kept else "near_duplicate",
        detail=_detail(match, new.doc_id) if match else None,
        **provenance.columns(),
    )


def _detail(match: Match, doc_id: str) -> str:
    if match.item_id == doc_id:
        return "another domain has this very document"
    return f"{match.similarity:.2f} similar to {match.item_id}"
