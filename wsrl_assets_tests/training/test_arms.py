"""What the trainers' environment gets of a proof: tasks, code, the command of the harness."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from wsrl_assets.release.dataset import Release
from wsrl_assets.storage import Store
from wsrl_assets.training.arms.benchmarks import command
from wsrl_assets.training.arms.task import TASK, ArmTask
from wsrl_assets.training.environment import (
    PYTHON_VARIABLE,
    find_trainers_python,
    share_code,
)
from wsrl_assets.training.errors import ProofError
from wsrl_assets.training.models import model_named
from wsrl_assets.training.proof import Proof
from wsrl_assets.training.spec import Arm, Preset, load_proof_spec
from wsrl_assets_tests.training.homes import proof_home

ALONE = """
import sys
from wsrl_assets.training.arms import benchmarks, scoring, task
ours = {name.split(".")[1] for name in sys.modules if name.startswith("wsrl_assets.")}
print(sorted(ours))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Release]:
    return proof_home(tmp_path_factory.mktemp("home"))


def proof_of(made: tuple[Store, Release], preset: Preset, model: str = "a/model") -> Proof:
    store, release = made
    return Proof.of(store, release.folder, load_proof_spec(preset), model)


def test_another_spec_or_model_is_another_proof(
    made: tuple[Store, Release], tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text("{}")
    one = proof_of(made, Preset.SMOKE)
    assert one.folder == proof_of(made, Preset.SMOKE).folder
    assert one.folder != proof_of(made, Preset.HOUR).folder
    before = proof_of(made, Preset.SMOKE, str(tmp_path)).folder
    (tmp_path / "config.json").write_text('{"layers": 2}')
    assert before != proof_of(made, Preset.SMOKE, str(tmp_path)).folder


def test_a_task_is_read_as_it_was_written(made: tuple[Store, Release]) -> None:
    proof = proof_of(made, Preset.HOUR)
    path = proof.write_task(Arm.WARMUP_GRPO, 0) / TASK
    task = ArmTask.read(path)
    assert task.to_json() == path.read_text("utf-8")
    assert [phase.data for phase in task.phases] == ["warmup.jsonl", "pairs.jsonl"]
    assert task.phases[1].clip == (0.2, 0.28)


def test_a_seed_is_pending_until_its_result_is_there(made: tuple[Store, Release]) -> None:
    proof = proof_of(made, Preset.HOUR)
    assert proof.pending_seeds(Arm.GRPO) == (0, 1, 2)
    folder = proof.write_task(Arm.GRPO, 1)
    assert proof.pending_seeds(Arm.GRPO) == (0, 1, 2)
    (folder / "result.json").write_text("{}")
    assert proof.pending_seeds(Arm.GRPO) == (0, 2)


def test_the_spec_is_written_before_anything_is_trained(made: tuple[Store, Release]) -> None:
    proof = proof_of(made, Preset.SMOKE)
    proof.begin(made[0])
    said = json.loads((proof.folder / "spec.json").read_text("utf-8"))
    assert said["spec"]["expectations"]
    assert said["release"] == made[1].name
    assert not list(proof.folder.rglob("result.json"))


def test_the_code_that_arms_get_imports_the_reward_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", ALONE],
        env={"PYTHONPATH": str(share_code(tmp_path / "code"))},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['reward', 'training']"


def test_benchmarks_without_the_harness_are_refused_before_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\nshift; shift\nfor n in "$@"; do [ $n = lm_eval ] && echo $n; done\nexit 0\n'
    )
    python.chmod(0o755)
    monkeypatch.setenv(PYTHON_VARIABLE, str(python))
    assert find_trainers_python() == python
    with pytest.raises(ProofError, match="install lm_eval there"):
        find_trainers_python(["arc_easy"])


def test_a_python_without_trainers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PYTHON_VARIABLE, sys.executable)
    with pytest.raises(ProofError, match=r"lacks torch.*make trainers-env"):
        find_trainers_python()


def test_task_files_of_the_harness_are_found_in_their_folder() -> None:
    made = command(Path("/m"), ["arc_easy", "/tasks/mine.yaml"], Path("/out"))
    assert made[1:] == [
        *("-m", "lm_eval", "--model", "hf", "--model_args", "pretrained=/m"),
        *("--tasks", "arc_easy,mine", "--output_path", "/out", "--include_path", "/tasks"),
    ]


def test_a_folder_without_a_model_is_refused(made: tuple[Store, Release], tmp_path: Path) -> None:
    with pytest.raises(ProofError, match=r"has no config\.json"):
        model_named(made[0], str(tmp_path))
    assert model_named(made[0], "Qwen/Qwen3-0.6B") == "Qwen/Qwen3-0.6B"
