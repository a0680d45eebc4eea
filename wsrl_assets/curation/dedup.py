"""Near-duplicate documents: MinHash of word 5-grams, compared through LSH (issue 2).

A signature is kept with each document, so new documents are compared with old ones without
reading the old texts again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from datasketch import MinHash, MinHashLSH

from wsrl_assets.text import ngrams, words

STAGE = "filtered_documents"
VERSION = "1"
# datasketch's permutations since 2.0; a signature that was stored says nothing of its own scheme.
_SCHEME: Literal["affine32"] = "affine32"


@dataclass(frozen=True, slots=True)
class DedupSettings:
    """When two documents are near-duplicates.

    Attributes:
        similarity: estimated Jaccard similarity of their word n-grams from which they are.
        ngram: words in an n-gram.
        permutations: length of a signature; the estimate's standard error is about
            `1 / sqrt(permutations)` at worst.
    """

    similarity: float = 0.7
    ngram: int = 5
    permutations: int = 128


def signature(text: str, settings: DedupSettings) -> bytes:
    """The MinHash signature of a text, `4 * permutations` bytes, little-endian uint32."""
    tokens = words(text)
    shingles = set(ngrams(tokens, min(settings.ngram, max(1, len(tokens)))))
    minhash = _blank(settings.permutations).copy()
    if shingles:
        minhash.update_batch([shingle.encode() for shingle in shingles])
    return minhash.hashvalues.astype("<u4").tobytes()  # type: ignore[no-any-return]


class NearDuplicates:
    """The documents of a domain so far, to be asked for a near-duplicate of the next one."""

    # Candidates are gathered well below the threshold, so that LSH misses hardly any; the
    # signatures then decide.
    _CANDIDATE_MARGIN = 0.2

    def __init__(self, settings: DedupSettings) -> None:
        self._settings = settings
        threshold = max(0.1, settings.similarity - self._CANDIDATE_MARGIN)
        self._lsh = MinHashLSH(
            num_perm=settings.permutations, params=_bands(threshold, settings.permutations)
        )
        self._signatures: dict[str, MinHash] = {}

    def add_all(self, known: Iterable[tuple[str, bytes]]) -> None:
        """Adds documents that were kept earlier, as (doc_id, signature)."""
        for doc_id, raw in known:
            self.add(doc_id, raw)

    def add(self, doc_id: str, raw: bytes) -> None:
        if doc_id in self._signatures:
            return
        minhash = self._minhash(raw)
        self._lsh.insert(doc_id, minhash, check_duplication=False)
        self._signatures[doc_id] = minhash

    def most_similar(self, raw: bytes) -> tuple[str, float] | None:
        """The most similar kept document at or above the threshold, with its similarity."""
        minhash = self._minhash(raw)
        candidates = [
            (self._signatures[doc_id].jaccard(minhash), doc_id)
            for doc_id in self._lsh.query(minhash)
        ]
        # Of equally similar ones the smallest id, so that the answer does not depend on order.
        best = min(candidates, key=lambda item: (-item[0], item[1]), default=None)
        if best is None or best[0] < self._settings.similarity:
            return None
        return best[1], float(best[0])

    def _minhash(self, raw: bytes) -> MinHash:
        values = np.frombuffer(raw, dtype="<u4").astype(np.uint32)
        permutations = _blank(self._settings.permutations).permutations
        return MinHash(seed=1, hashvalues=values, permutations=permutations, scheme=_SCHEME)


@cache
def _blank(permutations: int) -> MinHash:
    """The signature of nothing; drawing its permutations takes longer than reading a text."""
    return MinHash(num_perm=permutations, seed=1, scheme=_SCHEME)


@cache
def _bands(threshold: float, permutations: int) -> tuple[int, int]:
    """The bands and rows that suit a threshold; a tenth of a second of numerical integration."""
    fitted = MinHashLSH(threshold=threshold, num_perm=permutations)
    return fitted.b, fitted.r
