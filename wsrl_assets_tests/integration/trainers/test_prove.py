"""`wsrl prove` trains every arm with the real trainers, and writes its page.

The model has random weights and two narrow layers, so that all arms train within minutes: it shows
that each runs, and that nothing but its data tells the control from the others.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import wsrl_assets_tests
from wsrl_assets.training.spec import Preset, load_proof_spec
from wsrl_assets.training.verl import verl_settings
from wsrl_assets_tests.training.homes import proof_home

pytestmark = pytest.mark.slow

ROOT = Path(wsrl_assets_tests.__file__).parents[1]
PYTHON = Path(os.environ.get("WSRL_TRAINERS_PYTHON", ROOT / ".venv-trainers" / "bin" / "python"))
TIMEOUT_S = 1200
# A token is a byte.
SPEC = """
questions: 4
seeds: [0]
answer_tokens: 8
text_tokens: 512
text: {steps: 1}
sft: {steps: 1}
grpo: {steps: 1}
expectations: [{arm: grpo_shuffled, than: base, expected: within}]
"""
TRAINED = (
    *("continual_pretraining", "continual_pretraining_refined", "sft", "warmup_grpo"),
    *("grpo", "grpo_drafts", "grpo_shuffled"),
)


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished proof."""
    if not PYTHON.exists():
        pytest.fail(f"{PYTHON} is not there: make it with `make trainers-env`")
    folder = tmp_path_factory.mktemp("prove")
    proof_home(folder / "home")
    model = folder / "model"
    making = "wsrl_assets_tests.integration.trainers.tiny_model"
    variables = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run([str(PYTHON), "-m", making, str(model)], env=variables, check=True)
    (folder / "proof.yaml").write_text(SPEC)
    command = [sys.executable, "-m", "wsrl_assets.cli", "prove", "--home", str(folder / "home")]
    command += ["--spec", str(folder / "proof.yaml"), "--model", str(model)]
    command += ["--output", str(folder / "proofs")]
    done = subprocess.run(
        command, env=variables, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    print(done.stdout)
    (made,) = (each for each in (folder / "proofs").iterdir() if each.is_dir())
    return made


def result(proof: Path, arm: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (proof / "arms" / arm / "seed-0" / "result.json").read_text("utf-8")
    )
    return found


@pytest.mark.parametrize("arm", TRAINED)
def test_every_arm_spends_its_budget(arm: str, proof: Path) -> None:
    found = result(proof, arm)
    assert found["budgets"]["source_tokens"] > 0
    assert found["budgets"]["device_seconds"] > 0
    is_grpo = "grpo" in arm
    assert (found["budgets"]["rollout_tokens"] > 0) is is_grpo
    assert ("mixed_groups" in found["training"]) is is_grpo
    assert found["training"]["entropy"] > 0
    steps = (proof / "arms" / arm / "seed-0" / "steps.jsonl").read_text("utf-8").splitlines()
    assert len(steps) == (2 if arm == "warmup_grpo" else 1)


@pytest.mark.parametrize("arm", ["continual_pretraining", "sft", "warmup_grpo"])
def test_a_loss_moves_weights(arm: str, proof: Path) -> None:
    assert result(proof, arm)["weights_changed"]
    assert result(proof, arm)["budgets"]["gradient_tokens"] > 0


def test_answers_alone_have_a_loss(proof: Path) -> None:
    """A byte a token: 'Answer: 1850' and the end of the turn, and nothing of the prompt."""
    pairs = [
        json.loads(line)
        for line in (proof / "data" / "pairs.jsonl").read_text("utf-8").splitlines()
    ]
    # One pair, twice in its batch; the template ends a turn by a mark and a line break.
    assert len(pairs) == 1
    answer = len(pairs[0]["completion"][0]["content"].encode())
    assert result(proof, "sft")["budgets"]["gradient_tokens"] == 2 * (answer + 2)


def test_every_arm_has_a_row_and_the_control_gains_nothing(proof: Path) -> None:
    figures = json.loads((proof / "proof.json").read_text("utf-8"))
    assert {row["arm"] for row in figures["rows"]} == {"base", *TRAINED}
    assert all(row["seeds"] and row["figures"] for row in figures["rows"])
    assert figures["missing"] == []
    assert figures["control_gains"] == []
    assert [one["outcome"] for one in figures["expectations"]] == ["borne out"]
    page = (proof / "index.html").read_text("utf-8")
    for row in figures["rows"]:
        assert row["arm"].replace("_", " ") in page
    assert page.count("<svg") >= 3


TASK = """
task: capitals
dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_choice: "{{{{options}}}}"
doc_to_target: "{{{{gold}}}}"
metric_list: [{{metric: acc}}]
"""
BENCHMARK = """
import json, sys
from pathlib import Path
from wsrl_assets.training.arms.benchmarks import run_benchmarks
model, task, output = map(Path, sys.argv[1:])
print(json.dumps(run_benchmarks(model, [str(task)], output)))
"""


def test_a_task_file_of_the_user_is_run_by_the_harness(proof: Path, tmp_path: Path) -> None:
    options = ["Paris", "Rome", "Oslo"]
    rows = [
        {"question": f"What is the capital of {land}?", "options": options, "gold": gold}
        for gold, land in enumerate(("France", "Italy", "Norway"))
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "capitals.yaml").write_text(TASK.format(rows=tmp_path / "rows.jsonl"))
    model = proof.parents[1] / "model"
    done = subprocess.run(
        [
            *(str(PYTHON), "-c", BENCHMARK),
            *map(str, (model, tmp_path / "capitals.yaml", tmp_path / "out")),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert round(3 * found["capitals.acc,none"]) in range(4)
    assert found["capitals.sample_len"] == 3


COMPOSED = """
import json, sys
from pathlib import Path
import verl.trainer.config
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

def read(folder, name):
    with initialize_config_dir(str(folder), version_base=None):
        return OmegaConf.to_container(compose(name), resolve=False)

base = Path(verl.trainer.config.__path__[0])
print(json.dumps([read(sys.argv[1], "proof"), read(base, "ppo_trainer")]))
"""


def test_verl_composes_the_paper_s_settings_and_knows_every_key(tmp_path: Path) -> None:
    spec = load_proof_spec(Preset.PAPER)
    given = verl_settings(tmp_path / "verl", spec, "a/model")
    (tmp_path / "proof.yaml").write_text(yaml.safe_dump(given, sort_keys=False))
    done = subprocess.run(
        [str(PYTHON), "-c", COMPOSED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    composed, known = json.loads(done.stdout.splitlines()[-1])
    assert composed["data"]["train_batch_size"] == spec.grpo.batch
    ours = {key: value for key, value in given.items() if key not in ("defaults", "hydra")}
    assert _unknown(ours, known) == []


def _unknown(given: dict[str, Any], known: dict[str, Any]) -> list[str]:
    """The keys of settings that verl does not have."""
    deeper = [
        f"{key}.{name}"
        for key, value in given.items()
        if isinstance(value, dict) and isinstance(known.get(key), dict)
        for name in _unknown(value, known[key])
    ]
    return [*(key for key in given if key not in known), *deeper]
