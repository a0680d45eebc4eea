"""Files that arrive in the inbox go through everything by themselves, from ingest to release.

`inbox` registers them and asks for their ingest and triage; `inbox_domains` asks for the domains
that then have rows waiting; the release follows (see `keeping_up`).
"""

from typing import Any

import dagster as dg

from wsrl_assets.orchestration.automation.jobs import ADVANCE_DOMAIN, DOMAIN_ASSETS, READ_SHARD
from wsrl_assets.orchestration.partitions import SHARDS
from wsrl_assets.orchestration.resources import StoreResource
from wsrl_assets.pipeline.pending import pending_partitions
from wsrl_assets.settings import AutomationSettings, SettingsError, load_settings
from wsrl_assets.sources.inbox import InboxError, scan

# On the runs that the inbox asked for: runs that somebody asked for by hand start nothing more.
ORIGIN_TAG = "wsrl/origin"
INBOX_ORIGIN = "inbox"
_PARTITION_TAG = "dagster/partition"
_WAITING = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]
# More dynamic partitions and runs than this a tick would take longer than a tick may.
_MOST_REQUESTS = 100


def watch_inbox(settings: AutomationSettings) -> dg.SensorDefinition:
    """The sensor that turns files of the inbox into shards. On if there is an inbox."""

    @dg.sensor(
        name="inbox",
        job_name=READ_SHARD,
        minimum_interval_seconds=settings.inbox_interval_s,
        default_status=on_if(settings.inbox),
        description="Registers each new file of WSRL_INBOX as a shard, and has it read.",
    )
    def inbox(
        context: dg.SensorEvaluationContext, store: StoreResource
    ) -> dg.SensorResult | dg.SkipReason:
        if settings.inbox is None:
            return dg.SkipReason("there is no inbox: set WSRL_INBOX to a folder or a URL")
        after = int(context.cursor) if context.cursor else -1
        try:
            text_column = load_settings().text_column
            seen = scan(store.open(), settings.inbox, after=after, text_column=text_column)
        except (InboxError, SettingsError) as error:
            return dg.SkipReason(str(error))
        for sentence in seen.said:
            context.log.info(sentence)
        arrivals = seen.arrivals[:_MOST_REQUESTS]
        if not arrivals:
            waiting = f", {seen.settling} of them settling" if seen.settling else ""
            news = f"; {seen.said[0]}" if seen.said else ""
            return dg.SkipReason(f"nothing new among {seen.files} files{waiting}{news}")
        keys = [str(row.shard) for row in arrivals]
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(run_key=key, partition_key=key, tags={ORIGIN_TAG: INBOX_ORIGIN})
                for key in keys
            ],
            dynamic_partitions_requests=[SHARDS.build_add_request(keys)],
            # Dagster stores it after the runs are launched. Until then the arrivals come up again
            # at each scan, and their run keys keep them from being run twice.
            cursor=str(arrivals[-1].number),
        )

    return inbox


def advance_arrivals(
    settings: AutomationSettings, read_shard: Any, advance_domain: Any
) -> dg.SensorDefinition:
    """The sensor that asks for the domains of what the inbox brought. On if there is an inbox.

    Args:
        settings: what it goes by.
        read_shard, advance_domain: the jobs that it follows and asks for.
    """

    @dg.run_status_sensor(
        name="inbox_domains",
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=[read_shard],
        request_job=advance_domain,
        minimum_interval_seconds=settings.inbox_interval_s,
        default_status=on_if(settings.inbox),
        description="Asks for the domains in which files of the inbox have left rows to do.",
    )
    def inbox_domains(
        context: dg.RunStatusSensorContext, store: StoreResource
    ) -> list[dg.RunRequest] | dg.SkipReason:
        run = context.dagster_run
        if run.tags.get(ORIGIN_TAG) != INBOX_ORIGIN:
            return dg.SkipReason("that shard did not come through the inbox")
        try:
            pending = pending_partitions(store.open(), load_settings(), DOMAIN_ASSETS)
        except SettingsError as error:
            return dg.SkipReason(str(error))
        waiting = _waiting_domains(context.instance)
        wanted = [domain for domain in pending if domain not in waiting]
        if not wanted:
            return dg.SkipReason("every domain with rows to do has a run that waits already")
        return [
            dg.RunRequest(
                run_key=f"{domain}/{run.run_id}",
                partition_key=domain,
                tags={ORIGIN_TAG: INBOX_ORIGIN},
            )
            for domain in wanted
        ]

    return inbox_domains


def _waiting_domains(instance: dg.DagsterInstance) -> set[str | None]:
    """Domains of which a run has not begun, and so will find whatever is there when it does.

    One that has begun may be past its reading: another run then waits behind it.
    """
    waiting = dg.RunsFilter(job_name=ADVANCE_DOMAIN, statuses=_WAITING)
    return {run.tags.get(_PARTITION_TAG) for run in instance.get_runs(waiting)}


def on_if(setting: object) -> dg.DefaultSensorStatus:
    """To set it is to start it: nothing that costs money begins unasked."""
    return dg.DefaultSensorStatus.RUNNING if setting else dg.DefaultSensorStatus.STOPPED
