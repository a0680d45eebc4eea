"""The file of an arm: what it may set, what it may not, and how it is said."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from wsrl_assets.llm.roles import Role
from wsrl_assets.settings import RoleEnvironment, Settings
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.trials.arms import (
    TrialError,
    as_environment,
    known_names,
    load_arm,
    load_arms,
    merged_environment,
)


def arm_file(folder: Path, text: str, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_values_hold_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSRL_PERSONAS", "1")
    monkeypatch.setenv("WSRL_JUDGE_VOTES", "3")
    monkeypatch.setenv("WSRL_LLM_BASE_URL", "http://shared/v1")
    monkeypatch.setenv("WSRL_LLM_API_KEY", "sk-secret")
    text = (
        "WSRL_PERSONAS: 2\nWSRL_FORMS: [open, cloze]\nWSRL_ROUND_TRIP: false\n"
        "WSRL_LLM_GENERATOR_TEMPERATURE: 0.2\nWSRL_LLM_MODEL: one\nWSRL_LLM_JUDGE_MODEL: other\n"
    )
    arm = load_arm(arm_file(tmp_path, text))
    settings, roles = arm.settings, arm.roles
    assert (settings.personas, settings.judge_votes, settings.round_trip) == (2, 3, False)
    assert settings.forms == (Form.OPEN, Form.CLOZE)
    assert roles[Role.GENERATOR].temperature == 0.2
    assert roles[Role.TRIAGE].temperature == 0.0
    assert (roles[Role.TRIAGE].model, roles[Role.JUDGE].model) == ("one", "other")
    key = roles[Role.JUDGE].api_key
    assert key is not None
    assert key.get_secret_value() == "sk-secret"
    assert "sk-secret" not in as_environment(arm.values)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("WSRL_PERSONA: 2", "no setting 'WSRL_PERSONA'; did you mean WSRL_PERSONAS?"),
        ("personas: 2", "no setting 'personas'; "),
        ("WSRL_PERSONAS: 9", "setting WSRL_PERSONAS: input should be less than or equal to 3"),
        ("WSRL_FORMS: poem", "setting WSRL_FORMS"),
        ("WSRL_JUDGE_VOTES: 2", "WSRL_JUDGE_VOTES must be odd"),
        ("WSRL_LLM_API_KEY: sk-1", "keys are secret"),
        ("WSRL_LLM_JUDGE_API_KEY: sk-1", "keys are secret"),
        ("WSRL_LLM_BASE_URL: http://me:pw@host/v1", "may be secret"),
        ("WSRL_LLM_BASE_URL: http://host/v1?key=1", "may be secret"),
        ("WSRL_LLM_BASE_URL: host", "must begin with http:// or https://"),
        ("WSRL_SEED: 1", "arms cannot differ in it"),
        ("WSRL_ALERT_WEBHOOK: x", "arms cannot differ in it"),
        ("WSRL_DEMONSTRATIONS:", "to leave it as the environment has it, remove the line"),
        ("WSRL_FORMS: []", "remove the line"),
        ("WSRL_PERSONAS: {a: 1}", "remove the line"),
        ('WSRL_LLM_MODEL: "a\\nb"', "a value on one line"),
        ("WSRL_PERSONAS_FROM: nowhere.yaml", 'personas "nowhere.yaml"'),
        ("- a", "it must be a mapping of settings"),
        ("a: [", "is not YAML: line"),
    ],
)
def test_a_fault_names_the_file_and_the_remedy(tmp_path: Path, text: str, said: str) -> None:
    path = arm_file(tmp_path, text)
    with pytest.raises(TrialError) as caught:
        load_arm(path)
    assert str(caught.value).startswith(f'arm "{path}"')
    assert said in str(caught.value)
    assert "sk-1" not in str(caught.value)


def test_arms_are_told_apart_by_their_files(tmp_path: Path) -> None:
    one = arm_file(tmp_path, "{}")
    (tmp_path / "b").mkdir()
    with pytest.raises(TrialError, match="two arms or more"):
        load_arms([one])
    with pytest.raises(TrialError, match="two arms have the name a"):
        load_arms([one, arm_file(tmp_path / "b", "{}", "A.yaml")])
    with pytest.raises(TrialError, match="its name is that of the file"):
        load_arm(arm_file(tmp_path, "{}", "of two.yaml"))
    with pytest.raises(TrialError, match="No such file"):
        load_arm(tmp_path / "c.yaml")


def test_no_setting_that_an_arm_may_set_is_unknown_or_secret() -> None:
    names = known_names()
    assert not [name for name in names if "KEY" in name]
    fields = {f"WSRL_{field.upper()}" for field in Settings.model_fields}
    fields |= {
        f"WSRL_LLM_{role}{field.upper()}"
        for role in ("", *(f"{role.upper()}_" for role in Role))
        for field in RoleEnvironment.model_fields
    }
    assert set(names) <= fields


def test_a_shell_reads_the_lines_as_they_were_meant(tmp_path: Path) -> None:
    values = {"WSRL_LLM_MODEL": "it's a $model", "WSRL_PERSONAS": "2"}
    file = tmp_path / "wsrl.env"
    file.write_text(as_environment(values))
    script = f"set -a; . {shlex.quote(str(file))}; set +a; env"
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True, env={**os.environ}
    )
    for name, value in values.items():
        assert f"{name}={value}\n" in done.stdout


def test_an_environment_file_keeps_what_the_arm_does_not_set() -> None:
    before = "# mine\nexport WSRL_PERSONAS=3\nWSRL_HOME=/data"
    after = merged_environment(before, {"WSRL_PERSONAS": "1", "WSRL_JUDGE": "false"})
    assert after == "# mine\nWSRL_PERSONAS=1\nWSRL_HOME=/data\nWSRL_JUDGE=false\n"
    assert merged_environment(after, {"WSRL_PERSONAS": "1"}) == after
    twice = "WSRL_PERSONAS=3\nWSRL_PERSONAS=2\n"
    assert merged_environment(twice, {"WSRL_PERSONAS": "1"}) == "WSRL_PERSONAS=1\n"
