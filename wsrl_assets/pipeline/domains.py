"""Bringing a home to the domains in use: what is renamed, what was added, what is retired.

An added domain may take documents of `other`, and of the domains that its file names in `from`:
those are triaged again, and no others. What was made of a document that moves comes along. A
renamed domain takes its files along. A retired one keeps all its rows, and gets no more work.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from wsrl_assets.curation.filter import withdraw_unqualified
from wsrl_assets.storage import Partition, PartitionKind, Store, StoreBusyError
from wsrl_assets.storage.domains import (
    record,
    recorded_domains,
    recorded_moves,
    rename_domain,
)
from wsrl_assets.storage.tables import DomainMove, DomainRecord, TriagedDocument, utc_now
from wsrl_assets.taxonomy.domain_files import OTHER, DomainFacts, DomainsError
from wsrl_assets.taxonomy.domains import Domain, are_chosen, domains_in_use, shipped_domains


@dataclass(frozen=True, slots=True)
class DomainChanges:
    """What became of the domains of a home.

    Attributes:
        renamed: new slugs by old ones.
        added, retired: slugs.
    """

    renamed: dict[str, str]
    added: tuple[str, ...]
    retired: tuple[str, ...]


NO_CHANGES = DomainChanges({}, (), ())


def bring_up_to_date(store: Store) -> DomainChanges:
    """Brings a home to the domains in use; does nothing where they are the ones it has.

    Raises:
        StoreBusyError: a run works on a domain that is to be renamed.
        StoreError: a domain cannot be renamed, since the new slug has data of its own.
        DomainsError: the home has domains of its own, and no file of domains is set.
    """
    if not _differs(store):
        return NO_CHANGES
    with store.turn("domains"):
        return _change(store) if _differs(store) else NO_CHANGES


def retired_domains(store: Store) -> list[str]:
    """The domains that have files in the home and are not in use."""
    found = store.partitions(PartitionKind.DOMAIN)
    return [partition.key for partition in found if partition.key not in Domain]


def let_leave(store: Store) -> None:
    """Takes moved documents out of the domains that they leave, so that others can take them in.

    A domain that a run works on is left to that run, which does the same.
    """
    if not recorded_domains(store):
        return
    sources = {move.source for move in recorded_moves(store)}
    with store.turn("domains"):
        for slug in sorted(sources | set(retired_domains(store))):
            partition = Partition.domain(slug)
            with contextlib.suppress(StoreBusyError), store.exclusive_run(partition):
                withdraw_unqualified(store, Domain(slug))
                store.publish(partition)


def _differs(store: Store) -> bool:
    known = recorded_domains(store)
    if not known:
        return domains_in_use() != shipped_domains()
    if not are_chosen():
        raise DomainsError(
            f"{store.home} was made with domains of its own: set WSRL_DOMAINS to their file"
        )
    in_use = {d.slug: d for d in known if d.retired_at is None}
    moves = {(move.source, move.target) for move in recorded_moves(store)}
    return in_use.keys() != set(Domain) or any(
        (in_use[d.slug].label, in_use[d.slug].definition) != (d.label, d.definition)
        or not moves.issuperset((source, d.slug) for source in d.takes_from)
        for d in domains_in_use()
    )


def _change(store: Store) -> DomainChanges:
    now = utc_now()
    known = {row.slug: row for row in recorded_domains(store) or _made_with(store, now)}
    wanted = {facts.slug: facts for facts in domains_in_use()}
    renamed = {
        facts.was: slug
        for slug, facts in wanted.items()
        if facts.was in known and slug not in known
    }
    for old, new in renamed.items():
        rename_domain(store, old, new)
        known[new] = replace(known.pop(old), slug=new, was=old)
    in_use = {slug for slug, row in known.items() if row.retired_at is None}
    added = [slug for slug in wanted if slug not in in_use] if known else []
    retired = sorted(in_use - wanted.keys())
    rows = [_row(facts, known.get(slug), now) for slug, facts in wanted.items()]
    rows += [replace(known[slug], retired_at=now) for slug in retired]
    gone = {slug: known[slug].retired_at for slug in added if slug in known}
    moves = _moves(store, list(wanted.values()), dict.fromkeys(added) | gone, renamed, now)
    record(store, [*rows, *moves], dropped=list(renamed))
    return DomainChanges(renamed, tuple(added), tuple(retired))


def _made_with(store: Store, now: datetime) -> list[DomainRecord]:
    """The domains of a home without a record: those of the paper, unless none was chosen yet."""
    shards = store.partitions(PartitionKind.SHARD)
    if not (store.partitions(PartitionKind.DOMAIN) or any(_is_triaged(store, s) for s in shards)):
        return []
    return [_row(facts, None, now) for facts in shipped_domains()]


def _is_triaged(store: Store, shard: Partition) -> bool:
    with store.transaction(shard) as transaction:
        return transaction.count(TriagedDocument) > 0


def _row(facts: DomainFacts, known: DomainRecord | None, now: datetime) -> DomainRecord:
    return DomainRecord(
        slug=facts.slug,
        label=facts.label,
        definition=facts.definition,
        was=known.was if known else None,
        added_at=known.added_at if known and known.retired_at is None else now,
    )


def _moves(
    store: Store,
    wanted: Sequence[DomainFacts],
    added: Mapping[str, datetime | None],
    renamed: Mapping[str, str],
    now: datetime,
) -> list[DomainMove]:
    """The moves that were open, by the current slugs, and those that are open from this change on.

    Args:
        added: domains that were not in use, with the time since which one that comes back was not.
    """
    moves = {}
    for known in recorded_moves(store):
        source = renamed.get(known.source, known.source)
        target = renamed.get(known.target, known.target)
        moves[source, target] = replace(known, source=source, target=target)
    for facts in wanted:
        is_added = facts.slug in added
        for source in (*facts.takes_from, *((OTHER,) if is_added else ())):
            if is_added or (source, facts.slug) not in moves:
                moves[source, facts.slug] = DomainMove(
                    source=source, target=facts.slug, since=now, after=added.get(facts.slug)
                )
    return list(moves.values())
