"""Jobs: what is materialized together."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

SHARD_ASSETS = ("source_documents", "triaged_documents")
# These do nothing while they are off: one setting holds for commands, schedules and the UI.
PASS_RATES = "pass_rates"
SFT_WARMUP = "sft_warmup"
DOMAIN_ASSETS = (
    "filtered_documents",
    "personas",
    "qa_drafts",
    "verified_pairs",
    PASS_RATES,
    "final_splits",
    SFT_WARMUP,
)
LIBRARY_ASSETS = ("demonstration_library", "benchmark_ngrams")
RELEASE_ASSETS = ("rl_dataset", "dataset_report")


def jobs() -> Sequence[Any]:
    """The jobs that the UI's launchpad and `wsrl run` use."""
    return [
        dg.define_asset_job(
            "read_shard",
            selection=dg.AssetSelection.assets(*SHARD_ASSETS),
            description="Reads a shard and triages its documents.",
        ),
        dg.define_asset_job(
            "advance_domain",
            selection=dg.AssetSelection.assets(*DOMAIN_ASSETS),
            description="Does what is pending in a domain, from filter to splits and warm-up.",
        ),
        dg.define_asset_job(
            "load_libraries",
            selection=dg.AssetSelection.assets(*LIBRARY_ASSETS),
            description="Loads the demonstration library and the benchmark n-grams.",
        ),
        dg.define_asset_job(
            "make_release",
            selection=dg.AssetSelection.assets(*RELEASE_ASSETS),
            description="Writes the release of everything that passed, and its report.",
        ),
    ]
