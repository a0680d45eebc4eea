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
    """The hash of every run of `n` consecutive values; none when there are fewer."""
    known = {1: values}

    def run(length: int) -> Hashes:
        if length not in known:
            first = length // 2
            count = max(0, len(values) - length + 1)
            left, right = run(first)[:count], run(length - first)[first : first + count]
            known[length] = joined(left, right)
        return known[length]

    return mix(run(n))


def row_hashes(rows: Hashes) -> Hashes:
    """One hash for each row of a matrix."""
    combined = mix(rows[:, 0])
    for column in range(1, rows.shape[1]):
        combined = mix(joined(combined, rows[:, column]))
    return combined


def signed(hashes: Hashes) -> NDArray[np.int64]:
    """The same 64 bits as DuckDB's BIGINT has them."""
    return hashes.view(np.int64)


def text_hash(text: str) -> int:
    """64 bits of a text, as a signed integer."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
