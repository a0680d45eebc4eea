"""The nightly top-up: domains with pending rows are asked for, unless a run of them is active."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from wsrl_assets.orchestration.automation.active import active_partitions
from wsrl_assets.orchestration.automation.jobs import DOMAIN_ASSETS
from wsrl_assets.orchestration.resources import StoreResource
from wsrl_assets.pipeline.pending import pending_partitions
from wsrl_assets.settings import AutomationSettings, SettingsError, load_settings

NIGHTLY = "0 2 * * *"
# All runs of one night, on the page of runs.
NIGHT_TAG = "wsrl/top_up"


def top_up(settings: AutomationSettings, advance_domain: Any) -> dg.ScheduleDefinition:
    """The schedule that asks for each domain with pending rows. On if `WSRL_SCHEDULE` is set.

    A run a domain, and no backfill: Dagster's scheduler launches runs, and runs of their own fail,
    wait and are retried alone. The release follows them (see `keeping_up`).

    Raises:
        SettingsError: the schedule is no cron expression, or there is no such time zone.
    """

    cron = settings.schedule or NIGHTLY
    running = dg.DefaultScheduleStatus.RUNNING
    try:
        return dg.schedule(
            name="top_up",
            cron_schedule=cron,
            execution_timezone=settings.timezone,
            job=advance_domain,
            default_status=running if settings.schedule else dg.DefaultScheduleStatus.STOPPED,
            description="Asks for the domains with pending rows and no queued or running run.",
        )(_pending_domains)
    except dg.DagsterInvalidDefinitionError as error:
        raise SettingsError(
            f"WSRL_SCHEDULE is {cron!r} and WSRL_TIMEZONE is {settings.timezone!r}, by which "
            "Dagster cannot go: the one is five fields such as 0 2 * * *, the other a name such "
            "as Europe/Berlin"
        ) from error


def _pending_domains(
    context: dg.ScheduleEvaluationContext, store: StoreResource
) -> Sequence[dg.RunRequest] | dg.SkipReason:
    try:
        pending = pending_partitions(store.open(), load_settings(), DOMAIN_ASSETS)
    except SettingsError as error:
        return dg.SkipReason(str(error))
    if not pending:
        return dg.SkipReason("nothing is pending in any domain")
    active = active_partitions(context.instance)
    wanted = [domain for domain in pending if domain not in active]
    if not wanted:
        return dg.SkipReason("each domain with pending rows has a queued or running run")
    night = context.scheduled_execution_time.isoformat(timespec="minutes")
    return [
        dg.RunRequest(run_key=f"{night}/{domain}", partition_key=domain, tags={NIGHT_TAG: night})
        for domain in wanted
    ]
