"""The asset `demonstration_library`. Personas and drafts are made in `chain_assets`."""

import dagster as dg

from wsrl_assets.generation.library import library_digest, load_library
from wsrl_assets.orchestration.failures import as_failures
from wsrl_assets.orchestration.metadata import OWNERS, schema_metadata
from wsrl_assets.orchestration.resources import SettingsResource, StoreResource
from wsrl_assets.storage import Partition
from wsrl_assets.storage.tables import DemonstrationRow, utc_now

NAME = "demonstration_library"
LIBRARY = Partition.library("demonstrations")


@dg.asset(
    name=NAME,
    group_name="generation",
    kinds={"duckdb", "yaml"},
    owners=OWNERS,
    metadata=schema_metadata(DemonstrationRow),
)
def demonstration_library(store: StoreResource, settings: SettingsResource) -> dg.MaterializeResult:
    """The few-shot examples that drafts are prompted with, by domain.

    Read from versioned files (`WSRL_DEMONSTRATIONS` for one's own), and kept as a table, so that
    lineage shows which examples a release rests on.
    """
    with as_failures():
        library = load_library(settings.load().demonstrations)
    rows = [
        DemonstrationRow(
            demonstration_id=example.id,
            domain=domain,
            version=file.version,
            passage=example.passage,
            persona=example.persona,
            question=example.question,
            answer=example.answer,
            answer_type=example.answer_type,
            evidence=example.evidence,
            created_at=utc_now(),
        )
        for domain, file in library.items()
        for example in file.demonstrations
    ]
    with store.open().transaction(LIBRARY) as transaction:
        transaction.clear(DemonstrationRow)
        transaction.merge(rows)
    return dg.MaterializeResult(
        metadata={"dagster/row_count": len(rows), "domains": len(library)},
        data_version=dg.DataVersion(library_digest(list(library.values()))),
    )
