"""How the drafting prompt of an open question is laid out: the closed set that settings name."""

from dataclasses import dataclass
from enum import StrEnum


class Layout(StrEnum):
    """`document_first` shares its prefix with every other call on the document; the others share
    theirs with the drafts of a domain. In `answer_first` the answer is found by rule and the model
    words the question (see generation/answer_first), which the smallest models need.
    `python -m benchmarks.prompts` compares them on a model.
    """

    DOCUMENT_FIRST = "document_first"
    TURNS = "turns"
    NUMBERED = "numbered"
    NUMBERED_ONE = "numbered_one"
    ANSWER_FIRST = "answer_first"


@dataclass(frozen=True, slots=True)
class LayoutSpec:
    """What a layout is.

    Attributes:
        examples: how many demonstrations of the domain are shown.
        in_turns: whether they are chat turns before the document; else they follow it as text.
        numbered: whether evidence is given as numbers of sentences, and not copied.
    """

    examples: int = 3
    in_turns: bool = True
    numbered: bool = False


LAYOUTS = {
    Layout.DOCUMENT_FIRST: LayoutSpec(in_turns=False),
    Layout.TURNS: LayoutSpec(),
    Layout.NUMBERED: LayoutSpec(numbered=True),
    Layout.NUMBERED_ONE: LayoutSpec(examples=1, numbered=True),
    Layout.ANSWER_FIRST: LayoutSpec(examples=0),
}
