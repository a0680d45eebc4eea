"""A domain's qualified documents, less near-duplicates. No model is asked."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import polars as pl

from wsrl_assets.curation.dedup import (
    STAGE,
    VERSION,
    NewDocument,
    claim_documents,
    cluster_ids,
    link_repeated_passages,
)
from wsrl_assets.llm.recipes import Provenance, StageRecipe, rule_recipe
from wsrl_assets.storage import Partition, PartitionKind, Store
from wsrl_assets.storage.domains import carry_over, recorded_domains
from wsrl_assets.storage.home_accounting import open_shards
from wsrl_assets.storage.replacement import remove_documents
from wsrl_assets.storage.schema import frame_of_columns
from wsrl_assets.storage.similar import Match
from wsrl_assets.storage.tables import FilteredDocument, Status
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.text.minhash import MinHashSettings

# Documents that are decided together. The index is looked through once for each page, and a commit
# takes as long for few as for many; the texts of a page are some 5 MB.
_PAGE = 2_000


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
    has_changed = bool(recorded_domains(store))
    added = 0
    for page in _pages(_new_documents(store, domain, open_to)):
        new = NewDocument.page(page, settings)
        # Claimed first: a run that is killed in between is given its claims again.
        matches = claim_documents(store, domain, new, settings)
        if has_changed:
            kept = [n.doc_id for n, match in zip(new, matches, strict=True) if match is None]
            carry_over(store, domain, kept)
        with store.transaction(partition) as transaction:
            if not added:
                transaction.merge([provenance.recipe.row()])
            transaction.merge_frame(FilteredDocument, _rows(page, new, matches, provenance))
        added += len(new)
        on_rows(len(new))
    if not store.exists(partition):  # other stages look into the file
        with store.transaction(partition) as transaction:
            transaction.merge([provenance.recipe.row()])
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
) -> Iterator[pl.DataFrame]:
    """Qualified documents that the domain has not filtered, each once, whole, in order.

    In frames of up to a page.
    """
    seen: set[str] = set()
    for shard in sorted(among):
        with store.snapshot(shard) as connection:
            qualified = frame(connection, "qualified_ids", domain=str(domain))
            ids = qualified["doc_id"].to_list()
            known = _known(store, domain, ids)
            fresh = qualified.filter([not (n in known or n in seen) for n in ids])
            seen.update(fresh["doc_id"])
            if fresh.height:
                repeated = frame(connection, "repeated_passages")
                link_repeated_passages(store, list(repeated.iter_rows()))
            for places in fresh.iter_slices(_PAGE):
                first, last = places["source_row"][0], places["source_row"][-1]
                tables = {"places": places.select("source_row", "passage")}
                yield frame(connection, "qualified_documents", tables, first=first, last=last)


def _known(store: Store, domain: Domain, ids: Sequence[str]) -> set[str]:
    """The documents, of some, that a domain has filtered already."""
    partition = Partition.domain(domain)
    if not ids or not store.exists(partition):
        return set()
    with store.transaction(partition) as transaction:
        return set(transaction.query("known_documents", doc_ids=list(ids))["doc_id"])


def _pages(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The rows of frames as full pages, and a last one of what is left."""
    rest = pl.DataFrame()
    for part in frames:
        rest = pl.concat([rest, part]) if rest.height else part
        while rest.height >= _PAGE:
            yield rest.head(_PAGE)
            rest = rest.slice(_PAGE)
    if rest.height:
        yield rest


def _rows(
    page: pl.DataFrame,
    new: Sequence[NewDocument],
    matches: Sequence[Match | None],
    provenance: Provenance,
) -> pl.DataFrame:
    """The rows of `filtered_documents`, given what they repeat."""
    decided = list(zip(new, matches, strict=True))
    columns: dict[str, Sequence[object] | pl.Series] = {
        "cluster_id": cluster_ids(new, matches),
        "minhash": [document.minhash for document in new],
        "status": [str(Status.REJECTED if match else Status.KEPT) for match in matches],
        "reason": ["near_duplicate" if match else None for match in matches],
        "detail": [_detail(match, n.doc_id) if match else None for n, match in decided],
    }
    columns |= {name: [value] * page.height for name, value in provenance.columns().items()}
    columns.update(page.to_dict())
    return frame_of_columns(FilteredDocument, columns)


def _detail(match: Match, doc_id: str) -> str:
    if match.item_id == doc_id:
        return "another domain has this very document"
    return f"{match.similarity:.2f} similar to {match.item_id}"
