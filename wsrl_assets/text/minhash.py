"""MinHash signatures of texts and their LSH bands, the same in every process.

Signatures and the choice of bands are those of datasketch 2 (`affine32`, seed 1), bit for bit, as
homes hold them; tests compare the two. They are made here since datasketch takes one text and one
n-gram at a time, and its import brings SciPy, a second of processor. Its in-memory LSH is not used
either: it holds some 10 kB of Python objects for each document, and no second process sees it
(`benchmarks.near_duplicates`). The bands are hashed to 64 bits instead and joined in DuckDB, see
`storage.similar`.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from wsrl_assets.text.hashing import Hashes, row_hashes
from wsrl_assets.text.normalisation import words

Values = NDArray[np.uint32]

# Candidates are gathered well below the threshold, so that LSH misses hardly any; the signatures
# then decide.
_CANDIDATE_MARGIN = 0.2
_SHA1_BYTES = 20
# Digests of so many n-grams are in memory at once, some 10 MB of Python objects.
_HASHED_AT_ONCE = 65_536
# Hashes that are permuted at once: a quarter of a megabyte for 128 permutations, written over
# again and again, since new memory costs more than the arithmetic.
_PERMUTED_AT_ONCE = 512


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


def signatures(texts: Sequence[str], settings: MinHashSettings) -> list[bytes]:
    """The MinHash signature of each text, `4 * permutations` bytes, little-endian uint32.

    Equal texts have equal signatures, whatever others are asked for with them.
    """
    data, starts, ends, counts = _shingles([words(text) for text in texts], settings.ngram)
    hashes = _mixed(_sha1_heads(data, starts, ends))
    made = _minima(np.split(hashes, np.cumsum(counts))[:-1], settings.permutations)
    return [row.astype("<u4").tobytes() for row in made]


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


def _shingles(
    texts: Sequence[Sequence[str]], n: int
) -> tuple[bytes, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Every n-gram of texts as a slice of bytes; a shorter text is one n-gram, an empty one none.

    Returns:
        All words, joined by single spaces, as an n-gram's are; first byte and end of each n-gram,
        in order; and how many each text has.
    """
    data = " ".join([" ".join(text) for text in texts if text]).encode()
    spaces = np.flatnonzero(np.frombuffer(data, np.uint8) == ord(" "))
    word_starts = np.concatenate([[0], spaces + 1])
    word_ends = np.concatenate([spaces, [len(data)]])
    lengths = np.array([len(text) for text in texts], np.int64)
    counts = np.where(lengths > 0, np.maximum(lengths - n + 1, 1), 0)
    ends = np.cumsum(lengths)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    first = np.repeat(ends - lengths, counts) + within
    last = np.minimum(first + n, np.repeat(ends, counts)) - 1
    return data, word_starts[first], word_ends[last], counts


def _sha1_heads(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Values:
    """The first four bytes of the SHA-1 of each slice, as a little-endian number."""
    sha1 = hashlib.sha1
    heads = np.empty(len(starts), np.uint32)
    for at in range(0, len(starts), _HASHED_AT_ONCE):
        part = slice(at, at + _HASHED_AT_ONCE)
        slices = zip(starts[part].tolist(), ends[part].tolist(), strict=True)
        digests = b"".join([sha1(data[start:end]).digest() for start, end in slices])
        heads[part] = np.frombuffer(digests, "<u4")[:: _SHA1_BYTES // 4]
    return heads


def _mixed(values: Values) -> Values:
    """The finaliser of MurmurHash3, a bijection."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))


def _minima(texts: Sequence[Values], permutations: int) -> Iterator[Values]:
    """Of the hashes of each text, the least under each permutation; the largest number of none."""
    factors, summands = _permutations(permutations)
    longest = max(map(len, texts), default=0)
    scratch = np.empty((permutations, min(longest, _PERMUTED_AT_ONCE)), np.uint32)
    for hashes in texts:
        least = np.full(permutations, 0xFFFFFFFF, np.uint32)
        for at in range(0, len(hashes), _PERMUTED_AT_ONCE):
            part = hashes[at : at + _PERMUTED_AT_ONCE]
            permuted = scratch[:, : len(part)]
            np.multiply(factors, part, out=permuted)
            np.add(permuted, summands, out=permuted)
            np.minimum(least, permuted.min(axis=1), out=least)
        yield least


@cache
def _permutations(count: int) -> tuple[Values, Values]:
    """The permutations `a * h + b` of 32 bits: columns of odd factors and of summands."""
    draws = np.random.RandomState(1)  # whose numbers NumPy keeps the same for good
    factors = draws.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return factors[:, None], draws.randint(0, 1 << 32, count, dtype=np.uint32)[:, None]


@cache
def _bands(threshold: float, permutations: int) -> tuple[int, int]:
    """The bands and rows that suit a threshold: where the errors on both sides of it sum to least.

    Two texts of similarity s share one of b bands of r rows with probability 1 - (1 - s^r)^b. That
    is a polynomial, which Gauss and Legendre's nodes integrate without error.
    """
    nodes, weights = np.polynomial.legendre.leggauss(permutations // 2 + 1)
    below, above = threshold * (nodes + 1) / 2, 1 - (1 - threshold) * (nodes + 1) / 2
    chosen, least = (0, 0), np.inf
    for bands in range(1, permutations + 1):
        rows = np.arange(1, permutations // bands + 1)[:, None]
        found = (1 - (1 - below**rows) ** bands) @ weights * threshold
        missed = (1 - above**rows) ** bands @ weights * (1 - threshold)
        errors = found + missed
        if errors.min() < least:
            least = errors.min()
            chosen = bands, int(errors.argmin()) + 1
    return chosen
