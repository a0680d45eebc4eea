"""The accounts and the ledger of a home, from figures that are kept for each partition.

They are those of `accounting.accounts` on a catalog of everything, and cost what has changed
since they were asked for last. What one stage passes on to another partition, documents from
shards to domains and pairs from domains to the release, is compared by the number of ids and
the sum of their hashes, and id by id where those differ.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import polars as pl

from wsrl_assets.storage.accounting import (
    Account,
    CallTotals,
    Inflow,
    Outcomes,
    account_of,
    inflow_query,
    outcome_query,
    outcomes_of,
)
from wsrl_assets.storage.additions import Column, Rows
from wsrl_assets.storage.catalog import brief_catalog
from wsrl_assets.storage.figures import repeated_query
from wsrl_assets.storage.fingerprint import fingerprint_of, fingerprint_query
from wsrl_assets.storage.layout import Partition, PartitionKind
from wsrl_assets.storage.remembered import Query, last_remembered, remembered
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.store import Store
from wsrl_assets.storage.tables import STAGE_TABLES, Shard
from wsrl_assets.storage.transaction import frame, query_text
from wsrl_assets.taxonomy.stages import STAGES, PartitionedBy, Stage, table_of
from wsrl_assets.taxonomy.wanted import Wanted

RELEASE = Partition.library("release")
_KINDS = {
    PartitionedBy.SHARD: PartitionKind.SHARD,
    PartitionedBy.DOMAIN: PartitionKind.DOMAIN,
}
_NO_WANTED = Wanted()
# Stages whose rows come in from other partitions.
_FROM_SHARDS = Stage.FILTERED_DOCUMENTS
_FROM_DOMAINS = Stage.RL_DATASET
_DIGEST = "digest"
_CALLS = "calls"
_VERSION = "version"
_REPEATED = "repeated"
# Totals of calls that were added stay apart, as those of other partitions do: medians do not add.
_CALLS_QUERY = Query.named("calls", run_id=None).summed()


def home_accounts(
    store: Store, wanted: Wanted = _NO_WANTED, only: Partition | None = None
) -> list[Account]:
    """The accounts of every stage and partition, in order of stage; `only` of one partition.

    Raises:
        StoreBusyError: another process kept a partition for longer than the timeout.
    """
    counted = _Counted.of(store, wanted, only)
    return [
        account
        for stage in STAGES
        for key in counted.keys(stage)
        if (account := counted.account(stage, key)) is not None
    ]


def home_calls(store: Store, only: Partition | None = None) -> list[CallTotals]:
    """What the ledgers of a home sum to, by stage and step; of one partition if it is named.

    The latency is the median of the partitions' medians, weighted by their calls.
    """
    query = {_CALLS: _CALLS_QUERY}
    found: dict[tuple[str, str], list[CallTotals]] = {}
    for partition in [only] if only else _partitions(store):
        for row in remembered(store, partition, query)[_CALLS]:
            totals = CallTotals(*row)
            found.setdefault((totals.stage, totals.step), []).append(totals)
    return [_summed(parts) for _, parts in sorted(found.items())]


def total_rows(store: Store, partition: Partition, row_type: type[Row]) -> int:
    """The rows of a stage over all partitions of a kind: of one as it is now.

    The others are as they were counted last, since runs may be at work on them.
    """
    query = _rows_query(row_type.TABLE)
    total = 0
    for other in store.partitions(partition.kind):
        rows = None if other == partition else last_remembered(store, other, query)
        rows = remembered(store, other, {"rows": query})["rows"] if rows is None else rows
        total += sum(int(row[0]) for row in rows)
    return total


def version_of_stage(store: Store, partition: Partition, row_type: type[Row]) -> str:
    """Hash of (row ids, recipe) of a stage in a partition; `empty` if it has no rows."""
    query = fingerprint_query(partition, row_type)
    return fingerprint_of(remembered(store, partition, {_VERSION: query})[_VERSION])


def repeated_ids(store: Store, partition: Partition, row_type: type[Row]) -> pl.DataFrame:
    """The ids of a stage that stand in more than one row, with columns `id` and `rows`."""
    query = repeated_query(partition, row_type)
    rows = remembered(store, partition, {_REPEATED: query})[_REPEATED]
    return pl.DataFrame(rows, schema={"id": pl.String, "rows": pl.Int64}, orient="row")


def open_shards(store: Store, domain: str) -> list[str]:
    """The shards of which a domain has other documents than triage gave to it."""
    partitions = [Partition.domain(domain), *store.partitions(PartitionKind.SHARD)]
    found = {p: remembered(store, p, {_DIGEST: _digests(p)}) for p in partitions}
    return _Counted(store, _NO_WANTED, found).open_shards(domain)


def _rows_query(table: str) -> Query:
    return Query.of(query_text("table_rows").format(table=table)).summed(Column.SUM)


def _partitions(store: Store) -> list[Partition]:
    return [*store.partitions(PartitionKind.SHARD), *store.partitions(PartitionKind.DOMAIN)]


def _summed(parts: Sequence[CallTotals]) -> CallTotals:
    first = parts[0]
    return CallTotals(
        stage=first.stage,
        step=first.step,
        calls=sum(p.calls for p in parts),
        failed=sum(p.failed for p in parts),
        retries=sum(p.retries for p in parts),
        prompt_tokens=sum(p.prompt_tokens for p in parts),
        cached_tokens=sum(p.cached_tokens for p in parts),
        completion_tokens=sum(p.completion_tokens for p in parts),
        cost=sum(p.cost for p in parts),
        unpriced=sum(p.unpriced for p in parts),
        latency_ms_median=_weighted_median(parts),
    )


def _weighted_median(parts: Sequence[CallTotals]) -> float:
    ranked = sorted(parts, key=lambda part: part.latency_ms_median)
    left = sum(part.calls for part in parts) / 2
    for part in ranked:
        left -= part.calls
        if left <= 0:
            return part.latency_ms_median
    return 0.0


class _Counted:
    """What is counted in each partition of a home, by kind and key, and by the names of queries."""

    def __init__(
        self, store: Store, wanted: Wanted, found: Mapping[Partition, dict[str, Rows]]
    ) -> None:
        self._store = store
        self._wanted = wanted
        self._found = found

    @classmethod
    def of(cls, store: Store, wanted: Wanted, only: Partition | None) -> "_Counted":
        """Counts what has changed. A domain is counted with all shards, a shard by itself."""
        if only is None:
            partitions = [*_partitions(store), RELEASE]
        elif only.kind is PartitionKind.DOMAIN:
            partitions = [only, *store.partitions(PartitionKind.SHARD)]
        else:
            partitions = [only]
        found = {
            p: remembered(store, p, _queries(p, _named_forms(store, p, wanted))) for p in partitions
        }
        return cls(store, wanted, found)

    def keys(self, stage: Stage) -> list[str]:
        """The partitions of a stage, by key."""
        by = STAGES[stage].partitioned_by
        if by is PartitionedBy.RELEASE:
            return ["all"] if RELEASE in self._found else []
        keys = {p.key for p in self._found if p.kind is _KINDS[by]}
        if by is PartitionedBy.SHARD:
            return sorted(k for k in keys if self._rows(Partition.shard(k), "known") != [[0]])
        held = {k for k in keys if self._rows(Partition.domain(k), _DIGEST)}
        if RELEASE in self._found:
            held |= {row[0] for p in self._shards() for row in self._rows(p, _DIGEST)}
        return sorted(held)

    def account(self, stage: Stage, key: str) -> Account | None:
        """None of an optional stage that is not wanted and has no rows."""
        rows_in, pending = self._inflow(stage, key)
        outcomes = self._outcomes(stage, key)
        is_off = STAGES[stage].is_optional and stage not in self._wanted.optional
        if is_off and not outcomes[0]:
            return None
        return account_of(stage, key, (rows_in, pending), outcomes)

    def open_shards(self, domain: str) -> list[str]:
        given = {p.key: digest for p in self._shards() if (digest := self._digest_of(p, domain))}
        held = {row[0]: row[1:] for row in self._rows(Partition.domain(domain), _DIGEST)}
        every = sorted(given.keys() | held.keys())
        return [key for key in every if given.get(key, []) != held.get(key, [])]

    def _inflow(self, stage: Stage, key: str) -> Inflow:
        if stage is _FROM_SHARDS:
            return self._from_shards(key)
        if stage is _FROM_DOMAINS:
            return self._from_domains()
        rows = self._rows(Partition(_KINDS[STAGES[stage].partitioned_by], key), f"in {stage}")
        return next(((row[1], row[2]) for row in rows if row[0] == key), (0, 0))

    def _outcomes(self, stage: Stage, key: str) -> Outcomes:
        by = STAGES[stage].partitioned_by
        partition = RELEASE if by is PartitionedBy.RELEASE else Partition(_KINDS[by], key)
        return outcomes_of(self._rows(partition, f"out {stage}")).get(key, ({}, {}))

    def _from_shards(self, domain: str) -> Inflow:
        differ = self.open_shards(domain)
        alike = [self._digest_of(p, domain) for p in self._shards() if p.key not in differ]
        same = sum(int(str(digest[0])) for digest in alike if digest)
        if not differ:
            return same, 0
        partitions = [Partition.domain(domain), *(p for p in self._shards() if p.key in differ)]
        with brief_catalog(self._store, partitions) as connection:
            found = frame(connection, "inflow_of_shards", domain=domain, shards=differ)
        rows_in, pending = found.row(0)
        return same + rows_in, pending

    def _from_domains(self) -> Inflow:
        released = {row[0]: row[1:] for row in self._rows(RELEASE, _DIGEST)}
        placed = {
            p.key: rows[0]
            for p in self._found
            if p.kind is PartitionKind.DOMAIN and (rows := self._rows(p, "placed"))
        }
        rows_in = sum(row[0] for row in placed.values())
        differ = [key for key, row in placed.items() if row[0] and row != released.get(key)]
        if not differ:
            return rows_in, 0
        partitions = [RELEASE, *map(Partition.domain, differ)]
        with brief_catalog(self._store, partitions) as connection:
            return rows_in, int(frame(connection, "inflow_rl_dataset")["pending"][0])

    def _digest_of(self, shard: Partition, domain: str) -> list[object]:
        return next((r[1:] for r in self._rows(shard, _DIGEST) if r[0] == domain), [])

    def _shards(self) -> Collection[Partition]:
        return [p for p in self._found if p.kind is PartitionKind.SHARD]

    def _rows(self, partition: Partition, name: str) -> Rows:
        return self._found.get(partition, {}).get(name, [])


def _queries(partition: Partition, wanted: Wanted) -> dict[str, Query]:
    """What is counted in a partition."""
    if partition == RELEASE:
        return {
            _DIGEST: Query.named("released_digests"),
            f"out {_FROM_DOMAINS}": outcome_query(_FROM_DOMAINS),
        }
    by = next(by for by, kind in _KINDS.items() if kind is partition.kind)
    stages = [stage for stage, spec in STAGES.items() if spec.partitioned_by is by]
    found = {f"out {stage}": outcome_query(stage) for stage in stages}
    found |= {f"rows {stage}": _rows_query(table_of(stage)) for stage in stages}
    found |= {f"in {s}": inflow_query(s, wanted) for s in stages if s is not _FROM_SHARDS}
    # What else is asked for of the same state, so that the file is opened once.
    for stage in stages:
        found[f"{_VERSION} {stage}"] = fingerprint_query(partition, STAGE_TABLES[stage])
        found[f"{_REPEATED} {stage}"] = repeated_query(partition, STAGE_TABLES[stage])
    found |= {_DIGEST: _digests(partition), _CALLS: _CALLS_QUERY}
    if by is PartitionedBy.SHARD:
        return found | {"known": _rows_query(Shard.TABLE)}
    return found | {"placed": Query.named("placed_digest").summed(Column.SUM, Column.SUM)}


def _named_forms(store: Store, partition: Partition, wanted: Wanted) -> Wanted:
    """What is wanted in a partition, with the forms that are in use there by name."""
    if not wanted.forms_in_use or partition.kind is not PartitionKind.DOMAIN:
        return wanted
    query = Query.named("forms_in_use").summed(Column.KEY)
    used = tuple(str(row[0]) for row in remembered(store, partition, {"forms": query})["forms"])
    return replace(wanted, forms=used or wanted.forms, forms_in_use=False)


def _digests(partition: Partition) -> Query:
    is_shard = partition.kind is PartitionKind.SHARD
    if is_shard:
        return Query.named("qualified_digests")
    return Query.named("filtered_digests").summed(Column.KEY, Column.SUM, Column.SUM)
