"""What the orchestration costs: `python -m benchmarks.orchestration`.

1. A full run, `wsrl run` from registered shards to the release, against a simulated server: the
   share of its wall time in which the server had nothing to do.
2. A top-up with nothing to do, over ten domains and all stages: what `wsrl run` makes of it, and
   what it costs to run every job all the same. Beside it, in alternation, the same graph of assets
   with empty bodies: Dagster's own part.

With `--top-up 200`, instead: top-ups of so many documents, over ten domains and to the release, and
the share of 32 slots that they keep busy from the first call to the last, second by second. Beside
it, the same requests from a bare load generator. With `--scheduled`, Dagster's daemon makes the
top-up, by the schedule, in place of `wsrl run`.

Both with the steps of a run in its process, and with a process a step (`WSRL_EXECUTOR`). Commands
are processes of their own, so that interpreter start and imports are in all figures. The server is
one, too (see `benchmarks.engine`). All figures are of this machine, now.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from benchmarks import engine_model
from benchmarks.engine_corpus import Article, articles
from benchmarks.engine_peers import replay
from benchmarks.engine_report import heading, note, percent, table, verdict
from benchmarks.engine_saturation import SLOTS, server_settings
from simulator import SimulatorProcess, SimulatorStats, simulator_process
from wsrl_assets.settings import Executor
from wsrl_assets.storage import PartitionKind, Store
from wsrl_assets.taxonomy.domains import Domain

OURS, BARE = "wsrl_assets.orchestration.definitions", "benchmarks.orchestration_bare"
SHARD_FILES = 4
NO_OP_TARGET_S = 20.0
OUTSIDE_TARGET = 0.05
_DOCUMENTS, _QUICK_DOCUMENTS = 2000, 200
_ROUNDS = 1
TOP_UP_SLOTS = 32
BUSY_TARGET = 0.9
# What a home has before a top-up: enough that every domain has some.
_EARLIER_DOCUMENTS = 60
_LOOK_EVERY_S = 1.0
_ACTIVE = dg.RunsFilter(statuses=NOT_FINISHED_STATUSES)
# Twice what sensors wait between two looks.
_QUIET_S = 60.0
_SCHEDULED_AT_MOST_S = 1800.0
_DAEMON = "from dagster._daemon.cli import main; main()"


def main() -> None:
    """Runs what the command line asks for."""
    arguments = _parser().parse_args()
    if arguments.top_up:
        command = _by_schedule if arguments.scheduled else _by_command
        _top_ups(arguments.top_up, arguments.speed, command)
        return
    documents = arguments.documents or (_QUICK_DOCUMENTS if arguments.quick else _DOCUMENTS)
    executors = [Executor(name) for name in arguments.executor or list(Executor)]
    corpus = list(articles(documents))
    with (
        tempfile.TemporaryDirectory() as folder,
        simulator_process(server_settings(corpus, arguments.speed)) as server,
    ):
        homes = {name: Path(folder) / name / "home" for name in executors}
        full = [_full_run(homes[name], name, server, corpus) for name in executors]
        _print_full(full, documents, arguments.speed)
        rounds = 1 if arguments.quick else arguments.rounds
        _no_op(homes, server, rounds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.orchestration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="four minutes instead of eleven")
    parser.add_argument("--documents", type=int, help=f"default {_DOCUMENTS}, with --quick fewer")
    parser.add_argument(
        "--top-up",
        type=int,
        nargs="+",
        metavar="DOCUMENTS",
        help=f"instead: how busy top-ups of so many documents keep {TOP_UP_SLOTS} slots",
    )
    parser.add_argument(
        "--scheduled", action="store_true", help="the top-up by the schedule, not by `wsrl run`"
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=1.5,
        help="simulated server over a real one (an 8B model on an H100, 64 sequences at once); "
        "default %(default)s. A faster one makes the share outside it larger",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=_ROUNDS,
        help="of the top-up; default %(default)s, 1 with --quick",
    )
    parser.add_argument(
        "--executor", action="append", choices=list(Executor), help="this one alone; repeatable"
    )
    return parser


@dataclass(frozen=True, slots=True)
class FullRun:
    """A run of everything.

    Attributes:
        executor: of its steps.
        began, ended: Unix times, of the command.
        stats: of the server meanwhile.
    """

    executor: Executor
    began: float
    ended: float
    stats: SimulatorStats

    @property
    def wall_s(self) -> float:
        return self.ended - self.began

    @property
    def outside_s(self) -> float:
        """Seconds without a call at the endpoint."""
        return self.wall_s - self.stats.working_s

    @property
    def outside(self) -> float:
        """Their share of the wall time."""
        return self.outside_s / self.wall_s

    def row(self) -> list[str]:
        """For the table."""
        before_s = (self.stats.first_request_at or self.began) - self.began
        after_s = self.ended - (self.stats.last_answer_at or self.ended)
        return [
            self.executor,
            f"{self.stats.requests_completed:,}",
            f"{self.wall_s:.1f}",
            f"{self.stats.working_s:.1f}",
            f"{before_s:.1f}",
            f"{self.outside_s - before_s - after_s:.1f}",
            f"{after_s:.1f}",
            f"{self.outside_s:.1f}",
            percent(self.outside),
            verdict(self.outside < OUTSIDE_TARGET),
        ]


def _full_run(
    home: Path, executor: Executor, server: SimulatorProcess, corpus: Sequence[Article]
) -> FullRun:
    """`wsrl run` on a home of its own; wall time beside that in which the server was asked."""
    shards = home.parent / "corpus"
    _write_shards(shards, corpus)
    environment = _environment(home, server.base_url, executor)
    _wsrl(environment, "ingest", str(shards))
    _run_all(environment, OURS, [])  # compiles what is imported
    server.reset_stats()
    began = time.time()
    _wsrl(environment, "run")
    return FullRun(executor, began, time.time(), server.stats())


def _write_shards(folder: Path, corpus: Sequence[Article], files: int = SHARD_FILES) -> None:
    folder.mkdir(parents=True)
    for number in range(files):
        rows = [{"title": a.title, "text": a.text} for a in corpus[number::files]]
        path = folder / f"articles-{number}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def _print_full(runs: Sequence[FullRun], documents: int, speed: float) -> None:
    heading(f"A full run: {documents:,} documents, from shards to the release")
    columns = (
        "executor",
        "calls",
        "wall s",
        "endpoint at work s",
        "before it s",
        "between s",
        "after it s",
        "outside s",
        "outside",
        f"under {OUTSIDE_TARGET:.0%}",
    )
    table(columns, [run.row() for run in runs])
    note(
        "`wsrl run`, with the start of its process. Outside is the time in which the endpoint has "
        f"no call at all. It takes {SLOTS} at once, and is {speed:g} times as fast as an 8B model "
        "on an H100."
    )


@dataclass(frozen=True, slots=True)
class TopUp:
    """A top-up, and the same requests from a bare load generator.

    Attributes:
        documents: that are new.
        cpu_s: processor seconds of the command.
        ours, bare: of the server meanwhile.
        busy: slots in use on average, second by second from the first call.
    """

    documents: int
    cpu_s: float
    ours: SimulatorStats
    bare: SimulatorStats
    busy: Sequence[float]

    def row(self) -> list[str]:
        """For the table."""
        return [
            f"{self.documents:,}",
            f"{self.ours.requests_completed:,}",
            f"{self.ours.active_wall_s:.1f}",
            f"{self.cpu_s:.1f}",
            percent(self.ours.saturation),
            percent(self.bare.saturation),
            f"{self.ours.saturation / self.bare.saturation:.2f}",
            verdict(self.ours.saturation >= BUSY_TARGET),
        ]

    @property
    def over_time(self) -> str:
        """A digit a second: tenths of the slots that were busy, 9 for all but a tenth or all."""
        return "".join(str(min(9, int(busy / TOP_UP_SLOTS * 10))) for busy in self.busy)


def _top_ups(sizes: Sequence[int], speed: float, make: Callable[[dict[str, str]], None]) -> None:
    heading(f"Top-ups of few documents: how busy they keep {TOP_UP_SLOTS} slots")
    with tempfile.TemporaryDirectory() as folder:
        found = [_top_up(Path(folder) / str(number), number, speed, make) for number in sizes]
    columns = (
        "documents",
        "calls",
        "first call to last s",
        "CPU s",
        "busy",
        "bare load generator",
        "ratio",
        f"busy from {BUSY_TARGET:.0%}",
    )
    table(columns, [one.row() for one in found])
    for one in found:
        note(f"{one.documents:,} documents, tenths of the slots by seconds: {one.over_time}")
    note(
        f"On a home that has {_EARLIER_DOCUMENTS} documents in ten domains; the new "
        f"ones are one file. The server is {speed:g} times as fast as an 8B model on an H100, at "
        f"{TOP_UP_SLOTS} sequences at once."
    )


def _top_up(
    folder: Path, documents: int, speed: float, make: Callable[[dict[str, str]], None]
) -> TopUp:
    corpus = list(articles(_EARLIER_DOCUMENTS + documents))
    earlier, new = corpus[:_EARLIER_DOCUMENTS], corpus[_EARLIER_DOCUMENTS:]
    home, bodies = folder / "top-up" / "home", folder / "bodies.jsonl"
    _write_shards(folder / "earlier", earlier, files=1)
    _write_shards(folder / "new", new, files=1)
    os.environ[engine_model.BODIES_TO] = str(bodies)
    settings = server_settings(corpus, speed)
    settings = replace(settings, slots=TOP_UP_SLOTS, reply=engine_model.recording_reply)
    with simulator_process(settings) as server:
        environment = _environment(home, server.base_url, Executor.IN_PROCESS)
        _wsrl(environment, "ingest", str(folder / "earlier"))
        _wsrl(environment, "run")
        _wsrl(environment, "ingest", str(folder / "new"))
        server.reset_stats()
        bodies.unlink()
        began = os.times()
        with _watched(server) as busy:
            make(environment)
        cpu_s = sum(os.times()[2:4]) - sum(began[2:4])
        ours = server.stats()
        asked = [line.encode() for line in bodies.read_text("utf-8").splitlines()]
        server.reset_stats()
        replay(server.base_url, asked, TOP_UP_SLOTS + TOP_UP_SLOTS // 4)
        return TopUp(documents, cpu_s, ours, server.stats(), busy)


def _by_command(environment: dict[str, str]) -> None:
    _wsrl(environment, "run")


def _by_schedule(environment: dict[str, str]) -> None:
    """Dagster's daemon, from a minute before the schedule's time until nothing is left to do."""
    at = datetime.now(UTC) + timedelta(minutes=2)
    scheduled = {"WSRL_SCHEDULE": f"{at.minute} {at.hour} * * *", "WSRL_TIMEZONE": "UTC"}
    command = [sys.executable, "-c", _DAEMON, "run", "-m", "wsrl_assets.definitions"]
    daemon = subprocess.Popen(
        command,
        env={**environment, **scheduled},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for_runs(Path(environment["DAGSTER_HOME"]))
    finally:
        daemon.terminate()
        daemon.wait()


def _wait_for_runs(dagster_home: Path) -> None:
    """Until runs began, and none was active for longer than sensors take to ask for the next."""
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(dagster_home))) as instance:
        earlier, quiet_since = instance.get_runs_count(), time.monotonic()
        deadline = quiet_since + _SCHEDULED_AT_MOST_S
        while time.monotonic() < min(deadline, quiet_since + _QUIET_S):
            is_first = instance.get_runs_count() == earlier
            if is_first or instance.get_runs(_ACTIVE, limit=1):
                quiet_since = time.monotonic()
            time.sleep(_LOOK_EVERY_S)
        if time.monotonic() >= deadline:
            raise SystemExit("the top-up by the schedule did not come to an end")


@contextmanager
def _watched(server: SimulatorProcess) -> Iterator[list[float]]:
    """Slots in use, on average by the second, from the first call to the last."""
    busy: list[float] = []
    ended = threading.Event()

    def watch() -> None:
        before, at = 0.0, time.monotonic()
        while not ended.wait(_LOOK_EVERY_S):
            stats, now = server.stats(), time.monotonic()
            if stats.requests_received:
                busy.append((stats.busy_slot_seconds - before) / (now - at))
            before, at = stats.busy_slot_seconds, now

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield busy
    finally:
        ended.set()
        watcher.join()
        while busy and busy[-1] == 0:
            busy.pop()


def _no_op(homes: dict[Executor, Path], server: SimulatorProcess, rounds: int) -> None:
    heading("A top-up with nothing to do: ten domains, all stages")
    server.reset_stats()
    rows = []
    for executor, home in homes.items():
        environment = _environment(home, server.base_url, executor)
        before = _runs(home)
        seconds = statistics.median(_asked(environment) for _ in range(rounds))
        asked = (_runs(home) - before) // rounds
        rows.append(_no_op_row(f"`wsrl run` ({executor})", asked, seconds))
    for executor, home in homes.items():
        wanted = _everything(home)
        pairs = [_pair(home, server, executor, wanted) for _ in range(rounds)]
        ours_s, bare_s = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratio = statistics.median(ours / bare for ours, bare in pairs)
        name = f"every job all the same ({executor})"
        rows.append(_no_op_row(name, len(wanted), ours_s, f"{bare_s:.1f}", f"{ratio:.2f}"))
    columns = ("", "runs", "wall s", "bare Dagster s", "ratio", f"under {NO_OP_TARGET_S:.0f} s")
    table(columns, rows)
    calls = server.stats().requests_received
    if calls:
        raise SystemExit(f"{calls} calls were made where there was nothing to do")
    note(
        "`wsrl run` asks for what is pending, the libraries and the release. Every job all the "
        "same is what a backfill from the UI asks for: four shards, ten domains, the "
        "libraries, the release; runs of different partitions four at a time. Bare Dagster is the "
        f"same graph with empty bodies, in alternation. No call was made. Medians of {rounds}, "
        "with the start of the processes."
    )


def _no_op_row(name: str, runs: int, seconds: float, bare: str = "", ratio: str = "") -> list[str]:
    return [name, str(runs), f"{seconds:.1f}", bare, ratio, verdict(seconds < NO_OP_TARGET_S)]


def _runs(home: Path) -> int:
    """Dagster runs there have been."""
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(_dagster_home(home)))) as instance:
        return instance.get_runs_count()


def _asked(environment: dict[str, str]) -> float:
    with _timed() as seconds:
        _wsrl(environment, "run")
    return seconds[0]


def _everything(home: Path) -> list[tuple[str, str | None]]:
    return [
        *(("read_shard", shard.key) for shard in Store(home).partitions(PartitionKind.SHARD)),
        ("load_libraries", None),
        *(("advance_domain", str(domain)) for domain in Domain),
        ("make_release", None),
    ]


def _pair(
    home: Path,
    server: SimulatorProcess,
    executor: Executor,
    wanted: Sequence[tuple[str, str | None]],
) -> tuple[float, float]:
    """Seconds of all runs, of our graph and of the bare one."""
    environment = _environment(home, server.base_url, executor)
    ours_s = _run_all(environment, OURS, wanted)
    bare_home = home.parent / "bare"
    environment["DAGSTER_HOME"] = str(_dagster_home(bare_home))
    return ours_s, _run_all(environment, BARE, wanted)


def _run_all(
    environment: dict[str, str], module: str, wanted: Sequence[tuple[str, str | None]]
) -> float:
    command = [sys.executable, "-m", "benchmarks.orchestration_runs", module]
    with _timed() as seconds:
        subprocess.run(command, env=environment, input=json.dumps(wanted), text=True, check=True)
    return seconds[0]


def _dagster_home(home: Path) -> Path:
    folder = home / "dagster"
    if not folder.exists():
        folder.mkdir(parents=True)
        config = Path(sys.modules[Executor.__module__].__file__ or "").parent / "dagster.yaml"
        (folder / "dagster.yaml").write_text(config.read_text("utf-8"), "utf-8")
    return folder


def _environment(home: Path, base_url: str, executor: Executor) -> dict[str, str]:
    """The settings of a command, and none of the caller's.

    What Python compiles is kept between commands, as it is for a user, whatever holds here.
    """
    others = ("WSRL_", "DAGSTER_", "PYTHONDONTWRITEBYTECODE")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(others)},
        "PYTHONPYCACHEPREFIX": str(home.parent.parent / "bytecode"),
        "WSRL_HOME": str(home),
        "DAGSTER_HOME": str(_dagster_home(home)),
        "WSRL_LLM_BASE_URL": base_url,
        "WSRL_LLM_MODEL": "simulated",
        "WSRL_EXECUTOR": executor,
    }


def _wsrl(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-c", "from wsrl_assets.cli import main; main()", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"wsrl {arguments[0]} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def _timed() -> Iterator[list[float]]:
    seconds = [0.0]
    began = time.monotonic()
    yield seconds
    seconds[0] = time.monotonic() - began


if __name__ == "__main__":
    main()
