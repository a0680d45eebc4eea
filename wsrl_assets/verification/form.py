"""Check 1, form: is it a question that stands alone, with a short answer of its type?"""

import re
from collections.abc import Sequence

from wsrl_assets.reward import AnswerType, Gold, parse_gold, self_test
from wsrl_assets.storage.tables import Verdict

MAX_ANSWER_WORDS = 12
MIN_QUESTION_WORDS = 5
MAX_QUESTION_WORDS = 120

# "Name the three ..." asks as well as a question mark does.
_REQUEST = re.compile(
    r"(?:^|[.:] )(?:name|list|give|state|find|compute|calculate|determine|evaluate|solve|simplify"
    r"|write|express|identify|convert|complete|fill in)\b",
    re.IGNORECASE,
)

# Ways of pointing at a text that whoever answers never sees. Books have authors and web pages are
# documents, so a word alone tells nothing: "the author of Emma" is no such way, "does the author
# argue" is.
_TEXT = r"(?:passage|text|document|article|excerpt|paragraph|story|study|page|section|context)"
_WRITER = r"(?:author|writer|narrator|speaker)"
_NAMED_AFTER = r"(?! (?:of|by|from|that|which|who|whose)\b)"
# What computers call texts and documents.
_COMPOUND = (
    r"(?! (?:editor|file|field|box|area|node|object|mode|messages?|message|block|segment|processor"
    r"|format|layer|type|store|database|root|body|header|table|fault|view|size|number|style)\b)"
)
_REFERS_TO_DOCUMENT = re.compile(
    rf"\baccording to (?:the|this|that|these) (?:\w+ )?"
    rf"(?:{_TEXT}|{_WRITER}|information|data|report|paper|chapter){_NAMED_AFTER}\b"
    rf"|\bthe (?:given|above|following|provided|preceding|previous|quoted|accompanying) {_TEXT}\b"
    r"|\b(?:in|from) (?:the|this) (?:passage|text|document|article|excerpt|paragraph|story|study)"
    r"(?=[,.?]| (?:is|are|was|were|does|did|do|has|had)\b)"
    rf"|\b(?:does|did|do|would) the {_TEXT}{_NAMED_AFTER}{_COMPOUND} [a-z]"
    rf"|\b(?:does|did|do|would|is|was|has|had|can|should) the {_WRITER}{_NAMED_AFTER}"
    r"(?= [a-z]|[?,])"
    rf"|\bthe (?:{_WRITER}|passage|text|article)['’]s (?:own |main )?(?:views?|opinions?|argument"
    r"|claims?|point|purpose|tone|attitude|conclusion|thesis|position|recommendation|advice"
    r"|suggestion|intention|estimate|perspective|name|home|experience)\b"
    rf"|\b{_WRITER}\?"
    r"|\b(?:the|this) (?:passage|excerpt)\b(?! (?:of|to|through|from|between|into)\b)"
    r"|\b(?:this|the present) (?:article|text|paper|study|section|paragraph|chapter|page|document"
    r"|story|report)\b"
    r"|\b(?:mentioned|described|stated|listed|shown|given|discussed|quoted|provided)"
    r" (?:above|below|here|earlier)\b(?! (?:zero|sea|ground|average)| \d)",
    re.IGNORECASE,
)
# "The Magna Carta was sealed in 1215: where was this document sealed?" names what it points at.
_POINTS_BACK = re.compile(r"(?:this|these) (?:document|story|report|study)", re.IGNORECASE)
_NAME_INSIDE = re.compile(r"(?<=[a-z,'’] )[A-Z][a-z]")

_PRONOUN = r"(?:he|she|it|they|this|that|these|those|him|them|his|her|its|their)"
_ASKING = r"(?:what|when|where|why|how|who|whom|which|whose)"
_AUXILIARY = r"(?:is|are|was|were|did|does|do|has|have|had|can|could|will|would|should)"
# "How long does it take" and "What is it called when" have an it that stands for nothing.
_IDLE_IT = (
    r"(?<=it) (?:takes?|took|called|termed|mean|cost|true|known|possible|impossible|necessary|legal"
    r"|illegal|safe|unsafe|advisable|customary|recommended|required|mandatory|best|better|common"
    r"|that|who|about)\b"
)
# A question that opens with a link, or asks about a pronoun, has left its subject behind.
_DANGLING = re.compile(
    r"^(?:and|but|so|then)\b"
    r"|^(?:(?:in|at|on|for|to|by|from|of|with|under|during|after|before|since|until) )?"
    rf"{_ASKING}(?: [\w'’-]+){{0,4}}? {_AUXILIARY} {_PRONOUN}\b"
    rf"(?!{_IDLE_IT})(?! \w+ (?:that|who|which)\b)",
    re.IGNORECASE,
)


def typed_gold(
    answer: str | None, answer_type: str | None, unit: str | None, choices: Sequence[str] = ()
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
        gold = parse_gold(answer, AnswerType(answer_type), unit=unit, choices=choices)
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
    if "?" not in question and not _REQUEST.search(question):
        return _no("question_form", "not_a_question", "no question mark and no request")
    return Verdict("question_form", True)


def stands_alone(question: str) -> Verdict:
    """Reasons: `refers_to_document`, `dangling_reference`; the detail is what was found."""
    found = _REFERS_TO_DOCUMENT.search(question)
    if found and not _names_it_before(question, found):
        return _no("stands_alone", "refers_to_document", found.group())
    found = _DANGLING.search(question)
    if found:
        return _no("stands_alone", "dangling_reference", found.group())
    return Verdict("stands_alone", True)


def _names_it_before(question: str, found: re.Match[str]) -> bool:
    pointer = _POINTS_BACK.fullmatch(found.group())
    return bool(pointer and _NAME_INSIDE.search(question, 0, found.start()))


def _no(check: str, reason: str, detail: str | None = None) -> Verdict:
    return Verdict(check, False, reason, detail)
