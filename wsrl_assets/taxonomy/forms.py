"""How a question is put: the closed set of forms that settings, drafts and releases share."""

from collections.abc import Sequence
from enum import StrEnum

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Form(StrEnum):
    """`open` is the paper's; `cloze` blanks out a part of a sentence, or asks
    what a transcript of Python shows (see generation/cloze);
    `multiple_choice` asks the same with options (see generation/distractors); `computed` asks for
    what a query makes of a document's figures (see generation/computed); `unanswerable` asks what
    the document does not say and its kin does (see generation/unanswerable); `multi_hop` takes two
    facts (see generation/multi_hop), and `cross_document` takes them from two documents (see
    generation/cross_document); `rubric` asks for an explanation (see generation/rubric).
    """

    OPEN = "open"
    CLOZE = "cloze"
    MULTIPLE_CHOICE = "multiple_choice"
    COMPUTED = "computed"
    UNANSWERABLE = "unanswerable"
    MULTI_HOP = "multi_hop"
    RUBRIC = "rubric"
    CROSS_DOCUMENT = "cross_document"


UNRATED = (Form.UNANSWERABLE, Form.RUBRIC)
"""Forms whose answers no rule can score without their passage, or at all: pairs of theirs have no
pass rate and are in no warm-up set. Queries name them too."""


def with_options(stem: str, choices: Sequence[str]) -> str:
    """A question with its options, one a line, as it is put to a model: `B) 193 km`."""
    lettered = zip(_LETTERS, choices, strict=False)
    return "\n".join([stem, *(f"{letter}) {choice}" for letter, choice in lettered)])


def stem_of(question: str, choices: Sequence[str]) -> str:
    """What a question asks, without the options that `with_options` put under it."""
    return question.removesuffix(with_options("", choices)) if choices else question
