"""Withdrawing shards and documents: nothing of them is in any later release.

A withdrawn document stays in its shard, with a verdict that says so, and what was made of it moves
to `superseded`, where `wsrl trace` finds it. Releases that were made before stay as they are.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from wsrl_assets.curation.filter import withdraw_unqualified
from wsrl_assets.llm.recipes import Provenance, rule_recipe
from wsrl_assets.sources.ingest import DOCUMENTS, Registered, named_like, register
from wsrl_assets.sources.rows import SourceError
from wsrl_assets.storage import Partition, PartitionKind, Store
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.tables import Shard, Status, TriagedDocument, utc_now
from wsrl_assets.storage.takedowns import WITHDRAWN, take_down, taken_down
from wsrl_assets.storage.transaction import query_text
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import Stage

_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What a withdrawal took out.

    Attributes:
        documents: by shard, how many documents were withdrawn.
        pairs: pairs that had a place in the next release.
    """

    documents: Mapping[str, int]
    pairs: int


def matching_documents(store: Store, pattern: str) -> dict[str, list[str]]:
    """The kept documents that a pattern names, by shard.

    Args:
        store: the databases.
        pattern: a document id, the id of a source row, or a pattern with `*`, `?` and `[...]` that
            a value of the row's metadata matches as a whole, such as `https://example.com/*`.
    """
    found = {}
    for partition in store.partitions(PartitionKind.SHARD):
        with store.snapshot(partition) as connection:
            rows = connection.execute(query_text("kept_documents"))
            ids = [row[0] for row in _fetched(rows) if _matches(row, pattern)]
        if ids:
            found[partition.key] = list(dict.fromkeys(ids))
    return found


def withdraw_matching(store: Store, pattern: str, run_id: str) -> Withdrawn:
    """Withdraws the documents that a pattern names, for good: later copies are rejected too.

    Raises:
        StoreBusyError: a run works on a shard or domain of theirs.
    """
    found = matching_documents(store, pattern)
    take_down(store, [doc_id for ids in found.values() for doc_id in ids], pattern)
    return _withdraw(store, found, f"matches {pattern}", run_id)


def forget_shard(store: Store, key: str, run_id: str) -> Withdrawn:
    """Withdraws all documents of a shard, and reads it no more.

    A document that another shard has too stays, as a document of that shard.

    Raises:
        SourceError: no shard has this name.
        StoreBusyError: a run works on it, or on a domain of its documents.
    """
    partition = Partition.shard(key)
    shard = _shard(store, partition)
    with store.exclusive_run(partition), store.transaction(partition) as transaction:
        transaction.merge([replace(shard, forgotten_at=utc_now())])
        ids = list(dict.fromkeys(transaction.query("kept_documents")["doc_id"]))
    withdrawn = _withdraw(store, {key: ids}, f"shard {key} was forgotten", run_id)
    _hand_over(store, key, ids)
    return withdrawn


def take_in(store: Store, paths: Sequence[str], text_column: str | None = None) -> list[Registered]:
    """Registers paths; what is known is read again only if it is to be read differently.

    That is where `text_column` names another column than the one it was registered with, and
    where the path has other content now than a shard that was never read.

    Raises:
        SourceError: a path holds nothing that can be read.
        StoreBusyError: a run works on one of the shards.
    """
    registered = register(store, paths, text_column)
    for known in (shard for shard in registered if not shard.is_new):
        partition = Partition.shard(known.key)
        if text_column not in (None, _shard(store, partition).text_column):
            with store.exclusive_run(partition):
                _reopen(store, partition, text_column)
    for key in list(_same_path(store, registered)):
        if _shard(store, Partition.shard(key)).source_rows is None:
            forget_shard(store, key, "ingest")
    return registered


def read_again(
    store: Store, paths: Sequence[str], text_column: str | None = None
) -> list[Registered]:
    """Registers paths so that the next run reads it, even if it was read or forgotten before.

    Rows that come out the same cost nothing; what is no longer in the file leaves with the next
    run. A shard of the same path with other content is forgotten.

    Raises:
        SourceError: a path holds nothing that can be read.
        StoreBusyError: a run works on one of the shards.
    """
    registered = register(store, paths, text_column)
    for shard in registered:
        partition = Partition.shard(shard.key)
        with store.exclusive_run(partition):
            _reopen(store, partition, text_column)
    for key in list(_same_path(store, registered)):
        forget_shard(store, key, "again")
    return registered


