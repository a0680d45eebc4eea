"""Row accounting: at every stage and partition, in = kept + rejected + failed + pending."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from wsrl_assets.storage.store import Connection, frame

# Optional: only where a setting asks for it are pairs without one pending.
PASS_RATES = "pass_rates"
STAGES = (
    "source_documents",
    "triaged_documents",
    "filtered_documents",
    "personas",
    "qa_drafts",
    "verified_pairs",
    PASS_RATES,
    "final_splits",
    "sft_warmup",
    "rl_dataset",
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


def accounts(
    connection: Connection,
    forms: Sequence[str],
    *,
    pass_rates: bool = False,
    sft_pairs: int = 0,
) -> list[Account]:
    """The accounts of every stage and partition, in order of stage, on a catalog connection.

    Args:
        forms: question forms that are wanted, which decides how many drafts are pending.
        pass_rates: whether pass rates are wanted, which decides whether pairs wait for one.
        sft_pairs: pairs of each domain that are wanted for the warm-up set.
    """
    columns = ["stage", "partition", "rows_in", "kept", "rejected", "failed", "pending"]
    counted = pl.concat(
        [
            frame(connection, "accounting_shards").select(columns),
            frame(
                connection,
                "accounting_domains",
                forms=list(forms),
                pass_rates=pass_rates,
                sft_pairs=sft_pairs,
                sft_share=MAX_SFT_SHARE,
            ).select(columns),
            frame(connection, "accounting_release").select(columns),
        ],
        how="vertical_relaxed",
    )
    reasons = _reasons(connection)
    found = [
        Account(**row, reasons=reasons.get((row["stage"], row["partition"]), {}))
        for row in counted.iter_rows(named=True)
    ]
    return sorted(found, key=lambda account: (STAGES.index(account.stage), account.partition))


@dataclass(frozen=True, slots=True)
class CallTotals:
    """What the ledger sums to. Tokens as the servers counted; cached are part of prompt tokens."""

    stage: str
    step: str
    calls: int
    failed: int
    retries: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost: float
    latency_ms_median: float


def call_totals(connection: Connection, run_id: str | None = None) -> list[CallTotals]:
    """The ledger by stage and step, on a catalog connection; of one run if it is named."""
    rows = frame(connection, "calls", run_id=run_id).iter_rows(named=True)
    return [CallTotals(**row) for row in rows]


def _reasons(connection: Connection) -> dict[tuple[str, str], dict[str, int]]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in frame(connection, "reasons").iter_rows(named=True):
        by_reason = found.setdefault((row["stage"], row["partition"]), {})
        word = row["reason"] or "unknown"
        by_reason[word] = by_reason.get(word, 0) + row["n"]
    return found
