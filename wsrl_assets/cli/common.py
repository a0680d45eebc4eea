"""What all commands share."""

import os
from pathlib import Path
from typing import Annotated

import typer

from wsrl_assets.settings import Settings, load_settings
from wsrl_assets.storage import Store

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of all data. Default: WSRL_HOME, or .wsrl.")
]


def open_home(home: Path | None) -> tuple[Settings, Store]:
    """The settings, and the store of `home` or of the home that they name."""
    if home is not None:
        os.environ["WSRL_HOME"] = str(home)
    settings = load_settings()
    return settings, Store(settings.home.resolve())
