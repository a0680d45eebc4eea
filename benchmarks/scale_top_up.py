"""A top-up of 200 documents of a home of any size, for `benchmarks.scale`.

New documents are ingested, and `wsrl run` works on them against a simulated server, up to the
final splits. Processor seconds and peak memory are those of the command's process, looked at
when the server gets the first call, when it gets the first call of a question (a document's
personas), and at the end.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.engine_corpus import articles
from benchmarks.engine_model import reply
from simulator import SimulatorSettings, simulator_process

DOCUMENTS = 200
PARTS = ("ingest", "to the first call", "to the first question's call", "whole run")
_MARKS = "BENCHMARK_MARKS"
_MOMENTS = {"triage": PARTS[1], "personas": PARTS[2]}
_LOOK_EVERY_S = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has taken so far: processor seconds, and its peak memory in MiB."""

    cpu_s: float
    peak_mib: float


def top_up(home: Path) -> dict[str, Usage]:
    """Adds `DOCUMENTS` new documents to a home and brings it up to date; the costs by `PARTS`."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / "new.jsonl"
        new = articles(DOCUMENTS, seed=time.time_ns() % 2**31)
        path.write_text("".join(json.dumps({"text": a.text}) + "\n" for a in new), "utf-8")
        dagster_home = folder / "dagster"
        environment = {**os.environ, "WSRL_HOME": str(home), "DAGSTER_HOME": str(dagster_home)}
        found = _watched(["ingest", str(path)], environment, folder, {})
        usage = {PARTS[0]: found["end"]}
        os.environ[_MARKS] = str(folder)
        fast = SimulatorSettings(
            slots=64, prefill_tokens_per_s=1e7, decode_tokens_per_s=1e6, reply=noting_reply
        )
        with simulator_process(fast) as server:
            environment |= {"WSRL_LLM_BASE_URL": server.base_url, "WSRL_LLM_MODEL": "simulated"}
            found = _watched(["run", "--to", "final_splits"], environment, folder, _MOMENTS)
    usage |= {name: found[mark] for mark, name in _MOMENTS.items()}
    return usage | {PARTS[3]: found["end"]}


def noting_reply(body: dict[str, Any], rng: Random) -> str:
    """The reply of `engine_model`; leaves a file named by each schema that was asked for."""
    mark = Path(os.environ[_MARKS], body["response_format"]["json_schema"]["name"])
    if not mark.exists():
        mark.touch()
    return reply(body, rng)


def _watched(
    command: list[str], environment: dict[str, str], marks: Path, moments: Mapping[str, str]
) -> dict[str, Usage]:
    """What a command of `wsrl` had taken when each mark appeared, and at its `end`."""
    full = [sys.executable, "-m", "wsrl_assets.cli", *command]
    process = subprocess.Popen(full, env=environment, stdout=subprocess.DEVNULL)
    found: dict[str, Usage] = {}
    last = Usage(0.0, 0.0)
    while (ended := os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is None:
        last = _usage(process.pid) or last
        for mark in moments.keys() - found.keys():
            if (marks / mark).exists():
                found[mark] = last
        time.sleep(_LOOK_EVERY_S)
    _, _, spent = os.wait4(process.pid, 0)
    if ended.si_status:
        raise RuntimeError(f"wsrl {command[0]} ended with {ended.si_status}")
    found["end"] = Usage(spent.ru_utime + spent.ru_stime, spent.ru_maxrss / 1024)
    return found


def _usage(pid: int) -> Usage | None:
    """None of a process that is ending."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()
        status = Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return None
    peak = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    ticks = int(fields[11]) + int(fields[12])
    return Usage(ticks / _TICKS, int(peak[0]) / 1024) if peak else None
