"""A simulated server in a process of its own, so that client and server CPU are counted apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .settings import SimulatorSettings, settings_to_json
from .stats import SimulatorStats

_REPOSITORY = Path(__file__).parents[1]
_STOP_TIMEOUT_S = 10.0
_REQUEST_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class SimulatorProcess:
    """A server process that is up.

    Attributes:
        base_url: What an OpenAI client takes.
        server_url: The root, for /health, /metrics, /tokenize and /stats.
        pid: Of the server.
    """

    base_url: str
    server_url: str
    pid: int

    def stats(self) -> SimulatorStats:
        """GET /stats."""
        with urllib.request.urlopen(f"{self.server_url}/stats", timeout=_REQUEST_TIMEOUT_S) as got:
            return SimulatorStats.from_dict(json.load(got))

    def reset_stats(self) -> None:
        """POST /stats/reset."""
        request = urllib.request.Request(f"{self.server_url}/stats/reset", method="POST")
        urllib.request.urlopen(request, timeout=_REQUEST_TIMEOUT_S).close()


@contextmanager
def simulator_process(settings: SimulatorSettings | None = None) -> Iterator[SimulatorProcess]:
    """A server process for the time of the block. It ends with this process, too, however that
    ends: the server leaves when its standard input closes.

    The settings travel through that input and not by the command line, which any user of the
    machine can read, since they may hold an API key.
    """
    command = [sys.executable, "-m", __package__ or "", "--settings-from-stdin"]
    paths = [str(_REPOSITORY), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        try:
            yield _greet(process, settings or SimulatorSettings())
        finally:
            _stop(process)


def _greet(process: subprocess.Popen[bytes], settings: SimulatorSettings) -> SimulatorProcess:
    """Hands over the settings and waits for the line that says where the server is."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the server process needs pipes for its input and output")
    process.stdin.write(settings_to_json(settings).encode() + b"\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        code = process.wait()
        raise RuntimeError(f"the simulator ended with code {code} before it was ready; see above")
    return SimulatorProcess(**json.loads(line))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
