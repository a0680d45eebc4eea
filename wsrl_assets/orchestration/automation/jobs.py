"""Jobs: what is materialized together."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from wsrl_assets.taxonomy.stages import PartitionedBy, Stage, stages_by

READ_SHARD = "read_shard"
ADVANCE_DOMAIN = "advance_domain"
TRAIN_ARM = "train_arm"
REPORT_TRAINING = "report_training"
SHARD_ASSETS = stages_by(PartitionedBy.SHARD)
# Optional ones do nothing while they are off: one setting for commands, schedules and the UI.
DOMAIN_ASSETS = stages_by(PartitionedBy.DOMAIN)
LIBRARY_ASSETS = ("demonstration_library", "benchmark_ngrams")
RELEASE_ASSETS = (Stage.RL_DATASET.value, "domain_coverage", "dataset_report")


def jobs() -> Mapping[str, Any]:
    """The jobs that the launchpad, sensors, schedules and `wsrl run` use, by name."""
    defined = [
        dg.define_asset_job(
            READ_SHARD,
            selection=dg.AssetSelection.assets(*map(str, SHARD_ASSETS)),
            description="Reads a shard and triages its documents.",
        ),
        dg.define_asset_job(
            ADVANCE_DOMAIN,
            selection=dg.AssetSelection.assets(*map(str, DOMAIN_ASSETS)),
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
            description="Writes the release of everything that passed, looks for crowded topics in "
            "the domains, and writes the report.",
        ),
        dg.define_asset_job(
            TRAIN_ARM,
            selection=dg.AssetSelection.assets("training_arms"),
            description="Trains and evaluates one arm of a proof. Nothing asks for it by itself.",
        ),
        dg.define_asset_job(
            REPORT_TRAINING,
            selection=dg.AssetSelection.assets("training_report"),
            description="Writes the page of a proof.",
        ),
    ]
    return {job.name: job for job in defined}
