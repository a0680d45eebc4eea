"""Files that arrive in the inbox go through everything by themselves, from ingest to release.

`inbox` registers them and asks for their ingest and triage; `inbox_domains` asks for the domains
that then have rows waiting; the release follows (see `keeping_up`).
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from wsrl_assets.orchestration.automation.active import PARTITION_TAG, active_partitions
from wsrl_assets.orchestration.automation.jobs import DOMAIN_ASSETS, READ_SHARD, SHARD_ASSETS
from wsrl_assets.orchestration.partitions import DOMAINS, SHARDS
from wsrl_assets.orchestration.resources import StoreResource
from wsrl_assets.pipeline.pending import pending_partitions
from wsrl_assets.settings import AutomationSettings, SettingsError, load_settings
from wsrl_assets.sources.inbox import InboxError, inbox_shards, scan
from wsrl_assets.storage import Store

# On the runs that the inbox asked for: runs that somebody asked for by hand start nothing more.
ORIGIN_TAG = "wsrl/origin"
INBOX_ORIGIN = "inbox"
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
        retried = _unfinished(context.instance, store.open(), [str(row.shard) for row in arrivals])
        if not arrivals and not retried:
            waiting = f", {seen.settling} of them settling" if seen.settling else ""
            news = f"; {seen.said[0]}" if seen.said else ""
            return dg.SkipReason(f"nothing new among {seen.files} files{waiting}{news}")
        keys = [str(row.shard) for row in arrivals]
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(run_key=key, partition_key=key, tags={ORIGIN_TAG: INBOX_ORIGIN})
                for key in keys
            ]
            + retried,
            dynamic_partitions_requests=[SHARDS.build_add_request(keys)],
            # Dagster stores it after the runs are launched. Until then the arrivals come up again
            # at each scan, and their run keys keep them from being run twice.
            cursor=str(arrivals[-1].number) if arrivals else context.cursor,
        )

    return inbox


def _unfinished(
    instance: dg.DagsterInstance, store: Store, arrivals: Collection[str]
) -> list[dg.RunRequest]:
    """Requests for shards of the inbox whose run failed: at most one an hour for each."""
    try:
        pending = pending_partitions(store, load_settings(), SHARD_ASSETS)
    except SettingsError:
        return []  # the run says what is wrong
    known = inbox_shards(store) - set(arrivals) - active_partitions(instance)
    hour = datetime.now(UTC).strftime("%Y-%m-%dT%H")
    return [
        dg.RunRequest(run_key=f"{key}/{hour}", partition_key=key, tags={ORIGIN_TAG: INBOX_ORIGIN})
        for key in pending
        if key in known and _has_ended(instance, key)
    ][:_MOST_REQUESTS]


def _has_ended(instance: dg.DagsterInstance, shard: str) -> bool:
    """Whether a shard had a run: one that is only asked for may not be queued yet."""
    ran = dg.RunsFilter(job_name=READ_SHARD, tags={PARTITION_TAG: shard})
    return bool(instance.get_runs(ran, limit=1))


def advance_arrivals(settings: AutomationSettings, advance_domain: Any) -> dg.SensorDefinition:
    """The sensor that asks for the domains of what the inbox brought. On if there is an inbox.

    It looks when a shard of the inbox was triaged, and leaves out domains with a queued or running
    run. It looks again when a run of such a domain ends, however it was started: that run may
    have been past its reading when the shard's rows came.

    Args:
        settings: what it goes by.
        advance_domain: the job that it asks for.
    """

    @dg.run_status_sensor(
        name="inbox_domains",
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitor_all_code_locations=True,  # those that `wsrl run` makes have none
        request_job=advance_domain,
        minimum_interval_seconds=settings.inbox_interval_s,
        default_status=on_if(settings.inbox),
        description="Asks for the domains in which files of the inbox have left rows to do.",
    )
    def inbox_domains(
        context: dg.RunStatusSensorContext, store: StoreResource
    ) -> list[dg.RunRequest] | dg.SkipReason:
        run = context.dagster_run
        candidates = _domains_to_look_at(context.instance, run)
        if not candidates:
            return dg.SkipReason("that run was of no shard of the inbox, and none came meanwhile")
        try:
            pending = pending_partitions(store.open(), load_settings(), DOMAIN_ASSETS)
        except SettingsError as error:
            return dg.SkipReason(str(error))
        active = active_partitions(context.instance)
        wanted = [domain for domain in pending if domain in candidates - active]
        if not wanted:
            return dg.SkipReason("each domain with rows to do has a queued or running run")
        return [
            dg.RunRequest(
                run_key=f"{domain}/{run.run_id}",
                partition_key=domain,
                tags={ORIGIN_TAG: INBOX_ORIGIN},
            )
            for domain in wanted
        ]

    return inbox_domains


def _domains_to_look_at(instance: dg.DagsterInstance, ended: dg.DagsterRun) -> set[str]:
    """All domains after a shard of the inbox; a run's own if such a shard came while it ran."""
    domains = set(DOMAINS.get_partition_keys())
    if ended.job_name == READ_SHARD:
        return domains if ended.tags.get(ORIGIN_TAG) == INBOX_ORIGIN else set()
    domain = ended.tags.get(PARTITION_TAG)
    return {domain} if domain in domains and _has_arrivals_since(instance, ended) else set()


def _has_arrivals_since(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    record = instance.get_run_record_by_id(run.run_id)
    if record is None or record.start_time is None:
        return False
    read = dg.RunsFilter(
        job_name=READ_SHARD,
        tags={ORIGIN_TAG: INBOX_ORIGIN},
        statuses=[dg.DagsterRunStatus.SUCCESS],
        updated_after=datetime.fromtimestamp(record.start_time, UTC),
    )
    return bool(instance.get_run_records(read, limit=1))


def on_if(setting: object) -> dg.DefaultSensorStatus:
    """To set it is to start it: nothing that costs money begins unasked."""
    return dg.DefaultSensorStatus.RUNNING if setting else dg.DefaultSensorStatus.STOPPED
