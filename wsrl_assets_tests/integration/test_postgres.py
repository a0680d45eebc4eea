"""What deploy/ says is started as it says: Dagster on a real Postgres, by the systemd commands."""

import configparser
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import psycopg2
import pytest

from simulator import simulator_process
from wsrl_assets.storage.tables import VerifiedPair
from wsrl_assets_tests.factories import DOMAIN, IN_DOMAIN, documents, plant_domain, quick, rows
from wsrl_assets_tests.integration.postgres import missing, postgres
from wsrl_assets_tests.integration.ui.live import Live, dagster_on, until
from wsrl_assets_tests.integration.ui.orders import (
    PATIENCE_S,
    calls_of,
    ended,
    launch,
    needed,
    run,
    stop,
)

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
PASSWORD = "seen/nowhere%"
ASSETS = ("personas", "qa_drafts", "verified_pairs")
DOCUMENTS = 60
_Event = dg.DagsterEventType


def systemd_commands(port: int) -> Sequence[Sequence[str]]:
    """`ExecStart` of the units, with the paths and the port of this test."""
    return [
        [_here(word, port) for word in shlex.split(_exec_start(DEPLOY / "systemd" / unit))]
        for unit in ("wsrl-webserver.service", "wsrl-daemon.service")
    ]


def _exec_start(unit: Path) -> str:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(unit)
    return parser["Service"]["ExecStart"]


def _here(word: str, port: int) -> str:
    if word.startswith("/opt/wsrl-assets/.venv/bin/"):
        return str(Path(sys.executable).parent / Path(word).name)
    return {"workspace.yaml": str(REPOSITORY / word), "3000": str(port)}.get(word, word)


@pytest.fixture(scope="module")
def server() -> Iterator[Mapping[str, str]]:
    with postgres(PASSWORD) as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)  # for the instances that this process opens
        yield environment


@pytest.fixture(scope="module")
def live(server: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    dagster_home = folder / "home" / "dagster"
    dagster_home.mkdir(parents=True)
    shutil.copy(DEPLOY / "dagster-postgres.yaml", dagster_home / "dagster.yaml")
    given = {**server, "WSRL_PERSONAS": "1", "PYTHONPATH": str(REPOSITORY)}
    slow = quick(slots=4, decode_tokens_per_s=200.0)
    with (
        simulator_process(slow) as endpoint,
        dagster_on(folder, endpoint, given, systemd_commands) as live,
    ):
        plant_domain(live.store, documents(DOCUMENTS))
        yield live


def select(query: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Rows of the database, asked past Dagster."""
    connection = psycopg2.connect("")
    try:
        with connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return list(cursor.fetchall())
    finally:
        connection.close()


def test_a_run_can_be_stopped_and_the_next_one_goes_on(live: Live) -> None:
    """Webserver and daemon are two services: the one must reach the other's runs."""
    stopped = launch(live, str(DOMAIN), ASSETS)
    until(lambda: calls_of(live, stopped), PATIENCE_S, live.explain)
    stop(live, stopped)
    assert ended(live, stopped).status is dg.DagsterRunStatus.CANCELED
    assert "CANCELED" in dict(select("SELECT run_id, status FROM runs"))[stopped]

    second = launch(live, str(DOMAIN), ASSETS)
    assert ended(live, second).status is dg.DagsterRunStatus.SUCCESS
    assert len(rows(live.store, VerifiedPair, IN_DOMAIN)) == DOCUMENTS
    assert 0 < len(calls_of(live, second)) < needed(live)


def test_runs_and_events_are_in_postgres_and_nowhere_else(live: Live) -> None:
    done = launch(live, str(DOMAIN), ASSETS)
    assert ended(live, done).status is dg.DagsterRunStatus.SUCCESS
    assert run(live, done).run_id == done
    assert select("SELECT status FROM runs WHERE run_id = %s", done) == [("SUCCESS",)]
    told = "SELECT count(*) FROM event_logs WHERE run_id = %s AND dagster_event_type = %s"
    assert select(told, done, _Event.ASSET_MATERIALIZATION.value) == [(len(ASSETS),)]
    assert select(told, done, _Event.RUN_SUCCESS.value) == [(1,)]
    assert select("SELECT count(*) FROM daemon_heartbeats WHERE daemon_id IS NOT NULL") != [(0,)]
    home = Path(live.environment["DAGSTER_HOME"])
    assert [path for path in home.rglob("*") if path.suffix == ".db"] == []


def test_the_password_is_in_no_file_and_on_no_command_line(live: Live) -> None:
    home = Path(live.environment["DAGSTER_HOME"])
    files = [path for path in [*home.rglob("*"), live.log] if path.is_file()]
    assert any(path.name == "dagster.yaml" for path in files)
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []
    leaders = [psutil.Process(process.pid) for process in live.processes]
    family = [*leaders, *(child for leader in leaders for child in leader.children(True))]
    assert len(family) > len(leaders)
    assert [p.pid for p in family if PASSWORD in " ".join(p.cmdline())] == []


def test_webserver_listens_on_loopback_alone(live: Live) -> None:
    port = int(live.address.rpartition(":")[2])
    webserver = psutil.Process(live.processes[0].pid)
    listening = [c.laddr for c in webserver.net_connections("tcp") if c.status == "LISTEN"]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", port)]
