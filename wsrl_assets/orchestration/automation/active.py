"""Which runs, and so which partitions, are at work."""

from collections.abc import Sequence

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

PARTITION_TAG = "dagster/partition"


def active_runs(instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
    """Queued and running runs of any job, also those of `wsrl run`."""
    return instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES))


def active_partitions(instance: dg.DagsterInstance) -> set[str]:
    """The partitions of queued and running runs."""
    return {run.tags[PARTITION_TAG] for run in active_runs(instance) if PARTITION_TAG in run.tags}
