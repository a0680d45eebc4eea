"""Section 5: several servers behind one role, beside one that is as large as all of them."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.engine_corpus import Article, articles
from benchmarks.engine_peers import replay
from benchmarks.engine_pipeline import job_of, make_home, recorded_bodies, run_pipeline
from benchmarks.engine_report import heading, note, percent, table, verdict
from benchmarks.engine_saturation import SHARDS, SLOTS, server_settings
from simulator import SimulatorProcess, SimulatorSettings, SimulatorStats, simulator_process

_TARGET = 0.95
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Shares:
    """What servers of one run did together.

    Attributes:
        calls: answered.
        cached: of the prompt tokens, those from a prefix cache.
        busy: of the slots, those in use, while their server lived and the run lasted.
    """

    calls: int
    cached: float
    busy: float

    @classmethod
    def of(cls, servers: Sequence[SimulatorStats]) -> "Shares":
        """Over all servers; each counts for as long as it was asked."""
        prompt = sum(one.delivered_prompt_tokens for one in servers)
        room = sum(one.slots * one.active_wall_s for one in servers)
        return cls(
            calls=sum(one.requests_completed for one in servers),
            cached=sum(one.delivered_cached_tokens for one in servers) / (prompt or 1),
            busy=sum(one.busy_slot_seconds for one in servers) / (room or 1),
        )


def run(documents: int, counts: Sequence[int], speed: float, router: str | None) -> None:
    """Measures and prints each number of servers: all alive, one killed, and dealt in turn.

    With `router`, the command of vllm-router, also behind that, by the header of each document.
    """
    corpus = list(articles(documents))
    heading(f"5. Several servers: {documents:,} documents, {SLOTS} slots in all")
    whole = server_settings(corpus, speed)
    with recorded_bodies() as bodies:
        alone = _ours(whole, 1, corpus)
    rows = [_row("1 server", alone, alone)]
    met = True
    for count in counts:
        for name, found in (
            (f"{count} servers", _ours(whole, count, corpus)),
            (f"{count} servers, one killed half-way", _ours(whole, count, corpus, alone.calls)),
        ):
            rows.append(_row(name, found, alone))
            met = met and min(found.cached / alone.cached, found.busy / alone.busy) >= _TARGET
        rows.append(_row(f"{count} servers, calls in turn", _in_turn(whole, count, bodies), alone))
        if router is not None:
            routed = _behind(router, whole, count, corpus)
            rows.append(_row(f"{count} servers, behind vllm-router", routed, alone))
    table(("", "calls", "cached", "of 1 server", "slots busy", "of 1 server"), rows)
    note(
        f"The servers have {SLOTS} slots and the cache of one server between them. Target of ours: "
        f"{_TARGET:.0%} of one server's cached share and of its busy slots: {verdict(met)}. A "
        "killed server counts until it is killed."
    )


def _row(name: str, found: Shares, alone: Shares) -> list[str]:
    cached, busy = found.cached / alone.cached, found.busy / alone.busy
    return [
        name,
        f"{found.calls:,}",
        percent(found.cached),
        f"{cached:.2f}",
        percent(found.busy),
        f"{busy:.2f}",
    ]


def _ours(
    whole: SimulatorSettings, count: int, corpus: Sequence[Article], kill_of: int | None = None
) -> Shares:
    """A whole run on so many servers; one is killed at half of `kill_of` calls."""
    with tempfile.TemporaryDirectory() as home, _servers(whole, count) as servers:
        store = make_home(Path(home), corpus, SHARDS)
        job = job_of(store, ",".join(server.base_url for server in servers))
        with _killing(servers, kill_of // 2 if kill_of else None) as killed:
            run_pipeline(job)
        alive = servers[1:] if killed else servers
        return Shares.of([*killed, *(server.stats() for server in alive)])


def _behind(router: str, whole: SimulatorSettings, count: int, corpus: Sequence[Article]) -> Shares:
    """A whole run on servers behind vllm-router, which sends a document to one of them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home, _servers(whole, count) as servers:
        urls = [server.server_url for server in servers]
        command = [router, "--host", "127.0.0.1", "--port", str(port)]
        command += ["--policy", "consistent_hash", "--worker-urls", *urls]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                store = make_home(Path(home), corpus, SHARDS)
                metrics = tuple(f"{url}/metrics" for url in urls)
                run_pipeline(job_of(store, f"http://127.0.0.1:{port}/v1", metrics))
            finally:
                process.terminate()
        return Shares.of([server.stats() for server in servers])


def _in_turn(whole: SimulatorSettings, count: int, bodies: Sequence[dict[str, Any]]) -> Shares:
    """The same requests, each to the next server."""
    raw = [json.dumps(body).encode() for body in bodies]
    in_flight = (SLOTS + SLOTS // 4) // count
    with _servers(whole, count) as servers, ThreadPoolExecutor(count) as pool:
        runs = [
            pool.submit(replay, server.base_url, raw[place::count], in_flight)
            for place, server in enumerate(servers)
        ]
        for ended in runs:
            ended.result()
        return Shares.of([server.stats() for server in servers])


@contextlib.contextmanager
def _servers(whole: SimulatorSettings, count: int) -> Iterator[list[SimulatorProcess]]:
    """Servers that have the slots, the prefill and the cache of one between them."""
    part = replace(
        whole,
        slots=whole.slots // count,
        prefill_tokens_per_s=whole.prefill_tokens_per_s / count,
        prefix_cache_tokens=whole.prefix_cache_tokens // count,
    )
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(simulator_process(part)) for _ in range(count)]


@contextlib.contextmanager
def _killing(
    servers: Sequence[SimulatorProcess], after_calls: int | None
) -> Iterator[list[SimulatorStats]]:
    """Kills the first server once all have answered so many calls; gives what it did."""
    killed: list[SimulatorStats] = []
    ended = threading.Event()

    def watch() -> None:
        while after_calls is not None and not ended.wait(_LOOK_EVERY_S):
            found = [server.stats() for server in servers]
            if sum(one.requests_completed for one in found) >= after_calls:
                killed.append(servers[0].stats())
                os.kill(servers[0].pid, signal.SIGKILL)
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()
