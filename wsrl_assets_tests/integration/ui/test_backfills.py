"""Backfills from the UI: one run a domain, a failure retried alone, twice as cheap as once."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus as CheckStatus,
)

from simulator import render, schema_name, simulator_process
from wsrl_assets.orchestration.definitions import ASSETS
from wsrl_assets.orchestration.metadata import ACCOUNTING
from wsrl_assets.orchestration.runs import register_partitions
from wsrl_assets.release.dataset import current_release, read_release
from wsrl_assets.sources.ingest import register
from wsrl_assets.storage import Partition
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import (
    balances,
    documents,
    honest_reply,
    ledger,
    plant_domain,
    quick,
)
from wsrl_assets_tests.integration.ui.live import Live, dagster_on, write_documents
from wsrl_assets_tests.integration.ui.orders import (
    backfill,
    calls_of,
    ended_backfill,
    retry_failed,
    runs_of,
    why,
)

CHAIN = ("personas", "qa_drafts", "verified_pairs")
EVERYTHING = sorted({key.to_user_string() for asset in ASSETS for key in asset.keys})
THREE = (Domain.MATH, Domain.CODING, Domain.EDUCATION)
FAILURE, SUCCESS = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS


def reply_by_domain(body: dict[str, Any], rng: Random) -> str:
    """The honest model, which finds the documents to be of three domains in turn."""
    reply = honest_reply(body, rng)
    if schema_name(body) != "triage":
        return reply
    found = re.search(r"welcomed (\d+) visitors", render(body["messages"]))
    assert found is not None
    return json.dumps({**json.loads(reply), "domain": THREE[int(found[1]) % 3].label})


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with (
        simulator_process(quick(reply=reply_by_domain)) as endpoint,
        dagster_on(tmp_path, endpoint, {"WSRL_PERSONAS": "1"}) as live,
    ):
        yield live


def test_a_domain_that_failed_in_a_backfill_is_retried_alone(live: Live) -> None:
    for domain in THREE:
        plant_domain(live.store, [f"{text} {domain}" for text in documents(5)], domain)
    held = THREE[1]
    with live.store.exclusive_run(Partition.domain(held)):
        first = backfill(live, CHAIN, [str(domain) for domain in THREE])
        assert ended_backfill(live, first) == "COMPLETED_FAILED"
    runs = runs_of(live, first)
    assert {key: run.status for key, run in runs.items()} == {
        str(domain): FAILURE if domain is held else SUCCESS for domain in THREE
    }
    assert "is being worked on by another run" in why(live, runs[str(held)].run_id)
    before = len(ledger(live.store))
    assert before == live.endpoint.stats().requests_received

    second = retry_failed(live, first)
    assert ended_backfill(live, second) == "COMPLETED_SUCCESS"
    again = runs_of(live, second)
    assert {key: run.status for key, run in again.items()} == {str(held): SUCCESS}
    made = live.endpoint.stats().requests_received - before
    assert made == len(calls_of(live, again[str(held)].run_id)) > 0
    assert made * 3 == before + made  # a third of all calls: the other two domains made none
    # By itself the daemon has not begun the failed one again.
    assert len(live.runs(tags={"dagster/backfill": first})) == len(THREE)
    passed = {str(domain): CheckStatus.SUCCEEDED for domain in THREE}
    assert check_statuses(live, "verified_pairs", ACCOUNTING) == passed


def check_statuses(live: Live, asset: str, check: str) -> dict[str | None, CheckStatus]:
    """The latest result of a check by partition."""
    key = dg.AssetCheckKey(dg.AssetKey(asset), check)
    with dg.DagsterInstance.from_config(live.environment["DAGSTER_HOME"]) as instance:
        found = instance.event_log_storage.get_asset_check_partition_info([key])
    return {info.partition_key: info.latest_execution_status for info in found}


@pytest.mark.slow
def test_everything_twice_by_a_backfill_costs_no_call_the_second_time(
    live: Live, tmp_path: Path
) -> None:
    (shard,) = register(live.store, write_documents(tmp_path / "documents.jsonl", 0, 12))
    with dg.DagsterInstance.from_config(live.environment["DAGSTER_HOME"]) as instance:
        register_partitions(instance, [shard.key])
    assert ended_backfill(live, backfill(live, EVERYTHING)) == "COMPLETED_SUCCESS"
    paid = live.endpoint.stats().requests_received
    release = current_release(live.store)
    assert read_release(release).height == 12
    assert all(account.balanced and not account.pending for account in balances(live.store))

    second = backfill(live, EVERYTHING)
    assert ended_backfill(live, second) == "COMPLETED_SUCCESS"
    assert {run.status for run in runs_of(live, second).values()} == {SUCCESS}
    assert {str(domain) for domain in Domain} <= set(runs_of(live, second))
    assert live.endpoint.stats().requests_received == paid == len(ledger(live.store))
    assert current_release(live.store) == release