def _reopen(store: Store, partition: Partition, text_column: str | None) -> None:
    shard = _shard(store, partition)
    with store.transaction(partition) as transaction:
        ids = transaction.query("withdrawn_ids")["doc_id"].to_list()
    still = taken_down(store, ids)
    with store.transaction(partition) as transaction:
        transaction.execute("lift_withdrawals", taken_down=sorted(still))
        transaction.merge(
            [
                replace(
                    shard,
                    text_column=text_column or shard.text_column,
                    source_rows=None,
                    rows_read=None,
                    fault=None,
                    fault_detail=None,
                    forgotten_at=None,
                )
            ]
        )


def _same_path(store: Store, registered: Sequence[Registered]) -> Iterator[str]:
    keys, paths = {shard.key for shard in registered}, {shard.path for shard in registered}
    for partition in named_like(store, paths):
        shard = _shard(store, partition)
        if shard.path in paths and shard.shard not in keys and shard.forgotten_at is None:
            yield shard.shard


def _withdraw(
    store: Store, found: Mapping[str, Sequence[str]], detail: str, run_id: str
) -> Withdrawn:
    """Marks documents in their shards, and takes out what the domains made of them."""
    provenance = Provenance(rule_recipe(Stage.TRIAGED_DOCUMENTS, WITHDRAWN), run_id)
    for key, ids in found.items():
        partition = Partition.shard(key)
        rows = [
            TriagedDocument(
                doc_id=doc_id,
                status=Status.REJECTED,
                reason=WITHDRAWN,
                detail=detail,
                qualified=False,
                **provenance.columns(),
            )
            for doc_id in ids
        ]
        with store.exclusive_run(partition), store.transaction(partition) as transaction:
            transaction.merge(rows)
        store.publish(partition)
    everything = [doc_id for ids in found.values() for doc_id in ids]
    pairs = sum(_leave(store, p, everything) for p in store.partitions(PartitionKind.DOMAIN))
    return Withdrawn({key: len(ids) for key, ids in found.items()}, pairs)


def _leave(store: Store, partition: Partition, doc_ids: Sequence[str]) -> int:
    """Takes documents out of a domain; returns how many placed pairs went with them."""
    with store.exclusive_run(partition):
        with store.transaction(partition) as transaction:
            pairs = int(transaction.query("placed_pairs", doc_ids=list(doc_ids)).item())
        withdraw_unqualified(store, Domain(partition.key))
        store.publish(partition)
    return pairs


def _hand_over(store: Store, key: str, doc_ids: Sequence[str]) -> None:
    """Gives documents to the first other shard that has a copy."""
    with store.transaction(DOCUMENTS) as transaction:
        transaction.execute("disown_documents", shard=key, doc_ids=list(doc_ids))
    for partition in store.partitions(PartitionKind.SHARD):
        if partition.key == key or _shard(store, partition).forgotten_at is not None:
            continue
        with store.transaction(partition) as transaction:
            copies = transaction.query("dropped_duplicates", doc_ids=list(doc_ids))["doc_id"]
        if copies.is_empty():
            continue
        names = {"shard": partition.key, "doc_ids": copies.to_list()}
        with store.transaction(DOCUMENTS) as transaction:
            transaction.execute("claim_documents", **names)
            owners = transaction.query("document_owners", **names)
        free = sorted(set(copies) - set(owners["doc_id"]))
        with store.transaction(partition) as transaction:
            transaction.execute("reopen_duplicates", doc_ids=free)
        store.publish(partition)


def _shard(store: Store, partition: Partition) -> Shard:
    if store.exists(partition):
        with store.transaction(partition) as transaction:
            rows = transaction.rows(Shard)
        if rows:
            return rows[0]
    known = ", ".join(found.key for found in store.partitions(PartitionKind.SHARD)) or "none"
    raise SourceError(f"no shard is called {partition.key!r}; `wsrl shards` lists them: {known}")


def _fetched(rows: Connection) -> Iterator[tuple[str, str, str]]:
    while page := rows.fetchmany(_PAGE):
        yield from page


def _matches(row: tuple[str, str, str], pattern: str) -> bool:
    doc_id, parent_id, metadata = row
    if pattern in (doc_id, parent_id):
        return True
    return any(fnmatchcase(value, pattern) for value in _texts(json.loads(metadata or "{}")))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
