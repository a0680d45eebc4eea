"""Hashes of many things at once: 64 bits, over NumPy arrays.

They lie in databases, so they must mean the same in every process and every version of every
library. Those of Polars and DuckDB are as fast and promise no such thing.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_ODD = np.uint64(0xD6E8FEB86659FD93)


def mix(values: Hashes) -> Hashes:
    """Scrambles each value: the finaliser of SplitMix64, a bijection."""
    values = values ^ (values >> np.uint64(30))
    values = values * np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def joined(left: Hashes, right: Hashes) -> Hashes:
    """A value for each pair in this order; `mix` it before use as a hash."""
    return left * _ODD + right


def run_hashes(values: Hashes, n: int) -> Hashes:
    """The hash of every run of `n` consecutive values; none when there are fewer.

    A polynomial in the values, whose powers tell their places apart, put together from those of
    runs half as long.
    """
    known = {1: values}

    def run(length: int) -> Hashes:
        if length not in known:
            first, rest = length // 2, length - length // 2
            count = max(0, len(values) - length + 1)
            power = np.uint64(pow(int(_ODD), rest, 2**64))
            known[length] = run(first)[:count] * power + run(rest)[first : first + count]
        return known[length]

    return mix(run(n))


def row_hashes(rows: Hashes) -> Hashes:
    """One hash for each row of a matrix."""
    combined = mix(rows[:, 0])
    for column in range(1, rows.shape[1]):
        combined = mix(joined(combined, rows[:, column]))
    return combined


class BloomFilter:
    """Lets all hashes of a set through, and few others: a Bloom filter with one hash function.

    A look into it costs a tenth of a join. It takes 8 to 16 bytes for each hash, and no more than
    64 MB, where it lets more and more through (one in seven at ten million).
    """

    _MAX_BITS = 26

    def __init__(self, hashes: NDArray[np.int64]) -> None:
        bits = min(self._MAX_BITS, max(10, (8 * len(hashes)).bit_length()))
        self._mask = np.uint64((1 << bits) - 1)
        self._seen = np.zeros(1 << bits, np.bool_)
        self._seen[hashes.view(np.uint64) & self._mask] = True

    def may_contain(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which hashes may be in the set."""
        # `take` by signed indices: half the time of unsigned ones in brackets.
        places = (hashes & self._mask).view(np.int64)
        return np.asarray(self._seen.take(places), np.bool_)


def signed(hashes: Hashes) -> NDArray[np.int64]:
    """The same 64 bits as DuckDB's BIGINT has them."""
    return hashes.view(np.int64)


def seeded_draw(seed: int, key: str) -> int:
    """A number below 2**64 that follows from a seed and what it is drawn for."""
    digest = hashlib.blake2b(f"{seed}\n{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def text_hash(text: str) -> int:
    """64 bits of a text, as a signed integer."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
