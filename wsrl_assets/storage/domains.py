"""The domains that a home was made with, and how their documents move when domains change.

`library/domains` has a row a domain, retired ones too, and a row for each pair of domains between
which documents may move, with the time since which they may. A home without the file was made with
the domains of the paper.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import polars as pl

from wsrl_assets.storage.claims import DOCUMENT_INDEX, QUESTION_INDEX
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.layout import Partition, PartitionKind
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.store import Store
from wsrl_assets.storage.tables import (
    DomainMove,
    DomainRecord,
    FilteredDocument,
    PassRate,
    Personas,
    QADraft,
    Recipe,
    Rollout,
    SftWarmup,
    VerifiedPair,
)
from wsrl_assets.storage.transaction import frame

DOMAINS = Partition.library("domains")
RELEASE = Partition.library("release")
_BY_DOMAIN = (PartitionKind.DOMAIN, PartitionKind.NEXT, PartitionKind.SUPERSEDED)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_OF_PAIR: tuple[type[Row], ...] = (VerifiedPair, PassRate, SftWarmup)


def recorded_domains(store: Store) -> list[DomainRecord]:
    """The domains that the home has a record of; none if it has no record."""
    if not store.exists(DOMAINS):
        return []
    with store.transaction(DOMAINS) as transaction:
        return transaction.rows(DomainRecord)


def recorded_moves(store: Store) -> list[DomainMove]:
    """Between which domains documents may move."""
    if not store.exists(DOMAINS):
        return []
    with store.transaction(DOMAINS) as transaction:
        return transaction.rows(DomainMove)


def record(store: Store, rows: Sequence[Row], dropped: Collection[str] = ()) -> None:
    """Writes rows of the record; the domains `dropped` leave it."""
    with store.transaction(DOMAINS) as transaction:
        transaction.delete_where(DomainRecord, "slug", dropped)
        transaction.merge(rows)
    store.publish(DOMAINS)


def open_moves(store: Store, in_use: Collection[str]) -> dict[str, list[object]]:
    """The moves to domains in use, as parameters of the list of triage.

    A document that a domain of `sources` was given between `after` and `since` may belong elsewhere
    by now.
    """
    moves = [move for move in recorded_moves(store) if move.target in in_use]
    return {
        "sources": [move.source for move in moves],
        "since": [move.since for move in moves],
        "after": [move.after or _BEGINNING for move in moves],
    }


def movable_documents(connection: Connection, in_use: Collection[str]) -> dict[str, int]:
    """How many documents of each shard are to be triaged again, on a catalog connection."""
    return dict(frame(connection, "movable_documents", in_use=list(in_use)).iter_rows())


def rename_domain(store: Store, old: str, new: str) -> None:
    """Gives all that a domain has to a new slug. After a crash it is repeated, and goes on.

    Raises:
        StoreBusyError: a run works on the domain, or on one of the shards.
        StoreError: the new slug has a file of its own already.
    """
    with store.exclusive_run(Partition.domain(old)):
        for partition in store.partitions(PartitionKind.SHARD):
            with store.exclusive_run(partition), store.transaction(partition) as transaction:
                transaction.execute("rename_triaged", old=old, new=new)
            store.publish(partition)
        for index in (DOCUMENT_INDEX, QUESTION_INDEX):
            _rename_in(store, index, "rename_signatures", old, new)
        _rename_in(store, RELEASE, "rename_released", old, new)
        for kind in _BY_DOMAIN:
            store.rename(Partition(kind, old), Partition(kind, new))


def _rename_in(store: Store, partition: Partition, statement: str, old: str, new: str) -> None:
    if store.exists(partition):
        with store.transaction(partition) as transaction:
            transaction.execute(statement, old=old, new=new)
        store.publish(partition)


def carry_over(store: Store, domain: str, doc_ids: Sequence[str]) -> None:
    """Copies what was made of documents in the domain that they left last, since it is paid for.

    Personas, drafts, verdicts, rollouts, pass rates and warm-up responses come along, by the
    recipes that they have. Places do not: the domain places its pairs itself.
    """
    for old, ids in _last_domains(store, domain, doc_ids).items():
        rows = _rows_left(store, old, ids)
        with store.transaction(Partition.domain(domain)) as transaction:
            for row_type, found in rows.items():
                transaction.merge_frame(row_type, found)


def _last_domains(store: Store, domain: str, doc_ids: Sequence[str]) -> dict[str, list[str]]:
    """The documents that left another domain, by that domain."""
    last: dict[str, tuple[datetime, str]] = {}
    for partition in store.partitions(PartitionKind.SUPERSEDED):
        if partition.key == domain:
            continue
        with store.transaction(partition) as transaction:
            left = transaction.where(FilteredDocument, "doc_id", doc_ids)
        for doc_id, since in left.select("doc_id", "created_at").iter_rows():
            last[doc_id] = max(last.get(doc_id, (since, partition.key)), (since, partition.key))
    found: dict[str, list[str]] = {}
    for doc_id, (_, key) in last.items():
        found.setdefault(key, []).append(doc_id)
    return found


def _rows_left(store: Store, domain: str, doc_ids: Sequence[str]) -> dict[type[Row], pl.DataFrame]:
    with store.transaction(Partition.superseded(domain)) as transaction:
        # Earlier drafts of a slot were replaced before the document left.
        drafts = (
            transaction.where(QADraft, "doc_id", doc_ids)
            .sort("created_at")
            .unique(["doc_id", "persona_index", "form"], keep="last", maintain_order=True)
        )
        pairs = drafts["draft_id"].to_list()
        rows: dict[type[Row], pl.DataFrame] = {
            Personas: transaction.where(Personas, "doc_id", doc_ids),
            QADraft: drafts,
        }
        rows |= {t: transaction.where(t, "pair_id", pairs) for t in _OF_PAIR}
    live = Partition.domain(domain)
    if store.exists(live):
        with store.transaction(live) as transaction:
            rows[Rollout] = transaction.where(Rollout, "pair_id", pairs)
            rows[Recipe] = transaction.frame(Recipe)
    return rows
