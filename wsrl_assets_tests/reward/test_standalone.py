"""The package stands alone: what it imports, and what it does not until it must."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import wsrl_assets.reward

FOLDER = Path(wsrl_assets.reward.__file__).parent
ALLOWED = {"pint"}
FOREIGN = ("wsrl_assets.", "dagster", "duckdb", "polars", "openai", "pint", "sympy")


def _imported_by(module: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1, f"{module.name} reaches out of the package"
    return found


def test_modules_import_the_standard_library_and_little_else() -> None:
    for module in FOLDER.glob("*.py"):
        assert _imported_by(module) - sys.stdlib_module_names <= ALLOWED, module.name


def test_importing_it_loads_nothing_heavy_and_is_fast() -> None:
    script = (
        "import sys, time\n"
        "start = time.process_time()\n"
        "import wsrl_assets.reward\n"
        "print(time.process_time() - start)\n"
        "print(*(m for m in sys.modules if not m.startswith('wsrl_assets.reward')))\n"
    )
    durations = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
        )
        seconds, modules = done.stdout.splitlines()
        durations.append(float(seconds))
        heavy = [m for m in modules.split() if m.startswith(FOREIGN)]
        assert heavy == []
    assert min(durations) < 0.5


def test_twenty_thousand_scores_a_second_are_in_reach() -> None:
    """The benchmark measures it; here only that nobody made it slower by an order."""
    gold = wsrl_assets.reward.Gold(wsrl_assets.reward.AnswerType.INTEGER, "1234")
    rates = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(500):
            wsrl_assets.reward.score("Let me see.\n\nAnswer: 1,234", gold)
        rates.append(500 / (time.process_time() - start))
    assert max(rates) > 4_000


def _without_pint(script: str) -> list[str]:
    script = f"import sys\nsys.modules['pint'] = None\nfrom wsrl_assets.reward import *\n{script}"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.splitlines()


def test_without_pint_a_quantity_fails_when_it_is_loaded_and_says_what_to_install() -> None:
    script = (
        "try:\n"
        '    Gold.from_json(\'{"type": "quantity", "value": "5 km"}\')\n'
        "except ImportError as error:\n"
        "    print(error)\n"
        'print(Gold.from_json(\'{"type": "integer", "value": "5"}\').value)\n'
    )
    said, other = _without_pint(script)
    assert 'type "quantity"' in said
    assert "pip install pint" in said
    assert other == "5"


def test_without_pint_a_score_that_needs_it_is_undecided_and_not_cached() -> None:
    script = (
        "gold = Gold('quantity', '5', unit='km')\n"
        "first = score('Answer: 5 km', gold)\n"
        "del sys.modules['pint']\n"
        "again = score('Answer: 5 km', gold)\n"
        "print(first.value, first.decided, first.reason, again.value, again.decided)\n"
    )
    assert _without_pint(script) == ["0 False undecided 1 True"]
