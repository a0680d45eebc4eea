"""Whether the process of a run still lives, as run monitoring asks it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.tags import WILL_RETRY_TAG

from wsrl_assets.orchestration.launcher import LocalRunLauncher, process_lives
from wsrl_assets.orchestration.runs import dagster_home


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """Of the `dagster.yaml` that everybody gets."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    with dg.DagsterInstance.from_config(str(dagster_home(tmp_path))) as instance:
        yield instance


@dg.asset
def nothing() -> None:
    """An asset."""


def health(instance: dg.DagsterInstance, run: dg.DagsterRun) -> WorkerStatus:
    return instance.run_launcher.check_run_worker_health(run).status


def test_dagster_yaml_names_a_launcher_that_run_monitoring_can_ask(
    instance: dg.DagsterInstance,
) -> None:
    assert isinstance(instance.run_launcher, LocalRunLauncher)
    assert instance.run_launcher.supports_check_run_worker_health
    assert instance.run_monitoring_enabled


def test_only_runs_that_died_are_begun_again(instance: dg.DagsterInstance) -> None:
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 2
    assert not instance.run_retries_retry_on_asset_or_op_failure


def test_a_run_in_this_process_lives(instance: dg.DagsterInstance) -> None:
    result = dg.materialize([nothing], instance=instance)
    assert health(instance, result.dagster_run) is WorkerStatus.RUNNING


def test_a_run_that_has_not_named_its_process_counts_as_alive(
    instance: dg.DagsterInstance,
) -> None:
    run = instance.create_run_for_job(
        dg.Definitions([nothing]).resolve_implicit_global_asset_job_def()
    )
    assert health(instance, run) is WorkerStatus.RUNNING


SCRIPT = """
import os
import sys
import dagster as dg

@dg.asset
def ends(context: dg.AssetExecutionContext) -> None:
    print(context.run.run_id, flush=True)
    if "killed" in sys.argv:
        os._exit(9)

with dg.DagsterInstance.from_config(os.environ["DAGSTER_HOME"]) as instance:
    dg.materialize([ends], instance=instance)
"""


def run_elsewhere(instance: dg.DagsterInstance, *arguments: str) -> dg.DagsterRun:
    """A run whose process is over."""
    command = [sys.executable, "-c", SCRIPT, *arguments]
    run_id = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run


def test_a_run_whose_process_has_ended_does_not_live(instance: dg.DagsterInstance) -> None:
    assert health(instance, run_elsewhere(instance)) is WorkerStatus.NOT_FOUND


@pytest.mark.parametrize(("arguments", "expected"), [(["killed"], "true"), ([], None)])
def test_a_run_is_marked_for_a_retry_before_it_is_failed(
    instance: dg.DagsterInstance, arguments: Sequence[str], expected: str | None
) -> None:
    """Else a backfill that looks between the failure and the mark ends, and nothing is retried."""
    run = run_elsewhere(instance, *arguments)
    assert run.is_finished is (expected is None)
    health(instance, run)
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.tags.get(WILL_RETRY_TAG) == expected


def test_a_later_process_of_the_same_number_is_another_one() -> None:
    assert process_lives(os.getpid(), time.time())
    assert not process_lives(os.getpid(), time.time() - 10 * 24 * 3600)


def test_a_process_that_nobody_has_waited_for_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not process_lives(process.pid, time.time())
