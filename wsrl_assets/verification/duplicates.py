"""The drafts of one document know of each other: the same question is paid for once.

A question is the same when its words are, or when its answer is and its wording is nearly. What
passed the rules is compared with the kept pairs of the document and with the drafts that are being
judged. A draft whose twin is still being judged waits for that verdict: it takes the place of a
twin that is not kept, and is rejected beside one that is.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from rapidfuzz import fuzz

from wsrl_assets.reward import Gold, Rubric, is_rubric
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.text.normalisation import words

# Of 100, by the words in any order. Figures must be the same, since they are what tells "in 2014"
# from "in 2015".
MIN_SIMILARITY = 85


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """A question that is kept, or may come to be.

    Attributes:
        pair_id: the draft.
        words: of its question.
        answer: type, words and unit of its answer; of an explanation the type alone.
        settled: set when it is known whether it is kept.
        kept: whether it is, once that is known.
    """

    pair_id: str
    words: tuple[str, ...]
    answer: tuple[str, tuple[str, ...], str | None]
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    kept: list[bool] = field(default_factory=list)

    def settle(self, kept: bool) -> None:
        self.kept.append(kept)
        self.settled.set()

    def asks_the_same(self, other: "Claim") -> bool:
        if self.words == other.words:
            return True
        if self.answer != other.answer or self._figures() != other._figures():
            return False
        alike = fuzz.token_sort_ratio(" ".join(self.words), " ".join(other.words))
        return alike >= MIN_SIMILARITY

    def _figures(self) -> list[str]:
        return sorted(word for word in self.words if any(map(str.isdigit, word)))


class Siblings:
    """The questions of one document that were kept or are being judged.

    Args:
        kept: pair id, question and gold (JSON) of the document's kept pairs.
    """

    def __init__(self, kept: Iterable[tuple[str, str, str]] = ()) -> None:
        self._claims: list[Claim] = []
        for pair_id, question, gold in kept:
            claim = _claim(pair_id, question, None if is_rubric(gold) else Gold.from_json(gold))
            claim.settle(kept=True)
            self._claims.append(claim)

    @asynccontextmanager
    async def claim(
        self, pair_id: str, question: str, gold: Gold | Rubric
    ) -> AsyncIterator[tuple[Claim, Verdict]]:
        """The claim of a question and the verdict on it; reason `duplicate_in_document`.

        The claim is to be settled inside; one that is not counts as not kept.
        """
        claim = _claim(pair_id, question, None if isinstance(gold, Rubric) else gold)
        earlier = list(self._claims)
        self._claims.append(claim)
        try:
            yield claim, await _verdict(claim, earlier)
        finally:
            if not claim.settled.is_set():
                claim.settle(kept=False)


def _claim(pair_id: str, question: str, gold: Gold | None) -> Claim:
    """The claim of a question; without a gold it is one for an explanation."""
    answer = ("", (), None) if gold is None else (gold.type, tuple(words(gold.value)), gold.unit)
    return Claim(pair_id, tuple(words(question)), answer)


async def _verdict(claim: Claim, earlier: list[Claim]) -> Verdict:
    # Only earlier claims are waited for, so no two wait for each other.
    for other in earlier:
        if other.pair_id == claim.pair_id or not claim.asks_the_same(other):
            continue
        await other.settled.wait()
        if other.kept[0]:
            detail = f"{other.pair_id} asks the same"
            return Verdict("duplicate", False, "duplicate_in_document", detail)
    return Verdict("duplicate", True)
