"""From a response and a gold to a score."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from . import choices
from .code import unfenced
from .extraction import Final, find_final
from .gold import AnswerType, Gold
from .kind import Rule
from .outcome import MissingPackageError, Reason, Score
from .rules import find_rule, kind_of
from .text import has_control

# Types whose answer may end a sentence: "The population is 12,345."
_SENTENCE_TYPES = frozenset(AnswerType) - {AnswerType.CODE}
# Types for which what follows the last "=" is the answer: "3 * 4 = 12".
_EQUATION_TYPES = frozenset(
    (
        AnswerType.INTEGER,
        AnswerType.DECIMAL,
        AnswerType.PERCENT,
        AnswerType.QUANTITY,
        AnswerType.MONEY,
    )
)
_VERB = re.compile(r"\b(?:is|was|are|were|equals|be|has|had|have)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(.{1,200}?)\s(?:is|was|are|were|equals)(?: equal to)?:?\s+(.+)", re.DOTALL)
# "The war ended in 1945.", where the lead has no other number.
_PREPOSITIONS = {
    AnswerType.DATE: re.compile(r"([^\d]{1,200}?) (?:in|on) (.+)", re.IGNORECASE),
    AnswerType.TIME: re.compile(r"([^\d]{1,200}?) at (.+)", re.IGNORECASE),
}
_CODE_AT_END = re.compile(r"([^`]{1,200}(?:\bis|\buse|:)) (`[^`]+`)\.?", re.IGNORECASE)
_LABEL = re.compile(r"([^\d:,\n]{1,40}):\s+(.+)", re.DOTALL)
_EQUATION = re.compile(r"(.{0,200}[^=!<>~\u2260\u2264\u2265\s])\s*=\s*([^=<>]+)", re.DOTALL)
_SAID_TO_BE_THE_ANSWER = re.compile(
    r"(.{1,200}?) (?:is|are) "
    r"(?:correct|right"
    r"|(?:the|my|our) (?:final |correct |right )?(?:answer|result|option|choice)s?)",
    re.IGNORECASE,
)
_IDLE_LEAD = re.compile(
    r"(?:(?:so|thus|hence|therefore|finally|then),? )?"
    r"(?:(?:it|that)(?:'s|\u2019s| is) |we (?:get|have|find|obtain)(?: that)?:? "
    r"|(?:=>|=|\u2192|\u21d2) ?)"
    r"|(?:so|thus|hence|therefore|finally),? ",
    re.IGNORECASE,
)
_BECAUSE = re.compile(r",? (?:because|since) (?=[A-Za-z])")
# In what leads to an answer, words that deny it, doubt it, ask for it or lead to another.
_UNFIT_LEAD = re.compile(
    r"\b(?:not|never|cannot|no|neither|nor|none|if|whether|unless|might|may|maybe|perhaps"
    r"|possibly|could|would|wrong|incorrect|false|mistaken|unlikely|doubt|suppose|assuming|either"
    r"|or|guess(?:es)?|attempt|example|step|hint|question|problem|case|input|query|what|who|whom"
    r"|which|when|where|why|how|than|there|q|before|after|until|since)\b|n't\b|[?;!]|n\u2019t\b",
    re.IGNORECASE,
)
# Two lines are two numbers, where a space might have grouped the digits of one.
_BROKEN_NUMBER = re.compile(r"\d[ \t]*\n\s*\d")
_MAX_LEAD_LENGTH = 200
_MAX_COMMAS_IN_LEAD = 2


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
        final = replace(final, text=final.block, fault=None)
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
    if gold.type in _EQUATION_TYPES and _BROKEN_NUMBER.search(text):
        return Score(0, text, Reason.HEDGED)
    first = rule(text)
    if first is Reason.MATCH:
        return Score(1, text, first)
    for answer in _code_at_end(text) if is_code else _ends_of_sentence(text, gold.type):
        if rule(answer) is Reason.MATCH:
            return Score(1, answer, Reason.MATCH)
    return Score(0, text, first)


def _code_at_end(text: str) -> Iterator[str]:
    """`The call is `f(x)`.`: the code a sentence ends with, if it is the only one in it."""
    found = _CODE_AT_END.fullmatch(text)
    if found is not None and not _UNFIT_LEAD.search(found[1]):
        yield found[2]


def _ends_of_sentence(text: str, answer_type: AnswerType) -> Iterator[str]:
    """Where a sentence can hold the answer at its end: after its verb, a label or an equals sign.

    The lead must be one clause that denies, doubts and asks nothing, so that of several guesses
    in a sentence not even the last one counts.
    """
    if answer_type not in _SENTENCE_TYPES or len(text) > 2 * _MAX_LEAD_LENGTH:
        return
    said = _SAID_TO_BE_THE_ANSWER.fullmatch(text)
    if said is not None and not _UNFIT_LEAD.search(said[1]):
        yield said[1]
    cut = _BECAUSE.search(text)
    if cut is not None:
        text = text[: cut.start()]
        yield text
    if " " not in text and "=" not in text:
        return
    lead = _IDLE_LEAD.match(text)
    if lead is not None:
        text = text[lead.end() :]
        yield text
    if answer_type in _PREPOSITIONS:
        found = _PREPOSITIONS[answer_type].fullmatch(text)
        if found is not None and not _UNFIT_LEAD.search(found[1]):
            yield found[2]
    for form in (_SENTENCE, _LABEL):
        found = form.fullmatch(text)
        if found is not None and _is_fit_lead(found[1]):
            yield found[2]
    if answer_type in _EQUATION_TYPES and "=" in text:
        found = _EQUATION.fullmatch(text)
        if found is not None and not _UNFIT_LEAD.search(found[1]) and ", " not in found[1]:
            yield found[2]


def _is_fit_lead(lead: str) -> bool:
    if "=" in lead or lead.count(", ") > _MAX_COMMAS_IN_LEAD:
        return False
    return not (_UNFIT_LEAD.search(lead) or _VERB.search(lead))


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
