"""Check 1, form: is it a question, with a short answer of its type?"""

import re
from collections.abc import Sequence

from wsrl_assets.llm.untrusted import as_text
from wsrl_assets.reward import AnswerType, Gold, infer_type, parse_gold, self_test
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
# What an answer that claims to be a number may turn out to be. A quantity without its unit is no
# integer: its question asks for the unit.
_SHOWN = (
    AnswerType.DECIMAL,
    AnswerType.PERCENT,
    AnswerType.QUANTITY,
    AnswerType.MONEY,
    AnswerType.DATE,
    AnswerType.TIME,
)
MAX_ANSWER_CHARS = 200
MIN_QUESTION_WORDS = 5
MAX_QUESTION_WORDS = 120
MAX_QUESTION_CHARS = 2_000

_WORD_NUMBER = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven"
    r"|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|a hundred|a thousand)"
)
_FIGURE = rf"(?:[$€£]?\d[\d.,]*%?|{_WORD_NUMBER})"
# Two figures, of which either would be right: "three or four days", "12-15 km", "between 3 and 5".
_RANGE = re.compile(
    rf"^(?:(?:about|around|some|roughly|approximately|from) )?{_FIGURE}(?: [^\W\d_]+| ?°C?)?"
    rf"(?: (?:or|to|up to) | ?[–—] ?| - |(?<=\d)-){_FIGURE}(?![\d:-])(?:$|[ %°a-z])"
    rf"|^(?:somewhere )?between {_FIGURE}(?: [^\W\d_]+)? and {_FIGURE}\b",
    re.IGNORECASE,
)
_ASKS_YEAR = re.compile(r"\b(?:which|what) year\b|^(?:since |until )?when\b", re.IGNORECASE)
# Decades are no seconds, and "one in four" has no unit.
_NO_UNIT = re.compile(r"^\d{3,4}s$|\b(?:in|of|or|and|out|to|by|from)\b", re.IGNORECASE)
# Also of Chinese and Japanese, of Arabic, and of Greek, which ends a question with a semicolon.
_QUESTION_MARK = re.compile(r"[?？؟\u037e]|;\s*\Z")
# "Name the three ..." asks as well as a question mark does.
_REQUEST = re.compile(
    r"(?:^|[.:] )(?:name|list|give|state|find|compute|calculate|determine|evaluate|solve|simplify"
    r"|write|express|identify|convert|complete|fill in)\b",
    re.IGNORECASE,
)

