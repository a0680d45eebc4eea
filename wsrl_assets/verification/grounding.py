"""Check 3, grounding: does the evidence stand in the document, and the answer in the evidence?"""

import re
from dataclasses import dataclass

from rapidfuzz import fuzz

from wsrl_assets.reward import AnswerType, Gold, matches, parse_gold
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.text import words

MIN_SIMILARITY = 90.0
_MIN_EVIDENCE_WORDS = 4
_SPACE = re.compile(r"\s+")
_TOKEN = re.compile(r"\S+")
_MAX_ANSWER_TOKENS = 8
_EDGE = "\"'“”‘’.,;:!?()[]"


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
    if len(evidence.split()) < _MIN_EVIDENCE_WORDS:
        return None, Verdict("evidence", False, "evidence_too_short", evidence)
    exact = _verbatim(evidence, document)
    if exact is not None:
        return exact, Verdict("evidence", True, detail="verbatim")
    # With the quote longer than the document the alignment would turn round and search the
    # document in the quote.
    if len(evidence) <= len(document):
        found = fuzz.partial_ratio_alignment(evidence, document, score_cutoff=MIN_SIMILARITY)
        if found is not None:
            place = Evidence(found.dest_start, found.dest_end)
            return place, Verdict("evidence", True, detail=f"{found.score:.0f}% similar")
    return None, Verdict("evidence", False, "evidence_not_in_document", evidence[:200])


def answer_in(quote: str, gold: Gold) -> Verdict:
    """Whether the answer follows from the quote, by the rule of its type.

    The answer's words stand in the quote in a row; or a part of the quote, read as the gold's
    type, is the same answer to the reward (`5 km` is found in `5,000 metres`). Expressions and
    code are compared without spaces. Reason: `answer_not_in_evidence`.
    """
    if gold.type is AnswerType.LIST:
        items = [
            item.strip() for item in re.split(r"[,;]", gold.value.strip("[]").replace('"', ""))
        ]
        missing = [item for item in items if item and not _words_in(item, quote)]
        return _verdict(not missing, ", ".join(missing))
    if gold.type in (AnswerType.CODE, AnswerType.EXPRESSION):
        return _verdict(_SPACE.sub("", gold.value) in _SPACE.sub("", quote), gold.value)
    if any(_words_in(form, quote) for form in (gold.value, *gold.aliases)):
        return _verdict(_of_one_sign(gold, quote), gold.value)
    return _verdict(_equal_part(quote, gold), gold.value)


def _of_one_sign(gold: Gold, quote: str) -> bool:
    """Words drop signs: 5 is no answer from a quote that has only -5 or 1.5."""
    if gold.type in (AnswerType.INTEGER, AnswerType.DECIMAL):
        return _equal_part(quote, gold)
    return True


def _words_in(answer: str, quote: str) -> bool:
    needle = " ".join(words(answer))
    return bool(needle) and f" {needle} " in f" {' '.join(words(quote))} "


def _equal_part(quote: str, gold: Gold) -> bool:
    tokens = [match.span() for match in _TOKEN.finditer(quote)]
    longest = min(_MAX_ANSWER_TOKENS, len(gold.value.split()) + 2)
    for first in range(len(tokens)):
        for last in range(first, min(first + longest, len(tokens))):
            part = quote[tokens[first][0] : tokens[last][1]].strip(_EDGE)
            if part and _same(part, gold):
                return True
    return False


def _same(part: str, gold: Gold) -> bool:
    try:
        return matches(parse_gold(part, gold.type, unit=None), gold)
    except ValueError:
        return False


def _verbatim(evidence: str, document: str) -> Evidence | None:
    pattern = r"\s+".join(re.escape(word) for word in evidence.split())
    found = re.search(pattern, document) or re.search(pattern, document, re.IGNORECASE)
    return Evidence(*found.span()) if found else None


def _verdict(passed: bool, detail: str) -> Verdict:
    if passed:
        return Verdict("answer_in_evidence", True)
    return Verdict("answer_in_evidence", False, "answer_not_in_evidence", detail[:200])
