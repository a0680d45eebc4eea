"""The asset `source_documents`: shards, read."""

import dagster as dg

from wsrl_assets.llm.window import passage_budget
from wsrl_assets.partitions import SHARDS
from wsrl_assets.quality import Finding
from wsrl_assets.reports import (
    OWNERS,
    READ_TO_END,
    check_result,
    schema_metadata,
    stage_checks,
    stage_result,
)
from wsrl_assets.resources import EndpointResource, StoreResource
from wsrl_assets.settings import SettingsError, load_settings
from wsrl_assets.sources.heuristics import HEURISTICS_VERSION
from wsrl_assets.sources.ingest import STAGE, IngestSettings, ingest_shard
from wsrl_assets.sources.readers import Reason, ShardFault, SourceError
from wsrl_assets.storage import Partition, StoreBusyError
from wsrl_assets.storage.tables import SourceDocument


@dg.asset(
    name=STAGE,
    partitions_def=SHARDS,
    group_name="sources",
    kinds={"duckdb", "polars"},
    owners=OWNERS,
    code_version=HEURISTICS_VERSION,
    metadata=schema_metadata(SourceDocument),
    check_specs=stage_checks(STAGE, READ_TO_END),
)
def source_documents(
    context: dg.AssetExecutionContext, store: StoreResource, endpoint: EndpointResource
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
    try:
        roles = endpoint.roles().given()
        with passage_budget(roles, load_settings().max_passage_tokens) as budget:
            rows = ingest_shard(
                database,
                context.partition_key,
                context.run.run_id,
                IngestSettings(budget.max_tokens, budget.counted_by),
                count_tokens=budget.count,
            )
        context.log.info(f"{rows} new rows in shard {context.partition_key}")
    except (SettingsError, SourceError, StoreBusyError) as error:
        if not isinstance(error, ShardFault) or error.reason is Reason.READ_ERROR:
            raise dg.Failure(str(error), allow_retries=False) from None
        context.log.error(str(error))
        finding = Finding(False, str(error))
    partition = Partition.shard(context.partition_key)
    checks = [check_result(STAGE, READ_TO_END, finding)]
    return stage_result(
        database, partition, SourceDocument, run_id=context.run.run_id, checks=checks
    )
