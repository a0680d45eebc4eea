"""Fields of a run's configuration, as the launchpad of the Dagster UI shows them."""

from enum import Enum
from typing import Any

from pydantic import Field

from wsrl_assets.settings import Settings

_PAID = "PAID in calls to the model"


def run_setting(description: str, setting: str | None = None, *, paid: bool = False) -> Any:
    """A field that is none unless a run sets it.

    Args:
        description: what the field decides, as a sentence.
        setting: the setting that holds where the field is none; the field begins with its default.
        paid: whether switching it on or raising it makes more calls.
    """
    # First, since the completions of the editor show the beginning alone.
    marks = [_PAID] if paid else []
    if setting is not None:
        default = Settings.model_fields[setting].default
        marks.append(f"default {_shown(default)} (WSRL_{setting.upper()})")
    told = [f"{_capital(', '.join(marks))}."] if marks else []
    return Field(None, description=" ".join([*told, description]))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _shown(default: object) -> str:
    if default is None:
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ", ".join(_shown(each) for each in default) or "none"
    return str(default.value if isinstance(default, Enum) else default)
