"""math-verify in a process of its own: what it reads, what it cannot, and what brings it down."""

import asyncio
from collections.abc import Sequence

import psutil
import pytest

from wsrl_assets.pipeline import math_verify
from wsrl_assets.pipeline.math_verify import (
    ACCEPTED,
    FAILED,
    NOT_READ,
    REJECTED,
    Item,
    golds_in_words,
    outcomes,
)
from wsrl_assets.reward import AnswerType, Gold
from wsrl_assets_tests.factories import until

TOWER = "$9^{9^{9^9}}$"


async def said_of(items: Sequence[Item]) -> list[str]:
    words, seconds = await asyncio.wait_for(outcomes(items), 120)
    assert seconds >= 0
    return words


async def test_it_parses_gold_and_response_and_verifies() -> None:
    items = [
        ("so \\boxed{12}", ["12"]),
        ("Answer: 13", ["12"]),
        ("Answer: Paris", ["Paris"]),
        ("nothing", ["12"]),
        ("", ["12"]),
        ("Answer: $\\frac{1}{2}$", ["no number", "0.5"]),
    ]
    assert await said_of(items) == [ACCEPTED, REJECTED, NOT_READ, REJECTED, REJECTED, ACCEPTED]


async def test_what_it_cannot_end_is_no_verdict() -> None:
    assert await said_of([(TOWER, ["12"]), ("Answer: 12", ["12"])]) == [FAILED, ACCEPTED]


async def test_a_process_that_dies_takes_no_others_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(math_verify, "_BATCH", 2)
    here = psutil.Process()
    before = {child.pid for child in here.children()}
    items = [(TOWER, ["12"]), ("Answer: 12", ["12"]), ("Answer: 12", ["12"])]
    task = asyncio.create_task(said_of(items))
    await until(lambda: bool(_workers(here, before)), timeout_s=60)
    _workers(here, before)[0].kill()
    assert await task == [FAILED, FAILED, ACCEPTED]


def _workers(here: psutil.Process, before: set[int]) -> list[psutil.Process]:
    """The processes that came since, but for the one that keeps account of semaphores."""
    new = [child for child in here.children() if child.pid not in before]
    return [child for child in new if "resource_tracker" not in " ".join(child.cmdline())]


def test_a_gold_is_given_with_its_unit_as_rendered_and_by_its_aliases() -> None:
    gold = Gold(AnswerType.QUANTITY, "5", unit="km", aliases=("5000 m",))
    assert golds_in_words(gold) == ["5 km", "5 km", "5000 m"]
    broken = Gold(AnswerType.INTEGER, "about five")
    assert golds_in_words(broken) == ["about five", "about five"]
