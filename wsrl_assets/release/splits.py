"""Which split a pair belongs to, decided by its source document alone."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

STAGE = "final_splits"
VERSION = "1"


class Split(StrEnum):
    """The parts of a release."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """Shares of source documents, and the seed that deals them out."""

    validation_share: float = 0.02
    test_share: float = 0.02
    seed: int = 0


def split_of(source_id: str, settings: SplitSettings) -> Split:
    """The split of every pair that comes from a source document.

    `source_id` names the whole source row, so that neither its
    passages nor their questions ever span two splits. The answer depends on nothing else, so it
    stays the same as data is added.
    """
    digest = hashlib.blake2b(f"{settings.seed}\n{source_id}".encode(), digest_size=8).digest()
    position = int.from_bytes(digest, "big") / 2**64
    if position < settings.test_share:
        return Split.TEST
    if position < settings.test_share + settings.validation_share:
        return Split.VALIDATION
    return Split.TRAIN
