"""`wsrl trial` from files to an adopted recipe, on a simulated server."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulator import SimulatorProcess, schema_name, simulator_process
from wsrl_assets.sources.ingest import register
from wsrl_assets.storage import Store
from wsrl_assets_tests.cli.test_cli import Done, wsrl
from wsrl_assets_tests.factories import document_text, honest_reply, quick

COUNT = 8
SECRET = "sk-of-nobody-else"


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorProcess]:
    with simulator_process(quick()) as process:
        yield process


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trial")


@pytest.fixture(scope="module")
def home(folder: Path, simulator: SimulatorProcess) -> Path:
    """A home whose documents were read, and the files of two arms that differ in a prompt."""
    path = folder / "a.jsonl"
    lines = [json.dumps({"text": document_text(number)}) for number in range(COUNT)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    register(Store(folder / "home"), path)
    done = wsrl(folder / "home", "run", "--to", "source_documents")
    assert done.returncode == 0, done.stderr
    (folder / "first.yaml").write_text("{}")
    (folder / "turns.yaml").write_text("WSRL_DRAFT_LAYOUT: turns\nWSRL_PERSONAS: 2\n")
    return folder / "home"


def trial(home: Path, simulator: SimulatorProcess, *arguments: str) -> Done:
    environment = {
        "WSRL_LLM_BASE_URL": simulator.base_url,
        "WSRL_LLM_API_KEY": SECRET,
        "WSRL_PERSONAS": "1",
        "COLUMNS": "200",
    }
    return wsrl(home, "trial", *arguments, **environment)


@pytest.fixture(scope="module")
def tried(home: Path, folder: Path, simulator: SimulatorProcess) -> Path:
    """The home with a finished trial of the two arms, whichever tests ran before."""
    files = (str(folder / "first.yaml"), str(folder / "turns.yaml"))
    assert trial(home, simulator, "--documents", "6", *files).returncode == 0
    return home


def test_two_prompts_end_in_a_table_a_page_and_an_adopted_recipe(
    home: Path, folder: Path, simulator: SimulatorProcess
) -> None:
    files = (str(folder / "first.yaml"), str(folder / "turns.yaml"))
    before = {path: path.read_bytes() for path in home.rglob("*.duckdb")}
    done = trial(home, simulator, "--documents", "6", *files)
    assert done.returncode == 0, done.stderr
    assert "tokens per accepted pair" in done.stdout
    assert "less first" in done.stdout
    assert "6 documents of 6 sources" in done.stdout
    assert {path: path.read_bytes() for path in before} == before
    calls = simulator.stats().requests_received
    found = json.loads(trial(home, simulator, *files, "--documents", "6", "--json").stdout)
    assert simulator.stats().requests_received == calls, "a finished trial is read, not paid again"
    assert found["arms"] == ["first", "turns"]
    accepted = next(m for m in found["measures"] if m["name"] == "accepted pairs per document")
    assert accepted["values"] == [1.0, 2.0]
    (page,) = home.glob("trials/*/trial.html")
    assert str(page) == found["page"]
    for path in (*home.glob("trials/*/*"), *home.glob("trials/*/*/*/*.duckdb")):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()

    said = trial(home, simulator, "adopt", "turns")
    assert said.stdout == "WSRL_DRAFT_LAYOUT=turns\nWSRL_PERSONAS=2\n"
    file = folder / "wsrl.env"
    file.write_text("WSRL_HOME=/data\nWSRL_PERSONAS=3\n")
    assert trial(home, simulator, "adopt", "turns", "--output", str(file)).returncode == 0
    assert file.read_text() == "WSRL_HOME=/data\nWSRL_PERSONAS=2\nWSRL_DRAFT_LAYOUT=turns\n"
    assert trial(home, simulator, "adopt", "first").stdout == ""
    missing = trial(home, simulator, "adopt", "second")
    assert missing.returncode == 2
    assert "first, turns" in missing.stderr


def breaks_a_persona(body: dict[str, Any], rng: Random) -> str:
    """Right, but for the drafts of one persona, which are no JSON however often they are asked."""
    asked = body["messages"][-1]["content"]
    is_broken = schema_name(body) == "open" and "a keeper of books" in asked
    return "nonsense" if is_broken else honest_reply(body, rng)


def test_failed_rows_of_an_arm_are_exit_1_below_the_table(
    home: Path, folder: Path, simulator: SimulatorProcess
) -> None:
    files = (str(folder / "first.yaml"), str(folder / "turns.yaml"))
    with simulator_process(quick(reply=breaks_a_persona)) as broken:
        arguments = ("--documents", "3", *files)
        done = trial(home, broken, *arguments)
        found = trial(home, broken, *arguments, "--json")
    assert done.returncode == 1
    assert "tokens per accepted pair" in done.stdout
    assert "rows failed in arm turns: 3 at qa_drafts; the table above says why" in done.stderr
    assert "arm first:" not in done.stderr
    assert found.returncode == 1, "an incomplete comparison stays one"
    assert json.loads(found.stdout)["failed"] == {"first": {}, "turns": {"qa_drafts": 3}}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "first.yaml"], "two arms or more"),
        (["first.yaml", "nothing.yaml"], "nothing.yaml"),
        (["first.yaml", "typo.yaml"], "did you mean WSRL_PERSONAS?"),
        (["adopt", "turns", "--trial", "no-such"], "no arm 'turns' in the trial no-such"),
        (["adopt", "turns", "--output", "."], "name another file with --output"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(
    tried: Path,
    folder: Path,
    simulator: SimulatorProcess,
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    (folder / "typo.yaml").write_text("WSRL_PERSONS: 2\n")
    done = trial(tried, simulator, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_home_without_trials_says_how_to_make_one(tmp_path: Path) -> None:
    done = wsrl(tmp_path, "trial", "adopt", "a")
    assert done.returncode == 2
    assert "wsrl trial A.yaml B.yaml" in done.stderr
