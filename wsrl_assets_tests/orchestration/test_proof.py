"""A proof as Dagster runs: arms by Pipes, and their page. The trainers are made up."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

import wsrl_assets_tests
from wsrl_assets.orchestration.assets.proof import training_arms, training_report
from wsrl_assets.orchestration.resources import StoreResource
from wsrl_assets.training.card import with_proof
from wsrl_assets.training.environment import PYTHON_VARIABLE
from wsrl_assets.training.errors import ProofError
from wsrl_assets.training.spec import Arm
from wsrl_assets_tests.training.homes import proof_home

ROOT = Path(wsrl_assets_tests.__file__).parents[1]
SPEC = "questions: 4\nseeds: [0, 1]\nexpectations: [{arm: grpo, than: grpo_drafts}]\n"
# `-c` asks which packages are missing; else it is an arm.
TRAINERS = """#!/bin/sh
if [ "$1" = -c ]; then echo; exit 0; fi
shift; shift; shift
PYTHONPATH="{root}:$PYTHONPATH" exec {python} -m wsrl_assets_tests.training.fake_trainers "$@"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a release, a model and trainers, beside it a spec."""
    folder = tmp_path_factory.mktemp("proof")
    proof_home(folder / "home")
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text("{}")
    (folder / "proof.yaml").write_text(SPEC)
    trainers = folder / "trainers"
    trainers.write_text(TRAINERS.format(root=ROOT, python=sys.executable))
    trainers.chmod(0o755)
    return folder


def command(home: Path, output: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "wsrl_assets.cli", "prove", "--home", str(home / "home")),
        *("--spec", str(home / "proof.yaml"), "--model", str(home / "model")),
        *("--output", str(output)),
    ]


def variables(home: Path, **others: str) -> Mapping[str, str]:
    return {**os.environ, PYTHON_VARIABLE: str(home / "trainers"), **others}


def prove(home: Path, output: Path, **others: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(home, output),
        env=variables(home, **others),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_failed_arm_is_named_and_only_it_is_run_again(home: Path, tmp_path: Path) -> None:
    done = prove(home, tmp_path, FAIL="sft")
    assert done.returncode == 1
    assert "the arm sft, seed 0, failed" in done.stderr
    assert "out of memory, as a trainer says it" in done.stderr
    assert "Traceback" not in done.stderr
    (proof,) = (folder for folder in tmp_path.iterdir() if folder.is_dir())
    assert "Not finished: sft." in (proof / "index.html").read_text()
    finished = {path: path.stat().st_mtime_ns for path in proof.rglob("result.json")}
    assert len(finished) == 8  # seven arms, one of them with two seeds

    again = prove(home, tmp_path)
    assert again.returncode == 0, again.stderr
    assert {p: p.stat().st_mtime_ns for p in finished} == finished
    assert len(list(proof.rglob("result.json"))) == 9
    _page_has_every_arm(proof)
    _card_has_what_the_page_has(home, proof)


def _card_has_what_the_page_has(home: Path, proof: Path) -> None:
    (release,) = (f for f in (home / "home" / "releases").iterdir() if (f / "README.md").is_file())
    before = {path: path.read_bytes() for path in release.iterdir()}
    added = with_proof(release, proof)
    assert set(added) == {"README.md", "proof.json", "proof.html"}
    card = added["README.md"].decode()
    assert card.startswith(before[release / "README.md"].decode().rstrip())
    figures = json.loads(added["proof.json"])
    for row in figures["rows"]:
        share = row["figures"]["with_passage.pass_at_1.strict"]
        shots = f" ({row['shots'].replace('_', ' ')})" if row["arm"] == "base" else ""
        arm = row["arm"].replace("_", " ") + shots
        assert f"| {arm} | {len(row['seeds'])} | {share:.1%} |" in card
    beyond = [c for c in figures["comparisons"] if c["finding"] != "within its interval"]
    assert beyond
    assert card.count("- ") - before[release / "README.md"].decode().count("- ") >= len(beyond)
    assert f"{len(beyond)} of {len(figures['comparisons'])} differences" in card
    assert "beats the base on no figure" in card
    assert {path: path.read_bytes() for path in release.iterdir()} == before
    figures["release"] = "another"
    (proof / "proof.json").write_text(json.dumps(figures))
    with pytest.raises(ProofError, match="is of release another, not of"):
        with_proof(release, proof)
    (proof / "proof.json").unlink()
    with pytest.raises(ProofError, match="holds no finished proof"):
        with_proof(release, proof)


def _page_has_every_arm(proof: Path) -> None:
    figures = json.loads((proof / "proof.json").read_text())
    rows = {(row["arm"], row["shots"]): row for row in figures["rows"]}
    assert len(rows) == 9
    for row in rows.values():
        assert row["seeds"]
        assert row["files"]
        for file in row["files"]:
            assert (proof / file).is_file()
    strict = "with_passage.pass_at_1.strict"
    assert rows["grpo", "zero_shot"]["figures"][strict] == 1.0
    assert rows["grpo", "zero_shot"]["by_seed"][strict] == [1.0, 1.0]
    assert rows["grpo_drafts", "zero_shot"]["figures"][strict] == 0.375
    assert figures["control_gains"] == []
    assert [e["outcome"] for e in figures["expectations"]] == ["borne out"]
    page = (proof / "index.html").read_text()
    assert "<script" not in page
    assert "the arm with shuffled golds is on no figure better than the base" in page
    links = set(re.findall(r'href="([^"]+)"', page))
    assert links
    assert all((proof / link).is_file() for link in links)


def test_an_interrupt_stops_the_arm_and_leaves_nothing_finished(home: Path, tmp_path: Path) -> None:
    running = subprocess.Popen(
        command(home, tmp_path),
        env=variables(home, WAIT="base"),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.rglob("waiting")):
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130, said
    assert not list(tmp_path.rglob("result.json"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--model", "./gone"], "there is no folder ./gone"),
        (["--release", "nothing"], "there is no release 'nothing'"),
        (["--preset", "day"], "no preset 'day'"),
        (["--spec", "gone.yaml"], "give --spec the path of a YAML file"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(
    options: list[str], says: str, home: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [*command(home, tmp_path), *options],
        env=variables(home),
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_without_trainers_the_remedy_is_named(home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        command(home, tmp_path),
        env={**os.environ, PYTHON_VARIABLE: str(tmp_path / "python")},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "make trainers-env" in done.stderr


def test_the_paper_s_settings_are_written_and_not_run(home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "wsrl_assets.cli", "prove", "--home", str(home / "home")),
            *("--preset", "paper", "--output", str(tmp_path)),
        ],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (config,) = tmp_path.rglob("proof.yaml")
    assert str(config) in "".join(done.stdout.split("\n"))
    assert (config.parent / "verl" / "train.parquet").is_file()
    assert not list(tmp_path.rglob("result.json"))


def test_materializing_everything_trains_nothing(tmp_path: Path) -> None:
    """*Materialize all* gives no configuration."""
    made = dg.materialize(
        [training_arms, training_report],
        partition_key=str(Arm.GRPO),
        resources={
            "store": StoreResource(home=str(tmp_path)),
            "trainers": dg.PipesSubprocessClient(),
        },
    )
    assert made.success
    for event in made.get_asset_materialization_events():
        assert event.materialization.metadata["proof"].value == "none"
    assert not (tmp_path / "proofs").exists()
