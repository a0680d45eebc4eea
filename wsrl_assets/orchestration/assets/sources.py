"""The asset `source_documents`: shards, read."""

import dagster as dg

from wsrl_assets.llm.window import passage_budget
from wsrl_assets.orchestration.failures import as_failures
from wsrl_assets.orchestration.metadata import OWNERS, schema_metadata, stage_checks, stage_result
from wsrl_assets.orchestration.partitions import SHARDS
from wsrl_assets.orchestration.resources import EndpointResource, SettingsResource, StoreResource
from wsrl_assets.pipeline.progress import Progress, commit_callback
from wsrl_assets.sources.heuristics import HEURISTICS_VERSION
from wsrl_assets.sources.ingest import STAGE, IngestSettings, ingest_shard
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
    check_specs=stage_checks(STAGE),
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
    encoding. A shard that was read to its end is not read again. Passages fit the context windows
    of the models, where their servers can be asked.
    """
    database = store.open()
    with as_failures():
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
    partition = Partition.shard(context.partition_key)
    return stage_result(database, partition, SourceDocument, run_id=context.run.run_id)
