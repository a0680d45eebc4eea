"""The examples of deploy/ agree with what they deploy, keep secrets out and stay on loopback."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from wsrl_assets.settings import AutomationSettings

REPOSITORY = Path(__file__).parents[1]
DEPLOY = REPOSITORY / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
ENVIRONMENTS = sorted(DEPLOY.glob("*/*.env.example"))


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


def compose() -> dict[str, Any]:
    found: dict[str, Any] = load(DEPLOY / "compose" / "compose.yaml")["services"]
    return found


def test_with_postgres_the_instance_differs_in_its_storage_alone() -> None:
    with_postgres = load(DEPLOY / "dagster-postgres.yaml")
    assert with_postgres.pop("storage").keys() == {"postgres"}
    assert with_postgres == load(REPOSITORY / "wsrl_assets" / "dagster.yaml")


def test_no_example_holds_a_secret() -> None:
    texts = [path.read_text("utf-8") for path in DEPLOY.rglob("*") if path.is_file()]
    assigned = re.compile(r"^\W*\w*(?:PASSWORD|API_KEY|WEBHOOK|TOKEN)\w*\s*[:=][ \t]*(\S.*)$", re.M)
    values = [value for text in texts for value in assigned.findall(text)]
    assert values, "the pattern finds nothing, so the test shows nothing"
    assert [value for value in values if not value.startswith("${POSTGRES_PASSWORD:?")] == []


def test_nothing_listens_beyond_this_machine() -> None:
    published = [port for service in compose().values() for port in service.get("ports", ())]
    assert published == ["127.0.0.1:3000:3000"]
    webserver = (DEPLOY / "systemd" / "wsrl-webserver.service").read_text("utf-8")
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    started = [*re.findall(r"ExecStart=(.*)", webserver), *re.findall(r"dagster dev .*", makefile)]
    assert len(started) == 2
    assert all("--host 127.0.0.1" in command for command in started)


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.parent.name)
def test_the_settings_of_the_examples_exist(path: Path) -> None:
    named = set(re.findall(r"^#?(WSRL_\w+)=", path.read_text("utf-8"), re.M))
    assert named
    ours = {f"WSRL_{name.upper()}" for name in AutomationSettings.model_fields}
    documented = set(
        re.findall(r"`(WSRL_\w+)`", (REPOSITORY / "docs" / "settings.md").read_text("utf-8"))
    )
    assert named <= ours | documented | {"WSRL_LLM_JUDGE_BASE_URL"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_takes_the_units(unit: Path, tmp_path: Path) -> None:
    """As they are, but for the environment that is not installed where they look for it."""
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        pytest.skip("there is no systemd-analyze here")
    installed = re.sub(r"(?<=ExecStart=)\S+", "/bin/true", unit.read_text("utf-8"))
    assert installed != unit.read_text("utf-8")
    (tmp_path / unit.name).write_text(installed)
    command = [systemd, "verify", "--man=no", str(tmp_path / unit.name)]
    verdict = subprocess.run(command, capture_output=True, text=True)
    assert (verdict.returncode, verdict.stderr) == (0, "")


def test_the_image_gets_what_its_dockerfile_copies() -> None:
    recipe = (DEPLOY / "compose" / "Dockerfile").read_text("utf-8")
    let_through = (DEPLOY / "compose" / "Dockerfile.dockerignore").read_text("utf-8").split()
    copied = [
        word for line in re.findall(r"^COPY (.*) \S+$", recipe, re.M) for word in line.split()
    ]
    assert len(copied) == 6
    assert sorted(f"!{path}" for path in copied) == sorted(x for x in let_through if x[0] == "!")
    assert all((REPOSITORY / path).exists() for path in copied)
