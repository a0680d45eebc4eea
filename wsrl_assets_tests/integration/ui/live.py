"""Dagster's webserver and daemon on a home of their own, with a simulated endpoint."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg

from simulator import SimulatorProcess, SimulatorSettings, simulator_process
from wsrl_assets.orchestration.runs import dagster_home
from wsrl_assets.storage import Store
from wsrl_assets_tests.factories import document_text, honest_reply

T = TypeVar("T")
INTERVAL_S = 2
_START_S = 120.0
_STOP_S = 20.0


@dataclass(frozen=True, slots=True)
class Live:
    """A running Dagster.

    Attributes:
        address: of the webserver.
        home: `WSRL_HOME`, with `dagster` in it.
        inbox: the folder that is watched.
        endpoint: the simulated server.
        log: what webserver and daemon print.
        environment: theirs, for commands beside them.
        processes: what was started, each the leader of a group.
    """

    address: str
    home: Path
    inbox: Path
    endpoint: SimulatorProcess
    log: Path
    environment: Mapping[str, str]
    processes: Sequence[subprocess.Popen[bytes]]

    @property
    def store(self) -> Store:
        return Store(self.home)

    def runs(self, **filters: Any) -> list[dg.DagsterRun]:
        """The runs so far, newest first."""
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            return list(instance.get_runs(dg.RunsFilter(**filters)))

    def ask(self, query: str, **variables: Any) -> Mapping[str, Any]:
        """The data of a GraphQL query, as the UI makes them."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.address}/graphql", body, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            found: dict[str, Any] = json.load(response)
        assert "errors" not in found, found
        data: dict[str, Any] = found["data"]
        return data

    def explain(self) -> str:
        """The end of the log, for a test that fails."""
        return self.log.read_text()[-4000:]

    def kill(self) -> None:
        """SIGKILL to all of it at once, runs too, as when a machine loses its power."""
        for process in self.processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def live_dagster(folder: Path, **environment: str) -> Iterator[Live]:
    """`dagster dev`, as `make ui` starts it, for the time of the block."""
    with (
        simulator_process(
            SimulatorSettings(slots=16, reply=honest_reply, decode_tokens_per_s=5000.0)
        ) as endpoint,
        dagster_on(folder, endpoint, environment) as live,
    ):
        yield live


def dev_command(port: int) -> Sequence[Sequence[str]]:
    """What `make ui` starts."""
    command = [sys.executable, "-m", "dagster", "dev", "-m", "wsrl_assets.definitions"]
    return [[*command, "--host", "127.0.0.1", "--port", str(port)]]


@contextmanager
def dagster_on(
    folder: Path,
    endpoint: SimulatorProcess,
    environment: Mapping[str, str],
    commands: Callable[[int], Sequence[Sequence[str]]] = dev_command,
) -> Iterator[Live]:
    """Dagster for the time of the block, on a home that may be there already.

    Args:
        folder: gets `home`, `inbox` and `dagster.log`.
        endpoint: the models.
        environment: over what all tests give.
        commands: the processes to start, by the webserver's port.
    """
    home, inbox = folder / "home", folder / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    given = {**_environment(home, endpoint), **environment}
    log = folder / "dagster.log"
    with log.open("ab") as output:
        processes = [
            subprocess.Popen(
                command,
                env=given,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            for command in commands(port)
        ]
        live = Live(f"http://127.0.0.1:{port}", home, inbox, endpoint, log, given, processes)
        try:
            until(lambda: _is_up(live), _START_S, live.explain)
            yield live
        finally:
            for process in processes:
                _stop(process)


def _environment(home: Path, endpoint: SimulatorProcess) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("WSRL_", "DAGSTER_"))}
    return {
        **clean,
        "DAGSTER_HOME": str(_dagster_home(home)),
        "WSRL_HOME": str(home),
        "WSRL_LLM_BASE_URL": endpoint.base_url,
        "WSRL_LLM_MODEL": "simulated",
        "WSRL_INBOX_INTERVAL_S": str(INTERVAL_S),
    }


def _dagster_home(home: Path) -> Path:
    before = os.environ.pop("DAGSTER_HOME", None)
    try:
        return dagster_home(home)
    finally:
        os.environ.pop("DAGSTER_HOME", None)
        if before is not None:
            os.environ["DAGSTER_HOME"] = before


def _is_up(live: Live) -> bool:
    try:
        data = live.ask(
            "{ workspaceOrError { __typename"
            " ... on Workspace { locationEntries { loadStatus } } } }"
        )
    except OSError:
        return False
    entries = data["workspaceOrError"]["locationEntries"]
    return bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(find: Callable[[], T], timeout_s: float, explain: Callable[[], str] = lambda: "") -> T:
    """Waits until something is found that counts as true, and fails if it does not come."""
    deadline = time.monotonic() + timeout_s
    while not (found := find()):
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s in vain. {explain()}"
        time.sleep(0.5)
    return found


def write_documents(path: Path, first: int, count: int) -> Path:
    """A JSON-lines file of documents that the simulated model reads rightly."""
    rows = [{"text": document_text(number)} for number in range(first, first + count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@contextmanager
def serving_explore(home: Path) -> Iterator[str]:
    """`wsrl explore` on a home, as a user starts it; gives its address."""
    command = [sys.executable, "-c", "from wsrl_assets.cli import main; main()", "explore"]
    environment = {**os.environ, "WSRL_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*command, "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment
    ) as server:
        assert server.stdout is not None
        found = re.match(r"(http://127\.0\.0\.1:\d+)/", server.stdout.readline())
        assert found is not None
        try:
            yield found[1]
        finally:
            server.terminate()
