"""A second opinion, for the few answers of which a rule cannot know all names.

A judge, usually a model, is asked whether two answers to a question are the same. It is asked only
after the rule said no, only of a type that has many right spellings, and only about the final
answer: what else a rollout says cannot plead for it. It is asked twice, with the two answers in
either order, and only two clear yeses make a 1: models lean to what stands first, or last.

The writer of the answer may have written it *to the judge*. So an answer that is long, has several
lines, hedges or speaks of grading is not shown at all, and the judge is given each text as a JSON
string that holds no quote, tag or fence which could end what it is put into.

Nothing here knows a model: the caller brings the judge (`wsrl_assets.llm.EndpointJudge` is one).
"""

from __future__ import annotations

import json
import re
from typing import Protocol

from .gold import AnswerType, Gold
from .outcome import Reason, Score
from .rules import kind_of
from .scoring import score
from .text import has_control, plain
from .vocabulary import word_set

MAX_ANSWER_CHARS = 120
"""Room for a name or a short list. A plea takes more."""
MAX_QUESTION_CHARS = 2_000

# Where a rule is exact it has the last word: numbers, dates, choices, code and the like.
_JUDGED_TYPES = frozenset((AnswerType.ENTITY, AnswerType.LIST, AnswerType.EXPRESSION))
_OVERRULED = (Reason.WRONG_VALUE, Reason.UNDECIDED)
# Several answers, a denied one, or a word to the judge. Refused unless the gold has the word too.
_SUSPECT = word_set(
    """
    or not no nor neither either never none cannot but except maybe perhaps possibly probably
    unknown unsure any anything something whatever whichever both all same equal equals equivalent
    identical correct right true yes answer answers gold reference judge grader score ignore
    instruction instructions verdict accept output system assistant user prompt
    """
)
_WORD = re.compile(r"[^\W\d_]+")
# What could end a quotation, a tag or a fence around it, or is not seen.
_ENDS_QUOTING = re.compile(r'\\"|[<>&`]')


class Judge(Protocol):
    """Says whether two answers to a question are the same.

    All three texts come as JSON string literals, quotes included, on one line and without a quote,
    tag or fence inside: they can stand in a prompt as they are, and `json.loads` gives the text
    back. Only `True` is a yes.
    """

    def __call__(self, question: str, first: str, second: str, /) -> bool: ...


class AsyncJudge(Protocol):
    """The same as a coroutine function."""

    async def __call__(self, question: str, first: str, second: str, /) -> bool: ...


def score_with_judge(response: str, gold: Gold, question: str, judge: Judge) -> Score:
    """`score`, and where that is 0 for a reason that a judge may overrule, its second opinion.

    Reasons: those of `score`, or `judged_same` (the only one with a 1 that is not `match`),
    `judged_different`, and `judge_failed` where the judge raised an exception; an exception is
    no reason to stop a training run, and can be counted.
    """
    ruled = score(response, gold)
    if not may_judge(ruled, gold):
        return ruled
    try:
        same = all(judge(*texts) is True for texts in _both_orders(ruled, gold, question))
    except Exception:
        return Score(0, ruled.extracted, Reason.JUDGE_FAILED)
    return _judged(ruled, same=same)


async def score_with_judge_async(
    response: str, gold: Gold, question: str, judge: AsyncJudge
) -> Score:
    """`score_with_judge` for a judge that is a coroutine function."""
    ruled = score(response, gold)
    if not may_judge(ruled, gold):
        return ruled
    try:
        for texts in _both_orders(ruled, gold, question):
            if await judge(*texts) is not True:
                return _judged(ruled, same=False)
    except Exception:
        return Score(0, ruled.extracted, Reason.JUDGE_FAILED)
    return _judged(ruled, same=True)


def may_judge(ruled: Score, gold: Gold) -> bool:
    """Whether a judge may overrule this score.

    Only a `wrong_value` or `undecided` of an entity, a list or an expression, whose answer is
    short, on one line, without a hedge and without a word to the judge. Never what was no answer,
    hedged, malformed, or scored against an invalid gold.
    """
    if ruled.reason not in _OVERRULED or gold.type not in _JUDGED_TYPES:
        return False
    answer = ruled.extracted or ""
    if len(answer) > MAX_ANSWER_CHARS or "\n" in answer or has_control(answer):
        return False
    is_asking = answer.rstrip().endswith(("?", ":", "..."))
    return not is_asking and not _suspect_words(answer) - _suspect_words(_texts_of(gold))


def quoted(text: str, limit: int) -> str:
    """A text as a JSON string literal that nothing in it can end, cut to so many characters."""
    literal = json.dumps(text[:limit], ensure_ascii=False)
    inside = _ENDS_QUOTING.sub(lambda found: _escape(found[0][-1]), literal[1:-1])
    return f'"{"".join(c if c.isprintable() else _escape(c) for c in inside)}"'


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1] if not character.isascii() else f"\\u{ord(character):04x}"


def _both_orders(ruled: Score, gold: Gold, question: str) -> tuple[tuple[str, str, str], ...]:
    asked = quoted(question, MAX_QUESTION_CHARS)
    right = quoted(kind_of(gold).render(gold), MAX_QUESTION_CHARS)
    answer = quoted(plain(ruled.extracted or ""), MAX_ANSWER_CHARS)
    return (asked, right, answer), (asked, answer, right)


def _judged(ruled: Score, *, same: bool) -> Score:
    reason = Reason.JUDGED_SAME if same else Reason.JUDGED_DIFFERENT
    return Score(int(same), ruled.extracted, reason)


def _suspect_words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold())) & _SUSPECT


def _texts_of(gold: Gold) -> str:
    return " ".join((gold.value, *gold.aliases))
