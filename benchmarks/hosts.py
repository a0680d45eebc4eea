"""What a shared home costs: `python -m benchmarks.hosts s3://bucket/prefix`.

On a partition that holds so many rows already: the median commit of 400 rows in a plain folder, in
a shared home, and of the same bytes put into the store by themselves (the floor). Then what it
takes a host that has nothing to bring the partition up to date, beside fetching a file of its size.
The store is that of the address and of `AWS_...`; one on this machine leaves the network out.
"""

from __future__ import annotations

import argparse
import math
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.objects import Objects
from wsrl_assets.storage.operations import Kind, Operation, packed
from wsrl_assets.storage.schema import frame_of
from wsrl_assets.storage.shared_home import SharedHome
from wsrl_assets.storage.tables import LLMCall, utc_now

ROWS, COMMITS = 400, 15
PARTITION = Partition.domain("natural_science")


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians of a step, in seconds."""

    wall: float
    processor: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured with so many rows there."""

    rows: int
    plain: Cost
    shared: Cost
    floor: Cost
    segment_bytes: int
    join: Cost
    fetch: Cost


def calls(rows: int) -> list[LLMCall]:
    """Ledger rows of a run, each with a key of its own."""
    return [
        LLMCall(
            call_id=secrets.token_hex(16),
            stage="qa_drafts",
            step="open",
            role="generator",
            row_id=secrets.token_hex(16),
            recipe="0123456789abcdef",
            model="a-model",
            prompt_tokens=1200 + number % 97,
            cached_tokens=900,
            completion_tokens=80 + number % 31,
            latency_ms=1500.0 + number,
            attempts=1,
            error=None,
            cost=0.0,
            run_id="run",
            created_at=utc_now(),
        )
        for number in range(rows)
    ]


def timed(step: Callable[[], object]) -> Cost:
    wall, processor = time.perf_counter(), time.process_time()
    step()
    return Cost(time.perf_counter() - wall, time.process_time() - processor)


def median(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.processor for cost in costs),
    )


def commit(store: Store, rows: list[LLMCall]) -> None:
    with store.transaction(PARTITION) as transaction:
        transaction.merge(rows)


def fill(store: Store, rows: int) -> None:
    for first in range(0, rows, 20_000):
        commit(store, calls(min(20_000, rows - first)))


def measure(address: str, rows: int, folder: Path) -> Measured:
    """One size, in a prefix of its own."""
    objects = Objects.at(f"{address.rstrip('/')}/{secrets.token_hex(6)}")
    plain = Store(folder / "plain")
    shared = Store(folder / "shared", shared=SharedHome(objects))
    for store in (plain, shared):
        fill(store, rows)
    costs: dict[str, list[Cost]] = {"plain": [], "shared": [], "floor": []}
    size = 0
    for _ in range(COMMITS):  # in turn, so that what else the machine does hits all alike
        batch = calls(ROWS)
        body = packed(
            [Operation(Kind.INSERT, LLMCall.TABLE, rows=frame_of(LLMCall, batch))],
            secrets.token_hex(8),
        )
        size = len(body)
        costs["plain"].append(timed(lambda batch=batch: commit(plain, batch)))  # type: ignore[misc]
        costs["shared"].append(timed(lambda batch=batch: commit(shared, batch)))  # type: ignore[misc]
        name = f"floor/{secrets.token_hex(6)}"
        costs["floor"].append(timed(lambda name=name, body=body: objects.create(name, body)))  # type: ignore[misc]
    newcomer = Store(folder / "newcomer", shared=SharedHome(objects))
    join = timed(lambda: newcomer.exists(PARTITION))
    live = folder / "shared" / "domains" / f"{PARTITION.key}.duckdb"
    objects.put("whole", live)
    fetch = timed(lambda: objects.fetch("whole", folder / "whole"))
    medians = {name: median(found) for name, found in costs.items()}
    return Measured(rows, **medians, segment_bytes=size, join=join, fetch=fetch)


def exponent(small: Measured, large: Measured, of: Callable[[Measured], Cost]) -> float:
    """How processor time grows with the rows that are there."""
    ratio = of(large).processor / of(small).processor
    return math.log(ratio) / math.log(large.rows / small.rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    options = parser.parse_args()
    found = []
    for rows in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            found.append(measure(options.address, rows, Path(folder)))
        _print(found[-1])
    if len(found) > 1:
        small, large = found[0], found[-1]
        print(
            "exponents of processor time: "
            f"plain {exponent(small, large, lambda m: m.plain):.2f}, "
            f"shared {exponent(small, large, lambda m: m.shared):.2f}, "
            f"join {exponent(small, large, lambda m: m.join):.2f}"
        )


def _print(m: Measured) -> None:
    def said(cost: Cost) -> str:
        return f"{1000 * cost.wall:.0f} ms ({1000 * cost.processor:.0f} ms processor)"

    print(
        f"{m.rows:,} rows: a commit of {ROWS}: plain {said(m.plain)}, shared {said(m.shared)}, "
        f"ratio {m.shared.processor / m.plain.processor:.2f}; the same {m.segment_bytes:,} bytes "
        f"put by themselves {said(m.floor)}; a new host {said(m.join)}, a file of its size "
        f"fetched {said(m.fetch)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
