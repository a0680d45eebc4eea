"""Check 1, form: is it a question that stands alone, with a short answer of its type?"""

import re

from wsrl_assets.reward import AnswerType, Gold, parse_gold, self_test
from wsrl_assets.storage.tables import Verdict

MAX_ANSWER_WORDS = 12
MIN_QUESTION_WORDS = 5
MAX_QUESTION_WORDS = 120

# Ways of pointing at a text that whoever answers never sees.
_REFERS_TO_DOCUMENT = re.compile(
    r"\b(?:according to|in|from|by|of|does|did|as described in|mentioned in) (?:the|this|that)"
    r" (?:given |above |following |provided )?"
    r"(?:passage|text|document|article|excerpt|paragraph|author|study|story|section|context|page)\b"
    r"|\bthe (?:passage|document|excerpt|author|text)(?:'s)?\b"
    r"|\b(?:this|the present) (?:study|paper|article|passage|document|text|section)\b"
    r"|\b(?:mentioned|described|stated|listed|shown|given|discussed) (?:above|below|here)\b",
    re.IGNORECASE,
)
# A question that opens with a pronoun, or asks about one, has left its subject behind.
_DANGLING = re.compile(
    r"^(?:and|but|so|then)\b"
    r"|^(?:what|when|where|why|how|who|which)(?:\s\w+)?\s(?:is|are|was|were|did|does|do|has|had|can)"
    r"\s(?:he|she|it|they|this|that|these|those|him|them)\b(?!\s\w+\s(?:that|who|which))",
    re.IGNORECASE,
)


def typed_gold(
    answer: str | None, answer_type: str | None, unit: str | None
) -> tuple[Gold | None, Verdict]:
    """The typed gold of a drafted answer, and the verdict on it.

    Reasons: `no_answer`, `answer_too_long`, `yes_no_answer`, `answer_not_of_type`, and
    `gold_self_test`: our own reward does not tell this gold from wrong answers, so the pair is
    not verifiable (issue 4, item 6).
    """
    if not answer or not answer_type:
        return None, _no("answer_form", "no_answer")
    count = len(answer.split())
    if count > MAX_ANSWER_WORDS:
        return None, _no("answer_form", "answer_too_long", f"{count} words")
    if answer_type == AnswerType.YES_NO:
        return None, _no("answer_form", "yes_no_answer", "can be guessed")
    try:
        gold = parse_gold(answer, AnswerType(answer_type), unit=unit)
    except ValueError as error:
        return None, _no("answer_form", "answer_not_of_type", str(error)[:200])
    tested = self_test(gold)
    if not tested.ok:
        return None, _no("answer_form", "gold_self_test", tested.reason)
    return gold, Verdict("answer_form", True)


def question_form(question: str | None) -> Verdict:
    """Reasons: `no_question`, `question_too_short`, `question_too_long`, `not_a_question`."""
    if not question:
        return _no("question_form", "no_question")
    count = len(question.split())
    if count < MIN_QUESTION_WORDS:
        return _no("question_form", "question_too_short", f"{count} words")
    if count > MAX_QUESTION_WORDS:
        return _no("question_form", "question_too_long", f"{count} words")
    if "?" not in question:
        return _no("question_form", "not_a_question", "no question mark")
    return Verdict("question_form", True)


def stands_alone(question: str) -> Verdict:
    """Reasons: `refers_to_document`, `dangling_reference`; the detail is what was found."""
    found = _REFERS_TO_DOCUMENT.search(question)
    if found:
        return _no("stands_alone", "refers_to_document", found.group())
    found = _DANGLING.search(question)
    if found:
        return _no("stands_alone", "dangling_reference", found.group())
    return Verdict("stands_alone", True)


def _no(check: str, reason: str, detail: str | None = None) -> Verdict:
    return Verdict(check, False, reason, detail)
