"""Numbers as people and models write them, kept exact and with the precision they were given in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from . import number_words

# Of our own, so that neither a trainer's decimal settings nor its threads change a score.
_EXACT = Context(prec=120, rounding=ROUND_HALF_EVEN, Emin=-9999, Emax=9999, traps=[])

MAX_NUMBER_LENGTH = 80

# Grouping is by comma, space, underscore or apostrophe, one kind throughout, in threes (or, with
# commas, in the Indian twos). `3,14` is none of these: a decimal comma and a pair look the same.
# Where a point or spaces group the digits before it (`1.234,56`), a comma can only be decimal.
_DECIMAL_COMMA = re.compile(r"([-+]? ?\d{1,3}(?:(?:[. ]\d{3})+)),(\d{1,12})(?![\d.,])", re.ASCII)
_DIGITS = re.compile(
    r"(?P<sign>[-+])? ?"
    r"(?P<whole>\d{1,3}(?:,\d{3})+(?!\d)|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)|\d{1,3}(?: \d{3})+(?!\d)"
    r"|\d{1,3}(?:_\d{3})+(?!\d)|\d{1,3}(?:'\d{3})+(?!\d)|\d+|(?=\.\d))"
    r"(?P<fraction>\.\d+)?"
    r"(?:[eE](?P<e>[-+]?\d{1,3})(?![\d.])"
    r"| ?(?:\u00d7|x|\*|\u00b7) ?10 ?(?:\^|\*\*) ?\(?(?P<ten>[-+]?\d{1,3})\)?(?![\d.]))?",
    re.ASCII,
)
_POWER_OF_TEN = re.compile(
    r"(?P<sign>[-+])?10 ?(?:\^|\*\*) ?\(?(?P<ten>[-+]?\d{1,3})\)?(?![\d.])", re.ASCII
)
_FRACTION = re.compile(
    r"(?P<sign>[-+])? ?(?:(?P<whole>\d{1,15}) )?(?P<top>\d{1,15}) ?/ ?(?P<bottom>\d{1,15})"
    r"(?![\d.,/])",
    re.ASCII,
)
_MINUS = re.compile(r"(?:minus|negative) (?=[\d.])", re.IGNORECASE)
_SCALE = re.compile(rf" ?-?({'|'.join(number_words.SCALES)})s?\b", re.IGNORECASE)
_DOZEN = re.compile(r" dozen\b", re.IGNORECASE)
_GROUPING = str.maketrans("", "", ", _'")


@dataclass(frozen=True, slots=True)
class Number:
    """An exact value, and how finely it was written.

    `step` is the exponent of the last digit written (`3.14` has -2); None for a number that was
    not written in digits and so is exact (`one third`, `1/3`). `significant` counts its digits.
    """

    value: Decimal
    step: int | None = None
    significant: int = 0


def read_number(text: str) -> Number | None:
    """The number that the *whole* text is, or None. The text has gone through `text.plain`."""
    found = split_number(text)
    return found[0] if found and not found[1] else None


def split_number(text: str) -> tuple[Number, str] | None:
    """The number that the text begins with, and what follows it.

    A scale belongs to the number: `2.5 million dollars` is 2500000 and `dollars`.
    """
    if len(text) > MAX_NUMBER_LENGTH * 3 or not text:
        return None
    if text[0].isalpha():
        minus = _MINUS.match(text)
        return split_number(f"-{text[minus.end() :]}") if minus else _split_worded(text)
    for split in (_split_fraction, _split_power, _split_digits):
        found = split(text)
        if found is not None:
            return found
    return None


def _split_worded(text: str) -> tuple[Number, str] | None:
    found = number_words.split_words(text)
    if found is None:
        return None
    return Number(_decimal(found[0])), found[1]


def _split_fraction(text: str) -> tuple[Number, str] | None:
    if "/" not in text:
        return None
    found = _FRACTION.match(text)
    if found is None or int(found["bottom"]) == 0:
        return None
    value = Fraction(int(found["top"]), int(found["bottom"])) + int(found["whole"] or 0)
    if found["whole"] and value >= int(found["whole"]) + 1:
        return None
    signed = -value if found["sign"] == "-" else value
    rest = text[found.end() :]
    factor, rest = _take_scale(rest)
    return Number(_decimal(signed * factor)), rest.strip(" ")


def _split_power(text: str) -> tuple[Number, str] | None:
    if not text.lstrip("+-").startswith("10"):
        return None
    found = _POWER_OF_TEN.match(text)
    if found is None:
        return None
    sign = -1 if found["sign"] == "-" else 1
    return Number(Decimal(sign).scaleb(int(found["ten"]), _EXACT)), text[found.end() :].strip(" ")


def _split_digits(text: str) -> tuple[Number, str] | None:
    if "," in text:
        text = _DECIMAL_COMMA.sub(_with_point, text, count=1)
    found = _DIGITS.match(text)
    if found is None or found.end() > MAX_NUMBER_LENGTH:
        return None
    whole = found["whole"].translate(_GROUPING)
    fraction = found["fraction"] or ""
    if not whole and not fraction:
        return None
    rest = text[found.end() :]
    # `12.5.6`, `1,2345` and `3,14`: the digits go on, so this was not where the number ends.
    if rest[:1] in (".", ",") and rest[1:2].isdigit():
        return None
    exponent = int(found["e"] or found["ten"] or 0)
    factor, rest = _take_scale(rest)
    written = Decimal(f"{found['sign'] or ''}{whole}{fraction}")
    value = _EXACT.multiply(written.scaleb(exponent, _EXACT), Decimal(factor))
    shift = len(str(factor)) - 1 if str(factor).strip("0") == "1" else 0
    step = exponent + shift - max(len(fraction) - 1, 0)
    return Number(value, step, _significant(whole, fraction)), rest.strip(" ")


def _with_point(found: re.Match[str]) -> str:
    return f"{found[1].replace('.', '').replace(' ', '')}.{found[2]}"


def _take_scale(rest: str) -> tuple[int, str]:
    found = _SCALE.match(rest)
    if found is not None:
        return number_words.SCALES[found[1].lower()], rest[found.end() :]
    found = _DOZEN.match(rest)
    if found is not None:
        return 12, rest[found.end() :]
    return 1, rest


def _significant(whole: str, fraction: str) -> int:
    if fraction:
        return len((whole + fraction[1:]).lstrip("0"))
    return len(whole.strip("0"))


def _decimal(value: Fraction) -> Decimal:
    return _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))


MIN_DIGITS_FOR_ROUNDING = 3
MIN_DIGITS_OF_FRACTION = 6


def agrees(answer: Number, gold: Number, tolerance: float | None) -> bool:
    """Whether an answer is the gold's number (relative tolerance, significant digits).

    With a tolerance: within it, relative to the gold. Without: the same value, or an answer
    written *more* finely that rounds to a gold of at least three significant digits with digits
    after the point. So 3.14159 is 3.14, but 3.1 is not, and 0.54 is not 0.5.
    """
    if answer.value == gold.value:
        return True
    gap = _EXACT.subtract(answer.value, gold.value).copy_abs()
    if tolerance is None and gold.step is None:
        return _writes_out(answer, gap)
    if tolerance is not None:
        return gap <= _EXACT.multiply(gold.value.copy_abs(), Decimal(repr(tolerance)))
    return _rounds_to(answer, gold, gap)


def _writes_out(answer: Number, gap: Decimal) -> bool:
    """0.333333 for a gold of 1/3: the fraction written out, to six digits at least."""
    if answer.step is None or answer.significant < MIN_DIGITS_OF_FRACTION:
        return False
    return gap < half_step(answer.step)


def _rounds_to(answer: Number, gold: Number, gap: Decimal) -> bool:
    """Of a gold in three digits too many fractions come near: 22/7 is not 3.14, 200/3 is 66.67."""
    if gold.step is None or gold.step >= 0 or gold.significant < MIN_DIGITS_FOR_ROUNDING:
        return False
    if answer.step is None and gold.step > -3 and gold.significant == MIN_DIGITS_FOR_ROUNDING:
        return False
    return (answer.step is None or answer.step < gold.step) and gap < half_step(gold.step)


def half_step(step: int) -> Decimal:
    """How far a value may be from one written with that last digit, if it rounds to it."""
    return Decimal("0.5").scaleb(step, _EXACT)


def scaled(number: Number, factor: Decimal) -> Number:
    """The number in another unit. Only a factor of ten leaves it the digits it was written in."""
    value = _EXACT.multiply(number.value, factor)
    shift = ten_to(factor)
    if shift is None or number.step is None:
        return Number(value)
    return Number(value, number.step + shift, number.significant)


def ten_to(factor: Decimal) -> int | None:
    """The power of ten that a factor is, if it is one."""
    return (
        factor.adjusted() if factor.copy_abs().normalize(_EXACT).as_tuple().digits == (1,) else None
    )


def added(first: Decimal, second: Decimal) -> Decimal:
    return _EXACT.add(first, second)


def times(first: Decimal, second: Decimal) -> Decimal:
    return _EXACT.multiply(first, second)


def divided(first: Decimal, second: Decimal) -> Decimal:
    return _EXACT.divide(first, second)


def is_whole(value: Decimal) -> bool:
    return value == value.to_integral_value(context=_EXACT)


MAX_PLAIN_DIGITS = 40


def show(value: Decimal) -> str:
    """Digits without idle zeros: 2500000, 0.5, -12; with an exponent only when far from 1."""
    if value and abs(value.adjusted()) > MAX_PLAIN_DIGITS:
        return str(value.normalize(_EXACT))
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
