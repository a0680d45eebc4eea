"""What the documentation promises of itself."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import wsrl_assets
from wsrl_assets.storage import Store, catalog, typed_query

ROOT = Path(wsrl_assets.__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
README_LINES = 200
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


SQL = re.compile(r'wsrl sql "([^"]+)"')


def run_tool(*command: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, *command]
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_settings_page_is_generated_from_the_settings() -> None:
    done = run_tool("tools/settings_page.py", "--check")
    assert done.returncode == 0, done.stdout


def test_no_page_or_module_uses_a_banned_phrase() -> None:
    done = run_tool("tools/check_language.py")
    assert done.returncode == 0, done.stdout


def test_every_query_of_a_page_can_be_asked(tmp_path: Path) -> None:
    queries = {query for page in PAGES for query in SQL.findall(page.read_text("utf-8"))}
    assert len(queries) > 5
    with catalog(Store(tmp_path)) as connection:
        for query in sorted(queries):
            typed_query(connection, query)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= README_LINES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
