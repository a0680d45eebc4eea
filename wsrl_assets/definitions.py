"""The one Definitions object: gathers, decides nothing."""

from collections.abc import Mapping

import dagster as dg

from wsrl_assets.automation import jobs
from wsrl_assets.chain_assets import (
    pass_rate_asset,
    question_chain,
    sft_warmup,
    triaged_documents,
)
from wsrl_assets.curation.assets import filtered_documents
from wsrl_assets.generation.assets import demonstration_library
from wsrl_assets.release.assets import (
    benchmark_ngrams,
    dataset_report,
    final_splits,
    rl_dataset,
)
from wsrl_assets.resources import EndpointResource, StoreResource
from wsrl_assets.sources.assets import source_documents

ASSETS = [
    source_documents,
    triaged_documents,
    filtered_documents,
    demonstration_library,
    question_chain,
    pass_rate_asset,
    benchmark_ngrams,
    final_splits,
    sft_warmup,
    rl_dataset,
    dataset_report,
]


def build_definitions(overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """All assets, jobs and resources; `overrides` replaces resources by name, for tests."""
    resources = {"store": StoreResource(), "endpoint": EndpointResource(), **(overrides or {})}
    return dg.Definitions(
        assets=ASSETS,
        jobs=jobs(),
        resources=resources,
        # Steps in one process: a run is a handful of short steps around one long wait for the
        # endpoint, and a process for each would cost more than it isolates.
        executor=dg.in_process_executor,
    )


defs = build_definitions()
