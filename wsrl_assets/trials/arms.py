"""The file of an arm: settings by their environment names, and what is wrong with them."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wsrl_assets.errors import UserError
from wsrl_assets.llm.roles import Role
from wsrl_assets.settings import (
    AutomationSettings,
    DomainSettings,
    RoleEnvironment,
    Roles,
    Settings,
    SettingsError,
    load_roles,
    load_settings,
)
from wsrl_assets.text.yaml_files import did_you_mean, read_yaml

# What may differ between arms: all that decides what becomes of a document up to its verdicts.
_OWN = (
    "personas",
    "personas_from",
    "personas_shown",
    "forms",
    "draft_layout",
    "judge",
    "judge_by",
    "judge_votes",
    "round_trip",
    "demonstrations",
    "max_in_flight",
    "pass_rate_rollouts",
    "rollout_tokens",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_SECRET = "api_key"


class TrialError(UserError, ValueError):
    """A trial that cannot be run or found; the message names file, setting and remedy."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One recipe of a trial.

    Attributes:
        name: the file's name without ending.
        values: what the file sets, by the name of the environment variable.
        settings, roles: the environment with the values over it.
    """

    name: str
    values: Mapping[str, str]
    settings: Settings
    roles: Roles


def load_arms(paths: Sequence[Path], overrides: Mapping[str, Any] | None = None) -> list[Arm]:
    """The arms of some files, in this order. Every arm runs on all documents, whatever the goals
    and budgets of the environment.

    Raises:
        TrialError: there are fewer than two, two have one name, or a file cannot be used.
    """
    if len(paths) < 2:
        raise TrialError(
            "a trial compares two arms or more: give a YAML file of settings for each; an empty "
            "mapping, {}, stands for the settings of the environment"
        )
    arms = [load_arm(path, overrides) for path in paths]
    names = [arm.name.casefold() for arm in arms]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TrialError(f"two arms have the name {twice}; an arm is named by its file: rename one")
    return arms


def load_arm(path: Path, overrides: Mapping[str, Any] | None = None) -> Arm:
    """The arm of a file, over the environment.

    Args:
        path: the file.
        overrides: settings that all arms share, over those of the environment.

    Raises:
        TrialError: the file cannot be read, or a setting of it cannot be used.
    """
    if not _NAME.fullmatch(path.stem):
        raise TrialError(
            f'arm "{path}": its name is that of the file, {path.stem!r}; use up to 40 letters, '
            "digits, underscores and hyphens, and begin with a letter or digit"
        )
    remedy = "give the path of a YAML file of settings"
    found = read_yaml(path, f'arm "{path}"', remedy, TrialError)
    values = parse_values(found, str(path))
    own = {name: value for name, value in values.items() if not name.startswith("WSRL_LLM_")}
    given = {name.removeprefix("WSRL_").lower(): value for name, value in own.items()}
    # Goals and budgets are of runs; a trial takes its sample whole.
    whole = {"until_pairs": None, "budget_tokens": None, "budget_cost": None, "regenerate": None}
    try:
        settings = load_settings({**(overrides or {}), **whole, **given})
        roles = load_roles(_of_roles(values))
    except SettingsError as error:
        raise TrialError(f'arm "{path}": {error}') from None
    return Arm(path.stem, values, settings, roles)


def parse_values(found: Any, name: str) -> dict[str, str]:
    """The values of a file, by the name of the environment variable, in the file's order.

    Args:
        found: what the file holds, as plain values.
        name: of the file, for messages.

    Raises:
        TrialError: it is no mapping of settings that arms may have, or a value is none.
    """
    if not isinstance(found, dict):
        raise TrialError(
            f'arm "{name}": it must be a mapping of settings, such as WSRL_PERSONAS: 1; '
            "docs/settings.md lists them"
        )
    values: dict[str, str] = {}
    for key, value in found.items():
        _check_name(str(key), name)
        values[str(key)] = _text(value, str(key), name)
    return values


def as_environment(values: Mapping[str, str]) -> str:
    """Values as lines NAME=value, which a shell, systemd and Docker Compose read alike."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def merged_environment(text: str, values: Mapping[str, str]) -> str:
    """The text of an environment file with these values in place of those it sets.

    A name that the file sets twice is set once: the last line would win.
    """
    left = dict(values)
    lines = []
    for line in text.splitlines(keepends=True):
        name = line.partition("=")[0].removeprefix("export ").strip()
        if name in left:
            lines.append(as_environment({name: left.pop(name)}))
        elif name not in values:
            lines.append(line)
    end = "" if not lines or lines[-1].endswith("\n") else "\n"
    return "".join(lines) + end + as_environment(left)


def known_names() -> tuple[str, ...]:
    """The settings that an arm may set."""
    fields = [field for field in RoleEnvironment.model_fields if field != _SECRET]
    roles = ["", *(f"{role.upper()}_" for role in Role)]
    return (
        *(f"WSRL_{field.upper()}" for field in _OWN),
        *(f"WSRL_LLM_{role}{field.upper()}" for role in roles for field in fields),
    )


def _check_name(key: str, name: str) -> None:
    known = known_names()
    if key in known:
        return
    if key.startswith("WSRL_LLM_") and key.endswith(_SECRET.upper()):
        raise TrialError(
            f'arm "{name}", setting {key}: keys are secret and a file is kept with the trial; '
            "set it in the environment, and remove it here"
        )
    if key in _of_runs():
        raise TrialError(
            f'arm "{name}", setting {key}: arms cannot differ in it, since they take the same '
            "documents up to their verdicts; set it in the environment, and remove it here"
        )
    meant = did_you_mean(key.upper(), known)
    raise TrialError(
        f'arm "{name}": there is no setting {key[:80]!r}; {meant}docs/settings.md lists them'
    )


def _of_runs() -> set[str]:
    kinds = (Settings, DomainSettings, AutomationSettings)
    return {f"WSRL_{field.upper()}" for kind in kinds for field in kind.model_fields}


def _text(value: Any, key: str, name: str) -> str:
    """A plain value as an environment variable has it."""
    parts = value if isinstance(value, list) else [value]
    if not parts or not all(isinstance(part, str | int | float) for part in parts):
        raise TrialError(
            f'arm "{name}", setting {key}: give it a text, a number, true or false, or a list of '
            "those; to leave it as the environment has it, remove the line"
        )
    text = ",".join(str(part).lower() if isinstance(part, bool) else str(part) for part in parts)
    if not text.strip() or any(ord(character) < 32 for character in text):
        raise TrialError(f'arm "{name}", setting {key}: give it a value on one line')
    if key.endswith("_BASE_URL") and _has_secret(text):
        raise TrialError(
            f'arm "{name}", setting {key}: the address holds a user name, a password or a query, '
            "which may be secret; set it in the environment, and remove it here"
        )
    return text


def _has_secret(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    return "@" in parts.netloc or bool(parts.query)


def _of_roles(values: Mapping[str, str]) -> dict[Role | None, dict[str, str | None]]:
    found: dict[Role | None, dict[str, str | None]] = {}
    for name, value in values.items():
        if not name.startswith("WSRL_LLM_"):
            continue
        rest = name.removeprefix("WSRL_LLM_").lower()
        role = next((role for role in Role if rest.startswith(f"{role}_")), None)
        field = rest.removeprefix(f"{role}_") if role else rest
        found.setdefault(role, {})[field] = value
    return found
