"""`wsrl report`: where the report of the current release is."""

import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption
from wsrl_assets.release.dataset import current_release
from wsrl_assets.reporting.report import path_of, write_report
from wsrl_assets.storage import Store
from wsrl_assets.storage.labels import all_labels


def report(
    browser: Annotated[
        bool, typer.Option("--open", help="Open it in the browser of this machine.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Write it again, with the current figures.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Prints the path of the current release's report. Writes it if it is not there, or if somebody
    has reviewed pairs since.

    The report is one HTML file that needs nothing else: send it, or print it. It has the funnel by
    domain, why rows left, answers, questions and their diversity, duplicates, tokens and cost,
    30 sampled pairs with their evidence, and the recipe of every stage.
    """
    _, store = open_home(home)
    path = path_of(store, current_release(store).name)
    if refresh or not path.exists() or _is_reviewed_since(store, path):
        path = write_report(store)
    print(path)
    if browser:
        webbrowser.open(path.as_uri())


def _is_reviewed_since(store: Store, path: Path) -> bool:
    """Whether there are labels that a report does not know."""
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return any(label.created_at > written for label in all_labels(store))
