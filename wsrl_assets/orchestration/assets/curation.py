"""The assets that choose documents: triage by shard, the filter by domain."""

import dagster as dg

from wsrl_assets.curation import triage
from wsrl_assets.curation.dedup import STAGE, VERSION
from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.orchestration.cancellation import run_interruptibly
from wsrl_assets.orchestration.failures import as_failures
from wsrl_assets.orchestration.launchpad import run_setting
from wsrl_assets.orchestration.metadata import (
    CURRENT,
    OWNERS,
    schema_metadata,
    stage_checks,
    stage_result,
)
from wsrl_assets.orchestration.partitions import DOMAINS, SHARDS
from wsrl_assets.orchestration.resources import EndpointResource, SettingsResource, StoreResource
from wsrl_assets.orchestration.stage_job import POOL, recipe_checks, stage_job
from wsrl_assets.pipeline.progress import Progress, commit_callback
from wsrl_assets.pipeline.triage import triage_shard
from wsrl_assets.storage import Partition
from wsrl_assets.storage.tables import FilteredDocument, TriagedDocument
from wsrl_assets.taxonomy.domains import Domain


class TriageConfig(dg.Config):
    """What a triage run may set for itself."""

    retry_failed: bool | None = run_setting(
        "Whether documents that failed earlier are tried again.", "retry_failed", paid=True
    )
    regenerate: bool | None = run_setting(
        "Whether documents that an older prompt, model or setting read are read again. "
        "One that then belongs to another domain leaves its old one with that domain's next run.",
        paid=True,
    )


@dg.asset(
    name=triage.STAGE.value,
    partitions_def=SHARDS,
    deps=["source_documents"],
    group_name="curation",
    kinds={"openai", "duckdb"},
    owners=OWNERS,
    code_version=triage.PROMPT.version,
    pool=POOL,
    metadata=schema_metadata(TriagedDocument),
    check_specs=stage_checks(triage.STAGE, CURRENT),
)
def triaged_documents(
    context: dg.AssetExecutionContext,
    config: TriageConfig,
    store: StoreResource,
    endpoint: EndpointResource,
    settings: SettingsResource,
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult:
    """One call per document: does it qualify, why, and for which domain?

    Only boilerplate and fragments are dropped (paper, section 3), so that the breadth of the
    corpus survives.
    """
    partition = Partition.shard(context.partition_key)
    with as_failures():
        regenerate = triage.STAGE if config.regenerate else None
        chosen = settings.load({"retry_failed": config.retry_failed, "regenerate": regenerate})
        job = stage_job(context, store, endpoint, chosen, progress)
        rows = run_interruptibly(lambda: triage_shard(job, context.partition_key))
    context.log.info(f"{rows} documents were pending")
    return stage_result(
        job.store,
        partition,
        TriagedDocument,
        run_id=context.run.run_id,
        checks=recipe_checks(job, partition, [triage.STAGE]),
    )


@dg.asset(
    name=STAGE.value,
    partitions_def=DOMAINS,
    deps=[dg.AssetDep(triage.STAGE.value, partition_mapping=dg.AllPartitionMapping())],
    group_name="curation",
    kinds={"duckdb", "polars"},
    owners=OWNERS,
    code_version=VERSION,
    metadata=schema_metadata(FilteredDocument),
    check_specs=stage_checks(STAGE),
)
def filtered_documents(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult:
    """The documents that triage qualified for this domain, less near-duplicates.

    Gathered over all shards. Near-duplicates, of documents of any domain, are found by MinHash of
    word 5-grams, and stay with the id of the document that they repeat.
    """
    database = store.open()
    domain = Domain(context.partition_key)
    with as_failures():
        rows = filter_domain(
            database,
            domain,
            context.run.run_id,
            on_rows=commit_callback(progress, STAGE),
        )
    context.log.info(f"{rows} new documents in {domain.label}")
    partition = Partition.domain(domain)
    return stage_result(database, partition, FilteredDocument, run_id=context.run.run_id)
