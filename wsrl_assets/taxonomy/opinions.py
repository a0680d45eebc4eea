"""What a person can say of a pair: the closed sets that pages, labels and files share."""

from enum import StrEnum


class Opinion(StrEnum):
    """Whether a pair is good enough to train on."""

    ACCEPT = "accept"
    REJECT = "reject"


class Fault(StrEnum):
    """Why a person rejects a pair, in the order of the keys 1 to 8."""

    WRONG_ANSWER = "wrong_answer"
    UNSUPPORTED = "unsupported"
    SEVERAL_ANSWERS = "several_answers"
    NOT_SELF_CONTAINED = "not_self_contained"
    LEAKED = "leaked"
    TRIVIAL = "trivial"
    BADLY_WRITTEN = "badly_written"
    OTHER = "other"
