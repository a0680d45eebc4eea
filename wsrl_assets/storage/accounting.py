"""Row accounting: at every stage and partition, in = kept + rejected + failed + pending."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from wsrl_assets.storage.additions import Column
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.remembered import Query
from wsrl_assets.storage.transaction import frame, query_text
from wsrl_assets.taxonomy.stages import STAGES, PartitionedBy, Stage, table_of
from wsrl_assets.taxonomy.wanted import Wanted

Inflow = tuple[int, int]
"""Rows that come in, and of these the ones that wait."""
Outcomes = tuple[dict[str, int], dict[str, int]]
"""Rows by status, and rows that are not kept by reason."""
# Stages whose inflow sums over documents: what one has waiting does not depend on others.
_BY_DOCUMENT = (
    Stage.PERSONAS,
    Stage.QA_DRAFTS,
    Stage.VERIFIED_PAIRS,
    Stage.PASS_RATES,
    Stage.FINAL_SPLITS,
)
MAX_SFT_SHARE = 0.25
"""Of a domain's pairs in train, at most this share is held out, however many are asked for."""


@dataclass(frozen=True, slots=True)
class Account:
    """The rows of one stage in one partition.

    `rows_in` is counted in the stage's upstream, the other numbers in its own table or by an
    anti-join of the two, so that `balanced` can be false: for rows without upstream, doubled ids
    or lost rows.

    Attributes:
        reasons: rows by reason, rejected and failed together.
    """

    stage: str
    partition: str
    rows_in: int
    kept: int
    rejected: int
    failed: int
    pending: int
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        return self.rows_in == self.kept + self.rejected + self.failed + self.pending


def accounts(connection: Connection, wanted: Wanted | None = None) -> list[Account]:
    """The accounts of every stage and partition, in order of stage, on a catalog connection.

    An optional stage that is not wanted has an account where it has rows.
    """
    wanted = wanted or Wanted()
    partitions = _partitions(connection)
    return [
        account
        for stage in STAGES
        for account in _stage_accounts(connection, stage, partitions, wanted)
    ]


def _partitions(connection: Connection) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {kind: [] for kind in PartitionedBy}
    for kind, partition in frame(connection, "account_partitions").iter_rows():
        found[kind].append(partition)
    return {kind: sorted(keys) for kind, keys in found.items()}


def _stage_accounts(
    connection: Connection, stage: Stage, partitions: dict[str, list[str]], wanted: Wanted
) -> list[Account]:
    spec = STAGES[stage]
    is_off = spec.is_optional and stage not in wanted.optional
    inflow = {row[0]: (row[1], row[2]) for row in inflow_query(stage, wanted).rows(connection)}
    outcomes = outcomes_of(outcome_query(stage).rows(connection))
    return [
        account_of(stage, key, inflow.get(key, (0, 0)), outcomes.get(key, ({}, {})))
        for key in partitions[spec.partitioned_by]
        if not is_off or key in outcomes
    ]


def account_of(stage: Stage, partition: str, inflow: Inflow, outcomes: Outcomes) -> Account:
    """The account of a stage in a partition, by what was counted."""
    counts, reasons = outcomes
    kept, rejected, failed = (counts.get(o, 0) for o in ("kept", "rejected", "failed"))
    return Account(stage, partition, inflow[0], kept, rejected, failed, inflow[1], reasons)


def inflow_query(stage: Stage, wanted: Wanted) -> Query:
    """What has columns partition, rows that come in, and rows that wait."""
    found = Query.of(
        f'SELECT "partition", rows_in, pending FROM ({query_text(f"inflow_{stage}")})',
        forms=list(wanted.forms),
        forms_in_use=wanted.forms_in_use,
        wanted=stage in wanted.optional,
        sft_pairs=wanted.sft_pairs,
        sft_share=MAX_SFT_SHARE,
    )
    # Forms that are in use are those of all drafts.
    if stage not in _BY_DOCUMENT or wanted.forms_in_use:
        return found
    return found.summed(Column.KEY, Column.SUM, Column.SUM)


def outcome_query(stage: Stage) -> Query:
    """What has columns partition, status, reason and rows."""
    if stage is Stage.SOURCE_DOCUMENTS:
        return Query.named("outcomes_source_documents")
    is_partitioned = STAGES[stage].partitioned_by is not PartitionedBy.RELEASE
    partition = '"partition"' if is_partitioned else "'all'"
    text = query_text("outcome_counts").format(partition=partition, table=table_of(stage))
    return Query.of(text).summed(Column.KEY, Column.KEY, Column.KEY, Column.SUM)


def outcomes_of(rows: Sequence[Sequence[Any]]) -> dict[str, Outcomes]:
    """The rows of `outcome_query` by partition."""
    found: dict[str, Outcomes] = {}
    for partition, status, reason, n in sorted(rows, key=lambda row: (-row[3], row[2] or "")):
        counts, reasons = found.setdefault(partition, ({}, {}))
        counts[status] = counts.get(status, 0) + n
        if status != "kept":
            word = reason or "unknown"
            reasons[word] = reasons.get(word, 0) + n
    return found


@dataclass(frozen=True, slots=True)
class CallTotals:
    """What the ledger sums to. Tokens as the servers counted; cached are part of prompt tokens.

    Attributes:
        unpriced: calls with tokens that no price was set for, so that `cost` is without them.
    """

    stage: str
    step: str
    calls: int
    failed: int
    retries: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost: float
    unpriced: int
    latency_ms_median: float


@dataclass(frozen=True, slots=True)
class Spending:
    """What pairs cost: all calls of a ledger, whatever became of their rows.

    An *accepted* pair passed every check of `verified_pairs`; a *released* one is in the release.

    Attributes:
        tokens: prompt and completion tokens.
        cost: of the calls that had a price.
        unpriced: calls without one.
        accepted, released: pairs.
    """

    tokens: int
    cost: float
    unpriced: int
    accepted: int
    released: int


def spending(totals: Sequence[CallTotals], found: Sequence[Account]) -> Spending:
    """What the pairs of these accounts cost by these totals."""
    kept = {stage: sum(a.kept for a in found if a.stage == stage) for stage in STAGES}
    return Spending(
        sum(t.prompt_tokens + t.completion_tokens for t in totals),
        sum(t.cost for t in totals),
        sum(t.unpriced for t in totals),
        kept[Stage.VERIFIED_PAIRS],
        kept[Stage.RL_DATASET],
    )


def call_totals(connection: Connection, run_id: str | None = None) -> list[CallTotals]:
    """The ledger by stage and step, on a catalog connection; of one run if it is named."""
    rows = frame(connection, "calls", run_id=run_id).iter_rows(named=True)
    return [CallTotals(**row) for row in rows]
