"""Decimals, compared by value and by the digits they were given in; see `numbers.agrees`.

`50%` is not the decimal 0.5: a gold of 0.5 may well be 0.5 percent, and nothing in it can tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from . import numbers
from .gold import Gold
from .kind import Rule, not_of_type, without_about, without_restated
from .numbers import Number
from .outcome import Reason
from .text import plain
from .vocabulary import singular


def compile_rule(gold: Gold) -> Rule:
    wanted = _read_gold(gold.value, gold.unit)
    tolerance = gold.tolerance
    unit = singular(gold.unit) if gold.unit else None

    def judge(answer: str) -> Reason:
        found = numbers.split_number(without_restated(without_about(plain(answer))))
        if found is None:
            return Reason.NOT_OF_TYPE
        number, rest = found
        if rest and (unit is None or singular(rest) != unit):
            return Reason.WRONG_UNIT if unit else Reason.NOT_OF_TYPE
        return Reason.MATCH if numbers.agrees(number, wanted, tolerance) else Reason.WRONG_VALUE

    return judge


def _read_gold(value: str, unit: str | None) -> Number:
    found = numbers.split_number(plain(value))
    if found is None:
        raise not_of_type(value, "a decimal", "it does not read as a number")
    number, rest = found
    if rest and (unit is None or singular(rest) != singular(unit)):
        raise not_of_type(value, "a decimal", f'"{rest}" follows the number')
    return number


def canonical(draft: Gold) -> Gold:
    return replace(draft, value=written(draft.value, _read_gold(draft.value, draft.unit)))


def written(text: str, number: Number) -> str:
    """The number in digits, with the zeros that say how precise it is; `1/3` stays a fraction."""
    if number.step is None:
        shown = plain(text)
        return shown if "/" in shown and shown[-1].isdigit() else numbers.show(number.value)
    return with_step(number.value, number.step)


def with_step(value: Decimal, step: int) -> str:
    shown = numbers.show(value)
    if step >= 0:
        return shown
    whole, _, fraction = shown.partition(".")
    return f"{whole}.{fraction.ljust(-step, '0')}"


def render(gold: Gold) -> str:
    return written(gold.value, _read_gold(gold.value, gold.unit))


def perturb(gold: Gold) -> Iterator[str]:
    value = _read_gold(gold.value, gold.unit).value
    for wrong in wrong_values(value, gold.tolerance):
        yield numbers.show(wrong)
    shown = numbers.show(value)
    yield f"{shown} or {numbers.show(numbers.added(value, Decimal(1)))}"
    yield f"{shown}%"
    yield f"not {shown}"


def wrong_values(value: Decimal, tolerance: float | None) -> Iterator[Decimal]:
    """Values near and far that are outside any tolerance below 1."""
    if not value:
        yield from (Decimal(1), Decimal(-1), Decimal("0.1"), Decimal("-0.1"))
        return
    off = Decimal("0.1") if tolerance is None else max(Decimal("0.1"), 2 * Decimal(repr(tolerance)))
    yield numbers.times(value, Decimal(1) + off)
    yield numbers.times(value, Decimal(10))
    yield value.copy_negate()
    yield numbers.times(value, Decimal(1) - off) if off < 1 else Decimal(0)
