"""`wsrl trace`: one pair back to its document."""

import json
from typing import Annotated, Any

import typer

from wsrl_assets.cli import show
from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption, JsonOption
from wsrl_assets.cli.terminal import console
from wsrl_assets.settings import SettingsError
from wsrl_assets.storage import Store
from wsrl_assets.storage.trace import around_pair, recipes_and_calls
from wsrl_assets.storage.transaction import frame


def trace(
    pair_id: Annotated[str, typer.Argument(help="Id of a pair, or the beginning of it.")],
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Walks one pair back to its document: persona, prompts, model, evidence and each verdict.

    Rejected pairs can be traced too, and those that were replaced since. Find ids with
    `wsrl sql "SELECT pair_id, status, reason FROM verified_pairs"`.
    """
    _, store = open_home(home)
    pair, recipes, ledger = _find_pair(store, pair_id)
    if as_json:
        print(json.dumps({**pair, "recipes": recipes, "calls": ledger}, default=str))
    else:
        console.print(show.trace(pair, recipes, ledger))


def _find_pair(
    store: Store, pair_id: str
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    if not pair_id.isalnum():
        raise SettingsError(f"{pair_id!r} is no pair id: those are 32 letters a-f and digits")
    for superseded in (False, True):
        with around_pair(store, pair_id, superseded=superseded) as connection:
            found = frame(connection, "trace_pair", prefix=f"{pair_id}%").to_dicts()
            if len(found) == 1:
                pair = {**found[0], "superseded": superseded}
                return pair, *recipes_and_calls(connection, pair)
        if found:
            break
    many = "several pairs begin with" if found else "there is no pair"
    raise SettingsError(
        f'{many} {pair_id}; list them with `wsrl sql "SELECT pair_id FROM verified_pairs"`'
    )
