"""The package stands alone: what it imports, and what it does not until it must."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import wsrl_assets.reward

FOLDER = Path(wsrl_assets.reward.__file__).parent
ALLOWED = {"pint", "math_verify"}
FOREIGN = ("wsrl_assets.", "dagster", "duckdb", "polars", "openai", "pint", "sympy", "math_verify")


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


def test_without_pint_a_unit_is_equal_to_itself_only() -> None:
    script = (
        "import sys\n"
        "sys.modules['pint'] = None\n"
        "from wsrl_assets.reward import Gold, score\n"
        "gold = Gold('quantity', '5', unit='km')\n"
        "print(*(score(answer, gold).value for answer in ('5 km', '5000 m', '5 miles', '5')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["1", "0", "0", "0"]
