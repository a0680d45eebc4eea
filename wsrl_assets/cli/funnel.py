"""What a home holds, as commands print it: rows by stage, reasons, pass rates, tokens, cost."""

from dataclasses import replace
from typing import Any

from wsrl_assets.cli import show
from wsrl_assets.cli.terminal import console
from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.regeneration import stale_rows
from wsrl_assets.settings import Settings, load_roles
from wsrl_assets.storage import PartitionKind, Store
from wsrl_assets.storage.accounting import Account, CallTotals, spending
from wsrl_assets.storage.catalog import brief_catalog
from wsrl_assets.storage.home_accounting import home_accounts, home_calls
from wsrl_assets.storage.pass_rates import RateHistogram, rate_histograms
from wsrl_assets.taxonomy.stages import LAST_STAGE


def nothing_yet(store: Store) -> str:
    """What to say of a home that has no document."""
    return f"there is nothing in {store.address} yet: begin with `wsrl ingest PATH` or `wsrl demo`"


def read_status(store: Store, settings: Settings) -> tuple[list[Account], list[CallTotals]]:
    """The accounts of all stages and partitions, and the totals of calls.

    Where no setting names forms, those that a domain has drafts of count: what the demo drafted is
    complete.
    """
    in_use = "forms" not in settings.model_fields_set
    found = home_accounts(store, replace(settings.wanted, forms_in_use=in_use))
    return [a for a in found if a.rows_in or a.stage != LAST_STAGE], home_calls(store)


def status_of(store: Store, settings: Settings) -> dict[str, Any]:
    """What `wsrl status --json` prints."""
    found, totals = read_status(store, settings)
    return show.status_json(found, totals, _pass_rates(store), stale_by_stage(store, settings))


def stale_by_stage(store: Store, settings: Settings) -> dict[str, int]:
    """Rows of older recipes by stage."""
    partitions = [*store.partitions(PartitionKind.SHARD), *store.partitions(PartitionKind.DOMAIN)]
    with brief_catalog(store, partitions) as connection:
        return stale_rows(connection, Job(store, settings, load_roles(), "status"))


def _pass_rates(store: Store) -> list[RateHistogram]:
    with brief_catalog(store, store.partitions(PartitionKind.DOMAIN)) as connection:
        return rate_histograms(connection)


def say_pass_rates(store: Store) -> None:
    """Prints how hard verified pairs are, where pass rates were taken."""
    found = _pass_rates(store)
    if found:
        show.say(console, show.pass_rates(found))


def failed_rows(store: Store, settings: Settings) -> dict[str, int]:
    """Failed rows by stage."""
    failed: dict[str, int] = {}
    for account in read_status(store, settings)[0]:
        failed[account.stage] = failed.get(account.stage, 0) + account.failed
    return failed


def say_funnel(store: Store, settings: Settings) -> None:
    """Prints rows by stage with reasons, pass rates, and tokens and cost of calls."""
    found, totals = read_status(store, settings)
    show.say(console, show.funnel(found))
    say_pass_rates(store)
    if totals:
        show.say(console, show.calls(totals, spending(totals, found)))
