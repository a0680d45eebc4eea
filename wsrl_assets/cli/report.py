"""`wsrl report`: where the report of the current release is."""

import webbrowser
from typing import Annotated

import typer

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption
from wsrl_assets.release.dataset import current_release
from wsrl_assets.reporting.report import path_of, write_report


def report(
    browser: Annotated[
        bool, typer.Option("--open", help="Open it in the browser of this machine.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Write it again, with the current figures.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Prints the path of the current release's report, and writes it if it is not there.

    The report is one HTML file that needs nothing else: send it, or print it. It has the funnel by
    domain, why rows left, answers, questions and their diversity, duplicates, tokens and cost,
    30 sampled pairs with their evidence, and the recipe of every stage.
    """
    _, store = open_home(home)
    path = path_of(store, current_release(store).name)
    if refresh or not path.exists():
        path = write_report(store)
    print(path)
    if browser:
        webbrowser.open(path.as_uri())
