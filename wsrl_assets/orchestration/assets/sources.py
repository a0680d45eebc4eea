"""The asset `source_documents`: shards, read."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from wsrl_assets.llm.window import passage_budget
from wsrl_assets.orchestration.failures import as_failures
from wsrl_assets.orchestration.metadata import (
    OWNERS,
    READ_TO_END,
    check_result,
    schema_metadata,
    stage_checks,
    stage_result,
)
from wsrl_assets.orchestration.partitions import SHARDS
from wsrl_assets.orchestration.resources import EndpointResource, SettingsResource, StoreResource
from wsrl_assets.pipeline.progress import Progress, commit_callback
from wsrl_assets.release.quality import Finding
from wsrl_assets.sources.heuristics import HEURISTICS_VERSION
from wsrl_assets.sources.ingest import STAGE, IngestSettings, ingest_shard
from wsrl_assets.sources.readers import DropReason, ShardFault
from wsrl_assets.storage import Partition
from wsrl_assets.storage.tables import SourceDocument


@dg.asset(
    name=STAGE.value,
    partitions_def=SHARDS,
    group_name="sources",
    kinds={"duckdb", "polars"},
    owners=OWNERS,
    code_version=HEURISTICS_VERSION,
    metadata=schema_metadata(SourceDocument),
    check_specs=stage_checks(STAGE, READ_TO_END),
)
def source_documents(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    endpoint: EndpointResource,
    settings: SettingsResource,
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult:
    """A shard's rows, normalised, cut into passages and past the heuristics.

    Every dropped row stays, with its reason: exact duplicate, too short, broken line, wrong
    encoding. A shard that was read to its end is not read again. One whose store failed while it
    was read fails the run; one that is damaged counts as one failed row, and the rows before the
    damage go on. Either is read again by the next run. Passages fit the context windows
    of the models, where their servers can be asked.
    """
    database = store.open()
    finding = Finding(True, "The shard was read to its end.")
    with as_failures(), _damage_is_reported(context) as damage:
        roles = endpoint.roles().given()
        with passage_budget(roles, settings.load().max_passage_tokens) as budget:
            rows = ingest_shard(
                database,
                context.partition_key,
                context.run.run_id,
                IngestSettings(budget.max_tokens, budget.counted_by),
                on_rows=commit_callback(progress, STAGE),
                count_tokens=budget.count,
            )
        context.log.info(f"{rows} new rows in shard {context.partition_key}")
    if damage:
        finding = Finding(False, damage[0])
    partition = Partition.shard(context.partition_key)
    checks = [check_result(STAGE, READ_TO_END, finding)]
    return stage_result(
        database, partition, SourceDocument, run_id=context.run.run_id, checks=checks
    )


@contextmanager
def _damage_is_reported(context: dg.AssetExecutionContext) -> Iterator[list[str]]:
    """Gives what is damaged in the file itself; other faults fail the run, which tries again."""
    damage: list[str] = []
    try:
        yield damage
    except ShardFault as fault:
        if fault.reason is DropReason.READ_ERROR:
            raise
        context.log.error(str(fault))
        damage.append(str(fault))
