"""Answers that follow from a quote without standing in it: a sum, a conversion, a count.

Precision before yield. Arithmetic is tried only where the question asks for it in so many words,
with two figures of one unit and with few figures in the quote, so that a wrong answer does not find
a pair of numbers that happens to make it. What is found stands in the verdict's detail, so that
a user who wants quoted answers only can leave these out.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import combinations, permutations

from wsrl_assets.reward import AnswerType, Gold, parse_gold, render, score
from wsrl_assets.reward.units import is_measure
from wsrl_assets.verification.events import asked_dates
from wsrl_assets.verification.parts import Figure, equal_parts, figures

MAX_FIGURES = 6
_BARE = (AnswerType.INTEGER, AnswerType.DECIMAL)
_ADDED = (
    AnswerType.INTEGER,
    AnswerType.DECIMAL,
    AnswerType.PERCENT,
    AnswerType.QUANTITY,
    AnswerType.MONEY,
)

_TOTAL = re.compile(
    r"\b(?:in (?:all|total|sum)|altogether|combined|together|total|sum of)\b", re.IGNORECASE
)
# "How many rivers longer than 500 km" sets a bound; "how many km longer" asks for a difference.
_DIFFERENCE = re.compile(
    r"\bhow (?:many|much) (?:[\w-]+ ){0,2}?(?:more|fewer|less|[a-z]{3,}er)\b(?! than (?:\d|an? ))"
    r"|\bby how (?:many|much)\b|\bdifference (?:between|in)\b"
    r"|\bhow (?:many|much)\b.*\b(?:left(?: over)?\?|left over|remain(?:s|ed|ing)?)",
    re.IGNORECASE,
)
_YEARS_APART = re.compile(
    r"\bhow many years\b(?! old)|\bhow long\b.*\b(?:after|before|between|last|take|took)\b",
    re.IGNORECASE,
)
_AGE = re.compile(r"\bhow old\b|\bhow many years old\b|\bat what age\b", re.IGNORECASE)
_EACH = re.compile(
    r"\b(?:each|every|per|apiece|a (?:piece|head|person|day|week|month|year))\b", re.IGNORECASE
)

# A figure of these is a name of something, not a number of things.
_NUMBERED = re.compile(
    r"\b(?:page|chapter|section|article|figure|table|version|room|route|highway|line|level|grade"
    r"|type|class|code|step|no|number|level|model|port)\.? ?$",
    re.IGNORECASE,
)
_YEAR_LIKE = re.compile(r"(?:1\d|20)\d\d")
_NEXT_WORD = re.compile(r"[\s(]*([A-Za-z][\w'’-]*)")
_FUNCTION_WORDS = frozenset(
    "a an the in on at of to by for from with and or but as than that which who is are was were"
    " has have had will would can could did does do it its their his her into after before while"
    " when where during per each every more less fewer".split()
)

_CAPITALISED = re.compile(r"\b[A-Z][\w-]+")
_NO_NAMES = _FUNCTION_WORDS | frozenset(
    "he she they we you there this these those one two three some most many how what all both"
    " january february march april may june july august september october november december".split()
)

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"“(])")
_HOW_MANY = re.compile(
    r"\bhow many ((?:[\w-]+ ){0,2}?[\w-]+)(?= (?:is|are|was|were|does|do|did|has|have|had|can|make"
    r"|form|of|in|on|there|belong|compose|constitute)\b|\?)",
    re.IGNORECASE,
)
_ITEM = r"(?!(?:and|or)\b)[\w'’-]+(?: (?!(?:and|or)\b)[\w'’-]+){0,3}"
_ENUMERATION = re.compile(
    r"(?::|\b(?:are|were|namely|comprises?|comprised|consist(?:s|ed)? of|made (?:up )?of"
    r"|divided into|called|named|has|have|had|contains?)) "
    rf"((?:{_ITEM}, )+{_ITEM},? and {_ITEM})(?=\s*(?:[.;:)]|$))"
)
_NOT_ALL = re.compile(
    r"\b(?:such as|including|includes?|for example|for instance|e\.g\.|like|among|others?|etc"
    r"|mainly|mostly|some|many|several)\b",
    re.IGNORECASE,
)


def derived(question: str, quote: str, gold: Gold) -> str | None:
    """How the answer follows from figures of the quote, as `12 + 30 = 42`; none if it does not.

    A sum or a product where the question asks for a total, a difference where it asks by how much,
    years between two dates, and the number of things that the quote lists in full.
    """
    ways: tuple[Callable[[str, str, Gold], str | None], ...] = (
        _total,
        _difference,
        _years,
        _count,
    )
    asked = (gold, *_with_unit(question, gold)) if gold.type in _BARE else (gold,)
    tried = (way(question, quote, one) for one in asked for way in ways)
    return next((found for found in tried if found), None)


def converted(question: str, quote: str, gold: Gold) -> str | None:
    """The answer in another unit, as `5 km = 5000 m`; none if it stands there in its own.

    A bare number takes the unit that the question asks for: "How many metres ...?"
    """
    for asked in _with_unit(question, gold):
        parts = list(equal_parts(quote, asked))
        if any(_same_unit(parse_gold(part, AnswerType.QUANTITY), asked) for part in parts):
            return None
        if parts:
            return f"{parts[0]} = {render(asked)}"
    return None


def _with_unit(question: str, gold: Gold) -> Iterator[Gold]:
    if gold.type is AnswerType.QUANTITY:
        yield gold
    if gold.type not in _BARE:
        return
    unit = r"((?:square |cubic )?[a-z]+(?: per [a-z]+)?)"
    for found in re.finditer(rf"\b(?:how many|how much|in) {unit}", question, re.IGNORECASE):
        if is_measure(found[1]) and found[1].lower() not in _FUNCTION_WORDS:
            yield Gold(AnswerType.QUANTITY, gold.value, unit=found[1])


def _same_unit(one: Gold, other: Gold) -> bool:
    if one.type is not AnswerType.QUANTITY:
        return one.unit == other.unit
    return score(f"1 {one.unit}", replace(other, value="1", tolerance=None)).value == 1


@dataclass(frozen=True, slots=True)
class _Operand:
    """A figure with the noun after it, where it counts something, and its sentence's number."""

    figure: Figure
    noun: str | None
    sentence: int

    @property
    def value(self) -> Decimal:
        return Decimal(self.figure.gold.value.rstrip("%"))


