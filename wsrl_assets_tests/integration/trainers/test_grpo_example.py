"""examples/grpo_trl.py trains the bundled model on a release, with the release's own reward.

It runs in the trainers' environment. That 135 million weights learn nothing in three steps is
known; that completions reach the reward, and what it says reaches the weights, is shown.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import wsrl_assets_tests
from wsrl_assets.release.dataset import build_release
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.serving.vllm_python import find_vllm_python
from wsrl_assets.serving.weights import bundled_folder
from wsrl_assets.storage import Store
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.release.pairs import Pair, plant

pytestmark = pytest.mark.slow

ROOT = Path(wsrl_assets_tests.__file__).parents[1]
PYTHON = Path(os.environ.get("WSRL_TRAINERS_PYTHON", ROOT / ".venv-trainers" / "bin" / "python"))
TIMEOUT_S = 600
STEPS, GROUP = 4, 4
# So easy that some completions of a group are right, and some are not.
EASY = [
    Pair(f"The {thing} was opened in 1869. When was the {thing} opened?", source=thing)
    for thing in ("Suez canal", "old bridge", "north station", "opera house")
]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the script prints, a line a step and one at the end."""
    if not PYTHON.exists():
        pytest.fail(f"{PYTHON} is not there: make it with `make trainers-env`")
    home = tmp_path_factory.mktemp("grpo")
    store = Store(home / "home")
    plant(store, EASY)
    split_domain(store, Domain.MATH, "run", SplitSettings(0, 0))
    release = build_release(store, "run")
    model = bundled_folder(home, find_vllm_python(), None)
    options = {"release": release.folder, "model": model, "steps": STEPS, "generations": GROUP}
    options |= {"output": home / "out", "completion-tokens": 32}
    command = [str(PYTHON), str(ROOT / "examples" / "grpo_trl.py")]
    command += [part for key, value in options.items() for part in (f"--{key}", str(value))]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(home / "hf"),
        # Two threads that wait for each other beside other work take ten times as long as one.
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    print(done.stdout)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_each_step_scores_its_own_completions(printed: list[dict[str, Any]]) -> None:
    steps = printed[:-1]
    assert [step["step"] for step in steps] == list(range(1, STEPS + 1))
    assert [step["reward_calls"] for step in steps] == list(range(1, STEPS + 1))
    assert steps[-1]["responses_scored"] == STEPS * GROUP
    texts = [step["example"]["completion"] for step in steps]
    assert all(text.strip() for text in texts)
    assert len(set(texts)) > 1
    assert all(0 <= step["reward"] <= 1 for step in steps)


def test_where_rewards_of_a_group_differ_the_weights_change(printed: list[dict[str, Any]]) -> None:
    learnt = [step for step in printed[:-1] if step["reward_std"] > 0]
    assert learnt, "no group had right and wrong completions: the pairs are not easy enough"
    assert all(step["grad_norm"] > 0 for step in learnt)
    assert all(0 < step["reward"] < 1 for step in learnt)
    assert printed[-1]["weights_changed"]
