"""`wsrl demonstrations` from a fault to a library of one's own, drafted from verified pairs."""

import json
from pathlib import Path

import pytest

from wsrl_assets_tests.cli.test_cli import wsrl
from wsrl_assets_tests.pipeline.test_demonstrations import GOOD, REFUSED, Fact, home, written


def test_ours_are_checked_where_none_are_named(tmp_path: Path) -> None:
    done = wsrl(tmp_path, "demonstrations", "check")
    assert done.returncode == 0, done.stdout
    assert "10 files, 70 demonstrations: no faults" in done.stdout


def test_a_fault_is_named_and_exits_with_1(tmp_path: Path) -> None:
    path = written(tmp_path / "own", GOOD, {**GOOD, "id": "mine", **REFUSED["leak"]})
    folder = str(path.parent)
    done = wsrl(tmp_path, "demonstrations", "check", folder)
    assert done.returncode == 1
    assert f"{path}: 2 demonstrations, 1 fault" in done.stdout
    assert "row 2 (mine), leak: answer in question" in done.stdout
    assert "Take the answer out of the question." in done.stdout
    said = json.loads(wsrl(tmp_path, "demonstrations", "check", folder, "--json").stdout)
    assert [(one["row"], one["check"]) for one in said["findings"]] == [("row 2 (mine)", "leak")]
    set_by = wsrl(tmp_path, "demonstrations", "check", WSRL_DEMONSTRATIONS=folder)
    assert set_by.returncode == 1
    assert "10 files" in set_by.stdout


def test_drafts_are_read_by_no_run_until_they_are_renamed(tmp_path: Path) -> None:
    place = home(tmp_path, *[Fact(n) for n in range(3)]).home
    done = wsrl(place, "demonstrations", "draft", "--domain", "coding")
    assert done.returncode == 0, done.stderr
    path = place / "demonstrations" / "coding.proposed.yaml"
    assert f"3 demonstrations proposed: {path}" in done.stdout
    assert wsrl(place, "demonstrations", "check", str(path)).returncode == 0
    refused = wsrl(
        place, "run", "--to", "qa_drafts", "--domain", "coding",
        WSRL_DEMONSTRATIONS=str(path.parent), WSRL_LLM_BASE_URL="http://127.0.0.1:9/v1",
    )  # fmt: skip
    assert "coding.proposed.yaml is of no domain" in refused.stderr
    assert wsrl(place, "demonstrations", "draft", "--domain", "coding").returncode == 0
    path.write_text("# mine\n")
    again = wsrl(place, "demonstrations", "draft", "--domain", "coding")
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert path.read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "nowhere"], "no such folder or file"),
        (["check", "."], "no file NAME.yaml in it"),
        (["draft", "--domain", "codeing"], "Did you mean coding?"),
        (["draft", "--domain", "coding"], "has no pair of Coding to draft from"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = wsrl(tmp_path / "home", "demonstrations", *arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
