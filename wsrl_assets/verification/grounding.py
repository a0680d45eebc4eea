"""Check 3, grounding: does the evidence stand in the document, and the answer in the evidence?"""

import re
from dataclasses import dataclass

from rapidfuzz import fuzz

from wsrl_assets.reward import AnswerType, Gold
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.text.normalisation import count_words
from wsrl_assets.verification.derivation import converted, derived
from wsrl_assets.verification.parts import (
    FIGURES,
    characters_in,
    equal_part,
    items_of,
    option_text,
    phrase_in,
)

MIN_SIMILARITY = 90.0
_MIN_EVIDENCE_WORDS = 4
_DETAIL_CHARS = 200


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the evidence stands in the document, as character offsets, end exclusive."""

    start: int
    end: int


def locate(evidence: str | None, document: str) -> tuple[Evidence | None, Verdict]:
    """Finds the quote in the document: verbatim but for whitespace, else by fuzzy alignment.

    Reasons: `no_evidence`, `evidence_too_short`, `evidence_not_in_document` (with the best
    similarity in percent).
    """
    if not evidence or not evidence.strip():
        return None, Verdict("evidence", False, "no_evidence")
    if count_words(evidence) < _MIN_EVIDENCE_WORDS:
        return None, Verdict("evidence", False, "evidence_too_short", evidence)
    exact = _verbatim(evidence, document)
    if exact is not None:
        return exact, Verdict("evidence", True, detail="verbatim")
    # With the quote longer than the document the alignment would turn round and search the
    # document in the quote.
    if len(evidence) <= len(document):
        found = fuzz.partial_ratio_alignment(evidence, document, score_cutoff=MIN_SIMILARITY)
        if found is not None:
            place = _whole_words(document, found.dest_start, found.dest_end)
            return place, Verdict("evidence", True, detail=f"{found.score:.0f}% similar")
    return None, Verdict("evidence", False, "evidence_not_in_document", evidence[:200])


def answer_in(quote: str, gold: Gold, question: str = "") -> Verdict:
    """Whether the answer follows from the quote, by the rule of its type.

    A figure: a part of the quote, read as the gold's type, is the same answer to the reward (`5 km`
    is found in `5,000 metres`, and not in `5 kg`); else, where the question asks for it, it is made
    of figures there. The detail then says so: `converted: 5,000 metres = 5 km`, `derived: 12 + 30
    = 42` (see `derivation`). Expressions and code stand there as they are, but for spaces. A list:
    each of its items does. A name, or the text of the right option: its words stand there in a row.
    Reason: `answer_not_in_evidence`.
    """
    if gold.type in FIGURES:
        return _figure_in(quote, gold, question)
    if gold.type in (AnswerType.CODE, AnswerType.EXPRESSION):
        stands = characters_in(gold.value, quote)
        return _verdict(stands, None if stands else gold.value)
    if gold.type is AnswerType.LIST:
        missing = [item for item in items_of(gold) if not phrase_in(item, quote)]
        return _verdict(not missing, ", ".join(missing))
    forms = (option_text(gold), *gold.aliases)
    found = any(phrase_in(form, quote) for form in forms) or equal_part(quote, gold) is not None
    return _verdict(found, None if found else forms[0])


def _figure_in(quote: str, gold: Gold, question: str) -> Verdict:
    quoted = equal_part(quote, gold) is not None
    if quoted and gold.type is not AnswerType.QUANTITY:
        return _verdict(True)
    conversion = converted(question, quote, gold)
    if quoted or conversion:
        return _verdict(True, f"converted: {conversion}" if conversion else None)
    sum_of = derived(question, quote, gold)
    return _verdict(True, f"derived: {sum_of}") if sum_of else _verdict(False, gold.value)


def _verbatim(evidence: str, document: str) -> Evidence | None:
    start = document.find(evidence)
    if start >= 0:  # the usual case, and a pattern of so many words takes long to compile
        return Evidence(start, start + len(evidence))
    pattern = r"\s+".join(re.escape(word) for word in evidence.split())
    found = re.search(pattern, document) or re.search(pattern, document, re.IGNORECASE)
    return Evidence(*found.span()) if found else None


def _whole_words(document: str, start: int, end: int) -> Evidence:
    """The place, stretched over the words at its ends: half of "150 km" would say "50 km"."""
    while start > 0 and not document[start - 1].isspace() and not document[start].isspace():
        start -= 1
    while end < len(document) and not document[end - 1].isspace() and not document[end].isspace():
        end += 1
    return Evidence(start, end)


def _verdict(passed: bool, detail: str | None = None) -> Verdict:
    detail = detail[:_DETAIL_CHARS] if detail else None
    return Verdict(
        "answer_in_evidence", passed, None if passed else "answer_not_in_evidence", detail
    )
