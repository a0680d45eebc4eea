"""Files that arrive in the inbox go through everything by themselves, from ingest to release."""

from datetime import UTC, datetime

import dagster as dg

from wsrl_assets.orchestration.automation.active import active_partitions
from wsrl_assets.orchestration.automation.defaults import on_if
from wsrl_assets.orchestration.automation.jobs import DOMAIN_ASSETS, SHARD_ASSETS
from wsrl_assets.orchestration.resources import StoreResource
from wsrl_assets.orchestration.top_up import (
    ask_for_top_up,
    has_failed,
    last_top_up,
    left_out,
    top_up,
)
from wsrl_assets.pipeline.pending import pending_partitions
from wsrl_assets.settings import AutomationSettings, SettingsError, load_settings
from wsrl_assets.sources.inbox import InboxError, InboxScan, inbox_shards, scan
from wsrl_assets.storage import Store


def watch_inbox(settings: AutomationSettings) -> dg.SensorDefinition:
    """The sensor that turns files of the inbox into shards. On if there is an inbox."""

    @dg.sensor(
        name="inbox",
        job=top_up,
        minimum_interval_seconds=settings.inbox_interval_s,
        default_status=on_if(settings.inbox),
        description="Registers each new file of WSRL_INBOX as a shard, and asks for a top-up.",
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
            run_key = _run_key(context.instance, store.open(), seen)
        except (InboxError, SettingsError) as error:
            return dg.SkipReason(str(error))
        for sentence in seen.said:
            context.log.info(sentence)
        if run_key is None:
            return dg.SkipReason(_nothing_new(seen))
        request = ask_for_top_up(context.instance, run_key, only_inbox=True)
        if isinstance(request, dg.SkipReason):
            return request  # the cursor stays, so that the arrivals come up again
        cursor = str(seen.arrivals[-1].number) if seen.arrivals else context.cursor
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    return inbox


def _run_key(instance: dg.DagsterInstance, store: Store, seen: InboxScan) -> str | None:
    """What stands for the reason to ask for a top-up, so that each asks once; None without one.

    New files are one; what the last top-up left to a run that has ended is another; shards of the
    inbox that wait all the same, and whatever waits after a top-up of the inbox that failed, are
    one an hour.
    """
    if seen.arrivals:
        return f"inbox/{seen.arrivals[-1].number}"
    stages = [*SHARD_ASSETS, *DOMAIN_ASSETS]
    waiting = set(pending_partitions(store, load_settings(), stages)) - active_partitions(instance)
    last = last_top_up(instance)
    if last is not None and waiting & left_out(last):
        return f"after/{last.run_id}"
    if last is not None and (waiting if has_failed(last) else waiting & inbox_shards(store)):
        return f"hour/{datetime.now(UTC):%Y-%m-%dT%H}"
    return None


def _nothing_new(seen: InboxScan) -> str:
    waiting = f", {seen.settling} of them settling" if seen.settling else ""
    news = f"; {seen.said[0]}" if seen.said else ""
    return f"nothing new among {seen.files} files{waiting}{news}"
