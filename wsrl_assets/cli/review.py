"""`wsrl review`: samples for people to read, what they said, and how far checks agree."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption
from wsrl_assets.cli.show import plain, say
from wsrl_assets.cli.terminal import console
from wsrl_assets.review.agreement import Agreement, Share, read_agreement
from wsrl_assets.review.files import read_labels, write_labels
from wsrl_assets.review.sampling import take_sample
from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.labels import all_labels, save_newer_labels
from wsrl_assets.storage.transaction import frame


def review(
    sample: Annotated[
        int | None, typer.Option(help="Draw N pairs to review, or find that sample again.", min=1)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the sample.", min=0)] = 0,
    export: Annotated[
        Path | None, typer.Option(help="Write all labels to this file, as JSON lines.")
    ] = None,
    take: Annotated[
        Path | None,
        typer.Option("--import", help="Take the labels of such a file; newer ones here stay."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Draws pairs for people to review, and tells how far the checks agree with them.

    A sample is half pairs that the checks keep and half pairs that they reject, with domains and
    forms in proportion. The same seed on the same data draws the same pairs, and a sample that was
    drawn stays as it is. Review it in `wsrl explore`, by keyboard: a accepts, r and a number
    rejects, n notes, j and k move.

    A pair that anybody rejects is not in the next release. Labels are in HOME/library, apart from
    the tables of the stages. Without an option, prints progress and agreement.
    """
    _, store = open_home(home)
    if take is not None:
        labels = read_labels(take)
        taken = save_newer_labels(store, labels)
        _print(f"{taken:,} of {len(labels):,} labels taken from {take}; the others are not newer")
    if export is not None:
        _print(f"{write_labels(export, all_labels(store)):,} labels written to {export}")
    if sample is not None:
        _say_sample(store, sample, seed)
    if export is None and take is None and sample is None:
        _say_progress(store)


def _say_sample(store: Store, size: int, seed: int) -> None:
    name, is_new = take_sample(store, size, seed)
    found = {row["sample"]: row for row in _samples(store)}.get(name)
    if found is None:
        _print(f"nothing to review in {store.address} yet: no pair was verified")
        raise typer.Exit(2)
    verb = "drew" if is_new else "found"
    _print(f"{verb} the sample {name}: {found['pairs']:,} pairs, {found['reviewed']:,} reviewed")
    _print(f"review it with `wsrl explore`, at http://127.0.0.1:8050/?sample={name}")


def _say_progress(store: Store) -> None:
    for row in _samples(store):
        by = f" by {', '.join(row['reviewers'])}" if row["reviewers"] else ""
        _print(f"sample {row['sample']}: {row['reviewed']:,} of {row['pairs']:,} reviewed{by}")
    found = read_agreement(store)
    if found is None:
        _print("nobody has reviewed a pair yet: begin with `wsrl review --sample 200`")
        return
    _print(f"{found.pairs:,} pairs reviewed by {found.reviewers}; {found.disputed:,} disputed")
    say(console, _table(found))


def _table(found: Agreement) -> Table:
    table = Table(title="Checks against people", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("of the pairs", "people", "read", "share", "95 % range"):
        table.add_column(name, justify="right" if name in ("read", "share") else "left")
    lines = [
        ("kept", "accept", found.kept),
        ("rejected", "reject", found.rejected),
        *((f"rejected by {name}", "reject", share) for name, share in found.checks),
        *((f"rejected as {name}", "accept", share) for name, share in found.reasons),
    ]
    for name, verb, share in lines:
        table.add_row(plain(name.replace("_", " ")), verb, *_cells(share))
    return table


def _cells(share: Share) -> tuple[str, str, str]:
    if not share.whole:
        return "0", "", ""
    low, high = share.interval
    return f"{share.whole:,}", f"{share.value:.0%}", f"{low:.0%} to {high:.0%}"


def _samples(store: Store) -> list[dict[str, Any]]:
    with catalog(store) as connection:
        rows: list[dict[str, Any]] = frame(connection, "review_progress").to_dicts()
    return rows


def _print(text: str) -> None:
    console.print(plain(text), soft_wrap=True)
