"""What a person orders in the Dagster UI, by the GraphQL that the UI itself sends."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from wsrl_assets.orchestration.automation import ADVANCE_DOMAIN, DOMAIN_ASSETS
from wsrl_assets.storage.tables import LLMCall
from wsrl_assets_tests.factories import ledger
from wsrl_assets_tests.integration.ui.live import Live, until

# Runs begin as processes of their own, on a machine that does other things.
PATIENCE_S = 240.0
# A dozen such, two or three at a time.
BACKFILL_PATIENCE_S = 900.0
_LOCATION = """{ repositoriesOrError { ... on RepositoryConnection {
  nodes { name location { name } } } } }"""
_LAUNCH = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_BACKFILL = """mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_AGAIN = """mutation ($params: ReexecutionParams!) {
  reexecutePartitionBackfill(reexecutionParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_STOP = """mutation ($id: String!) { terminateRun(runId: $id) {
  __typename ... on TerminateRunFailure { message } } }"""
_STATE = """query ($id: String!) { partitionBackfillOrError(backfillId: $id) {
  __typename ... on PartitionBackfill { status error { message } } } }"""


def launch(live: Live, domain: str, assets: Sequence[str] = DOMAIN_ASSETS) -> str:
    """Launches assets of `advance_domain` for a domain; returns the run's id."""
    selection = [{"path": [asset]} for asset in assets]
    tags = [{"key": "dagster/partition", "value": domain}]
    return _launch(live, {"jobName": ADVANCE_DOMAIN, "assetSelection": selection}, tags)


def launch_job(live: Live, job: str) -> str:
    """Launches a job as it is; returns the run's id."""
    return _launch(live, {"jobName": job}, [])


def _launch(live: Live, selector: Mapping[str, Any], tags: Sequence[Mapping[str, str]]) -> str:
    (repository,) = live.ask(_LOCATION)["repositoriesOrError"]["nodes"]
    params = {
        "selector": {
            "repositoryName": repository["name"],
            "repositoryLocationName": repository["location"]["name"],
            **selector,
        },
        "runConfigData": {},
        "executionMetadata": {"tags": tags},
    }
    answer = live.ask(_LAUNCH, params=params)["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


def backfill(live: Live, assets: Sequence[str], partitions: Sequence[str] | None = None) -> str:
    """Launches a backfill of assets, of all their partitions if none are named; returns its id."""
    params: dict[str, Any] = {"assetSelection": [{"path": [asset]} for asset in assets]}
    if partitions is None:
        params["allPartitions"] = True
    else:
        params["partitionNames"] = list(partitions)
    return _backfill_id(live.ask(_BACKFILL, params=params)["launchPartitionBackfill"])


def retry_failed(live: Live, backfill_id: str) -> str:
    """The UI's "retry from failure" of a backfill; returns the id of the new one."""
    params = {"parentRunId": backfill_id, "strategy": "FROM_FAILURE"}
    return _backfill_id(live.ask(_AGAIN, params=params)["reexecutePartitionBackfill"])


def _backfill_id(answer: Mapping[str, Any]) -> str:
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    return str(answer["backfillId"])


def ended_backfill(live: Live, backfill_id: str) -> str:
    """Waits for the end of a backfill; returns the status it came to."""

    def status() -> str | None:
        found = live.ask(_STATE, id=backfill_id)["partitionBackfillOrError"]
        over = found["status"] in ("COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED")
        return str(found["status"]) if over else None

    return str(until(status, BACKFILL_PATIENCE_S, live.explain))


def runs_of(live: Live, backfill_id: str) -> dict[str | None, dg.DagsterRun]:
    """The newest run of each partition in a backfill."""
    newest_first = live.runs(tags={"dagster/backfill": backfill_id})
    return {run.tags.get("dagster/partition"): run for run in reversed(newest_first)}


def stop(live: Live, run_id: str) -> None:
    """The UI's "terminate"."""
    answer = live.ask(_STOP, id=run_id)["terminateRun"]
    assert answer["__typename"] == "TerminateRunSuccess", answer


def run(live: Live, run_id: str) -> dg.DagsterRun:
    """A run as it stands now."""
    return live.runs(run_ids=[run_id])[0]


def ended(live: Live, run_id: str) -> dg.DagsterRun:
    """Waits for the end of a run, however it ends."""
    until(lambda: run(live, run_id).is_finished, PATIENCE_S, live.explain)
    return run(live, run_id)


def why(live: Live, run_id: str) -> str:
    """What the failed step of a run said."""
    with dg.DagsterInstance.from_config(live.environment["DAGSTER_HOME"]) as instance:
        logs = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    events = [entry.dagster_event for entry in logs]
    reasons = [event.step_failure_data.user_failure_data for event in events if event is not None]
    return " ".join(reason.description or "" for reason in reasons if reason is not None)


def calls_of(live: Live, run_id: str) -> list[LLMCall]:
    """The calls that a run paid for."""
    return [call for call in ledger(live.store) if call.run_id == run_id]


def needed(live: Live) -> int:
    """How many calls the rows need, each counted once, though several runs made it."""
    return len({(call.stage, call.step, call.row_id) for call in ledger(live.store)})
