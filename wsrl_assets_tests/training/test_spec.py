"""A proof spec says what is wrong with it, and presets can be used as they are."""

from pathlib import Path

import pytest

from wsrl_assets.training.errors import ProofError
from wsrl_assets.training.plan import PLANS, phases_of, seeds_of
from wsrl_assets.training.spec import Arm, Preset, load_proof_spec


@pytest.mark.parametrize("preset", list(Preset))
def test_every_preset_plans_every_arm(preset: Preset) -> None:
    spec = load_proof_spec(preset)
    assert set(PLANS) == set(Arm)
    assert [len(phases_of(arm, spec)) for arm in Arm] == [0, 1, 1, 1, 2, 1, 1, 1]
    assert len(seeds_of(Arm.GRPO, spec)) == 3
    assert all(len(seeds_of(arm, spec)) == 1 for arm in Arm if arm is not Arm.GRPO)


def test_a_file_sets_a_key_of_a_part_and_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "proof.yaml"
    path.write_text("grpo: {steps: 7}\nquestions: 12\n")
    spec, preset = load_proof_spec(Preset.HOUR, path), load_proof_spec(Preset.HOUR)
    assert (spec.grpo.steps, spec.grpo.batch) == (7, preset.grpo.batch)
    assert spec.questions == 12


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("grpo: {stepps: 7}", "key grpo.stepps: there is no such key; there are steps"),
        ("questions: 1", "key questions: "),
        ("seeds: [1, 1]", "a seed stands there twice"),
        ("expectations: [{arm: nobody, than: base}]", "key expectations.0.arm"),
        ("expectations: [{arm: sft, than: sft}]", "sft is compared with itself"),
        ("device_batch: 3", "grpo.batch times generations is 4, which device_batch 3 does not"),
        ("benchmarks: [gone.yaml]", "there is no task file gone.yaml"),
        ("[1, 2]", "holds a list; it must hold keys"),
        ("a: [", "is not YAML: line 1"),
    ],
)
def test_a_mistake_names_the_file_the_key_and_what_is_possible(
    text: str, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "proof.yaml"
    path.write_text(text)
    with pytest.raises(ProofError) as error:
        load_proof_spec(Preset.SMOKE, path)
    assert says in str(error.value)
    assert str(path) in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProofError, match="No such file"):
        load_proof_spec(Preset.SMOKE, tmp_path / "gone.yaml")
