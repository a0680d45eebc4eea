"""Top-ups, by the schedule and the inbox: one run that makes those of all pending partitions.

If the daemon launched a run for each partition, the endpoint would have nothing to do while a
sensor looks, a run waits in the queue, and its process starts, between triage and domains and again
between domains. So a top-up does what `wsrl run` does: the runs of partitions are made in its
process, and each fails alone.
"""

import logging
import time
from collections import Counter
from threading import Lock

import dagster as dg
from dagster._core.storage.tags import MAX_RETRIES_TAG
from pydantic import Field

from wsrl_assets.orchestration.automation.active import TOP_UP_TAG, active_partitions, active_runs
from wsrl_assets.orchestration.automation.jobs import DOMAIN_ASSETS, SHARD_ASSETS
from wsrl_assets.orchestration.failures import as_failures
from wsrl_assets.orchestration.resources import EndpointResource, SettingsResource, StoreResource
from wsrl_assets.orchestration.runs import RunSummary, materialize_pending
from wsrl_assets.pipeline.pending import pending_partitions
from wsrl_assets.settings import AutomationSettings, SettingsError, load_settings
from wsrl_assets.sources.inbox import inbox_shards
from wsrl_assets.storage import PartitionKind, Store

TOP_UP = "top_up"
OP = "bring_up_to_date"
NIGHTLY = "0 2 * * *"
# On a top-up: the partitions that it left to runs that were at work on them.
LEFT_OUT_TAG = "wsrl/left_out"
_SAY_EVERY_S = 30.0
_MOST_NAMED = 5


class TopUpConfig(dg.Config):
    """What a top-up takes up."""

    only_inbox: bool = Field(False, description="Of the shards, only those of the inbox.")


@dg.op(name=OP)
def bring_up_to_date(
    context: dg.OpExecutionContext,
    config: TopUpConfig,
    store: StoreResource,
    settings: SettingsResource,
    endpoint: EndpointResource,
) -> None:
    """Materializes what is pending, as `wsrl run` does, but for partitions with an active run."""
    context.log.info(f"its runs have the tag {TOP_UP_TAG}:{context.run_id}")
    busy = active_partitions(context.instance)
    if busy:
        context.log.info(f"left to the runs that they have: {', '.join(sorted(busy))}")
        context.instance.add_run_tags(context.run_id, {LEFT_OUT_TAG: ",".join(sorted(busy))})
    with as_failures():
        database = store.open()
        others = _not_of_inbox(database) if config.only_inbox else set()
        summary = materialize_pending(
            database,
            settings.load(),
            endpoint=endpoint,
            progress=_LoggedProgress(context.log),
            leave_out=busy | others,
            # If its process is killed, the top-up is begun again, and not its runs as well.
            tags={TOP_UP_TAG: context.run_id, MAX_RETRIES_TAG: "0"},
        )
    steps = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in summary.steps.items())
    context.log.info(f"{summary.runs} runs: {steps}")
    _tell_failures(summary)


def _not_of_inbox(store: Store) -> set[str]:
    return {shard.key for shard in store.partitions(PartitionKind.SHARD)} - inbox_shards(store)


def _tell_failures(summary: RunSummary) -> None:
    if not summary.failures:
        return
    said = [f"{one.partition or one.job}: {one.message}" for one in summary.failures]
    more = len(said) - _MOST_NAMED
    named = "\n".join([*said[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])])
    raise dg.Failure(named, allow_retries=False)


@dg.job(name=TOP_UP, executor_def=dg.in_process_executor)
def top_up() -> None:
    """Does everything that is pending, from shards to the release, as `wsrl run` does."""
    bring_up_to_date()


def top_up_schedule(settings: AutomationSettings) -> dg.ScheduleDefinition:
    """The schedule that asks for a top-up. On if `WSRL_SCHEDULE` is set.

    Raises:
        SettingsError: the schedule is no cron expression, or there is no such time zone.
    """
    cron = settings.schedule or NIGHTLY
    running = dg.DefaultScheduleStatus.RUNNING
    try:
        return dg.schedule(
            name=TOP_UP,
            cron_schedule=cron,
            execution_timezone=settings.timezone,
            job=top_up,
            default_status=running if settings.schedule else dg.DefaultScheduleStatus.STOPPED,
            description="Asks for a top-up where rows are pending and none is under way.",
        )(_request)
    except dg.DagsterInvalidDefinitionError as error:
        raise SettingsError(
            f"WSRL_SCHEDULE is {cron!r} and WSRL_TIMEZONE is {settings.timezone!r}, which Dagster "
            "cannot use: the one is five fields such as 0 2 * * *, the other a name such as "
            "Europe/Berlin"
        ) from error


def _request(
    context: dg.ScheduleEvaluationContext, store: StoreResource
) -> dg.RunRequest | dg.SkipReason:
    try:
        stages = [*SHARD_ASSETS, *DOMAIN_ASSETS]
        pending = pending_partitions(store.open(), load_settings(), stages)
    except SettingsError as error:
        return dg.SkipReason(str(error))
    if not pending:
        return dg.SkipReason("nothing is pending")
    if active_partitions(context.instance).issuperset(pending):
        return dg.SkipReason("all partitions with pending rows have a queued or running run")
    night = context.scheduled_execution_time.isoformat(timespec="minutes")
    return ask_for_top_up(context.instance, night)


def ask_for_top_up(
    instance: dg.DagsterInstance, run_key: str, *, only_inbox: bool = False
) -> dg.RunRequest | dg.SkipReason:
    """A request for a top-up, if none is under way: two would meet at every partition.

    Args:
        instance: has the runs.
        run_key: what is asked for once.
        only_inbox: whether only shards of the inbox are read.
    """
    if any(run.job_name == TOP_UP for run in active_runs(instance)):
        return dg.SkipReason("a top-up is queued or running")
    config = dg.RunConfig({OP: TopUpConfig(only_inbox=only_inbox)})
    return dg.RunRequest(run_key=run_key, run_config=config)


def last_top_up(instance: dg.DagsterInstance) -> dg.DagsterRun | None:
    """The top-up that was asked for last."""
    return next(iter(instance.get_runs(dg.RunsFilter(job_name=TOP_UP), limit=1)), None)


def has_failed(run: dg.DagsterRun) -> bool:
    """Whether a top-up that the inbox asked for did not get to its end by a fault."""
    of_inbox = {OP: {"config": {"only_inbox": True}}}
    return run.is_failure and run.run_config.get("ops") == of_inbox


def left_out(run: dg.DagsterRun) -> set[str]:
    """The partitions that a top-up left to runs that were at work on them."""
    return set(filter(None, run.tags.get(LEFT_OUT_TAG, "").split(",")))


class _LoggedProgress:
    """Progress as a line in the log of a run, now and then."""

    is_stopping = False

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._mutex = Lock()
        self._expected: Counter[str] = Counter()
        self._finished: Counter[str] = Counter()
        self._next_at = time.monotonic() + _SAY_EVERY_S

    def expect(self, stage: str, rows: int) -> None:
        with self._mutex:
            self._expected[stage] += rows

    def advance(self, stage: str, rows: int = 1) -> None:
        with self._mutex:
            self._finished[stage] += rows
            if time.monotonic() < self._next_at:
                return
            self._next_at = time.monotonic() + _SAY_EVERY_S
            stages = self._expected.items()
            said = "; ".join(f"{name} {self._finished[name]} of {n}" for name, n in stages if n)
        self._log.info(said)
