"""What every type of answer provides; each is a module of its own with these four functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Protocol

from .gold import Gold
from .numbers import read_number
from .outcome import Reason

Rule = Callable[[str], Reason]
"""Compares one answer with the gold it was compiled for; never raises."""


class Kind(Protocol):
    """One type of answer."""

    def compile_rule(self, gold: Gold) -> Rule:
        """The rule for this gold's value; aliases are compiled one by one by the caller.

        Raises ValueError when the value is not of the type.
        """

    def canonical(self, draft: Gold) -> Gold:
        """The gold as it should be stored, from one whose value someone wrote freely.

        Raises ValueError, saying what is wrong with the answer, when it is not of the type.
        """

    def render(self, gold: Gold) -> str:
        """The answer as a person would write it."""

    def perturb(self, gold: Gold) -> Iterator[str]:
        """At least five wrong answers, the most tempting ones first."""


_EXACTLY = re.compile(r"(?:exactly|precisely) ", re.IGNORECASE)
_ABOUT = re.compile(
    r"(?:(?:exactly|precisely|approximately|approx\.?|about|around|roughly|circa) |~ ?)",
    re.IGNORECASE,
)


def without_exactly(text: str) -> str:
    """`exactly 12` is 12; `about 12` is not, where a count is asked for."""
    return text if text[:1].isdigit() else _EXACTLY.sub("", text, count=1)


def without_about(text: str) -> str:
    """A measured value may be called approximate: it is still compared in all its digits."""
    return text if text[:1].isdigit() else _ABOUT.sub("", text, count=1)


def without_restated(text: str) -> str:
    """`twelve (12)` says one number twice; `12 (13)` is left as it is."""
    if not text.endswith(")"):
        return text
    outer, _, inner = text[:-1].partition(" (")
    first, second = read_number(outer), read_number(inner)
    return outer if first and second and first.value == second.value else text


def not_of_type(answer: str, article_and_type: str, why: str) -> ValueError:
    """The one wording of every complaint about an answer's type."""
    shown = answer if len(answer) <= 80 else answer[:77] + "..."
    return ValueError(f'answer "{shown}" is not {article_and_type}: {why}')
