"""A run whose process dies is begun again by the daemon, and goes on where it stopped."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from simulator import SimulatorProcess, simulator_process
from wsrl_assets.orchestration.launcher import LocalRunLauncher
from wsrl_assets.orchestration.top_up import LEFT_OUT_TAG, TOP_UP
from wsrl_assets.release.dataset import current_release, read_release
from wsrl_assets.sources.ingest import register
from wsrl_assets.storage import Store
from wsrl_assets.storage.tables import VerifiedPair
from wsrl_assets.storage.writer import COMMIT_S
from wsrl_assets_tests.factories import DOMAIN, IN_DOMAIN, documents, ledger, plant_domain, quick
from wsrl_assets_tests.factories import rows as rows_in
from wsrl_assets_tests.integration.ui.live import Live, dagster_on, until, write_documents
from wsrl_assets_tests.integration.ui.orders import (
    PATIENCE_S,
    backfill,
    calls_of,
    ended,
    launch_job,
    needed,
    run,
    stop,
)

DOCUMENTS = 60
IN_FLIGHT = 4
SLOW = quick(slots=IN_FLIGHT, decode_tokens_per_s=200.0)
ASSETS = ("personas", "qa_drafts", "verified_pairs")
# A commit is late where the machine does other things.
SLACK_S = 2.0
ENVIRONMENT = {"WSRL_PERSONAS": "1", "WSRL_MAX_IN_FLIGHT": str(IN_FLIGHT)}


@pytest.fixture
def endpoint() -> Iterator[SimulatorProcess]:
    with simulator_process(SLOW) as endpoint:
        yield endpoint


@dataclass(frozen=True)
class Begun:
    """A run that has committed something, and has more to do.

    Attributes:
        run: itself.
        calls_per_s: how fast it went.
    """

    run: dg.DagsterRun
    calls_per_s: float


def begun(live: Live) -> Begun:
    until(lambda: len(ledger(live.store)) > 2 * IN_FLIGHT, PATIENCE_S, live.explain)
    (run,) = live.runs()
    assert not run.is_finished, "the run was over before it could be disturbed"
    stats = live.endpoint.stats()
    return Begun(run, stats.requests_received / stats.wall_s)


def process_of(live: Live, run: dg.DagsterRun) -> int:
    with dg.DagsterInstance.from_config(live.environment["DAGSTER_HOME"]) as instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, LocalRunLauncher)
        named = launcher.named_process(run.run_id)
    assert named is not None
    return named[0]


def assert_healed(live: Live, before: Begun) -> None:
    """The run was begun again once; every row is there, and only what was under way paid twice."""
    until(lambda: len(live.runs()) == 2, PATIENCE_S, live.explain)
    until(lambda: all(one.is_finished for one in live.runs()), PATIENCE_S, live.explain)
    again, died = live.runs()
    assert (died.run_id, died.status) == (before.run.run_id, dg.DagsterRunStatus.FAILURE)
    assert (again.parent_run_id, again.status) == (died.run_id, dg.DagsterRunStatus.SUCCESS)
    assert again.tags["dagster/partition"] == str(DOMAIN)
    found = rows_in(live.store, VerifiedPair, IN_DOMAIN)
    assert [row.status for row in found] == ["kept"] * DOCUMENTS
    once = needed(live)
    assert 0 < len(calls_of(live, again.run_id)) < once
    repeated = live.endpoint.stats().requests_received - once
    print(f"{once} calls needed, {repeated} made twice, {before.calls_per_s:.0f} a second")
    assert repeated <= IN_FLIGHT + before.calls_per_s * (COMMIT_S + SLACK_S)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_whose_process_is_killed_is_begun_again(
    tmp_path: Path, endpoint: SimulatorProcess, number: signal.Signals
) -> None:
    """SIGKILL as by the kernel out of memory, SIGTERM as by systemd when it stops a unit."""
    plant_domain(Store(tmp_path / "home"), documents(DOCUMENTS))
    with dagster_on(tmp_path, endpoint, ENVIRONMENT) as live:
        backfill(live, ASSETS, [str(DOMAIN)])
        before = begun(live)
        os.kill(process_of(live, before.run), number)
        assert_healed(live, before)


def test_a_run_that_died_with_its_machine_is_begun_again(
    tmp_path: Path, endpoint: SimulatorProcess
) -> None:
    """Nobody was left to say so: the daemon finds that its process is gone."""
    plant_domain(Store(tmp_path / "home"), documents(DOCUMENTS))
    with dagster_on(tmp_path, endpoint, ENVIRONMENT) as live:
        backfill(live, ASSETS, [str(DOMAIN)])
        before = begun(live)
        live.kill()
    with dagster_on(tmp_path, endpoint, ENVIRONMENT) as live:
        assert_healed(live, before)


def top_up_begun(live: Live) -> tuple[str, float]:
    """A top-up of a corpus that has committed replies, and has more to do.

    Returns:
        Its run's id, and how many calls it may make twice if it ends now.
    """
    register(live.store, write_documents(live.home.parent / "corpus.jsonl", 0, DOCUMENTS))
    started = launch_job(live, TOP_UP)
    until(lambda: len(ledger(live.store)) > DOCUMENTS + IN_FLIGHT, PATIENCE_S, live.explain)
    assert not run(live, started).is_finished, "the run was over before it could be disturbed"
    stats = live.endpoint.stats()
    calls_per_s = stats.requests_received / stats.wall_s
    return started, IN_FLIGHT + calls_per_s * (COMMIT_S + SLACK_S)


def repeated(live: Live) -> int:
    """Calls that were made twice."""
    return live.endpoint.stats().requests_received - needed(live)


def test_a_top_up_whose_process_is_killed_is_begun_again_as_a_whole(
    tmp_path: Path, endpoint: SimulatorProcess
) -> None:
    with dagster_on(tmp_path, endpoint, ENVIRONMENT) as live:
        killed, may_repeat = top_up_begun(live)
        os.kill(process_of(live, run(live, killed)), signal.SIGKILL)
        until(lambda: len(live.runs(job_name=TOP_UP)) == 2, PATIENCE_S, live.explain)
        until(lambda: all(one.is_finished for one in live.runs()), PATIENCE_S, live.explain)
        again, died = live.runs(job_name=TOP_UP)
        assert (died.run_id, died.status) == (killed, dg.DagsterRunStatus.FAILURE)
        assert (again.parent_run_id, again.status) == (killed, dg.DagsterRunStatus.SUCCESS)
        assert LEFT_OUT_TAG not in again.tags
        assert read_release(current_release(live.store)).height > 0
        print(f"{needed(live)} calls needed, {repeated(live)} made twice")
        assert repeated(live) <= may_repeat


def test_a_top_up_that_somebody_terminates_stops_its_runs_and_goes_on_later(
    tmp_path: Path, endpoint: SimulatorProcess
) -> None:
    with dagster_on(tmp_path, endpoint, ENVIRONMENT) as live:
        first, may_repeat = top_up_begun(live)
        stop(live, first)
        assert ended(live, first).status is dg.DagsterRunStatus.CANCELED
        until(lambda: all(one.is_finished for one in live.runs()), PATIENCE_S, live.explain)
        assert ended(live, launch_job(live, TOP_UP)).status is dg.DagsterRunStatus.SUCCESS
        assert read_release(current_release(live.store)).height > 0
        print(f"{needed(live)} calls needed, {repeated(live)} made twice")
        assert repeated(live) <= may_repeat
