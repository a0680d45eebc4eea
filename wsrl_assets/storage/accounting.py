"""Row accounting: at every stage and partition, in = kept + rejected + failed + pending."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.store import frame, query_text
from wsrl_assets.taxonomy.stages import STAGES, PartitionedBy, Stage, table_of
from wsrl_assets.taxonomy.wanted import Wanted

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
    inflow = {row[0]: row[1:] for row in _inflow(connection, stage, wanted)}
    outcomes = _outcomes(connection, stage)
    found = []
    for partition in partitions[spec.partitioned_by]:
        if is_off and partition not in outcomes:
            continue
        rows_in, pending = inflow.get(partition, (0, 0))
        counts, reasons = outcomes.get(partition, ({}, {}))
        kept, rejected, failed = (counts.get(o, 0) for o in ("kept", "rejected", "failed"))
        found.append(Account(stage, partition, rows_in, kept, rejected, failed, pending, reasons))
    return found


def _inflow(connection: Connection, stage: Stage, wanted: Wanted) -> list[tuple[str, int, int]]:
    """Partition, rows that come in, and rows that wait."""
    name = f"inflow_{stage}"
    known = {
        "forms": list(wanted.forms),
        "forms_in_use": wanted.forms_in_use,
        "wanted": stage in wanted.optional,
        "sft_pairs": wanted.sft_pairs,
        "sft_share": MAX_SFT_SHARE,
    }
    text = query_text(name)
    used = {key: value for key, value in known.items() if f"${key}" in text}
    return frame(connection, name, **used).select("partition", "rows_in", "pending").rows()


def _outcomes(
    connection: Connection, stage: Stage
) -> dict[str, tuple[dict[str, int], dict[str, int]]]:
    """By partition: rows by status, and rows that are not kept by reason."""
    found: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
    for partition, status, reason, rows in connection.execute(_outcome_sql(stage)).fetchall():
        counts, reasons = found.setdefault(partition, ({}, {}))
        counts[status] = counts.get(status, 0) + rows
        if status != "kept":
            word = reason or "unknown"
            reasons[word] = reasons.get(word, 0) + rows
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


def _outcome_sql(stage: Stage) -> str:
    if stage is Stage.SOURCE_DOCUMENTS:
        return query_text("outcomes_source_documents")
    is_partitioned = STAGES[stage].partitioned_by is not PartitionedBy.RELEASE
    partition = '"partition"' if is_partitioned else "'all'"
    return query_text("outcome_counts").format(partition=partition, table=table_of(stage))
