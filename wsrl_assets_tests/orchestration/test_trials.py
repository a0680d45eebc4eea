"""`recipe_trial`: a trial as a materialization, and nothing without arms."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from simulator import simulator_process
from wsrl_assets.orchestration.assets.trials import NAME, recipe_trial
from wsrl_assets.orchestration.definitions import build_definitions
from wsrl_assets.orchestration.resources import default_resources
from wsrl_assets.storage import Store
from wsrl_assets_tests.factories import documents, plant_shard, quick


def materialized(config: dict[str, Any]) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [recipe_trial],
        resources=default_resources(),
        run_config={"ops": {NAME: {"config": config}}},
        raise_on_error=False,
    )


def metadata_of(done: dg.ExecuteInProcessResult) -> dict[str, Any]:
    assert done.success
    (event,) = done.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WSRL_HOME", str(tmp_path / "home"))
    plant_shard(Store(tmp_path / "home"), documents(4))
    return tmp_path / "home"


def test_a_trial_is_a_materialization_with_its_page(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"one": {"WSRL_PERSONAS": 1}, "two": {"WSRL_PERSONAS": 2}}
    for name, values in files.items():
        (tmp_path / f"{name}.yaml").write_text(json.dumps(values))
    arms = [str(tmp_path / f"{name}.yaml") for name in files]
    with simulator_process(quick()) as server:
        monkeypatch.setenv("WSRL_LLM_BASE_URL", server.base_url)
        found = metadata_of(materialized({"arms": arms, "documents": 3}))
    assert Path(found["page"]).is_file()
    assert found["documents"] == 3
    assert "| accepted pairs per document | 1 | 2 | +1 (+1 to +1) |" in found["measures"]


def test_without_arms_nothing_is_done_and_a_mistake_is_a_sentence(home: Path) -> None:
    assert metadata_of(materialized({})) == {"trial": "none"}
    assert not (home / "trials").exists()
    done = materialized({"arms": ["a.yaml"]})
    (failure,) = done.filter_events(lambda event: event.is_step_failure)
    assert "two arms or more" in str(failure.step_failure_data.user_failure_data)


def test_nothing_runs_it_by_itself() -> None:
    definitions = build_definitions()
    graph = definitions.resolve_asset_graph()
    node = graph.get(dg.AssetKey(NAME))
    assert node.automation_condition is None
    assert node.group_name == "trials"
    named = [job for job in definitions.jobs or [] if NAME in str(job)]
    assert named == []
