"""`wsrl releases` and `wsrl diff`: which releases there are, and what changed between two."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import polars as pl
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption, JsonOption
from wsrl_assets.cli.show import plain, say
from wsrl_assets.cli.terminal import console
from wsrl_assets.release.changes import Changes, RecipeChange, changes
from wsrl_assets.release.folder import broken_files
from wsrl_assets.release.lookup import Listed, find_release, list_releases
from wsrl_assets.text.normalisation import shortened

ReleaseArgument = Annotated[
    str,
    typer.Argument(help="Name of a release, the beginning of it, `current`, or a folder."),
]


def releases(
    check: Annotated[
        bool, typer.Option("--check", help="Compare every file with its checksum.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Lists the releases, the newest first.

    A release is never written again: it is named by a hash of its pairs and of how they were made.
    With --check, a release whose files are not as they were written makes the command exit with 1.
    """
    _, store = open_home(home)
    found = list_releases(store)
    broken = {listed.folder.name: broken_files(listed.folder) for listed in found} if check else {}
    if as_json:
        print(json.dumps([_listed_json(listed, broken) for listed in found]))
    elif not found:
        console.print(f"no release in {store.address} yet: make one with `wsrl run`")
    else:
        say(console, _listed_table(found, broken))
    if any(broken.values()):
        raise typer.Exit(1)


def diff(
    old: ReleaseArgument,
    new: ReleaseArgument,
    examples: Annotated[
        int, typer.Option(help="Pairs to show of each kind; 0 for none.", min=0)
    ] = 3,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Says what changed from one release to another: pairs, recipes, and what was asked for.

    Pairs are told apart by their id. A pair has changed if any of its columns has, such as its
    split or its pass rate.
    """
    _, store = open_home(home)
    found = changes(find_release(store, old), find_release(store, new))
    if as_json:
        print(json.dumps(found.to_dict(examples)))
        return
    _say_rows(console, found)
    _say_examples(console, "added", found.added, examples)
    _say_examples(console, "removed", found.removed, examples)
    _say_examples(console, "changed", found.changed, examples)
    _say_recipes(console, found.recipes)
    for key, (before, after) in found.spec.items():
        console.print(plain(f"spec {key}: {_short(before)} -> {_short(after)}"))


def _listed_json(listed: Listed, broken: Mapping[str, list[str] | None]) -> dict[str, Any]:
    return {
        "release": listed.folder.name,
        "folder": str(listed.folder),
        "current": listed.is_current,
        "rows": listed.rows,
        **({"broken": broken[listed.folder.name]} if broken else {}),
    }


def _listed_table(found: Sequence[Listed], broken: Mapping[str, list[str] | None]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    splits = list(found[0].rows)
    for column in ("release", "", "written UTC"):
        table.add_column(column, no_wrap=True)
    for split in splits:
        table.add_column(split, justify="right", no_wrap=True)
    if broken:
        table.add_column("files")
    for listed in found:
        name = listed.folder.name
        table.add_row(
            name,
            "current" if listed.is_current else "",
            datetime.fromtimestamp(listed.made, UTC).strftime("%m-%d %H:%M"),
            *(_count(listed.rows[split]) for split in splits),
            *([_state(broken[name])] if broken else []),
        )
    return table


def _count(rows: int | None) -> str:
    return "damaged" if rows is None else f"{rows:,}"


def _state(broken: list[str] | None) -> str:
    if broken is None:
        return "no sums"
    return f"CHANGED: {', '.join(broken)}" if broken else "intact"


def _say_rows(console: Console, found: Changes) -> None:
    console.print(
        f"{found.old} -> {found.new}: {found.added.height:,} added, {found.removed.height:,} "
        f"removed, {found.changed.height:,} changed, {found.same:,} the same",
        highlight=False,
    )
    if found.changed.height:
        named = ", ".join(f"{column} {n:,}" for column, n in found.changed_columns.items())
        console.print(f"changed in: {named}", highlight=False)
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("", "value"):
        table.add_column(column)
    for column in ("old", "new", "change"):
        table.add_column(column, justify="right", no_wrap=True)
    for column, counts in found.by.items():
        for value, (before, after) in counts.items():
            if before != after:
                table.add_row(
                    column, plain(value), f"{before:,}", f"{after:,}", f"{after - before:+,}"
                )
    if table.row_count:
        say(console, table)


def _say_examples(console: Console, kind: str, pairs: pl.DataFrame, examples: int) -> None:
    for pair in pairs.head(examples).iter_rows(named=True):
        where = f" ({', '.join(pair['columns'])})" if "columns" in pair else ""
        text = f"{kind} {pair['pair_id'][:12]}{where}  {pair['question']}  [{pair['answer']}]"
        console.print(plain(text))
    rest = pairs.height - examples
    if examples and rest > 0:
        console.print(f"{kind}: {rest:,} more", highlight=False)


def _say_recipes(console: Console, recipes: Sequence[RecipeChange] | None) -> None:
    if recipes is None:
        console.print("recipes: one of the two is of an older version and does not tell")
        return
    for change in recipes:
        gone, come = ", ".join(change.removed) or "none", ", ".join(change.added) or "none"
        console.print(plain(f"recipe of {change.stage}: {gone} -> {come}"))
        for key, (before, after) in change.settings.items():
            console.print(plain(f"  {key}: {_short(before)} -> {_short(after)}"))
    if not recipes:
        console.print("recipes: the same")


def _short(value: object) -> str:
    return shortened(json.dumps(value, ensure_ascii=False), 80)
