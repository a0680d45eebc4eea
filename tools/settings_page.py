"""Writes `docs/settings.md` from the settings classes; `--check` fails where the page differs."""

import inspect
import re
import sys
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from wsrl_assets.serving.vllm_python import PYTHON_VARIABLE as VLLM_VARIABLE
from wsrl_assets.settings import AutomationSettings, DomainSettings, RoleEnvironment, Settings
from wsrl_assets.training.environment import PYTHON_VARIABLE as TRAINERS_VARIABLE

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
_SECTIONS = (
    (
        "The endpoints",
        "These hold for all roles. The same names with `_TRIAGE`, `_GENERATOR`, `_JUDGE` or "
        "`_POLICY` after `LLM` hold for one role, for example `WSRL_LLM_JUDGE_MODEL`. `TRIAGE` "
        "sorts documents and writes personas; `GENERATOR` drafts; `JUDGE` judges, and answers on "
        "the round trip; `POLICY` answers for pass rates. A role with "
        "a server of its own takes nothing from the shared one but temperature and timeout.",
        RoleEnvironment,
        "WSRL_LLM_",
    ),
    ("The job", "What runs read, ask, check and release.", Settings, "WSRL_"),
    (
        "The domains",
        "Read once, as a command begins or as Dagster loads the definitions: restart the webserver "
        "and the daemon after a change. See [domains.md](domains.md).",
        DomainSettings,
        "WSRL_",
    ),
    (
        "Automation",
        "Read when Dagster loads the definitions: restart the webserver and the daemon after a "
        "change.",
        AutomationSettings,
        "WSRL_",
    ),
)
_ENVIRONMENTS = f"""## Other environments

| variable | default | what it sets |
| --- | --- | --- |
| `{VLLM_VARIABLE}` | `.venv-vllm` | Python that has vLLM, for `wsrl serve --engine vllm` |
| `{TRAINERS_VARIABLE}` | `.venv-trainers` | Python that has the trainers, for `wsrl prove` |"""
_ATTRIBUTE = re.compile(r"^([a-z_]+(?:, [a-z_]+)*): (.*)")


def main(arguments: list[str]) -> int:
    """Writes the page, or compares it."""
    page = render()
    if "--check" not in arguments:
        PAGE.write_text(page, "utf-8")
        return 0
    if PAGE.read_text("utf-8") == page:
        return 0
    print(f"{PAGE.name} differs from the settings: run `python tools/settings_page.py`")
    return 1


def render() -> str:
    """The page as markdown."""
    parts = [
        "# Settings",
        "All settings come from the environment. Options of a command and the launchpad of the "
        "Dagster UI override them for one run. This page is generated from "
        "`wsrl_assets/settings.py`.",
    ]
    for title, intro, settings, prefix in _SECTIONS:
        parts += [f"## {title}", intro, _table(settings, prefix)]
    parts.append(_ENVIRONMENTS)
    return "\n\n".join(parts) + "\n"


def _table(settings: type[BaseSettings], prefix: str) -> str:
    described = _descriptions(settings)
    lines = ["| variable | default | what it sets |", "| --- | --- | --- |"]
    for name, field in settings.model_fields.items():
        variable = f"`{prefix}{name.upper()}`"
        lines.append(f"| {variable} | {_default(field.default)} | {described[name]} |")
    return "\n".join(lines)


def _default(value: Any) -> str:
    if value is None or value is PydanticUndefined or value == ():
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{','.join(str(part) for part in value)}`"
    return f"`{value.value if isinstance(value, Enum) else value}`"


def _descriptions(settings: type[BaseSettings]) -> dict[str, str]:
    """What the class docstring says of each attribute."""
    section = (inspect.getdoc(settings) or "").split("Attributes:\n")[1]
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        match = _ATTRIBUTE.match(line.removeprefix("    "))
        if match and not line.startswith("     "):
            names = match[1].split(", ")
            found.update(dict.fromkeys(names, match[2]))
        elif line.strip():
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return {name: text[0].upper() + text[1:] for name, text in found.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
