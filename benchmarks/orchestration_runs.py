"""Dagster runs by one executor, in a process of their own: what `orchestration` takes the time of.

`python -m benchmarks.orchestration_runs MODULE`, with `[[job, partition or null], ...]` on standard
input. Jobs go one after another, the partitions of one several at a time, in threads, by the
executor that `WSRL_EXECUTOR` names. Interpreter start and imports are in the time that the caller
takes.
"""

import importlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

from wsrl_assets.orchestration.runs import (
    PARALLEL_PARTITIONS,
    configure_logging_once,
    execute,
    instance_for_threads,
    register_partitions,
)
from wsrl_assets.settings import load_automation

Wanted = Sequence[tuple[str, str | None]]


def main() -> None:
    """Runs what standard input lists."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    importlib.import_module(sys.argv[1])
    run_all(json.load(sys.stdin), sys.argv[1])


def run_all(wanted: Wanted, module: str) -> None:
    """Runs jobs of a module for partitions; the first that fails ends it all."""
    executor = load_automation().executor
    folder = Path(os.environ["DAGSTER_HOME"])
    with instance_for_threads(folder) as instance, ThreadPoolExecutor(PARALLEL_PARTITIONS) as pool:
        configure_logging_once(instance)
        register_partitions(instance, [key for job, key in wanted if job == "read_shard" and key])

        def run(pair: tuple[str, str | None]) -> None:
            result = execute(instance, executor, *pair, module=module)
            if not result.success:
                raise SystemExit(f"the run of {pair} failed")

        for _, same in groupby(wanted, key=lambda pair: pair[0]):
            list(pool.map(run, same))


if __name__ == "__main__":
    main()
