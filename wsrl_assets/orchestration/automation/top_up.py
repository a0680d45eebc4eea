"""The nightly top-up: asks for shards and domains with pending rows, unless a run is active."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from wsrl_assets.orchestration.automation.active import active_partitions
from wsrl_assets.orchestration.automation.arrivals import INBOX_ORIGIN, ORIGIN_TAG
from wsrl_assets.orchestration.automation.jobs import DOMAIN_ASSETS, SHARD_ASSETS
from wsrl_assets.orchestration.resources import StoreResource
from wsrl_assets.pipeline.pending import pending_partitions
from wsrl_assets.settings import AutomationSettings, SettingsError, load_settings

NIGHTLY = "0 2 * * *"
# All runs of one night, on the page of runs.
NIGHT_TAG = "wsrl/top_up"


def top_ups(
    settings: AutomationSettings, read_shard: Any, advance_domain: Any
) -> list[dg.ScheduleDefinition]:
    """The schedules that ask for pending shards and domains. On if `WSRL_SCHEDULE` is set.

    A run for each partition, and no backfill: Dagster's scheduler launches runs, and separate runs
    fail, wait and are retried alone. A schedule has one job, so there are two. The domains of a
    shard follow it, and the release follows them (see `arrivals` and `keeping_up`).

    Raises:
        SettingsError: the schedule is no cron expression, or there is no such time zone.
    """
    return [
        _schedule("top_up_shards", "shards", settings, read_shard, SHARD_ASSETS),
        _schedule("top_up", "domains", settings, advance_domain, DOMAIN_ASSETS),
    ]


def _schedule(
    name: str, what: str, settings: AutomationSettings, job: Any, stages: Sequence[str]
) -> dg.ScheduleDefinition:
    def pending(
        context: dg.ScheduleEvaluationContext, store: StoreResource
    ) -> Sequence[dg.RunRequest] | dg.SkipReason:
        return _requests(context, store, what, stages)

    cron = settings.schedule or NIGHTLY
    running = dg.DefaultScheduleStatus.RUNNING
    try:
        return dg.schedule(
            name=name,
            cron_schedule=cron,
            execution_timezone=settings.timezone,
            job=job,
            default_status=running if settings.schedule else dg.DefaultScheduleStatus.STOPPED,
            description=f"Asks for the {what} with pending rows and no queued or running run.",
        )(pending)
    except dg.DagsterInvalidDefinitionError as error:
        raise SettingsError(
            f"WSRL_SCHEDULE is {cron!r} and WSRL_TIMEZONE is {settings.timezone!r}, which Dagster "
            "cannot use: the one is five fields such as 0 2 * * *, the other a name such as "
            "Europe/Berlin"
        ) from error


def _requests(
    context: dg.ScheduleEvaluationContext, store: StoreResource, what: str, stages: Sequence[str]
) -> Sequence[dg.RunRequest] | dg.SkipReason:
    try:
        pending = pending_partitions(store.open(), load_settings(), stages)
    except SettingsError as error:
        return dg.SkipReason(str(error))
    if not pending:
        return dg.SkipReason(f"nothing is pending in the {what}")
    active = active_partitions(context.instance)
    wanted = [key for key in pending if key not in active]
    if not wanted:
        return dg.SkipReason(f"the {what} with pending rows all have a queued or running run")
    night = context.scheduled_execution_time.isoformat(timespec="minutes")
    tags = {NIGHT_TAG: night, ORIGIN_TAG: INBOX_ORIGIN}
    return [dg.RunRequest(run_key=f"{night}/{key}", partition_key=key, tags=tags) for key in wanted]
