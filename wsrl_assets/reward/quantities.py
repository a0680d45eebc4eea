"""Quantities with a unit, converted: 5 km is 5000 m, 12 km is not 12 miles, and 5 is not 5 km.

An answer in the gold's own unit, or in one that differs by a factor of ten, is compared like a
decimal. In another unit it has to be the exact conversion, or the conversion rounded to as many
digits as the gold has, and to three at least: 42.195 km is 26.219 miles and not 26.2, and 5 km is
not `3 miles`. Otherwise a policy would learn to convert and to round.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from . import numbers
from .decimals import with_step, wrong_values
from .gold import Gold
from .kind import Rule, not_of_type, without_about
from .numbers import Number
from .outcome import Reason
from .text import plain
from .units import Dimension, Unit, read_unit
from .vocabulary import words

_MAX_LENGTH = 160
_NEXT_PART = re.compile(r",? and |, |(?<=[A-Za-z'\"]) ?(?=\d)|(?<=[A-Za-z])\. (?=\d)")
_IN_BRACKETS = re.compile(r"([^()]+) \(([^()]+)\)")
_TEMPERATURE: Dimension = (("[temperature]", "1"),)
_TIME: Dimension = (("[time]", "1"),)
_MINUTES = re.compile(r"(\d) ?m$", re.ASCII)
_SAME = Decimal("1e-12")
_ONE = re.compile(r"an? (?=[^\W\d]+(?P<half> and a half)?$)", re.IGNORECASE)
_HOURS_AND_MINUTES = re.compile(r"(\d{1,2}) ?h ?(\d{2})", re.ASCII)
_MIN_DIGITS = numbers.MIN_DIGITS_FOR_ROUNDING


@dataclass(frozen=True, slots=True)
class Quantity:
    number: Number
    unit: Unit
    unit_text: str

    @property
    def base(self) -> Decimal:
        return numbers.added(numbers.times(self.number.value, self.unit.factor), self.unit.offset)

    def value_in(self, unit: Unit) -> Decimal:
        return numbers.divided(numbers.added(self.base, unit.offset.copy_negate()), unit.factor)


def compile_rule(gold: Gold) -> Rule:
    wanted = _read_gold(gold)
    tolerance = gold.tolerance
    is_temperature = wanted.unit.dimension == _TEMPERATURE

    def judge(answer: str) -> Reason:
        text = plain(answer)
        found = _read_answer(text, temperature=is_temperature)
        if not found:
            return _why_not(text)
        if found[0].unit.dimension != wanted.unit.dimension:
            return Reason.WRONG_UNIT
        agrees = any(_agrees(quantity, wanted, tolerance) for quantity in found)
        return Reason.MATCH if agrees else Reason.WRONG_VALUE

    return judge


def _why_not(text: str) -> Reason:
    bare = numbers.read_number(without_about(text)) is not None
    return Reason.MISSING_UNIT if bare else Reason.NOT_OF_TYPE


def _agrees(answer: Quantity, gold: Quantity, tolerance: float | None) -> bool:
    same_unit = (answer.unit.factor, answer.unit.offset) == (gold.unit.factor, gold.unit.offset)
    if same_unit:
        return numbers.agrees(answer.number, gold.number, tolerance)
    ratio = numbers.divided(answer.unit.factor, gold.unit.factor)
    if not answer.unit.offset and not gold.unit.offset and numbers.ten_to(ratio) is not None:
        return numbers.agrees(numbers.scaled(answer.number, ratio), gold.number, tolerance)
    converted = Number(answer.value_in(gold.unit))
    if numbers.agrees(converted, gold.number, float(_SAME) if tolerance is None else tolerance):
        return True
    return tolerance is None and _is_rounded_conversion(answer, gold)


def _is_rounded_conversion(answer: Quantity, gold: Quantity, digits: int | None = None) -> bool:
    """Whether the answer is the gold in another unit, to its own last digit."""
    number = answer.number
    least = max(_MIN_DIGITS, gold.number.significant) if digits is None else digits
    if number.step is None or number.significant < least:
        return False
    exact = gold.value_in(answer.unit)
    gap = numbers.added(number.value, exact.copy_negate()).copy_abs()
    # The zeros that end 16400 are not taken for digits that were measured.
    return gap < numbers.half_step(number.value.adjusted() - number.significant + 1)


def _read_answer(text: str, *, temperature: bool) -> list[Quantity]:
    """The quantity that the text is, or the two that say one thing: `3.1 miles (5 km)`."""
    if len(text) > _MAX_LENGTH:
        return []
    bracketed = _IN_BRACKETS.fullmatch(text) if text.endswith(")") else None
    parts = bracketed.groups() if bracketed else (text,)
    found = [read_quantity(without_about(part), temperature=temperature) for part in parts]
    read = [quantity for quantity in found if quantity]
    is_whole = len(read) == len(parts) and (len(read) == 1 or _is_restated(*read))
    return read if is_whole else []


def _is_restated(outer: Quantity, inner: Quantity) -> bool:
    """`5 km (3.1 miles)` says one thing twice; `5 km (7 miles)` and `5 km (5.1 km)` say two."""
    if outer.unit.dimension != inner.unit.dimension:
        return False
    if numbers.agrees(Number(inner.base), Number(outer.base), float(_SAME)):
        return True
    ratio = numbers.divided(outer.unit.factor, inner.unit.factor)
    is_converted = bool(outer.unit.offset or inner.unit.offset) or numbers.ten_to(ratio) is None
    return is_converted and any(
        _is_rounded_conversion(one, other, digits=1)
        for one, other in ((inner, outer), (outer, inner))
    )


def read_quantity(text: str, *, temperature: bool = False) -> Quantity | None:
    """A number with a unit, or a falling sum of such: `5 ft 10 in`, `2 hours and 30 minutes`."""
    one = _ONE.match(text)
    if one is not None:
        number = "1.5" if one["half"] else "1"
        text = f"{number} {text[one.end() :].removesuffix(one['half'] or '')}"
    clock = _HOURS_AND_MINUTES.fullmatch(text)
    if clock is not None:
        text = f"{clock[1]} h {clock[2]} min"
    single = _read_single(text, temperature=temperature)
    return single or _read_sum(text)


def _read_single(text: str, *, temperature: bool = False) -> Quantity | None:
    found = numbers.split_number(text)
    if found is None or not found[1]:
        return None
    unit_text = found[1][1:] if found[1].startswith("-") else found[1]
    unit = read_unit(unit_text, temperature=temperature)
    return None if unit is None else Quantity(found[0], unit, unit_text)


def _read_sum(text: str) -> Quantity | None:
    pieces = [piece for piece in _NEXT_PART.split(text, 4) if piece]
    last = _read_single(pieces[0]) if 2 <= len(pieces) <= 4 else None
    if last is None:
        return None
    total = last.base
    for piece in pieces[1:]:
        # After hours, `30m` is no length.
        is_time = last.unit.dimension == _TIME
        part = _read_single(_MINUTES.sub(r"\1 min", piece) if is_time else piece)
        if part is None or not _continues(last, part):
            return None
        total, last = numbers.added(total, part.base), part
    value = numbers.divided(total, last.unit.factor)
    return Quantity(Number(value), last.unit, last.unit_text)


def _continues(last: Quantity, part: Quantity) -> bool:
    """Each part has to fit into one unit of the part before, or it is a second quantity."""
    if part.unit.dimension != last.unit.dimension or part.unit.offset or last.unit.offset:
        return False
    return last.number.value >= 0 and 0 <= part.base < last.unit.factor


def _read_gold(gold: Gold) -> Quantity:
    text = plain(gold.value)
    own = read_quantity(text)
    if own is None:
        if not gold.unit:
            raise not_of_type(gold.value, "a quantity", "it needs a number and a unit")
        own = _read_single(f"{text} {plain(gold.unit)}")
        if own is None or numbers.read_number(text) is None:
            raise not_of_type(gold.value, "a quantity", f'with the unit "{gold.unit}" it is none')
        return own
    given = read_unit(plain(gold.unit)) if gold.unit else own.unit
    if given is None or given.dimension != own.unit.dimension:
        why = f'its unit does not agree with the unit "{gold.unit}"'
        raise not_of_type(gold.value, "a quantity", why)
    return own


def canonical(draft: Gold) -> Gold:
    found = _read_gold(draft)
    return replace(draft, value=_digits(found.number), unit=found.unit_text)


def _digits(number: Number) -> str:
    if number.step is None:
        return numbers.show(number.value)
    return with_step(number.value, number.step)


def render(gold: Gold) -> str:
    found = _read_gold(gold)
    return f"{_digits(found.number)} {found.unit_text}"


_OTHER_UNITS = words(
    """
    miles km m kg g lb hours minutes years liters gallons joules kcal watts hp degC degF kelvin
    pascal atm km/h mph m/s acres hectares m^2 m^3 bytes bits newtons volts amperes hertz mol
    """
)


def perturb(gold: Gold) -> Iterator[str]:
    found = _read_gold(gold)
    shown, value = _digits(found.number), found.number.value
    yield shown
    for unit in _tempting_units(found):
        yield f"{shown} {unit}"
    for wrong in wrong_values(value, gold.tolerance):
        yield f"{numbers.show(wrong)} {found.unit_text}"
    yield f"not {shown} {found.unit_text}"


def _tempting_units(found: Quantity) -> Iterator[str]:
    """A unit of the same dimension but another size, then one of another dimension."""
    read = [(name, read_unit(name)) for name in _OTHER_UNITS]
    for name, unit in read:
        if unit and unit.dimension == found.unit.dimension and _differs(unit, found):
            yield name
            break
    for name, unit in read:
        if unit and unit.dimension != found.unit.dimension:
            yield name
            break


def _differs(unit: Unit, found: Quantity) -> bool:
    """Zero is zero in every unit of length, and -40 is one temperature on two scales."""
    other = numbers.added(numbers.times(found.number.value, unit.factor), unit.offset)
    gap = numbers.added(other, found.base.copy_negate()).copy_abs()
    return gap > numbers.times(found.base.copy_abs(), Decimal("0.2"))
