"""Item 3: what the client costs: CPU per call, where it goes, and memory."""

import asyncio
import cProfile
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx2
import openai

from benchmarks.engine_load import Load, PlainReply, ask_of, fast_server, put_load
from benchmarks.engine_report import heading, note, table, verdict
from simulator import simulator_process

IN_FLIGHT = 64
CPU_TARGET_MS = 2.0
_REPLY_MS = 20.0
_ROUNDS = 3
_FLAT_GROWTH_MIB = 40.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one way of calling costs: medians over rounds."""

    name: str
    cpu_ms: float
    calls_per_s: float


def run_cpu(calls: int, *, profile: bool) -> None:
    """Measures and prints the CPU per call of the engine and of what it is made of."""
    heading(f"3. Overhead: {IN_FLIGHT} in flight, prompts of 2 KB, the server apart")
    with simulator_process(fast_server(_REPLY_MS)) as server:
        costs = [
            _cost("our engine: gate, retries, schema, ledger", calls, _engine(server.base_url)),
            _cost("openai async, aiohttp backend (ours)", calls, _openai(server.base_url, True)),
            _cost("openai async, default backend", calls, _openai(server.base_url, False)),
            _cost("openai blocking, 64 threads", calls, _threads(server.base_url)),
        ]
        columns = ("", "CPU ms/call", "calls/s")
        table(columns, [[c.name, f"{c.cpu_ms:.2f}", f"{c.calls_per_s:.0f}"] for c in costs])
        note(
            f"Medians of {_ROUNDS} rounds of {calls:,} calls; target for ours at most "
            f"{CPU_TARGET_MS:g} ms: {verdict(costs[0].cpu_ms <= CPU_TARGET_MS)}."
        )
        if profile:
            _print_profile(_engine(server.base_url), calls)


def _cost(name: str, calls: int, work: Callable[[int], object]) -> Cost:
    work(IN_FLIGHT * 2)  # connections and caches are warm
    cpu_ms, rates = [], []
    for _ in range(_ROUNDS):
        cpu, wall = time.process_time(), time.monotonic()
        work(calls)
        cpu_ms.append((time.process_time() - cpu) / calls * 1000)
        rates.append(calls / (time.monotonic() - wall))
    return Cost(name, statistics.median(cpu_ms), statistics.median(rates))


def _engine(base_url: str) -> Callable[[int], object]:
    folder = Path(tempfile.mkdtemp(prefix="wsrl-bench-"))
    return lambda calls: asyncio.run(put_load(Load(base_url, folder, calls, IN_FLIGHT)))


def _openai(base_url: str, with_aiohttp: bool) -> Callable[[int], object]:
    async def run(calls: int) -> None:
        limits = httpx2.Limits(max_connections=0 if with_aiohttp else None)
        make = openai.DefaultAioHttpClient if with_aiohttp else openai.DefaultAsyncHttpx2Client
        client = openai.AsyncOpenAI(
            base_url=base_url, api_key="none", max_retries=0, http_client=make(limits=limits)
        )

        async def call(number: int) -> None:
            await client.post(
                "/chat/completions", cast_to=httpx2.Response, body=_body(number, "simulated")
            )

        await _at_once(calls, call)
        await client.close()

    return lambda calls: asyncio.run(run(calls))


async def _at_once(calls: int, call: Callable[[int], Awaitable[None]]) -> None:
    numbers = iter(range(calls))

    async def worker() -> None:
        for number in numbers:
            await call(number)

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))


def _threads(base_url: str) -> Callable[[int], object]:
    def run(calls: int) -> None:
        client = openai.OpenAI(base_url=base_url, api_key="none", max_retries=0)

        def call(number: int) -> None:
            client.chat.completions.create(**_body(number, "simulated"))  # type: ignore[call-overload]

        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            list(pool.map(call, range(calls)))
        client.close()

    return run


_SCHEMA = PlainReply.model_json_schema()


def _body(number: int, model: str) -> dict[str, object]:
    ask = ask_of(f"row {number}")
    return {
        "model": model,
        "messages": ask.messages,
        "max_tokens": ask.max_tokens,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": ask.step, "schema": _SCHEMA, "strict": True},
        },
    }


def _print_profile(work: Callable[[int], object], calls: int) -> None:
    profile = cProfile.Profile()
    profile.enable()
    work(calls)
    profile.disable()
    note(f"\nThe engine's profile over {calls:,} calls, by cumulative time:\n")
    statistics_of = pstats.Stats(profile, stream=sys.stdout)
    statistics_of.strip_dirs().sort_stats("cumulative").print_stats(40)


def run_memory(rows: int) -> None:
    """Prints the peak memory of a run of the engine by the number of rows that are done."""
    heading("3. Memory of the engine, by rows done")
    with simulator_process(fast_server(5.0)) as server:
        command = [sys.executable, "-m", __name__, server.base_url, str(rows)]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    points = [line.split() for line in printed.splitlines()]
    table(("rows done", "peak RSS MiB"), [[f"{int(n):,}", mib] for n, mib in points])
    growth = float(points[-1][1]) - float(points[0][1])
    note(
        f"From {int(points[0][0]):,} to {int(points[-1][0]):,} rows the peak grew by "
        f"{growth:.1f} MiB: flat is up to {_FLAT_GROWTH_MIB:g} MiB, "
        f"{verdict(growth <= _FLAT_GROWTH_MIB)}."
    )


def _memory_child(base_url: str, rows: int) -> None:
    checkpoints = {n for n in (1_000, 10_000, 100_000) if n <= rows} | {rows}
    done = 0

    def on_row(number: int) -> None:
        nonlocal done
        done += 1
        if done in checkpoints:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(done, f"{peak:.1f}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(put_load(Load(base_url, Path(folder), rows), on_row=on_row))


if __name__ == "__main__":
    _memory_child(sys.argv[1], int(sys.argv[2]))
