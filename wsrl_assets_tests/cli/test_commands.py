"""The commands are imported as they are used."""

import inspect
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import pytest
import typer

from wsrl_assets.cli.app import COMMANDS, load_command

# What takes a second and more to import.
_HEAVY = {"aiohttp", "dagster", "duckdb", "openai", "polars"}
_SCRIPT = """
import sys
from wsrl_assets.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print("imported", *sys.modules, file=sys.stderr)
"""


def imported(arguments: Sequence[str]) -> set[str]:
    """The heavy packages that a command imports."""
    command = [sys.executable, "-c", _SCRIPT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("imported "))
    return _HEAVY & set(line.split())


def said_of_itself(name: str) -> str:
    """A command's docstring, or the help of one that has commands of its own."""
    module, _, function = COMMANDS[name].function.partition(":")
    found: Any = getattr(import_module(f"wsrl_assets.cli.{module}"), function)
    return str(found.info.help) if isinstance(found, typer.Typer) else inspect.getdoc(found) or ""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_command_says_of_itself(name: str) -> None:
    first, *_ = said_of_itself(name).split("\n\n")
    assert COMMANDS[name].summary == " ".join(first.split())
    assert load_command(name).name == name


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["score", "--help"], ["staus"], []], ids=" ".join
)
def test_what_needs_no_store_and_no_model_imports_neither(arguments: Sequence[str]) -> None:
    assert imported(arguments) == set()


def test_what_only_reads_imports_no_client_and_no_dagster() -> None:
    assert imported(["sql", "SELECT 1"]) == {"duckdb", "polars"}


def test_a_mistyped_command_is_answered_with_a_near_one() -> None:
    command = [sys.executable, "-c", _SCRIPT, "staus"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "'status'" in done.stderr
