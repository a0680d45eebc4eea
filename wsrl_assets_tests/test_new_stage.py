"""The page on adding a stage, followed to the letter on a copy of the package."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import wsrl_assets

ROOT = Path(wsrl_assets.__file__).parents[1]
MOST_FILES = 5

BLOCK = re.compile(
    r"^```(?:python|sql)\n(?:#|--) (\S+?)(?:, (below|above) `([^\n]*)`)?\n(.*?)^```$", re.M | re.S
)

SCRIPT = """
import sys
from pathlib import Path
import dagster as dg
from wsrl_assets.orchestration.definitions import build_definitions
from wsrl_assets.orchestration.resources import StoreResource
from wsrl_assets.pipeline.pending import pending_partitions
from wsrl_assets.settings import Settings
from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.accounting import accounts
from wsrl_assets_tests.release.pairs import Pair, plant

home = Path(sys.argv[1])
store = Store(home)
long = "When was it, " + "very " * 40 + "opened?"
plant(store, [Pair("When was it opened?"), Pair(long, "other")])
assert pending_partitions(store, Settings(), ["question_lengths"])
defs = build_definitions({"store": StoreResource(home=str(home))})
for domain in pending_partitions(store, Settings(), ["question_lengths"]):
    result = defs.resolve_job_def("advance_domain").execute_in_process(
        partition_key=domain, asset_selection=[dg.AssetKey("question_lengths")]
    )
    assert result.success
    checks = result.get_asset_check_evaluations()
    assert checks and all(check.passed for check in checks)
assert not pending_partitions(store, Settings(), ["question_lengths"])
with catalog(store) as connection:
    found = [a for a in accounts(connection) if a.stage == "question_lengths" and a.rows_in]
assert sum(a.kept for a in found) == 1
assert [a.reasons for a in found if a.rejected] == [{"long_question": 1}]
print("ok")
"""


def test_the_page_on_adding_a_stage_works_and_touches_five_files(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    blocks = BLOCK.findall(page)
    assert len({path for path, *_ in blocks}) == MOST_FILES
    for package in ("wsrl_assets", "wsrl_assets_tests", "simulator"):
        shutil.copytree(ROOT / package, tmp_path / package)
    for path, where, line, text in blocks:
        apply(tmp_path / path, where, line, text)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "home")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.strip().endswith("ok")


def apply(file: Path, where: str, line: str, text: str) -> None:
    if not where:
        assert not file.exists(), f"{file} is there already"
        file.write_text(text, "utf-8")
        return
    lines = file.read_text("utf-8").splitlines(keepends=True)
    at = lines.index(line + "\n") + (where == "below")
    file.write_text("".join([*lines[:at], text, *lines[at:]]), "utf-8")
