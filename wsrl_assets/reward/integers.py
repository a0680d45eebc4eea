"""Integers: `1,234` is 1234 and `twelve` is 12; 12.5 is none.

A counted noun may follow the number (`12 apples`), since the question named what is counted. A
unit of measure may not, unless the gold names it: to a question for years, `12 months` is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from . import numbers
from .gold import Gold
from .kind import Rule, not_of_type, without_exactly, without_restated
from .numbers import Number
from .outcome import Reason
from .text import plain
from .units import is_measure
from .vocabulary import word_set

_PLURAL = re.compile(r"[a-z]{2,19}s(?<!ss|us|is)")
_COUNTED_NOUNS = word_set(
    "people men women children mice teeth geese oxen sheep fish points turns hands links drops"
)
_NO_COUNTED_NOUN = word_set(
    """
    hundreds thousands millions billions trillions dozens tens scores pairs couples grosses
    halves thirds quarters fifths sixths sevenths eighths ninths tenths hundredths
    thousandths percents percentages degrees radians times folds cubes squares
    factorials digits plus minus less versus perhaps always sometimes besides thus yes its
    this his hers ours theirs was has does as is us others ones guesses options
    possibilities alternatives lots loss seconds minutes hours days weeks fortnights months
    years decades centuries millennia ages meters metres kilometers kilometres centimeters
    centimetres millimeters millimetres micrometers micrometres nanometers nanometres
    microns inches feet yards miles furlongs fathoms leagues parsecs acres hectares liters
    litres milliliters millilitres gallons pints quarts cups ounces tons tonnes grams
    grammes kilograms kilogrammes milligrams micrograms pounds stones carats kelvins joules
    kilojoules calories kilocalories watts kilowatts megawatts gigawatts volts kilovolts
    amps amperes ohms farads henries teslas webers newtons pascals kilopascals bars
    atmospheres hertz moles lumens candelas becquerels sieverts knots bits bytes kilobytes
    megabytes gigabytes terabytes petabytes pixels dollars euros cents pence rupees yens
    francs pesos rubles roubles crowns krones marks liras bucks quids lbs kgs kms hrs mins
    secs yrs oz
    """
)
_IDLE_ZEROS = re.compile(r"[-+]?0\d")


def compile_rule(gold: Gold) -> Rule:
    wanted = _read_gold(gold.value, gold.unit).value
    unit = noun_key(gold.unit) if gold.unit else None

    def judge(answer: str) -> Reason:
        found = numbers.split_number(without_restated(without_exactly(plain(answer))))
        if found is None:
            return Reason.NOT_OF_TYPE
        number, rest = found
        if rest and not _may_follow(rest, unit):
            return Reason.WRONG_UNIT if unit else Reason.NOT_OF_TYPE
        if not numbers.is_whole(number.value):
            return Reason.NOT_OF_TYPE
        return Reason.MATCH if number.value == wanted else Reason.WRONG_VALUE

    return judge


def _may_follow(rest: str, unit: str | None) -> bool:
    if unit is not None:
        return noun_key(rest) == unit
    noun = rest.lower()
    if noun in _NO_COUNTED_NOUN:
        return False
    if noun in _COUNTED_NOUNS:
        # Irregular plurals, and units that nearly always are things.
        return True
    return _PLURAL.fullmatch(noun) is not None and not is_measure(noun)


def noun_key(noun: str) -> str:
    """A noun with its number taken off, roughly and for both sides alike."""
    key = " ".join(noun.lower().split())
    if key.endswith("ies") and len(key) > 4:
        return key[:-3] + "y"
    return key[:-1] if key.endswith("s") and not key.endswith("ss") else key


def _read_gold(value: str, unit: str | None) -> Number:
    text = plain(value)
    found = numbers.split_number(text)
    if found is None:
        raise not_of_type(value, "an integer", "it does not read as a number")
    number, rest = found
    if rest and (unit is None or noun_key(rest) != noun_key(unit)):
        raise not_of_type(value, "an integer", f'"{rest}" follows the number; is it a quantity?')
    if not numbers.is_whole(number.value):
        raise not_of_type(value, "an integer", "it has a fraction; is it a decimal?")
    if _IDLE_ZEROS.match(text):
        raise not_of_type(value, "an integer", "leading zeros say it is a name or a code")
    return number


def canonical(draft: Gold) -> Gold:
    return replace(draft, value=numbers.show(_read_gold(draft.value, draft.unit).value))


def render(gold: Gold) -> str:
    return numbers.show(_read_gold(gold.value, gold.unit).value)


def perturb(gold: Gold) -> Iterator[str]:
    value = _read_gold(gold.value, gold.unit).value
    shown = numbers.show(value)
    one_more = numbers.show(numbers.added(value, Decimal(1)))
    yield one_more
    yield numbers.show(numbers.added(value, Decimal(-1)))
    if value:
        yield numbers.show(numbers.times(value, Decimal(10)))
        yield numbers.show(value.copy_negate())
    yield f"{numbers.show(numbers.added(value, Decimal('0.5')))}"
    yield f"{shown} or {one_more}"
    yield f"not {shown}"
    yield f"{shown}%"
