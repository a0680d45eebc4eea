"""`wsrl shards` and `wsrl forget`: the shards, and how one or a document is withdrawn."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption, JsonOption
from wsrl_assets.cli.show import plain, say
from wsrl_assets.cli.terminal import console
from wsrl_assets.pipeline.takedowns import (
    Withdrawn,
    forget_shard,
    matching_documents,
    withdraw_matching,
)
from wsrl_assets.release.licences import licences_of
from wsrl_assets.settings import SettingsError
from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.transaction import frame

_RUN_ID = "wsrl forget"


def shards(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Lists the shards: state, rows, file, and the licences that their rows state.

    A shard is `registered` until a run reads it, then `read`, or `failed` with the reason; the next
    run tries a failed one again. A shard that was withdrawn is `forgotten`.
    """
    _, store = open_home(home)
    found = _overview(store)
    if as_json:
        print(json.dumps(found, default=str))
    elif not found:
        console.print(f"no shard in {store.address} yet: begin with `wsrl ingest PATH`")
    else:
        say(console, _table(found))


def forget(
    shards: Annotated[
        list[str] | None, typer.Argument(help="Names of shards; `wsrl shards` lists them.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="Withdraw documents: an id, or a pattern that a value of their metadata matches, "
            "such as 'https://example.com/*'. Can be given several times."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be withdrawn, and change nothing.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Withdraws shards or documents: no later release has a pair of theirs.

    Documents, drafts and pairs stay in the home, marked, and `wsrl trace` still finds them; earlier
    releases stay as they are. What --where withdraws is withdrawn for good: a copy in a later shard
    is rejected. A forgotten shard comes back with `wsrl ingest --again PATH`.

    Make the next release with `wsrl run`.
    """
    if not shards and not where:
        raise SettingsError("nothing to forget: name shards, or documents with --where PATTERN")
    _, store = open_home(home)
    if dry_run:
        _say_matches(store, where or ())
        return
    for key in shards or ():
        _say(f"shard {key}", forget_shard(store, key, _RUN_ID))
    for pattern in where or ():
        _say(pattern, withdraw_matching(store, pattern, _RUN_ID))


def _say_matches(store: Store, patterns: Sequence[str]) -> None:
    for pattern in patterns:
        found = matching_documents(store, pattern)
        rows = sum(len(ids) for ids in found.values())
        _print(f"{pattern}: {rows:,} documents in {len(found):,} shards would be withdrawn")


def _say(name: str, withdrawn: Withdrawn) -> None:
    rows = sum(withdrawn.documents.values())
    if not rows:
        _print(f"{name}: no document matches; nothing was withdrawn")
        return
    _print(
        f"{name}: {rows:,} documents of {len(withdrawn.documents):,} shards withdrawn, and "
        f"{withdrawn.pairs:,} pairs that had a place in the next release. `wsrl run` makes a "
        "release without them"
    )


def _print(text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)


def _overview(store: Store) -> list[dict[str, Any]]:
    with catalog(store) as connection:
        rows = frame(connection, "shards_overview").to_dicts()
    for row in rows:
        row["licences"] = licences_of(row.pop("metadata") or [])
    return rows


def _table(found: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title="Shards", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("shard", "state", "rows", "kept", "rejected", "licences", "file"):
        right = name in ("rows", "kept", "rejected")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in found:
        state = f"failed: {row['fault']}" if row["state"] == "failed" else row["state"]
        counts = (row["source_rows"], row["kept"], row["rejected"])
        cells = [row["shard"], state, *("" if n is None else f"{n:,}" for n in counts)]
        table.add_row(*map(plain, [*cells, ", ".join(row["licences"]), row["path"]]))
    return table
