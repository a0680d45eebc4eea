"""`recipe_trial` and `reward_trial`: trials as materializations, and nothing unasked."""

import json
import os
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from simulator import simulator_process
from wsrl_assets.orchestration.assets.trials import NAME, REWARDS, recipe_trial, reward_trial
from wsrl_assets.orchestration.definitions import build_definitions
from wsrl_assets.orchestration.resources import default_resources
from wsrl_assets.storage import Store
from wsrl_assets_tests.factories import documents, plant_shard, quick
from wsrl_assets_tests.pipeline.test_rewards import MATH, PAIRS, rollout
from wsrl_assets_tests.release.pairs import plant


def materialized(config: dict[str, Any], asset: str = NAME) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [recipe_trial if asset == NAME else reward_trial],
        resources=default_resources(),
        run_config={"ops": {asset: {"config": config}}},
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


def test_rewards_are_compared_on_the_rollouts_that_pass_rates_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("WSRL_LLM")]:
        monkeypatch.delenv(name)
    assert metadata_of(materialized({}, REWARDS)) == {"trial": "none"}
    store = Store(home)
    plant(store, PAIRS)
    with store.transaction(MATH) as transaction:
        transaction.merge([rollout(pair, sample) for pair in PAIRS for sample in range(3)])
    store.publish(MATH)
    found = metadata_of(materialized({"rollouts": 10}, REWARDS))
    assert Path(found["page"]).is_file()
    assert found["rollouts"] == 10
    assert "| typed | math-verify |" in found["agreement"]
    done = materialized({"rollouts": 10, "rewards": ["REFERENCE", "TYPED"]}, REWARDS)
    (failure,) = done.filter_events(lambda event: event.is_step_failure)
    assert "WSRL_LLM_JUDGE_BASE_URL" in str(failure.step_failure_data.user_failure_data)


@pytest.mark.parametrize("asset", [NAME, REWARDS])
def test_nothing_runs_it_by_itself(asset: str) -> None:
    definitions = build_definitions()
    graph = definitions.resolve_asset_graph()
    node = graph.get(dg.AssetKey(asset))
    assert node.automation_condition is None
    assert node.group_name == "trials"
    named = [job for job in definitions.jobs or [] if asset in str(job)]
    assert named == []
