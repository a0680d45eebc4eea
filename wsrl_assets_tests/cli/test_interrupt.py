"""Ctrl-C and SIGTERM stop `wsrl run`: the real command, at a terminal, with Polars loaded."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.engine_corpus import articles
from simulator import SimulatorProcess, SimulatorSettings, simulator_process
from wsrl_assets.storage import Store
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets_tests.factories import balances

pytestmark = pytest.mark.timing

NO_NEW_CALLS_AFTER_S = 2.0
STOPS_WITHIN_S = 12.0
# A few calls a second, so that nothing here is done before it is stopped.
SLOW = SimulatorSettings(slots=8, decode_tokens_per_s=200.0)


def corpus(folder: Path, shards: int) -> list[str]:
    paths = []
    for shard in range(shards):
        path = folder / f"articles-{shard}.jsonl"
        found = articles(60, seed=shard)
        path.write_text("".join(json.dumps({"text": a.text}) + "\n" for a in found), "utf-8")
        paths.append(str(path))
    return paths


class Terminal:
    """`wsrl` at a pseudo-terminal of its own."""

    def __init__(self, home: Path, base_url: str, *arguments: str) -> None:
        ours, theirs = pty.openpty()
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("WSRL_", "DAGSTER_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wsrl_assets.cli", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**clean, "WSRL_HOME": str(home), "WSRL_LLM_BASE_URL": base_url, "COLUMNS": "200"},
            start_new_session=True,
        )
        os.close(theirs)
        self._output = bytearray()
        self._reader = threading.Thread(target=self._read, args=(ours,), daemon=True)
        self._reader.start()

    def _read(self, ours: int) -> None:
        try:
            while piece := os.read(ours, 65536):
                self._output += piece
        except OSError:  # the other end is closed
            pass

    @property
    def text(self) -> str:
        return self._output.decode("utf-8", "replace")

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(STOPS_WITHIN_S)
        self._reader.join(5)
        return code


@contextmanager
def running(home: Path, base_url: str, *arguments: str) -> Iterator[Terminal]:
    terminal = Terminal(home, base_url, *arguments)
    try:
        yield terminal
    finally:
        terminal.process.kill()
        terminal.process.wait()


def wait_for_calls(server: SimulatorProcess, terminal: Terminal, calls: int) -> None:
    for _ in range(900):
        if server.stats().requests_completed >= calls:
            return
        assert terminal.process.poll() is None, terminal.text
        time.sleep(0.1)
    raise AssertionError(f"too few calls: {terminal.text}")


@pytest.mark.parametrize("shards", [1, 5])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_makes_no_more_calls_and_says_what_is_kept(
    tmp_path: Path, number: signal.Signals, shards: int
) -> None:
    home = tmp_path / "home"
    with simulator_process(SLOW) as server:
        with running(home, server.base_url, "ingest", *corpus(tmp_path, shards)) as ingest:
            assert ingest.process.wait(60) == 0, ingest.text
        with running(home, server.base_url, "run") as terminal:
            wait_for_calls(server, terminal, 20)
            code = terminal.stop(number)
        received = server.stats().requests_received
        time.sleep(NO_NEW_CALLS_AFTER_S)
        assert server.stats().requests_received == received
        assert code == 130, terminal.text
        assert "stopping: replies that come back within 10 s are kept" in terminal.text
        assert "interrupted; rows of this run that are kept: " in terminal.text
        assert "triaged_documents" in terminal.text.split("kept: ")[-1]
        assert "Traceback" not in terminal.text
        kept = {a.stage: a for a in balances(Store(home)) if a.stage == Stage.TRIAGED_DOCUMENTS}
        assert kept