def _total(question: str, quote: str, gold: Gold) -> str | None:
    if gold.type not in _ADDED or not _TOTAL.search(question):
        return None
    operands = _operands(quote, gold.type)
    for one, other in combinations(operands if _speaks_of_the_same(question, quote) else [], 2):
        if _of_one_kind(one, other, question):
            found = _makes(gold, one, "+", other, one.value + other.value)
            if found:
                return found
    return _product(question, quote, gold, operands)


def _product(question: str, quote: str, gold: Gold, operands: list[_Operand]) -> str | None:
    """So many, of so much each."""
    if gold.type is AnswerType.PERCENT or not _EACH.search(quote):
        return None
    counts = [*_operands(quote, AnswerType.INTEGER), *_operands(question, AnswerType.INTEGER)]
    for count in counts:
        for other in operands:
            if count.figure != other.figure and 1 not in (count.value, other.value):
                found = _makes(gold, count, "x", other, count.value * other.value)
                if found:
                    return found
    return None


def _difference(question: str, quote: str, gold: Gold) -> str | None:
    if gold.type not in _ADDED or gold.type is AnswerType.PERCENT:
        return None
    if not _DIFFERENCE.search(question) or not _speaks_of_the_same(question, quote):
        return None
    for one, other in permutations(_operands(quote, gold.type), 2):
        if one.value > other.value and _of_one_kind(one, other, question):
            found = _makes(gold, one, "-", other, one.value - other.value)
            if found:
                return found
    return None


def _speaks_of_the_same(question: str, quote: str) -> bool:
    """No name in the quote beside those that the question has: Norway's goals are not Sweden's.

    A quote of which the question has no name at all ("the two tunnels") speaks of what it does.
    """
    asked, said = _names(question), _names(quote)
    return said <= asked or not said & asked


def _names(text: str) -> set[str]:
    return {word for word in _CAPITALISED.findall(text) if word.lower() not in _NO_NAMES}


def _makes(gold: Gold, one: _Operand, sign: str, other: _Operand, value: Decimal) -> str | None:
    """The sum as text if the reward takes its result for the gold answer."""
    shown = format(value.normalize(), "f") + ("%" if gold.type is AnswerType.PERCENT else "")
    result = render(replace(other.figure.gold, value=shown))
    if score(result, gold).value != 1:
        return None
    return f"{one.figure.text} {sign} {other.figure.text} = {result}"


