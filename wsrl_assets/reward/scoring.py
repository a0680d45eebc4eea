"""From a response and a gold to a score."""

from __future__ import annotations

import re
from dataclasses import replace

from . import choices
from .code import unfenced
from .extraction import Final, find_final
from .gold import AnswerType, Gold
from .guessing import is_idle
from .kind import Rule
from .marks import LIST_LINE
from .outcome import MissingPackageError, Reason, Score
from .phrasing import EQUATED, NUMERIC, UNFIT, YEAR_IN_PASSING, may_hold, readings, restatements
from .rules import find_rule, kind_of
from .text import has_control, plain

_CODE_IN_PROSE = re.compile(r"([^`,;/|~\n]{0,200})(`[^`]+`)((?:,? which)?[^`,;/|~\n]{0,100})")
_ONLY_CODE = re.compile(r"\s*(?:[-*] |not |or )?`[^`]+`(?: or `[^`]+`)?[.;,]?\s*", re.IGNORECASE)
# Two lines are two numbers, where a space might have grouped the digits of one.
_BROKEN_NUMBER = re.compile(r"\d[ \t]*\n\s*\d")


def score(response: str, gold: Gold) -> Score:
    """1 when the response's final answer is the gold answer by the rule of its type, else 0.

    The reason says why, and `extracted` is what was compared. Only the final answer counts: see
    `extraction` for what it is. Hedged, doubted or listed answers score 0, as does every response
    to a gold that is not of its own type (`invalid_gold`). Where nobody knows, the reason is
    `undecided` and `Score.decided` is false. Never raises, and its work is bounded, whatever the
    text (the paper's reward is binary, section on training).
    """
    try:
        return _score(response, gold)
    except MissingPackageError:
        return Score(0, find_final(response).text, Reason.UNDECIDED)
    except Exception:
        # The last line of defence: one odd rollout must not end a training run.
        return Score(0, None, Reason.INTERNAL_ERROR)


def _score(response: str, gold: Gold) -> Score:
    rule = find_rule(gold)
    final = find_final(response)
    if rule is None:
        return Score(0, final.text, Reason.INVALID_GOLD)
    if gold.type is AnswerType.LIST and final.block is not None:
        final = replace(final, text=final.block, fault=None, rivals=())
    if final.text is None or final.fault is not None:
        return Score(0, final.text, final.fault or Reason.NO_ANSWER)
    if has_control(final.text):
        return Score(0, final.text, Reason.MALFORMED)
    return _judge(final, gold, rule)


def _judge(final: Final, gold: Gold, rule: Rule) -> Score:
    is_code = gold.type is AnswerType.CODE
    text = final.raw if is_code else final.text or ""
    if "`" in text and not is_code:
        text = unfenced(text)
    if gold.type in EQUATED and _BROKEN_NUMBER.search(text):
        return Score(0, text, Reason.HEDGED)
    first = rule(text)
    # A number that was read as a whole says what it says, however its sentence is cut.
    is_settled = first is Reason.WRONG_VALUE and gold.type in NUMERIC
    if first is Reason.MATCH:
        answer: str | None = text
    else:
        answer = None if is_settled else _matching_reading(text, gold, rule)
    if answer is None:
        is_alone = not (final.rivals or final.turns)
        return Score(0, text, first if is_alone else Reason.HEDGED)
    if (final.rivals or final.turns or final.after) and _has_rival(final, gold, rule):
        return Score(0, text, Reason.HEDGED)
    return Score(1, answer, Reason.MATCH)


def _matching_reading(text: str, gold: Gold, rule: Rule) -> str | None:
    """A reading of the text that is the gold answer, as is all that the text says beside it."""
    if gold.type is AnswerType.CODE:
        found = _CODE_IN_PROSE.fullmatch(text)
        is_fit = found is not None and not UNFIT.search(found[1]) and not UNFIT.search(found[3])
        return found[2] if found and is_fit and rule(found[2]) is Reason.MATCH else None
    text = plain(text)
    for reading in (text, *readings(text, gold.type)):
        if reading is not text and rule(reading) is Reason.MATCH:
            return reading
        # Within a tolerance two guesses may both be right, and are two guesses.
        parts = restatements(reading) if gold.tolerance is None else []
        if parts and all(rule(part) is Reason.MATCH for part in parts):
            return parts[0]
    return None


def _has_rival(final: Final, gold: Gold, rule: Rule) -> bool:
    """Whether a text beside the answer is another answer by the rule of the type."""
    if any(may_hold(_without_years(turn, gold), gold.type) for turn in final.turns):
        return True
    if gold.type in NUMERIC and any(rule(line) is Reason.WRONG_VALUE for line in final.after):
        return True
    if gold.type is AnswerType.CODE and any(map(_ONLY_CODE.fullmatch, final.after)):
        return True
    rivals = [LIST_LINE.sub("", rival) for rival in final.rivals if not is_idle(rival)]
    # One line without a number is no second number; several lines are a list of guesses.
    if len(rivals) == 1:
        rivals = [rival for rival in rivals if may_hold(rival, gold.type)]
    return any(
        rule(rival) is not Reason.MATCH and _matching_reading(rival, gold, rule) is None
        for rival in rivals
    )


def _without_years(turn: str, gold: Gold) -> str:
    """`I mean the count as of 2020` names no other count, unless a year was asked for."""
    is_year = gold.type is AnswerType.DATE or (len(gold.value) == 4 and gold.value.isdigit())
    return turn if is_year else YEAR_IN_PASSING.sub("", turn)


def judge_answer(answer: str, gold: Gold) -> Reason:
    """The rule alone, on an answer that has been taken out of its response already."""
    rule = find_rule(gold)
    return Reason.INVALID_GOLD if rule is None else rule(answer)


def matches(a: Gold, b: Gold) -> bool:
    """Whether two golds are one answer by the reward's own rules, in either direction.

    For distractors and deduplication, where a second right answer must not slip through: so a
    date of 1969 matches July 20, 1969, and an integer matches a date written the same. Two
    choices are compared by the text of their right options. A gold that is not of its own type
    matches nothing.
    """
    try:
        ours, theirs = _comparable(a), _comparable(b)
        return _covers(ours, theirs) or _covers(theirs, ours)
    except ValueError:
        return False


def _comparable(gold: Gold) -> Gold:
    if gold.type is not AnswerType.CHOICE or not gold.choices:
        return gold
    text = choices.right_text(gold) or gold.value
    return Gold(AnswerType.ENTITY, text, aliases=gold.aliases)


def _covers(gold: Gold, other: Gold) -> bool:
    answers = (other, *(replace(other, value=alias) for alias in other.aliases))
    return any(judge_answer(kind_of(o).render(o), gold) is Reason.MATCH for o in answers)
