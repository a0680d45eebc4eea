"""The chain with a process a step, as a command of its own. It imports everything twice."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from simulator import SimulatorSettings, simulator_process
from wsrl_assets.sources.ingest import register
from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.accounting import accounts
from wsrl_assets.taxonomy.wanted import Wanted
from wsrl_assets_tests.orchestration.test_definitions import reply, shard, use_endpoint


def test_steps_run_in_processes_of_their_own_if_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulator_process(SimulatorSettings(slots=8, reply=reply)) as simulator:
        use_endpoint(monkeypatch, tmp_path, simulator.base_url)
        monkeypatch.setenv("WSRL_EXECUTOR", "multiprocess")
        store = Store(tmp_path / "home")
        register(store, shard(tmp_path))
        # A command of its own: the fork server outlives a run, with the settings it began with.
        code = "from wsrl_assets.cli import main; main()"
        command = [sys.executable, "-c", code, "run", "--to", "verified_pairs"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with catalog(store) as connection:
        found = accounts(connection, Wanted(("cloze",)))
    assert {a.pending for a in found if a.stage == "verified_pairs"} == {0}
    assert sum(a.kept for a in found if a.stage == "verified_pairs") > 0
    with dg.DagsterInstance.get() as instance:
        started = [
            entry.get_dagster_event().engine_event_data.metadata["pid"].value
            for run in instance.get_runs()
            for entry in instance.all_logs(run.run_id, dg.DagsterEventType.STEP_WORKER_STARTED)
        ]
    steps = 6  # two of the shard, two libraries, two of the domain
    assert len(set(started)) == len(started) == steps
