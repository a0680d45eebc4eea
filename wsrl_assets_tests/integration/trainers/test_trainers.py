"""Each trainer's own code loads its export, and its own reward interface says 1 and 0.

The trainers live in an environment of their own, `.venv-trainers` (`make trainers-env`), which has
of wsrl_assets the reward alone. Every answer type is asked, with a right answer and a near miss.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import wsrl_assets
import wsrl_assets_tests
from wsrl_assets_tests.release.trainers.exported import PAIRS, exported

ROOT = Path(wsrl_assets_tests.__file__).parents[1]
PYTHON = Path(os.environ.get("WSRL_TRAINERS_PYTHON", ROOT / ".venv-trainers" / "bin" / "python"))
TIMEOUT_S = 240
ONES, ZEROS = [1.0] * len(PAIRS), [0.0] * len(PAIRS)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a trainer's worker can import of ours: the reward. And the proofs."""
    folder = tmp_path_factory.mktemp("path")
    package = Path(wsrl_assets.__file__).parent
    (folder / "wsrl_assets").mkdir()
    shutil.copy(package / "__init__.py", folder / "wsrl_assets")
    shutil.copytree(package / "reward", folder / "wsrl_assets" / "reward")
    (folder / "wsrl_assets_tests").symlink_to(Path(wsrl_assets_tests.__file__).parent)
    return folder


def prove(name: str, path: Path, tmp_path: Path) -> dict[str, Any]:
    """Runs a proof in the trainers' environment."""
    if not PYTHON.exists():
        pytest.fail(f"{PYTHON} is not there: make it with `make trainers-env`")
    folder = exported(tmp_path, name)
    answers, result = tmp_path / "answers.json", tmp_path / "result.json"
    said = {
        "right": {pair.question: pair.right for pair in PAIRS},
        "wrong": {pair.question: pair.wrong for pair in PAIRS},
    }
    answers.write_text(json.dumps(said), "utf-8")
    module = "wsrl_assets_tests.integration.trainers.proof"
    command = [PYTHON, "-m", module, name, folder, answers, result]
    done = subprocess.run(
        [str(part) for part in command],
        cwd=tmp_path,
        env=_environment(path, tmp_path),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    proof: dict[str, Any] = json.loads(result.read_text("utf-8"))
    return proof


def _environment(path: Path, home: Path) -> dict[str, str]:
    """Offline and silent; `wandb`, Ray and `datasets` write into the test's folder."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(path),
        "HOME": str(home),
        "HF_HOME": str(home / "hub"),
        "HF_HUB_OFFLINE": "1",
        "WANDB_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "TOKENIZERS_PARALLELISM": "false",
    }


@pytest.mark.parametrize("name", ["verl", "trl", "openrlhf", "skyrl", "verifiers", "nemo_gym"])
def test_gold_is_one_and_a_near_miss_zero_in_the_trainers_own_code(
    name: str, path: Path, tmp_path: Path
) -> None:
    proof = prove(name, path, tmp_path)
    assert proof["rows"] == len(PAIRS)
    assert proof["right"] == ONES
    assert proof["wrong"] == ZEROS
    _SEEN.get(name, lambda _: None)(proof["more"])


def test_nemo_rl_as_its_code_says(path: Path, tmp_path: Path) -> None:
    """Not on the package index: real torch and Ray, stand-ins for its interface."""
    proof = prove("nemo_rl", path, tmp_path)
    assert (proof["right"], proof["wrong"]) == (ONES, ZEROS)
    assert proof["more"] == {
        "accuracy": 1.0,
        "ended": ONES,
        "environment": ["wsrl", "wsrl"],
        "actor": True,
    }


def _trl(more: dict[str, Any]) -> None:
    """A step of GRPO was made, and its log has our reward, which babble does not earn."""
    assert more == {"rewards/gold_reward/mean": 0.0}


def _openrlhf(more: dict[str, Any]) -> None:
    """Evaluation is by domain."""
    assert more == {"datasources": ["Math", "Social Science"]}


def _verifiers(more: dict[str, Any]) -> None:
    """`vf-validate`: each gold passes its own reward, and no task passes untouched."""
    assert more == {
        "validated": [True] * len(PAIRS),
        "gold": ["valid"] * len(PAIRS),
        "noop_reward": ZEROS,
        "keys": len(PAIRS),
    }


_SEEN = {"trl": _trl, "openrlhf": _openrlhf, "verifiers": _verifiers}
