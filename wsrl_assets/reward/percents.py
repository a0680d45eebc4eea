"""Percents: `50%` and `fifty percent` are one, and neither is 50 nor 0.5.

A gold of this type may leave the sign out (`50`), an answer may not. Percentage points and basis
points are other things.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from . import numbers
from .decimals import written, wrong_values
from .gold import Gold
from .kind import Rule, not_of_type, without_about
from .numbers import Number
from .outcome import Reason
from .text import plain

_SIGN = re.compile(r"(?:%|per ?cent|pct\.?)", re.IGNORECASE)


def compile_rule(gold: Gold) -> Rule:
    wanted = _read_gold(gold.value)
    tolerance = gold.tolerance

    def judge(answer: str) -> Reason:
        found = numbers.split_number(without_about(plain(answer)))
        if found is None:
            return Reason.NOT_OF_TYPE
        number, rest = found[0], _without_share(*found)
        if not rest:
            return Reason.MISSING_UNIT
        if not _SIGN.fullmatch(rest):
            return Reason.WRONG_UNIT
        return Reason.MATCH if numbers.agrees(number, wanted, tolerance) else Reason.WRONG_VALUE

    return judge


def _without_share(number: Number, rest: str) -> str:
    """`50% (0.5)` and `50% (1/2)` say one thing twice."""
    sign, _, inner = rest.partition(" (")
    share = numbers.read_number(inner.removesuffix(")")) if inner.endswith(")") else None
    is_same = share is not None and numbers.times(share.value, Decimal(100)) == number.value
    return sign if is_same else rest


def _read_gold(value: str, *, sign_required: bool = False) -> Number:
    found = numbers.split_number(plain(value))
    if found is None:
        raise not_of_type(value, "a percent", "it does not read as a number")
    number, rest = found
    if rest and not _SIGN.fullmatch(rest):
        raise not_of_type(value, "a percent", f'"{rest}" follows the number')
    if sign_required and not rest:
        raise not_of_type(value, "a percent", "it lacks the sign; write 50% or pass unit='%'")
    return number


def canonical(draft: Gold) -> Gold:
    signed_by_unit = draft.unit is not None and bool(_SIGN.fullmatch(draft.unit.strip()))
    if draft.unit is not None and not signed_by_unit:
        raise not_of_type(draft.value, "a percent", f'its unit is "{draft.unit}"')
    number = _read_gold(draft.value, sign_required=not signed_by_unit)
    return replace(draft, value=f"{_shown(draft.value, number)}%", unit=None)


def _shown(value: str, number: Number) -> str:
    return numbers.show(number.value) if number.step is None else written(value, number)


def render(gold: Gold) -> str:
    return f"{_shown(gold.value, _read_gold(gold.value))}%"


def perturb(gold: Gold) -> Iterator[str]:
    number = _read_gold(gold.value)
    shown = _shown(gold.value, number)
    yield shown
    for wrong in wrong_values(number.value, gold.tolerance):
        yield f"{numbers.show(wrong)}%"
    yield f"{shown} percentage points"
    yield f"not {shown}%"
