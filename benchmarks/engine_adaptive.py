"""Item 4: how soon and how well the ceiling on calls in flight finds the server's size."""

import asyncio
import multiprocessing
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.engine_load import Load, fast_server, put_load
from benchmarks.engine_report import heading, note, percent, table
from simulator import (
    FaultPlan,
    SimulatorProcess,
    SimulatorSettings,
    SimulatorStats,
    simulator_process,
)

SLOTS = 64
PROCESSES = 4
_REPLY_MS = 400.0
# Hosts of a home agree within seconds: longer replies, so that a busy machine is no part of it.
_HOSTS_REPLY_MS = 1600.0
_RETRY_AFTER_S = 0.2
_SAMPLE_EVERY_S = 0.02
_REACHED = 0.95


@dataclass(frozen=True, slots=True)
class Scenario:
    """A server, and the load that is put on it.

    Attributes:
        hosts_apart: whether each process is on a host of its own.
        home: the address of the home that hosts share; without, they do not know of each other.
    """

    name: str
    settings: SimulatorSettings
    processes: int
    max_in_flight: int | None = None
    hosts_apart: bool = False
    home: str | None = None


@dataclass(slots=True)
class Trace:
    """What the server looked like over time: (seconds, running, open requests)."""

    samples: list[tuple[float, int, int]] = field(default_factory=list)

    def reached_after_s(self, slots: int) -> float | None:
        """When 95 % of the slots were first in use, from the first request on."""
        began = next((at for at, _, open_ in self.samples if open_), 0.0)
        hits = (at for at, running, _ in self.samples if running >= slots * _REACHED)
        first = next(hits, None)
        return None if first is None else first - began

    @property
    def most_open(self) -> int:
        """The most requests that the server had at once."""
        return max((open_ for _, _, open_ in self.samples), default=0)


@dataclass(frozen=True, slots=True)
class Result:
    """What a scenario came to."""

    scenario: Scenario
    trace: Trace
    stats: SimulatorStats
    spread: float

    def row(self) -> list[str]:
        """For the table."""
        reached = self.trace.reached_after_s(SLOTS)
        calls = self.stats.requests_completed
        return [
            self.scenario.name,
            "never" if reached is None else f"{reached:.2f}",
            percent(self.stats.saturation),
            str(max(self.trace.most_open, self.stats.peak_running)),
            percent(self.stats.requests_rejected / (calls + self.stats.requests_rejected or 1)),
            f"{self.spread:.2f}",
        ]


def scenarios(home: str | None) -> list[Scenario]:
    """Cold starts against a server that queues and one that refuses; by one process and by four.

    And by four hosts, on one home if an address is given.
    """
    reply_ms = _HOSTS_REPLY_MS if home else _REPLY_MS
    queues = fast_server(reply_ms, slots=SLOTS)
    plan = FaultPlan(max_concurrent=SLOTS, retry_after_s=_RETRY_AFTER_S)
    refuses = replace(queues, metrics=False, faults=plan)
    several = f"{PROCESSES} processes"
    return [
        Scenario("vLLM-like, 1 process", queues, 1),
        Scenario(f"vLLM-like, {several}", queues, PROCESSES),
        Scenario("hosted-like, 1 process", refuses, 1),
        Scenario(f"hosted-like, {several}", refuses, PROCESSES),
        Scenario(f"vLLM-like, {several}, --max-in-flight 40", queues, PROCESSES, 40),
        *_hosts(f"{PROCESSES} hosts apart", queues, refuses, None),
        *(_hosts(f"{PROCESSES} hosts, one home", queues, refuses, home) if home else ()),
    ]


def _hosts(
    name: str, queues: SimulatorSettings, refuses: SimulatorSettings, home: str | None
) -> list[Scenario]:
    kinds = {"vLLM-like": queues, "hosted-like": refuses}
    return [
        Scenario(f"{kind}, {name}", settings, PROCESSES, hosts_apart=True, home=home)
        for kind, settings in kinds.items()
    ]


def run(seconds: float, home: str | None) -> None:
    """Runs and prints all scenarios, or those of hosts, if the address of a home is given."""
    reply_ms = _HOSTS_REPLY_MS if home else _REPLY_MS
    heading(f"4. Adaptive concurrency: {SLOTS} slots, cold start, replies of {reply_ms:.0f} ms")
    chosen = [scenario for scenario in scenarios(home) if scenario.hosts_apart or not home]
    results = [_measure(scenario, seconds, reply_ms) for scenario in chosen]
    columns = (
        "",
        "s to 95 % of slots",
        "saturation",
        "most open at once",
        "refused",
        "slowest/fastest process",
    )
    table(columns, [result.row() for result in results])
    note(
        "Open requests beyond the slots are the server's queue, which the engine holds at about a "
        f"quarter of what runs. The hosted-like server refuses the {SLOTS + 1}th request with "
        f"Retry-After {_RETRY_AFTER_S:g} s and has no metrics. Saturation is over the whole run, "
        "cold start and tail included."
    )


def _measure(scenario: Scenario, seconds: float, reply_ms: float) -> Result:
    calls = round(SLOTS * seconds / (reply_ms / 1000))
    with (
        simulator_process(scenario.settings) as server,
        tempfile.TemporaryDirectory(prefix="wsrl-bench-") as folder,
    ):
        share = calls // scenario.processes
        home = scenario.home and f"{scenario.home.rstrip('/')}/{secrets.token_hex(6)}"
        loads = [
            Load(
                server.base_url,
                Path(folder, str(number) if scenario.hosts_apart else ""),
                share,
                scenario.max_in_flight,
                f"{number}/",
                home,
            )
            for number in range(scenario.processes)
        ]
        with _traced(server) as trace:
            walls = _in_processes(loads)
        return Result(scenario, trace, server.stats(), max(walls) / min(walls))


def _in_processes(loads: Sequence[Load]) -> list[float]:
    """Puts each load from a process of its own; seconds that each took once all were ready."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(loads))
    walls = context.Queue()
    children = [context.Process(target=_child, args=(load, barrier, walls)) for load in loads]
    for child in children:
        child.start()
    taken = [walls.get(timeout=300) for _ in children]
    for child in children:
        child.join()
    return taken


def _child(load: Load, barrier: threading.Barrier, walls: "multiprocessing.Queue[float]") -> None:
    barrier.wait()
    began = time.monotonic()
    asyncio.run(put_load(load))
    walls.put(time.monotonic() - began)


@contextmanager
def _traced(server: SimulatorProcess) -> Iterator[Trace]:
    """Samples the server's load meanwhile."""
    trace = Trace()
    stop = threading.Event()

    def watch() -> None:
        began = time.monotonic()
        while not stop.wait(_SAMPLE_EVERY_S):
            stats = server.stats()
            at = time.monotonic() - began
            trace.samples.append((at, stats.running, stats.requests_open))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield trace
    finally:
        stop.set()
        thread.join()
