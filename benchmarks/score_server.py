"""What `wsrl score --serve` stands: rate, refusals, latency and processor time a request.

Clients offer requests at a rate, whether the last were answered or not: a request that is due goes
out on the next free connection, and its latency counts from when it was due. Beside it the same
for an application that only echoes, served the same way: the floor of this server and machine.

    python -m benchmarks.score_server --clients 256 --rate 2000 --seconds 10
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

ROWS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("integer", "1234", "Let me add them one by one. " * 20 + "\n\nAnswer: 1,234", {}),
    ("quantity", "5", "The length follows. " * 20 + "\n\nAnswer: 5,000 metres", {"unit": "km"}),
    (
        "entity",
        "Ada Lovelace",
        "She wrote programs. " * 20 + "\n\nAnswer: Ada Lovelace",
        {},
    ),
    ("expression", "x^2+2x+1", "Square it. " * 20 + "\n\nAnswer: $(x+1)^2$", {}),
)
ECHO = """
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from wsrl_assets.cli.score_workers import worker_count, listen, serve_in_workers

async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/json")

sockets = listen("127.0.0.1", 0, worker_count())
port = sockets[0].getsockname()[1]
serve_in_workers(
    Starlette(routes=[Route("/score", echo, methods=["POST"])]),
    sockets,
    lambda: print(f"scoring on http://127.0.0.1:{port}/score", flush=True),
)
"""
SERVER = "from wsrl_assets.cli import main; main(['score', '--serve', '--port', '0'])"


@dataclass
class Load:
    """The results of a number of requests.

    Attributes:
        latencies_s: of answered requests, from when they were due.
        statuses: replies by status; `lost` where the connection broke.
    """

    latencies_s: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    wall_s: float = 0.0
    server_cpu_s: float = 0.0

    @property
    def requests(self) -> int:
        return self.statuses.total()

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies_s)
        return 1e3 * ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def requests() -> list[bytes]:
    """Whole requests, one of each row."""
    made = []
    for answer_type, value, response, more in ROWS:
        gold = {"type": answer_type, "value": value, **more}
        body = json.dumps({"response": response, "gold": gold}).encode()
        head = f"POST /score HTTP/1.1\r\nhost: bench\r\ncontent-length: {len(body)}\r\n\r\n"
        made.append(head.encode() + body)
    return made


@contextmanager
def serving(script: str) -> Iterator[tuple[psutil.Process, int]]:
    """A server in a process of its own, and its port."""
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    try:
        said = next(line for line in process.stdout if "scoring on" in line)
        yield psutil.Process(process.pid), int(said.split("127.0.0.1:")[1].split("/")[0])
    finally:
        process.terminate()
        process.wait()


def cpu_s(server: psutil.Process) -> float:
    """Processor time of a server with its workers."""
    times = [one.cpu_times() for one in (server, *server.children())]
    return sum(one.user + one.system for one in times)


async def offer(port: int, clients: int, rate: float, seconds: float) -> Load:
    """Requests at a rate from so many connections."""
    load, due = Load(), asyncio.Queue[float]()
    bodies = requests()
    workers = [
        asyncio.create_task(_client(port, bodies[number % len(bodies)], due, load))
        for number in range(clients)
    ]
    begun = time.perf_counter()
    for number in range(int(rate * seconds)):
        moment = begun + number / rate
        if (ahead := moment - time.perf_counter()) > 0.001:
            await asyncio.sleep(ahead)
        due.put_nowait(moment)
    await due.join()
    load.wall_s = time.perf_counter() - begun
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    return load


async def _client(port: int, request: bytes, due: asyncio.Queue[float], load: Load) -> None:
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while True:
        moment = await due.get()
        try:
            streams = streams or await asyncio.open_connection("127.0.0.1", port)
            status = await _ask(*streams, request)
            load.latencies_s.append(time.perf_counter() - moment)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            status = "lost"
        if status != "200":
            streams = None
        load.statuses[status] += 1
        due.task_done()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> str:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
    await reader.readexactly(int(length))
    return head[9:12].decode()


def measured(script: str, clients: int, rate: float, seconds: float) -> Load:
    """A server under load, after a second of the same to warm it up."""
    with serving(script) as (server, port):
        asyncio.run(offer(port, clients, rate, 1.0))
        before = cpu_s(server)
        load = asyncio.run(offer(port, clients, rate, seconds))
        load.server_cpu_s = cpu_s(server) - before
        return load


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, default=256, help="connections")
    parser.add_argument("--rate", type=float, default=2_000, help="requests offered a second")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args(arguments)
    print(
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}, {options.clients} "
        f"clients, {options.rate:,.0f} requests/s offered for {options.seconds:g} s\n"
    )
    print("| server | answered/s | refused | lost | p50 ms | p99 ms | CPU ms a request |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, script in (("wsrl score --serve", SERVER), ("echo", ECHO)):
        load = measured(script, options.clients, options.rate, options.seconds)
        print(
            f"| {name} | {load.statuses['200'] / load.wall_s:,.0f} | {load.statuses['503']} "
            f"| {load.statuses['lost']} | {load.percentile_ms(0.5):.1f} "
            f"| {load.percentile_ms(0.99):.1f} "
            f"| {1e3 * load.server_cpu_s / max(load.requests, 1):.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
