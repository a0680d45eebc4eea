"""math-verify by itself, as its documentation shows it: parse gold and response, verify.

It bounds its work by an alarm, which Python lets only the main thread of a process set, and it
reads what a policy wrote. So it runs in a process of its own.
"""

import asyncio
import importlib.util
import logging
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata

from wsrl_assets.llm.equivalence import gold_in_words
from wsrl_assets.reward import Gold

ACCEPTED, REJECTED = "match", "no_match"
NOT_READ = "gold_not_read"
"""It finds no expression in the gold, such as in a name: no response is right or wrong by it."""
FAILED = "failed"
"""It raised an error, or ran into its time limit of 5 s."""

_BATCH = 50

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

    try:
        read = [found for text in golds if (found := parse(text, raise_on_error=True))]
        if not read:
            return NOT_READ
        answer = parse(response, raise_on_error=True)
        is_right = any(verify(found, answer, raise_on_error=True) for found in read)
    except Exception:
        return FAILED
    return ACCEPTED if is_right else REJECTED


async def outcomes(items: Sequence[Item]) -> tuple[list[str], float]:
    """What it says of each response, and the processor seconds that it took."""
    spawned = multiprocessing.get_context("spawn")
    loop = asyncio.get_running_loop()
    words: list[str] = []
    seconds = 0.0
    with ProcessPoolExecutor(1, mp_context=spawned) as pool:
        for first in range(0, len(items), _BATCH):
            batch = items[first : first + _BATCH]
            found, took_s = await loop.run_in_executor(pool, _batch, batch)
            words += found
            seconds += took_s
    return words, seconds


def _batch(items: Sequence[Item]) -> tuple[list[str], float]:
    import math_verify  # noqa: F401  # loaded before the clock starts

    logging.disable(logging.WARNING)
    began = time.process_time()
    words = [outcome(response, golds) for response, golds in items]
    return words, time.process_time() - began
