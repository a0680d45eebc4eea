"""How a question is put: the closed set of forms that settings, drafts and releases share."""

from enum import StrEnum


class Form(StrEnum):
    """`open` is the paper's; `cloze` blanks out a part of a sentence (see generation/cloze)."""

    OPEN = "open"
    CLOZE = "cloze"
