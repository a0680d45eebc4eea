"""Choices: the letter of an option, its full text, or both when they agree.

A gold's value is a letter or an option's text; where an option is itself a letter the text wins.
Several options, or a letter with another option's text, score 0. Without options in the gold only
a bare letter can be checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from . import numbers
from .entities import Name, read_name, same
from .gold import Gold
from .kind import Rule, not_of_type
from .number_words import ORDINALS
from .outcome import Reason
from .quantities import read_quantity
from .text import plain

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ORDINAL = re.compile(r"(?:the )?(\w+) (?:option|choice|one|answer)", re.IGNORECASE)
_MARK = re.compile(
    r"\(?([A-Za-z])(?:[).:,]{1,2}| [-\u2013\u2014=] | is | \()\s*(?=\S)|\[([A-Za-z])\]\s*(?=\S)"
)
_MARK_AFTER = re.compile(
    r"(.+?),? (?:\((?:i\.e\. )?(?:(?:option|choice|answer) )?([A-Za-z])\)"
    r"|(?:which is )?(?:option|choice|answer) ([A-Za-z]))",
    re.IGNORECASE,
)
_LEAD = re.compile(r"(?:the )?(?:correct )?(?:option|choice|answer|letter)(?: is)?:? ?", re.I)
_LETTER = re.compile(r"[(\[]?([A-Za-z])[)\].:]?")
_MAX_LENGTH = 320


@dataclass(frozen=True, slots=True)
class Options:
    names: tuple[Name, ...]

    def letter(self, text: str) -> int | None:
        """The option a bare letter stands for."""
        found = _LETTER.fullmatch(text)
        if found is None:
            return None
        index = _LETTERS.index(found[1].upper())
        return index if index < (len(self.names) or len(_LETTERS)) else None

    def text(self, text: str) -> int | None:
        """The option whose text this is."""
        name = read_name(text)
        if name is None:
            return None
        return next((i for i, option in enumerate(self.names) if same(name, option)), None)

    def find(self, answer: str) -> int | None:
        by_text = self.text(answer)
        if by_text is not None:
            return by_text
        lead = _LEAD.match(answer)
        bare = answer[lead.end() :] if lead else answer
        for read in (self.letter, self._marked, self._by_value, self._by_ordinal):
            found = read(bare)
            if found is not None:
                return found
        return None

    def _by_value(self, text: str) -> int | None:
        """The only option that is the same number or quantity: `5 kilometers` for `5 km`."""
        wanted = _value(text)
        if wanted is None:
            return None
        found = [i for i, option in enumerate(self.names) if _value(option.shown) == wanted]
        return found[0] if len(found) == 1 else None

    def _by_ordinal(self, text: str) -> int | None:
        found = _ORDINAL.fullmatch(text)
        if found is None or not self.names:
            return None
        word = found[1].lower()
        index = len(self.names) if word == "last" else ORDINALS.get(word, 0)
        return index - 1 if 0 < index <= len(self.names) else None

    def _marked(self, text: str) -> int | None:
        """`B) London` and `London (B)`, where B is London."""
        mark = _MARK.match(text)
        if mark is not None:
            letter, rest = mark[1] or mark[2], text[mark.end() :]
            if "(" in mark[0][1:]:
                rest = rest.removesuffix(")")
        else:
            after = _MARK_AFTER.fullmatch(text)
            if after is None:
                return None
            letter, rest = after[2] or after[3], after[1]
        index = _LETTERS.index(letter.upper())
        return index if self.text(rest) == index else None


def _value(text: str) -> tuple[object, ...] | None:
    number = numbers.read_number(text)
    if number is not None:
        return (number.value,)
    quantity = read_quantity(text)
    return None if quantity is None else (quantity.base.normalize(), quantity.unit.dimension)


def compile_rule(gold: Gold) -> Rule:
    options, wanted = _read_gold(gold)

    def judge(answer: str) -> Reason:
        if len(answer) > _MAX_LENGTH:
            return Reason.TOO_LONG
        found = options.find(plain(answer))
        if found is None:
            return Reason.NOT_OF_TYPE
        return Reason.MATCH if found == wanted else Reason.WRONG_VALUE

    return judge


def _read_gold(gold: Gold) -> tuple[Options, int]:
    options = _read_options(gold)
    found = options.find(plain(gold.value))
    if found is None:
        raise not_of_type(gold.value, "a choice", _why_no_option(gold))
    return options, found


def _why_no_option(gold: Gold) -> str:
    return f"it is none of the options {list(gold.choices)}" if gold.choices else "it is no letter"


def _read_options(gold: Gold) -> Options:
    names: list[Name] = []
    for number, choice in enumerate(gold.choices):
        name = read_name(without_mark(choice, number))
        if name is None:
            raise not_of_type(gold.value, "a choice", f'the option "{choice}" is empty or too long')
        if any(same(name, other) for other in names):
            raise not_of_type(gold.value, "a choice", f'the option "{choice}" stands there twice')
        names.append(name)
    if len(names) == 1 or len(names) > len(_LETTERS):
        raise not_of_type(gold.value, "a choice", "there must be 2 to 26 options")
    return Options(tuple(names))


def without_mark(choice: str, number: int) -> str:
    """`B) London`, as the second option, is London."""
    mark = _MARK.match(choice)
    own = mark is not None and (mark[1] or mark[2]).upper() == _LETTERS[number % len(_LETTERS)]
    return choice[mark.end() :] if mark is not None and own else choice


def right_text(gold: Gold) -> str | None:
    """The text of the right option, where the gold has its options."""
    _, index = _read_gold(gold)
    return without_mark(gold.choices[index], index) if gold.choices else None


def canonical(draft: Gold) -> Gold:
    """The value becomes the letter, which stays right when an option's text is long."""
    if not draft.choices:
        raise not_of_type(draft.value, "a choice", "its options are missing; pass choices")
    options, index = _read_gold(draft)
    letter = _LETTERS[index]
    if options.find(letter) != index:
        return replace(draft, value=without_mark(draft.choices[index], index))
    return replace(draft, value=letter)


def render(gold: Gold) -> str:
    options, index = _read_gold(gold)
    letter = _LETTERS[index]
    if not gold.choices:
        return letter
    text = without_mark(gold.choices[index], index)
    return text if options.find(f"{letter}) {text}") != index else f"{letter}) {text}"


def perturb(gold: Gold) -> Iterator[str]:
    options, index = _read_gold(gold)
    count = len(options.names) or 4
    others = [i for i in range(count) if i != index]
    for other in others[:3]:
        yield without_mark(gold.choices[other], other) if gold.choices else _LETTERS[other]
    right, wrong = _LETTERS[index], _LETTERS[others[0]]
    yield f"{wrong} or {right}"
    yield ", ".join(_LETTERS[:count])
    yield f"not {right}"
    yield f"both {right} and {wrong}"
    yield "all of them"
