"""A run over many documents, from files to a release: `python -m benchmarks.large_run`.

Made-up articles are written to JSON-lines files, read by `wsrl ingest`, and brought to a release by
one `wsrl run` against a simulated server that is never the bottleneck. Each tenth of the documents'
calls gives a line when it has passed: calls a second, processor milliseconds of `wsrl run` a call,
and its memory, so that what grows with what is done is seen. At the end stand the release and
what each document cost. `--home` keeps what is made; a run that was stopped goes on there.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psutil

from benchmarks.engine_corpus import articles
from benchmarks.engine_model import reply
from benchmarks.engine_report import heading, note, table
from simulator import SimulatorProcess, SimulatorSettings, simulator_process
from wsrl_assets.release.dataset import current_release
from wsrl_assets.storage import Store

_DOCUMENTS = 10_000
_A_FILE = 50_000
_LOOK_EVERY_S = 2.0
_LINES = 10
# 26,022 for 2,000 of these articles.
_CALLS_A_DOCUMENT = 13


@dataclass(frozen=True, slots=True)
class Look:
    """What a command has taken so far, over all of its processes.

    Attributes:
        at: seconds of a monotonic clock.
        cpu_s: processor seconds.
        mib: memory that it holds now.
        calls: that the server has answered.
    """

    at: float
    cpu_s: float
    mib: float
    calls: int


def main() -> None:
    """Measures and prints."""
    arguments = _parser().parse_args()
    with _folder(arguments.home) as folder, simulator_process(_fast()) as server:
        environment = {
            **os.environ,
            "WSRL_HOME": str(folder / "home"),
            "WSRL_LLM_BASE_URL": server.base_url,
            "WSRL_LLM_MODEL": "simulated",
        }
        heading(f"A run over {arguments.documents:,} documents")
        texts = _written(folder / "texts", arguments.documents)
        looks = _watched(["ingest", str(texts)], environment, server, lines_every=0)
        _print_whole("wsrl ingest", looks, arguments.documents)
        every = _CALLS_A_DOCUMENT * arguments.documents // _LINES
        looks = _watched(["run"], environment, server, lines_every=every)
        _print_whole("wsrl run", looks, arguments.documents)
        _print_release(folder / "home", arguments.documents)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.large_run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--documents", type=int, default=_DOCUMENTS, help=f"default {_DOCUMENTS:,}")
    parser.add_argument("--home", type=Path, help="folder for texts and home, which then stay")
    return parser


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is None:
        with tempfile.TemporaryDirectory() as temporary:
            yield Path(temporary)
    else:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()


def _fast() -> SimulatorSettings:
    return SimulatorSettings(
        slots=64, prefill_tokens_per_s=1e7, decode_tokens_per_s=1e6, reply=reply
    )


def _written(folder: Path, documents: int) -> Path:
    folder.mkdir(exist_ok=True)
    for first in range(0, documents, _A_FILE):
        path = folder / f"articles-{first // _A_FILE:04}.jsonl"
        if path.exists():
            continue
        made = articles(min(_A_FILE, documents - first), seed=first + 1)
        unfinished = path.with_suffix(".part")
        unfinished.write_text("".join(json.dumps({"text": a.text}) + "\n" for a in made), "utf-8")
        unfinished.rename(path)
    return folder


def _watched(
    command: list[str], environment: dict[str, str], server: SimulatorProcess, lines_every: int
) -> list[Look]:
    """Looks at a command of `wsrl` till its end; prints a line each time so many calls are made."""
    full = [sys.executable, "-m", "wsrl_assets.cli", *command]
    with subprocess.Popen(full, env=environment, stdout=subprocess.DEVNULL) as process:
        looks: list[Look] = []
        told = 0
        while process.poll() is None:
            look = _look(process.pid, server)
            looks += [look] if look else []
            if lines_every and looks and looks[-1].calls >= looks[told].calls + lines_every:
                _print_line(looks[told:])
                told = len(looks) - 1
            time.sleep(_LOOK_EVERY_S)
    if process.returncode:
        raise RuntimeError(f"wsrl {command[0]} ended with {process.returncode}")
    return looks


def _look(pid: int, server: SimulatorProcess) -> Look | None:
    """None of a command that is ending. Processes that have ended count with their parent."""
    cpu_s = mib = 0.0
    try:
        command = psutil.Process(pid)
        for process in (command, *command.children(recursive=True)):
            times = process.cpu_times()
            cpu_s += times.user + times.system + times.children_user + times.children_system
            mib += process.memory_info().rss / 2**20
    except psutil.NoSuchProcess:
        return None
    return Look(time.monotonic(), cpu_s, mib, server.stats().requests_completed)


def _print_line(looks: list[Look]) -> None:
    first, last = looks[0], looks[-1]
    calls = last.calls - first.calls
    note(
        f"calls to {last.calls:,}: {calls / (last.at - first.at):,.0f} a second, "
        f"{1000 * (last.cpu_s - first.cpu_s) / calls:.2f} ms of processor each, "
        f"at most {max(look.mib for look in looks):,.0f} MiB"
    )


def _print_whole(name: str, looks: list[Look], documents: int) -> None:
    first, last = looks[0], looks[-1]
    row = [
        name,
        f"{last.at - first.at:,.0f}",
        f"{last.cpu_s:,.0f}",
        f"{1000 * last.cpu_s / documents:.2f}",
        f"{last.calls - first.calls:,}",
        f"{max(look.mib for look in looks):,.0f}",
    ]
    table(["command", "s", "CPU s", "CPU ms a document", "calls", "peak MiB"], [row])


def _print_release(home: Path, documents: int) -> None:
    release = current_release(Store(home))
    found = duckdb.execute(f"SELECT count(*) FROM '{release}/*.parquet'").fetchone()
    pairs = found[0] if found else 0
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
    note(
        f"release {release.name}: {pairs:,} pairs of {documents:,} documents; "
        f"the home has {size / 2**30:.2f} GiB"
    )


if __name__ == "__main__":
    main()