def _operands(text: str, answer_type: AnswerType) -> list[_Operand]:
    """The figures of a text that can be reckoned with; none where there are too many."""
    ends = [match.start() for match in _SENTENCE_END.finditer(text)]
    found = []
    for figure in figures(text, answer_type):
        noun = _noun_after(text, figure)
        if answer_type in _BARE and not _counts_something(text, figure, noun):
            continue
        sentence = sum(end < figure.start for end in ends)
        found.append(_Operand(figure, noun if answer_type in _BARE else None, sentence))
    return found if len(found) <= MAX_FIGURES else []


def _counts_something(text: str, figure: Figure, noun: str | None) -> bool:
    """Whether a bare number is a number of things: no year, no chapter, no measure without unit.

    Nor is `1/2`, which a decimal may be.
    """
    if "/" in figure.gold.value:
        return False
    if figure.text.startswith("-") or Decimal(figure.gold.value) <= 0:
        return False
    if _YEAR_LIKE.fullmatch(figure.text) or _NUMBERED.search(text[: figure.start]):
        return False
    return noun is None or not (is_measure(noun) or _is_money(f"{figure.text} {noun}"))


def _is_money(text: str) -> bool:
    try:
        parse_gold(text, AnswerType.MONEY)
    except ValueError:
        return False
    return True


def _noun_after(text: str, figure: Figure) -> str | None:
    found = _NEXT_WORD.match(text, figure.end)
    word = found[1].lower() if found else ""
    return word if word and word not in _FUNCTION_WORDS else None


def _of_one_kind(one: _Operand, other: _Operand, question: str) -> bool:
    """Whether two figures may be added: one unit; and not cows to houses, asked for the houses."""
    if one.figure.gold.type in (AnswerType.QUANTITY, AnswerType.MONEY):
        return _same_unit(one.figure.gold, other.figure.gold)
    nouns = [operand.noun for operand in (one, other) if operand.noun]
    if len({_stem(noun) for noun in nouns}) < 2:
        return True
    asked = _stems(question)
    named = [_stem(noun) in asked for noun in nouns]
    return all(named) or (not any(named) and one.sentence == other.sentence)


def _years(question: str, quote: str, gold: Gold) -> str | None:
    if gold.type not in (AnswerType.INTEGER, AnswerType.QUANTITY):
        return None
    age = _AGE.search(question) is not None
    if not age and not _YEARS_APART.search(question):
        return None
    dates = list(figures(quote, AnswerType.DATE))
    if len(dates) > MAX_FIGURES:
        return None
    for first, last in asked_dates(question, quote, dates, age=age):
        early, late = first.gold.value, last.gold.value
        years = _years_between(early, late, age=age)
        if years and _is_that_many_years(years, gold):
            return f"{late} - {early} = {years} years"
    return None


def _is_that_many_years(years: int, gold: Gold) -> bool:
    bare = gold.type is AnswerType.INTEGER
    return score(f"{years}" if bare else f"{years} years", gold).value == 1


def _years_between(early: str, late: str, *, age: bool) -> int | None:
    """Whole years from one date to a later one; none where the dates leave it open.

    An age in years needs both days, or whether the birthday came first stays unknown.
    """
    if _YEAR_LIKE.fullmatch(early) and _YEAR_LIKE.fullmatch(late) and not age:
        return int(late) - int(early) if late > early else None
    try:
        first, last = date.fromisoformat(early), date.fromisoformat(late)
    except ValueError:
        return None
    before_the_day = (last.month, last.day) < (first.month, first.day)
    years = last.year - first.year - before_the_day
    ambiguous = before_the_day and not age
    return years if years > 0 and not ambiguous else None


def _count(question: str, quote: str, gold: Gold) -> str | None:
    """The number of things that one sentence lists in full, if the question asks for those."""
    if gold.type is not AnswerType.INTEGER:
        return None
    asked = _HOW_MANY.search(question)
    lists = [
        (sentence, found)
        for sentence in _SENTENCE_END.split(quote)
        for found in _ENUMERATION.finditer(sentence)
    ]
    if asked is None or len(lists) != 1:
        return None
    sentence, found = lists[0]
    if _NOT_ALL.search(sentence) or _operands(sentence, AnswerType.INTEGER):
        return None
    noun = _stem(asked[1].split()[-1].lower())
    if noun not in _stems(sentence[: found.start()]) or noun in _stems(found[1]):
        return None
    items = [item for item in re.split(r", and |, | and ", found[1]) if item]
    return f"{found[1]} = {len(items)}" if score(str(len(items)), gold).value == 1 else None


def _stems(text: str) -> set[str]:
    return {_stem(word) for word in re.findall(r"[\w'’-]+", text.lower())}


def _stem(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word
