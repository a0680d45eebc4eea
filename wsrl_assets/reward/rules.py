"""Which module knows which type, and the compiled rule of a gold, kept for the next rollout."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from . import (
    choices,
    code,
    dates,
    decimals,
    entities,
    expressions,
    integers,
    lists,
    money,
    percents,
    quantities,
    times,
    yes_no,
)
from .gold import AnswerType, Gold
from .kind import Kind, Rule
from .outcome import Reason

KINDS: dict[AnswerType, Kind] = {
    AnswerType.INTEGER: integers,
    AnswerType.DECIMAL: decimals,
    AnswerType.PERCENT: percents,
    AnswerType.QUANTITY: quantities,
    AnswerType.DATE: dates,
    AnswerType.TIME: times,
    AnswerType.MONEY: money,
    AnswerType.ENTITY: entities,
    AnswerType.CHOICE: choices,
    AnswerType.YES_NO: yes_no,
    AnswerType.LIST: lists,
    AnswerType.CODE: code,
    AnswerType.EXPRESSION: expressions,
}


# Of an answer and its aliases: right by one of them, else not known to be wrong by all.
_BEST = (Reason.MATCH, Reason.UNDECIDED)


def kind_of(gold: Gold) -> Kind:
    return KINDS[gold.type]


def compile_gold(gold: Gold) -> Rule:
    """One rule for the value and all aliases. Raises ValueError, naming what is not of the type."""
    first = kind_of(gold).compile_rule(gold)
    others = [_compile_alias(gold, alias) for alias in gold.aliases]
    if not others:
        return first

    def judge(answer: str) -> Reason:
        reasons = [first(answer)]
        if reasons[0] is not Reason.MATCH:
            reasons += [rule(answer) for rule in others]
        return next((best for best in _BEST if best in reasons), reasons[0])

    return judge


def _compile_alias(gold: Gold, alias: str) -> Rule:
    try:
        return kind_of(gold).compile_rule(replace(gold, value=alias))
    except ValueError as error:
        raise ValueError(f"alias: {error}") from error


def require_rule(gold: Gold) -> None:
    """Raises ValueError, naming what is not of the type, where a gold has no rule."""
    if find_rule(gold) is None:
        compile_gold(gold)


@lru_cache(maxsize=16_384)
def find_rule(gold: Gold) -> Rule | None:
    """The rule of a gold, or None when the gold is not of its own type."""
    try:
        return compile_gold(gold)
    except ValueError:
        return None
