"""Check 1, form: is it a question, with a short answer of its type?"""

import re
from collections.abc import Sequence

from wsrl_assets.llm.untrusted import as_text
from wsrl_assets.reward import AnswerType, Gold, parse_gold, self_test
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.text.language import AS_ENGLISH, Writing
from wsrl_assets.text.normalisation import count_words

MAX_ANSWER_WORDS = 12
_NUMERIC = (
    AnswerType.INTEGER,
    AnswerType.DECIMAL,
    AnswerType.PERCENT,
    AnswerType.QUANTITY,
    AnswerType.MONEY,
)
MAX_ANSWER_CHARS = 200
MIN_QUESTION_WORDS = 5
MAX_QUESTION_WORDS = 120
MAX_QUESTION_CHARS = 2_000

# Also of Chinese and Japanese, of Arabic, and of Greek, which ends a question with a semicolon.
_QUESTION_MARK = re.compile(r"[?？؟\u037e]|;\s*\Z")
# "Name the three ..." asks as well as a question mark does.
_REQUEST = re.compile(
    r"(?:^|[.:] )(?:name|list|give|state|find|compute|calculate|determine|evaluate|solve|simplify"
    r"|write|express|identify|convert|complete|fill in)\b",
    re.IGNORECASE,
)


def typed_gold(
    answer: str | None,
    answer_type: str | None,
    unit: str | None,
    choices: Sequence[str] = (),
    writing: Writing = AS_ENGLISH,
) -> tuple[Gold | None, Verdict]:
    """The typed gold of a drafted answer, and the verdict on it.

    Figures are read as the document writes them. Reasons: `no_answer`, `answer_too_long`,
    `yes_no_answer`, `ambiguous_number` (`1.500`, where nothing says what the point is),
    `answer_not_of_type`, and `gold_self_test`: our own reward does not tell this gold from wrong
    answers, so the pair is not verifiable.
    """
    if not answer or not answer_type:
        return None, _no("answer_form", "no_answer")
    count = len(answer.split())
    if count > MAX_ANSWER_WORDS:
        return None, _no("answer_form", "answer_too_long", f"{count} words")
    if len(answer) > MAX_ANSWER_CHARS:
        return None, _no("answer_form", "answer_too_long", f"{len(answer)} characters")
    if answer_type == AnswerType.YES_NO:
        return None, _no("answer_form", "yes_no_answer", "can be guessed")
    if answer_type in _NUMERIC:
        ambiguous = writing.ambiguous_number(f"{answer} {unit or ''}")
        if ambiguous is not None:
            return None, _no("answer_form", "ambiguous_number", f"{ambiguous}: {_ways(ambiguous)}")
        answer = writing.with_decimal_point(answer)
    try:
        gold = parse_gold(answer, AnswerType(answer_type), unit=unit, choices=choices)
    except ValueError as error:
        return None, _no("answer_form", "answer_not_of_type", str(error)[:200])
    tested = self_test(gold)
    if not tested.ok:
        return None, _no("answer_form", "gold_self_test", tested.reason)
    return gold, Verdict("answer_form", True)


def question_form(question: str | None) -> Verdict:
    """Reasons: `no_question`, `question_too_short`, `question_too_long`, `not_a_question`, and
    `template_tokens`: a trainer's chat template would read part of it as the end of a turn.
    """
    if not question:
        return _no("question_form", "no_question")
    if len(question) > MAX_QUESTION_CHARS:
        return _no("question_form", "question_too_long", f"{len(question)} characters")
    count = count_words(question)
    if count < MIN_QUESTION_WORDS:
        return _no("question_form", "question_too_short", f"{count} words")
    if len(question.split()) > MAX_QUESTION_WORDS:
        return _no("question_form", "question_too_long", f"{count} words")
    if not _QUESTION_MARK.search(question) and not _REQUEST.search(question):
        return _no("question_form", "not_a_question", "no question mark and no request")
    if as_text(question) != question:
        return _no("question_form", "template_tokens", "tokens of a chat template or of a prompt")
    return Verdict("question_form", True)


def _ways(number: str) -> str:
    digits = re.sub(r"[.,]", "", number)
    if not digits.isdigit():
        return "a thousand millions in English, a million millions elsewhere"
    return f"{digits} or {number.replace(',', '.')}, and neither the language nor a number decides"


def _no(check: str, reason: str, detail: str | None = None) -> Verdict:
    return Verdict(check, False, reason, detail)
