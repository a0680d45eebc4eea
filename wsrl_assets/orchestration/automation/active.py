"""Which runs, and so which partitions, are at work."""

from collections.abc import Sequence

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

PARTITION_TAG = "dagster/partition"
# On the runs that a top-up makes: the id of its own run.
TOP_UP_TAG = "wsrl/top_up"


def active_runs(instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
    """Queued and running runs of any job, also those of `wsrl run`."""
    return instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES))


def active_partitions(instance: dg.DagsterInstance) -> set[str]:
    """The partitions of queued and running runs, but for those that top-ups made.

    There is one top-up at a time. Its runs end with it, though those of one that was killed look
    active until the daemon finds that their process is gone.
    """
    runs = [run.tags for run in active_runs(instance) if TOP_UP_TAG not in run.tags]
    return {tags[PARTITION_TAG] for tags in runs if PARTITION_TAG in tags}
