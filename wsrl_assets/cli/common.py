"""What all commands share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from wsrl_assets.settings import Settings, load_settings
from wsrl_assets.storage import Store

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of all data. Default: WSRL_HOME, or .wsrl.")
]


def open_home(
    home: Path | None, options: Mapping[str, Any] | None = None
) -> tuple[Settings, Store]:
    """The settings, and the store of `home` or of the home that they name.

    Args:
        home: the folder of all data, if the command names one.
        options: settings that the command was given; none there means not given.
    """
    given = {name: value for name, value in (options or {}).items() if value is not None}
    if home is not None:
        given["home"] = home
    settings = load_settings(given)
    return settings, Store(settings.home.resolve())
