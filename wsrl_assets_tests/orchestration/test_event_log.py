"""Dagster's events over connections that stay open."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import Engine, event

from wsrl_assets.orchestration import event_log
from wsrl_assets.orchestration.event_log import event_log_kept_open


@dg.asset(check_specs=[dg.AssetCheckSpec("fine", asset="counted")])
def counted() -> dg.MaterializeResult:  # type: ignore[type-arg]
    return dg.MaterializeResult(
        metadata={"rows": 3}, check_results=[dg.AssetCheckResult(passed=True)]
    )


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened


@pytest.fixture
def connected(instance: dg.DagsterInstance) -> Iterator[Counter[str]]:
    """Connections that were made to each file of events."""
    made: Counter[str] = Counter()

    def count(connection: sqlite3.Connection, record: object) -> None:
        ((_, _, path),) = connection.execute("PRAGMA database_list").fetchall()
        made[Path(path).stem] += 1

    event.listen(Engine, "connect", count)
    yield made
    event.remove(Engine, "connect", count)


def run(instance: dg.DagsterInstance) -> str:
    """A run of the asset; its id."""
    result = dg.materialize([counted], instance=instance)
    assert result.success
    return result.run_id


def test_the_file_of_a_run_is_not_opened_for_each_event(
    instance: dg.DagsterInstance, connected: Counter[str]
) -> None:
    with event_log_kept_open(instance):
        kept = connected[run(instance)]
    apart = connected[run(instance)]
    assert kept == 1
    assert apart > 5 * kept


def test_the_file_of_a_run_is_as_dagster_makes_it(instance: dg.DagsterInstance) -> None:
    with event_log_kept_open(instance):
        ours = run(instance)
    dagsters = run(instance)
    folder = next(Path(instance.root_directory).rglob(f"{ours}.db")).parent
    assert made(folder / f"{ours}.db") == made(folder / f"{dagsters}.db")
    assert not list(folder.glob("*.new"))


def made(path: Path) -> list[tuple[str, ...]]:
    """What a file of events was made with: its tables, the last migration, how it is written."""
    with sqlite3.connect(path) as connection:
        return [
            *connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name"),
            *connection.execute("SELECT version_num FROM alembic_version"),
            *connection.execute("PRAGMA journal_mode"),
        ]


def test_another_process_sees_the_events_at_once(instance: dg.DagsterInstance) -> None:
    with event_log_kept_open(instance):
        run_id = run(instance)
        with dg.DagsterInstance.from_config(instance.root_directory) as other:
            written = other.get_latest_materialization_event(dg.AssetKey("counted"))
            ended = [entry.dagster_event_type for entry in other.all_logs(run_id)]
    assert written is not None
    assert written.run_id == run_id
    assert dg.DagsterEventType.RUN_SUCCESS in ended


def test_few_files_are_open_and_none_at_the_end(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite removes the write-ahead log of a file as its last connection closes."""
    monkeypatch.setattr(event_log, "_FILES", 2)
    with event_log_kept_open(instance):
        runs = [run(instance) for _ in range(3)]
        folder = next(Path(instance.root_directory).rglob(f"{runs[0]}.db")).parent
        assert len(list(folder.glob("*.db-wal"))) == 2
    assert list(folder.glob("*.db-wal")) == []
    assert {path.stem for path in folder.glob("*.db")} == {*runs, "index"}
