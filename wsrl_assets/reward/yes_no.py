"""Yes or no (and true or false), by themselves or in a short sentence that repeats the verb."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from .gold import Gold
from .kind import Rule, not_of_type
from .outcome import Reason
from .text import plain

_YES = frozenset(("yes", "true", "y"))
_NO = frozenset(("no", "false", "n"))
_SUBJECT = r"(?:it|he|she|they|this|that|there|we|you|i)"
_VERB = r"(?:is|was|are|were|does|did|do|has|have|had|can|could|will|would|should)"
_YES_SENTENCE = re.compile(rf"yes(?:[,.;]| [\u2013\u2014-])? {_SUBJECT} {_VERB}[.!]?")
_NO_SENTENCE = re.compile(
    rf"no(?:[,.;]| [\u2013\u2014-])? {_SUBJECT} (?:{_VERB} not|{_VERB}n't|cannot|can't|won't)[.!]?"
)


def read_yes_no(text: str) -> bool | None:
    key = text.casefold().rstrip("!.")
    if key in _YES:
        return True
    if key in _NO:
        return False
    if _YES_SENTENCE.fullmatch(key):
        return True
    return False if _NO_SENTENCE.fullmatch(key) else None


def compile_rule(gold: Gold) -> Rule:
    wanted = _read_gold(gold.value)

    def judge(answer: str) -> Reason:
        found = read_yes_no(plain(answer))
        if found is None:
            return Reason.NOT_OF_TYPE
        return Reason.MATCH if found is wanted else Reason.WRONG_VALUE

    return judge


def _read_gold(value: str) -> bool:
    found = read_yes_no(plain(value))
    if found is None:
        raise not_of_type(value, "yes or no", "it is neither")
    return found


def canonical(draft: Gold) -> Gold:
    return replace(draft, value=render(draft))


def render(gold: Gold) -> str:
    return "yes" if _read_gold(gold.value) else "no"


def perturb(gold: Gold) -> Iterator[str]:
    right = render(gold)
    wrong = "no" if right == "yes" else "yes"
    yield wrong
    yield "yes or no"
    yield f"{right}, but also {wrong}"
    yield "maybe"
    yield f"not {right}"
