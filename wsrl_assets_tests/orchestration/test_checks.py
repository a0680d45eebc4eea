"""Claims about check results as Dagster records them: one for each partition."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus as Status,
)

from simulator import simulator_process
from wsrl_assets.orchestration.definitions import build_definitions
from wsrl_assets.orchestration.metadata import CURRENT
from wsrl_assets.orchestration.partitions import DOMAINS, SHARDS
from wsrl_assets.storage import Store
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import document_text, plant_domain, quick

CHAIN = [dg.AssetKey(name) for name in ("personas", "qa_drafts", "verified_pairs")]


def test_a_check_has_the_partitions_of_its_asset() -> None:
    graph = build_definitions().resolve_asset_graph()
    of_checks = {key: graph.get(key).partitions_def for key in graph.asset_check_keys}
    of_assets = {key: graph.get(key.asset_key).partitions_def for key in graph.asset_check_keys}
    assert of_checks == of_assets
    assert {SHARDS, DOMAINS, None} == {of_checks[key] for key in of_checks}


def test_no_asset_has_a_backfill_policy_of_its_own() -> None:
    """With one, Dagster 1.13 records the check results of a backfill without their partitions."""
    graph = build_definitions().resolve_asset_graph()
    policies = {
        key.to_user_string(): graph.get(key).backfill_policy for key in graph.get_all_asset_keys()
    }
    assert {name: policy for name, policy in policies.items() if policy is not None} == {}


def test_a_warning_in_one_domain_stands_when_another_domain_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "home")
    for number, domain in enumerate((Domain.MATH, Domain.EDUCATION)):
        plant_domain(store, [document_text(number)], domain)
    monkeypatch.setenv("WSRL_HOME", str(store.home))
    with simulator_process(quick()) as endpoint, dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setenv("WSRL_LLM_BASE_URL", endpoint.base_url)
        advance(instance, Domain.MATH)
        monkeypatch.setenv("WSRL_LLM_GENERATOR_TEMPERATURE", "0.3")
        advance(instance, Domain.MATH)
        advance(instance, Domain.EDUCATION)
        # A warning is a check that failed; its severity stands in the event.
        assert statuses(instance, "qa_drafts", CURRENT) == {
            "math": Status.FAILED,
            "education": Status.SUCCEEDED,
        }
        assert statuses(instance, "personas", CURRENT) == {
            "math": Status.SUCCEEDED,
            "education": Status.SUCCEEDED,
        }


def advance(instance: dg.DagsterInstance, domain: Domain) -> None:
    job = build_definitions().resolve_job_def("advance_domain")
    result = job.execute_in_process(
        instance=instance, partition_key=str(domain), asset_selection=CHAIN
    )
    assert result.success


def statuses(instance: dg.DagsterInstance, asset: str, check: str) -> dict[str | None, Status]:
    key = dg.AssetCheckKey(dg.AssetKey(asset), check)
    found = instance.event_log_storage.get_asset_check_partition_info([key])
    return {info.partition_key: info.latest_execution_status for info in found}
