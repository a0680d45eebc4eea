"""What all commands share."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import typer

from wsrl_assets.settings import Settings, SettingsError, load_settings
from wsrl_assets.storage import Store

_COST = re.compile(r"cost ?= ?(\d+(?:\.\d+)?)")
_TOKENS = re.compile(r"(\d[\d,]*(?:\.\d+)?) ?([kKmM]?)")
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}

E = TypeVar("E", bound=str)


def named(kind: Iterable[E], noun: str) -> Callable[[str], E]:
    """A parser of an option that takes one of `kind`; a wrong name is answered with near ones.

    Args:
        kind: what there is, looked up as an option is parsed.
        noun: what such a name is called, as in "domain".
    """

    def parse(value: str) -> E:
        members = {str(member): member for member in kind}
        if value in members:
            return members[value]
        names = list(members)
        typed = "_".join(value.lower().replace("&", " ").replace("-", " ").split())
        near = difflib.get_close_matches(typed, names, n=2)
        meant = f"Did you mean {' or '.join(near)}? " if near else ""
        raise typer.BadParameter(f"no {noun} {value!r}. {meant}There are: {', '.join(names)}.")

    return parse


def parse_budget(text: str | None) -> dict[str, Any]:
    """The settings that an option `--budget` stands for: `500000`, `2M` or `1.5k` are tokens,
    `cost=5` is a price.

    Raises:
        SettingsError: it is neither.
    """
    if text is None:
        return {}
    cost = _COST.fullmatch(text.strip())
    if cost:
        return {"budget_cost": float(cost.group(1))}
    tokens = _TOKENS.fullmatch(text.strip())
    if tokens is None:
        raise SettingsError(
            f"--budget is {text!r}; give tokens, such as 500000 or 2M, or a price, such as cost=5"
        )
    unit = _UNITS[tokens.group(2).lower()]
    return {"budget_tokens": round(float(tokens.group(1).replace(",", "")) * unit)}


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
