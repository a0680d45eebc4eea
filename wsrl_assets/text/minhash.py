"""MinHash signatures of texts and their LSH bands, the same in every process.

Signatures are datasketch's. Its in-memory LSH is not used: it holds some 10 kB of Python objects
for each document, and no second process sees it (`benchmarks.near_duplicates`). The bands are
hashed to 64 bits instead and joined in DuckDB, see `storage.similar`.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from wsrl_assets.text.hashing import Hashes, row_hashes
from wsrl_assets.text.normalisation import ngrams, words

# It brings SciPy, half a second of import that most commands never need.
if TYPE_CHECKING:
    from datasketch import MinHash

# datasketch's permutations since 2.0; a signature that was stored says nothing of its own scheme.
_SCHEME: Literal["affine32"] = "affine32"
# Candidates are gathered well below the threshold, so that LSH misses hardly any; the signatures
# then decide.
_CANDIDATE_MARGIN = 0.2


@dataclass(frozen=True, slots=True)
class MinHashSettings:
    """When two texts are near-duplicates.

    Attributes:
        similarity: estimated Jaccard similarity of their word n-grams from which they are.
        ngram: words in an n-gram.
        permutations: length of a signature; the estimate's standard error is about
            `0.5 / sqrt(permutations)` at worst.
    """

    similarity: float = 0.7
    ngram: int = 5
    permutations: int = 128


def signature(text: str, settings: MinHashSettings) -> bytes:
    """The MinHash signature of a text, `4 * permutations` bytes, little-endian uint32."""
    tokens = words(text)
    shingles = set(ngrams(tokens, min(settings.ngram, max(1, len(tokens)))))
    minhash = _blank(settings.permutations).copy()
    if shingles:
        minhash.update_batch([shingle.encode() for shingle in shingles])
    return minhash.hashvalues.astype("<u4").tobytes()  # type: ignore[no-any-return]


def signature_matrix(signatures: Sequence[bytes], settings: MinHashSettings) -> NDArray[np.uint32]:
    """Signatures as the rows of a matrix."""
    values = np.frombuffer(b"".join(signatures), dtype="<u4").astype(np.uint32)
    return values.reshape(len(signatures), settings.permutations)


def band_hashes(matrix: NDArray[np.uint32], settings: MinHashSettings) -> Hashes:
    """The hashed LSH bands of signatures, a row a signature, a column a band.

    Two texts that share a hash in a column are candidates. A band's number is part of its hash.
    """
    bands, rows = _bands(max(0.1, settings.similarity - _CANDIDATE_MARGIN), settings.permutations)
    used = matrix[:, : bands * rows].astype(np.uint64).reshape(len(matrix) * bands, rows)
    numbers = np.tile(np.arange(bands, dtype=np.uint64), len(matrix))
    hashed = row_hashes(np.column_stack([numbers, used]))
    return hashed.reshape(len(matrix), bands)


def similarity(one: NDArray[np.uint32], others: NDArray[np.uint32]) -> NDArray[np.float64]:
    """The estimated Jaccard similarity of a signature with each row of a matrix."""
    return np.asarray(np.count_nonzero(others == one, axis=1) / one.shape[0], np.float64)


def load_datasketch() -> None:
    """Loads what signatures take, which the first one would wait for."""
    importlib.import_module("datasketch")


@cache
def _blank(permutations: int) -> "MinHash":
    """The signature of nothing; drawing its permutations takes longer than reading a text."""
    from datasketch import MinHash

    return MinHash(num_perm=permutations, seed=1, scheme=_SCHEME)


@cache
def _bands(threshold: float, permutations: int) -> tuple[int, int]:
    """The bands and rows that suit a threshold; a tenth of a second of numerical integration."""
    from datasketch import MinHashLSH

    fitted = MinHashLSH(threshold=threshold, num_perm=permutations)
    return fitted.b, fitted.r
