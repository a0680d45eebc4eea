"""A preview: what the current settings and models make of a sample of the documents.

The sample goes through triage, drafts and checks in a home of its own that is removed afterwards,
so no table of the real one is touched, and nothing of it is stale when the settings change.
"""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.pipeline import judging
from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.questions import advance_domain
from wsrl_assets.pipeline.samples import as_shard, drawn_rows, plant
from wsrl_assets.pipeline.triage import triage_shard
from wsrl_assets.storage import PartitionKind, Store, catalog
from wsrl_assets.storage.accounting import Spending, accounts, call_totals, spending
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.domains import Domain

_SHARD = "preview"
_COLUMNS = (
    "draft_id",
    "domain",
    "form",
    "persona",
    "question",
    "answer",
    "answer_type",
    "evidence",
    "pair_status",
    "pair_reason",
    "pair_detail",
)


@dataclass(frozen=True, slots=True)
class Preview:
    """The result of a sample.

    Attributes:
        documents: of the sample.
        left_out: documents that triage or the filter dropped, by reason.
        drafts: one a row, with the columns of `_COLUMNS`, accepted ones first.
        spending: tokens, cost and accepted pairs.
    """

    documents: int
    left_out: dict[str, int]
    drafts: list[dict[str, Any]]
    spending: Spending

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "documents": self.documents,
            "left_out": self.left_out,
            "accepted": self.spending.accepted,
            "tokens": self.spending.tokens,
            "cost": self.spending.cost,
            "drafts": self.drafts,
        }


async def preview(job: Job, documents: int) -> Preview:
    """Drafts from a sample of `documents` and checks the drafts, beside the tables.

    Which ones they are follows from the seed of the settings.

    Raises:
        EndpointError: an endpoint cannot be used.
    """
    rows = drawn_rows(job.store, "preview_documents", job.settings.seed, documents)
    sample = as_shard(rows, _SHARD)
    with TemporaryDirectory(prefix="wsrl-preview-") as folder:
        apart = replace(job, store=Store(Path(folder)))
        judging.take_over(job.store, apart.store)
        try:
            plant(apart.store, sample, _SHARD)
            await triage_shard(apart, _SHARD)
            for domain in Domain:
                filter_domain(apart.store, domain, apart.run_id)
                await advance_domain(apart, domain)
        finally:
            judging.take_over(apart.store, job.store)
        return _read(apart.store, len(sample))


def _read(store: Store, documents: int) -> Preview:
    for partition in store.partitions(PartitionKind.DOMAIN):
        store.publish(partition)
    with catalog(store) as connection:
        found = accounts(connection)
        rows = frame(connection, "preview_pairs").select(_COLUMNS).to_dicts()
        spent = spending(call_totals(connection), found)
    left_out: Counter[str] = Counter()
    for account in found:
        if account.stage in ("triaged_documents", "filtered_documents", "personas"):
            left_out.update(account.reasons)
    return Preview(documents, dict(left_out.most_common()), rows, spent)
