"""math-verify by itself, as its documentation shows it: parse gold and response, verify.

It bounds its work by an alarm, which Python lets only the main thread of a process set, and it
reads what a policy wrote. So it runs in a process of its own, and if that dies of what it read, the
others are still scored.
"""

import asyncio
import importlib.util
import logging
import multiprocessing
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib import metadata

from wsrl_assets.llm.equivalence import gold_in_words
from wsrl_assets.reward import Gold

ACCEPTED, REJECTED = "match", "no_match"
NOT_READ = "gold_not_read"
"""It finds no expression in the gold, such as in a name: no response is right or wrong by it."""
FAILED = "failed"
"""It raised an error, ran into its limit of 5 s for a step, or took its process down with it."""

_BATCH = 20

# A response, and the texts that are right.
Item = tuple[str, Sequence[str]]


def version() -> str | None:
    """The version that is installed; none if there is none."""
    if importlib.util.find_spec("math_verify") is None:
        return None
    return metadata.version("math-verify")


def golds_in_words(gold: Gold) -> list[str]:
    """What a verifier that knows no types is given: value and unit, as rendered, and aliases."""
    value = f"{gold.value} {gold.unit}" if gold.unit else gold.value
    return [value, gold_in_words(gold), *gold.aliases]


def outcome(response: str, golds: Sequence[str]) -> str:
    """One of the words above: what it says of a response."""
    from math_verify import parse, verify
    from math_verify.errors import TimeoutException  # which is no Exception

    try:
        read = [found for text in golds if (found := parse(text, raise_on_error=True))]
        if not read:
            return NOT_READ
        answer = parse(response, raise_on_error=True)
        is_right = any(verify(found, answer, raise_on_error=True) for found in read)
    except (Exception, TimeoutException):
        return FAILED
    return ACCEPTED if is_right else REJECTED


async def outcomes(items: Sequence[Item]) -> tuple[list[str], float]:
    """What it says of each response, and the processor seconds that it took."""
    loop = asyncio.get_running_loop()
    words: list[str] = []
    seconds = 0.0
    pool = _process()
    try:
        for first in range(0, len(items), _BATCH):
            batch = items[first : first + _BATCH]
            try:
                found, took_s = await loop.run_in_executor(pool, _batch, batch)
            except BrokenProcessPool:
                found, took_s = [FAILED] * len(batch), 0.0
                pool = _process()
            words += found
            seconds += took_s
    finally:
        pool.shutdown()
    return words, seconds


def _process() -> ProcessPoolExecutor:
    spawned = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=spawned, initializer=_prepare)


def _prepare() -> None:
    """Begins a process; Ctrl-C is its parent's to act on."""
    import math_verify  # noqa: F401  # loaded before the clock starts

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable(logging.WARNING)


def _batch(items: Sequence[Item]) -> tuple[list[str], float]:
    began = time.process_time()
    words = [outcome(response, golds) for response, golds in items]
    return words, time.process_time() - began
