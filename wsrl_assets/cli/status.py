"""`wsrl status`: what a home holds, and what is pending."""

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from wsrl_assets.cli import show
from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.funnel import (
    nothing_yet,
    read_status,
    say_pass_rates,
    stale_by_stage,
    status_of,
)
from wsrl_assets.cli.options import HomeOption, JsonOption
from wsrl_assets.cli.terminal import console
from wsrl_assets.pipeline.domains import retired_domains
from wsrl_assets.pipeline.regeneration import under_way
from wsrl_assets.settings import Settings
from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.accounting import Account, spending
from wsrl_assets.storage.domains import movable_documents
from wsrl_assets.storage.home_accounting import home_accounts
from wsrl_assets.taxonomy.domains import Domain, are_chosen
from wsrl_assets.taxonomy.stages import Stage


def status(
    as_json: JsonOption = False,
    partitions: Annotated[
        bool, typer.Option("--partitions", help="A line for every partition.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Shows rows by stage, why rows were rejected, pass rates, tokens and cost a pair.

    Prices are settings: WSRL_LLM_PROMPT_PRICE, WSRL_LLM_CACHED_PRICE and
    WSRL_LLM_COMPLETION_PRICE, per million tokens, or per role as in
    WSRL_LLM_JUDGE_PROMPT_PRICE.
    """
    settings, store = open_home(home)
    if as_json:
        print(json.dumps(status_of(store, settings)))
        return
    found, totals = read_status(store, settings)
    if not found:
        console.print(nothing_yet(store), highlight=False, soft_wrap=True)
        return
    show.say(console, show.by_partition(found) if partitions else show.funnel(found))
    _say_more_drafts(store, settings, found)
    say_pass_rates(store)
    show.say(console, show.calls(totals, spending(totals, found)))
    _say_stale(store, settings)


def _say_more_drafts(store: Store, settings: Settings, found: Sequence[Account]) -> None:
    """Drafts that the settings ask for beyond the forms that the domains have."""
    asked = home_accounts(store, settings.wanted)
    drafts = Stage.QA_DRAFTS
    more = sum(a.pending for a in asked if a.stage == drafts)
    more -= sum(a.pending for a in found if a.stage == drafts)
    if more > 0:
        console.print(
            f"`wsrl run` with the settings now asks for {more:,} more drafts: forms "
            f"{', '.join(settings.forms)} (WSRL_FORMS)",
            highlight=False,
            soft_wrap=True,
        )


def _say_stale(store: Store, settings: Settings) -> None:
    """Rows of older recipes, documents that may move, and domains that are not as others."""
    for stage, rows in stale_by_stage(store, settings).items():
        console.print(
            f"{rows:,} rows of {stage} use an older recipe; "
            f"`wsrl run --regenerate {stage}` replaces them",
            highlight=False,
            soft_wrap=True,
        )
    with catalog(store) as connection:
        moving = sum(movable_documents(connection, list(Domain)).values())
    if moving:
        console.print(
            f"{moving:,} documents may belong to a domain that was added since; `wsrl run` triages "
            "them again",
            highlight=False,
            soft_wrap=True,
        )
    if others := ", ".join(retired_domains(store)):
        said = f"retired domains, whose rows stay and get no more work: {others}"
        unset = f"the file of this home's domains is not set (WSRL_DOMAINS); it has {others}"
        console.print(said if are_chosen() else unset, highlight=False, soft_wrap=True)
    for domain in under_way(store):
        console.print(f"{domain} is being regenerated; the next run resumes", highlight=False)
