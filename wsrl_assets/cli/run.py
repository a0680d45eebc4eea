"""`wsrl run`: materializes what is pending."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from wsrl_assets.cli.common import named, open_home, parse_budget
from wsrl_assets.cli.funnel import failed_rows, nothing_yet, read_status, say_funnel, status_of
from wsrl_assets.cli.options import HomeOption, JsonOption
from wsrl_assets.cli.running import exit_for, materialize
from wsrl_assets.cli.terminal import console, say_error
from wsrl_assets.pipeline.goal import accepted_pairs
from wsrl_assets.release.spec import load_spec
from wsrl_assets.settings import Settings, SettingsError
from wsrl_assets.storage import PartitionKind, Store, catalog
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import LAST_STAGE, REGENERABLE, Stage, stages_up_to


def run(
    domain: Annotated[
        list[Domain] | None,
        typer.Option(
            parser=named(Domain, "domain"),
            metavar="DOMAIN",
            help="Only this domain. Can be given several times.",
        ),
    ] = None,
    to: Annotated[
        Stage,
        typer.Option(
            parser=named(Stage, "stage"), metavar="STAGE", help="Last stage to bring up to date."
        ),
    ] = LAST_STAGE,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try rows again that failed earlier.")
    ] = False,
    regenerate: Annotated[
        Stage | None,
        typer.Option(
            parser=named(Stage, "stage"),
            metavar="STAGE",
            help=f"Replace rows of older recipes, from this stage on: {', '.join(REGENERABLE)}.",
        ),
    ] = None,
    max_in_flight: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Fixed number of concurrent calls. Default: adaptive.", min=1
        ),
    ] = None,
    rollouts: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Rollouts per pair for its pass rate. Default: WSRL_PASS_RATE_ROLLOUTS.",
            min=0,
        ),
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option(
            help="Release spec, a YAML file: what the release takes. Default: WSRL_RELEASE_SPEC."
        ),
    ] = None,
    until_pairs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Stop when N pairs are accepted, all domains together.",
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TOKENS|COST",
            help="Stop when this is spent: tokens, such as 2M, or a price, such as cost=5.",
        ),
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Materializes everything that is pending, and prints the funnel.

    With --until-pairs or --budget it stops before, and leaves the rest pending.

    Running it twice costs nothing the second time. A run that was stopped goes on where it
    stopped. With --rollouts, a policy (WSRL_LLM_POLICY_BASE_URL) also answers each verified pair
    closed-book, to show how hard it is.

    After a change of prompt, model or judge, `wsrl status` says how many rows use an older recipe.
    --regenerate replaces those; the old rows stay until the new ones are verified.
    """
    if regenerate is not None and regenerate not in stages_up_to(to):
        raise SettingsError(f"--to {to} ends before --regenerate {regenerate} begins")
    settings, store = open_home(
        home,
        {
            "pass_rate_rollouts": rollouts,
            "regenerate": regenerate,
            "retry_failed": retry_failed or None,
            "max_in_flight": max_in_flight,
            "release_spec": spec,
            "until_pairs": until_pairs,
            **parse_budget(budget),
        },
    )
    load_spec(settings.release_spec)  # a mistake in it is said before hours of work, not after
    if to is Stage.PASS_RATES and not settings.rates_pairs:
        raise SettingsError(
            "pass rates are switched off: set WSRL_PASS_RATE_ROLLOUTS, or --rollouts, to the "
            "number of rollouts a pair, such as 8"
        )
    if to is Stage.SFT_WARMUP and not settings.warms_up:
        raise SettingsError(
            "the warm-up set is switched off: set WSRL_SFT_PAIRS to a number of pairs per domain, "
            "such as 50"
        )
    if not read_status(store, settings)[0]:
        raise SettingsError(nothing_yet(store))
    before = failed_rows(store, settings)
    before["source_documents"] = 0  # a failed shard is read again by each run
    outcome = materialize(store, settings, domain or (), to, quiet=as_json)
    if as_json:
        print(json.dumps(status_of(store, settings)))
    else:
        say_funnel(store, settings)
        _say_goal(store, settings)
    exit_for(without_shards(store, outcome.failures), failed_rows(store, settings), before)


def _say_goal(store: Store, settings: Settings) -> None:
    """Whether the pairs that were asked for are there."""
    if settings.until_pairs is None:
        return
    accepted = sum(accepted_pairs(store).values())
    short = "" if accepted >= settings.until_pairs else "; nothing more is left, or the budget is"
    text = f"{accepted:,} pairs accepted of {settings.until_pairs:,} asked for{short}"
    console.print(text, highlight=False, soft_wrap=True)


def without_shards(store: Store, failures: Sequence[Any]) -> list[Any]:
    """Prints why shards were not read to their end; returns the failures of other things."""
    with catalog(store, store.partitions(PartitionKind.SHARD)) as connection:
        faults = frame(connection, "failed_shards")["fault_detail"].to_list()
    for fault in faults:
        say_error(f"{fault} The next run reads the shard again.")
    return [failure for failure in failures if failure.message not in faults]
