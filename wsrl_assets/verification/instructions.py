"""Check 3, where the evidence comes from: a statement of the document, or words to a model?

The author of a document can plant a question and its answer by telling a model what to write. Such
a pair is grounded: its evidence stands in the document, in the very paragraph that gives the order.
So a quote counts only if its paragraph is no order to a model that makes or judges questions. By
rule, for English; a document that quotes such an order loses that paragraph too.
"""

import re

from wsrl_assets.storage.tables import Verdict
from wsrl_assets.text.normalisation import in_small_letters
from wsrl_assets.verification.grounding import Evidence

_REACH_CHARS = 1000
_PARAGRAPH_END = re.compile(r"\n\s*\n")
_TO_WHOM = (
    r"(?:ai|(?:ai |language )model|chatbot|assistant|annotator|question writer|grader|checker"
    r"|(?:ai |llm )?judge)s?"
)
# Of texts in small letters.
_ORDERS = re.compile(
    r"\b(?:(?:ignor|disregard|forget|overrid|bypass)\w*\b[^.!?\n]{0,40}"
    r"\b(?:above|previous|prior|preceding|earlier|(?:your|other|all|these|those) (?:\w+ )?"
    r"(?:instruction|rule|guideline|order)s?|(?:instruction|prompt)s?)\b"
    r"|(?:your|the) (?:new|real|actual|true|only) (?:task|job|instructions?|orders?|role)\b"
    r"|(?:system|hidden|original) prompt\b"
    r"|(?:question|answer|reply|response|output|evidence|verdict)s? (?:must|should|has to|have to"
    r"|shall) (?:be|ask|say|read|contain|come|name)\b"
    r"|you (?:must|should|have to|shall|are to|will) (?:now )?(?:ask|answer|reply|respond|output"
    r"|accept|approve)\b"
    rf"|(?!judge){_TO_WHOM} (?:must|should|has to|have to|shall|are to|is to)\b"
    r"|judges? (?:must|should|has to|have to|shall|are to|is to) (?:accept|approve|answer|reply"
    r"|pass|mark|ignore)\b"
    rf"|(?:note|message|instructions?|attention|notice) (?:to|for) (?:the |all |any )?{_TO_WHOM})"
    r"|^\W*(?:system|assistant|user|human)\W*:"
    r"|</?\s*document\s*>|<\|[a-z_]+\|>"
    r'|"(?:evidence|answer|answer_type|question|verdict|supported|not_leaked|stands_alone)"\s*:',
    re.MULTILINE,
)


def no_order(evidence: Evidence, document: str) -> Verdict:
    """Reason: `evidence_from_order`; the detail is what was found in the quote's paragraph."""
    paragraph = _paragraph(evidence, document)
    found = _ORDERS.search(in_small_letters(paragraph))
    if found:
        order = paragraph[found.start() : found.end()]
        return Verdict("no_order", False, "evidence_from_order", order[:200])
    return Verdict("no_order", True)


def _paragraph(evidence: Evidence, document: str) -> str:
    """The paragraph of the quote, as far as it is near."""
    low, high = max(0, evidence.start - _REACH_CHARS), evidence.end + _REACH_CHARS
    before, after = document[low : evidence.start], document[evidence.end : high]
    start = max((end.end() for end in _PARAGRAPH_END.finditer(before)), default=0)
    end = _PARAGRAPH_END.search(after)
    quote = document[evidence.start : evidence.end]
    return before[start:] + quote + (after[: end.start()] if end else after)
