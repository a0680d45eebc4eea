"""Integers: `1,234` is 1234 and `twelve` is 12; 12.5 is none.

A counted noun may follow the number (`12 red apples`), since the question named what is counted. A
unit of measure may not, unless the gold names it: to a question for years, `12 months` is wrong.
Nor may a word that changes the number: `12 dozen`, `12 or so`, `12 at least`.
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
from .vocabulary import singular, word_set

_NOUN = re.compile(r"[^\W\d_]{2,20}(?:['\u2019-][^\W\d_]{1,14}){0,2}")
_MAX_WORDS = 6
# Between a number and the noun it counts stand adjectives and `of the`, and none of these.
_NO_COUNTED_NOUN = word_set(
    """
    hundred hundreds thousand thousands million millions billion billions trillion trillions dozen
    dozens score scores gross pair pairs couple couples half halves third thirds quarter quarters
    fifth fifths sixth sixths seventh eighth ninth tenth tenths hundredth hundredths thousandth
    thousandths percent percents percentage percentages point points ppm degree degrees radian
    radians
    time times fold folds cube cubes square squares cubed squared power root factorial
    factorials digit
    digits plus minus less more fewer most least versus perhaps maybe possibly probably likely
    always
    sometimes usually besides thus hence yes no not never nor neither none without except but or and
    and/or its this that these those his her hers ours theirs was were has had have is are be
    been as us
    others other one ones two guess guesses option options possibility possibilities alternative
    alternatives choice lots loss approx approximately about around roughly nearly almost
    exactly over
    under above below between among up down to from by with than if when where while until till
    before
    after since per each every apiece either both any some several few many maximum minimum max min
    ish something odd so such etc wrong incorrect false right correct true doubt unsure
    uncertain ago
    short left remaining missing lacking later earlier ad bc bce ce am pm hex binary octal
    decimal base mod modulo divided multiplied
    added
    subtracted equals equal greater larger smaller higher lower
    ton tons tonne tonnes cup cups stone stones bar bars cent cents pence penny euro euros
    dollar dollars rupee rupees yen
    yuan won franc francs peso pesos rouble roubles ruble rubles crown crowns krone krones mark
    marks
    lira liras buck bucks quid pound pounds sterling carat carats pixel pixels age ages
    """
)
_JOINING = word_set("of in on at for the a an")
# Words that pint knows as units, and that nearly always are things, and the other way round.
_COUNTED_UNITS = word_set("people men women children hands links drops turns members total all")
_SUFFIX = re.compile(r"(?<=\d)(?:[kKMB]|[mM]n|[mM]io|[bB]n)$")
_POWERS = {"k": 3, "m": 6, "b": 9}
_IDLE_ZEROS = re.compile(r"[-+]?0\d")


def compile_rule(gold: Gold) -> Rule:
    wanted = _read_gold(gold.value, gold.unit).value
    unit = singular(gold.unit) if gold.unit else None

    def judge(answer: str) -> Reason:
        text = without_restated(without_exactly(plain(answer)))
        found = numbers.split_number(text)
        if found is None:
            return Reason.NOT_OF_TYPE
        number, rest = _take_suffix(text, *found) if found[1] else found
        if rest and not _may_follow(rest, unit):
            return Reason.WRONG_UNIT if unit else Reason.NOT_OF_TYPE
        if not numbers.is_whole(number.value):
            return Reason.NOT_OF_TYPE
        return Reason.MATCH if number.value == wanted else Reason.WRONG_VALUE

    return judge


def _may_follow(rest: str, unit: str | None) -> bool:
    """Whether what follows the number is the noun it counts: `UNESCO sites`, `of the moons`."""
    words = rest.split()
    if len(words) > _MAX_WORDS:
        return False
    if unit is None or singular(rest) == unit:
        return unit is not None or _is_noun_phrase(words)
    # Of planets in the solar system, and not of dwarf planets.
    return singular(words[0]) == unit and words[1] in _JOINING and _is_noun_phrase(words)


def _is_noun_phrase(words: list[str]) -> bool:
    return all(_is_part_of_noun(word, at + 1 == len(words)) for at, word in enumerate(words))


def _is_part_of_noun(written: str, is_last: bool) -> bool:
    word = written.casefold()
    if word in _JOINING:
        return not is_last
    if word in _NO_COUNTED_NOUN or _NOUN.fullmatch(word) is None:
        return False
    is_adverb = word.endswith("ly") and len(word) > 5
    is_unit = is_measure(written) or is_measure(word)
    return not is_adverb and (word in _COUNTED_UNITS or not is_unit)


def _take_suffix(text: str, number: Number, rest: str) -> tuple[Number, str]:
    """`3.2M` and `42k`, glued: with a space an M is metres."""
    found = _SUFFIX.search(text)
    if found is None or rest != found[0]:
        return number, rest
    return numbers.scaled(number, Decimal(10) ** _POWERS[rest.lower()[0]]), ""


def _read_gold(value: str, unit: str | None) -> Number:
    text = plain(value)
    found = numbers.split_number(text)
    if found is None:
        raise not_of_type(value, "an integer", "it does not read as a number")
    number, rest = found
    if rest and (unit is None or singular(rest) != singular(unit)):
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
