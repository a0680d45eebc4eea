"""The asset `filtered_documents`: a domain's qualified documents."""

import threading

import dagster as dg

from wsrl_assets.curation.dedup import STAGE, VERSION
from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.curation.triage import STAGE as TRIAGED
from wsrl_assets.domains import Domain
from wsrl_assets.partitions import DOMAINS
from wsrl_assets.reports import OWNERS, schema_metadata, stage_checks, stage_result
from wsrl_assets.resources import StoreResource
from wsrl_assets.storage import Partition, StoreBusyError
from wsrl_assets.storage.tables import FilteredDocument

# Domains whose runs share an interpreter go one after another: the first of them is then at the
# endpoint while the second is filtered, and not all of them when the last is.
_IN_TURN = threading.Lock()


@dg.asset(
    name=STAGE,
    partitions_def=DOMAINS,
    deps=[dg.AssetDep(TRIAGED, partition_mapping=dg.AllPartitionMapping())],
    group_name="curation",
    kinds={"duckdb", "polars"},
    owners=OWNERS,
    code_version=VERSION,
    metadata=schema_metadata(FilteredDocument),
    check_specs=stage_checks(STAGE),
)
def filtered_documents(
    context: dg.AssetExecutionContext, store: StoreResource
) -> dg.MaterializeResult:
    """The documents that triage qualified for this domain, less near-duplicates.

    Gathered over all shards. Near-duplicates, of documents of any domain, are found by MinHash of
    word 5-grams, and stay with the id of the document that they repeat.
    """
    database = store.open()
    domain = Domain(context.partition_key)
    try:
        with _IN_TURN:
            rows = filter_domain(database, domain, context.run.run_id)
    except StoreBusyError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    context.log.info(f"{rows} new documents in {domain.label}")
    partition = Partition.domain(domain)
    return stage_result(database, partition, FilteredDocument, run_id=context.run.run_id)
