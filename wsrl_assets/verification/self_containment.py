"""Check 1, self-containment: is it clear what is asked, for someone who has not seen the document?

By rule, for English. Four ways to fail: the question points at a text ("the passage", "this
study", "does the author argue"), it is about a pronoun that stands for nothing in it, about "the
company" that it does not name, or about a fact that changes and no date. The rules know only forms;
the judge reads the rest.
"""

import re

from wsrl_assets.storage.tables import Verdict
from wsrl_assets.text.normalisation import in_small_letters
from wsrl_assets.verification.changing_facts import undated_fact
from wsrl_assets.verification.form import MAX_QUESTION_CHARS
from wsrl_assets.verification.references import dangling_reference

# Ways of pointing at a text that the answering model never sees. Books have authors and web pages
# are documents, so a word alone tells nothing: "the author of Emma" is no such way, "does the
# author argue" is.
_TEXT = r"(?:passage|text|document|article|excerpt|paragraph|story|study|page|section|context)"
_WRITER = r"(?:author|writer|narrator|speaker)"
_NAMED_AFTER = r"(?! (?:of|by|from|that|which|who|whose)\b)"
# What computers call texts and documents.
_COMPOUND = (
    r"(?! (?:editor|file|field|box|area|node|object|mode|messages?|message|block|segment|processor"
    r"|format|layer|type|store|database|root|body|header|table|fault|view|size|number|style)\b)"
)
# Of questions in small letters.
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
    r" (?:above|below|here|earlier)\b(?! (?:zero|sea|ground|average)| \d)"
    r"|\b(?:in|does|do|of|from|to) (?:table|figure|fig\.|equation|appendix) \d+\b(?! of\b)",
)
# "The Magna Carta was sealed in 1215: where was this document sealed?" names what it points at.
_POINTS_BACK = re.compile(r"(?:this|these) (?:document|story|report|study)", re.IGNORECASE)
_NAME_INSIDE = re.compile(r"(?<=[a-z,'’] )[A-Z][a-z]")


def stands_alone(question: str) -> Verdict:
    """Reasons: `refers_to_document`, `dangling_reference`, `undated_fact`.

    The detail is what was found. Only the first `MAX_QUESTION_CHARS` are read: a longer question
    has been refused for its length.
    """
    question = question[:MAX_QUESTION_CHARS]
    found = _REFERS_TO_DOCUMENT.search(in_small_letters(question))
    if found and not _names_it_before(question, found):
        return _no("refers_to_document", question[found.start() : found.end()])
    words = dangling_reference(question)
    if words:
        return _no("dangling_reference", words)
    changing = undated_fact(question)
    if changing:
        return _no("undated_fact", changing)
    return Verdict("stands_alone", True)


def _names_it_before(question: str, found: re.Match[str]) -> bool:
    pointer = _POINTS_BACK.fullmatch(found.group())
    return bool(pointer and _NAME_INSIDE.search(question, 0, found.start()))


def _no(reason: str, detail: str) -> Verdict:
    return Verdict("stands_alone", False, reason, detail)