# What is quoted, or code, is not asked: the statement of a cloze holds any words.
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|`[^`]*`")
_ASKING = r"(?:what|which|whom?|whose|when|where|why|how)"
_SECOND_QUESTION = re.compile(
    r",? (?:and|or) (?:also )?(?:(?:at|by|for|from|in|of|on|since|to|under|until|with) )?"
    rf"{_ASKING}\b",
    re.IGNORECASE,
)
_ASKING_WORD = re.compile(rf"\b{_ASKING}\b", re.IGNORECASE)
_ENDING_MARK = re.compile(r"[?？](?=\s|$)")


def typed_gold(
    answer: str | None,
    answer_type: str | None,
    unit: str | None,
    choices: Sequence[str] = (),
    writing: Writing = AS_ENGLISH,
    question: str = "",
) -> tuple[Gold | None, Verdict]:
    """The typed gold of a drafted answer, and the verdict on it.

    Figures are read as the document writes them. A figure that shows another type than the one it
    claims gets the type that it shows ("96 hours" is a quantity, not an integer), and so does the
    year that an English question asks for; the detail says so. Reasons: `no_answer`,
    `answer_too_long`, `yes_no_answer`, `ambiguous_number` (`1.500`, where nothing says what the
    point is), `answer_is_a_range` ("three or four days"), `answer_not_of_type`, and
    `gold_self_test`: our own reward does not tell this gold from wrong answers, so the pair is not
    verifiable.
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
        if _RANGE.search(answer):
            return None, _no("answer_form", "answer_is_a_range", answer)
    shown = _shown_type(answer, answer_type, unit, choices, question)
    try:
        gold = parse_gold(
            answer, shown, unit=unit if shown == answer_type else None, choices=choices
        )
    except ValueError as error:
        return None, _no("answer_form", "answer_not_of_type", str(error)[:200])
    tested = self_test(gold)
    if not tested.ok:
        return None, _no("answer_form", "gold_self_test", tested.reason)
    detail = None if shown == answer_type else f"{answer_type} in the draft, {shown} by its form"
    return gold, Verdict("answer_form", True, detail=detail)


def _shown_type(
    answer: str, claimed: str, unit: str | None, choices: Sequence[str], question: str
) -> str:
    """The type that a figure shows by a sign, unit or month, where it is not of the claimed one.

    A bare number shows none, except the year of a question that asks for one: 193 "km" and 193
    soldiers are written alike.
    """
    if claimed not in _NUMERIC:
        return claimed
    bare = answer.strip()
    if bare.isdigit():
        asks_year = _ASKS_YEAR.search(question) and infer_type(answer) is AnswerType.DATE
        return AnswerType.DATE if asks_year else claimed
    shown = infer_type(answer)
    if shown not in _SHOWN or (shown is AnswerType.QUANTITY and _NO_UNIT.search(bare)):
        return claimed
    try:
        parse_gold(answer, claimed, unit=unit, choices=choices)
    except ValueError:
        return shown
    return claimed


def answer_is_not_persona(gold: Gold, persona: str) -> Verdict:
    """Whether an answer is something of the document, and not the reader for whom it was asked.

    A small model answers with the reader ("a nurse"), who stands in its prompt. Reason:
    `answer_is_persona`. A name that a persona holds among others ("a visitor of Lisbon") is fine.
    """
    reader = _bare(persona).partition(" who wants ")[0]
    answer = _bare(gold.value)
    is_reader = bool(reader) and answer in (reader, _bare(persona))
    return Verdict(
        "answer_not_persona",
        not is_reader,
        "answer_is_persona" if is_reader else None,
        persona if is_reader else None,
    )


def _bare(phrase: str) -> str:
    """Words in lower case, without an article and stops."""
    return re.sub(r"^(?:an?|the) ", "", " ".join(phrase.casefold().split()).strip(" ."))


def question_form(question: str | None) -> Verdict:
    """Reasons: `no_question`, `question_too_short`, `question_too_long`, `not_a_question`,
    `asks_twice` ("Who wrote it, and when?", by English words), and `template_tokens`: a trainer's
    chat template would read part of it as the end of a turn.
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
    second = _second_question(question)
    if second is not None:
        return _no("question_form", "asks_twice", second)
    if as_text(question) != question:
        return _no("question_form", "template_tokens", "tokens of a chat template or of a prompt")
    return Verdict("question_form", True)


def _second_question(question: str) -> str | None:
    """From where a question asks for another thing, which one answer cannot give as well.

    After a clause that has such a word of its own, "and who" may continue that clause ("the poet
    who was born in Rome and who died in Ravenna"), so it is let through.
    """
    asked = _QUOTED.sub("", question)
    marks = list(_ENDING_MARK.finditer(asked))
    if len(marks) > 1:
        return asked[marks[0].end() :].strip()
    second = _SECOND_QUESTION.search(asked)
    if second is None or len(_ASKING_WORD.findall(asked[: second.start()])) != 1:
        return None
    return asked[second.start() :].strip(", ")


def _ways(number: str) -> str:
    digits = re.sub(r"[.,]", "", number)
    if not digits.isdigit():
        return "a thousand millions in English, a million millions elsewhere"
    return f"{digits} or {number.replace(',', '.')}, and neither the language nor a number decides"


def _no(check: str, reason: str, detail: str | None = None) -> Verdict:
    return Verdict(check, False, reason, detail)
