"""Which partitions have a run that has not ended."""

import dagster as dg

PARTITION_TAG = "dagster/partition"
_ACTIVE = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def active_partitions(instance: dg.DagsterInstance) -> set[str]:
    """The partitions of queued and running runs of any job, also of those of `wsrl run`."""
    runs = instance.get_runs(dg.RunsFilter(statuses=_ACTIVE))
    return {run.tags[PARTITION_TAG] for run in runs if PARTITION_TAG in run.tags}
