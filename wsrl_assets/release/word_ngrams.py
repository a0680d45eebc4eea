"""Hashed word n-grams of many texts at once.

Words are those of lm-eval-harness's janitor (`lm_eval.decontamination.janitor`, 0.4): ASCII
capitals become small, ASCII punctuation is deleted, and what whitespace separates is a word. A text
with other characters is also read in a folded form (typographic punctuation, and case of all
scripts; Chinese, Japanese, Thai and their like by character), so that it matches more, never less,
than the janitor would.

A text is bytes here, a word eight of them at a time: on one core over 100 MB of text a second.
"""

import string
from collections.abc import Iterator, Sequence
from hashlib import blake2b

import numpy as np
import polars as pl
from numpy.typing import NDArray

from wsrl_assets.hashing import Hashes, joined, mix, run_hashes, signed
from wsrl_assets.text import words

_CAPITALS, _SMALL = string.ascii_uppercase.encode(), string.ascii_lowercase.encode()
_TO_SMALL = bytes.maketrans(_CAPITALS, _SMALL)
_PUNCTUATION = string.punctuation.encode()
_DELETED = str.maketrans(string.ascii_uppercase, string.ascii_lowercase, string.punctuation)
# What stands for ASCII punctuation in print, and is deleted like it.
_TYPOGRAPHIC = "‘’‚‛“”„‟«»‹›‐‑‒–—―−…•·′″"
# For each byte, whether it is what Python takes for whitespace in ASCII.
_IS_SPACE = bytes(code < 128 and chr(code).isspace() for code in range(256))
_MARK = "\0"
# The lowest k bytes of a word of eight.
_LOWEST = np.array([(1 << (8 * k)) - 1 for k in range(9)], np.uint64)
_PAGE_TEXTS = 1000
_PAGE_CHARS = 1 << 20
_MAX_PIECES = 32


def hashed_ngrams(texts: Sequence[str], n: int) -> Iterator[pl.DataFrame]:
    """The hashed n-grams of texts, in pages of bounded size; one that repeats may come twice.

    Args:
        n: words in an n-gram; 0 for the text as a whole, whatever its length.

    Yields:
        frames of `row` (number of the text) and `ngram_hash` (64 bits, signed).
    """
    for first, page in _pages(texts):
        views, rows = _views(page)
        hashes, owners = _hash(views, n)
        yield pl.DataFrame({"row": rows[owners] + first, "ngram_hash": signed(hashes)})


def ngram_text(text: str, n: int, ngram_hash: int) -> str | None:
    """The words of the n-gram of a text that has a hash, as they were compared."""
    for view in _views([text])[0]:
        places = np.flatnonzero(signed(_hash([view], n)[0]) == ngram_hash)
        if len(places):
            tokens = view.translate(_DELETED).split()
            return " ".join(tokens[places[0] : places[0] + n] if n else tokens)
    return None


def _pages(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Slices of some characters in all, each with the number of its first text."""
    first = 0
    while first < len(texts):
        page = texts[first : first + _PAGE_TEXTS]
        while len(page) > 1 and sum(map(len, page)) > _PAGE_CHARS:
            page = page[: len(page) // 2]
        yield first, page
        first += len(page)


def _views(texts: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """The texts, then the folded forms of those that are not ASCII, each with its number."""
    views = list(texts)
    if _MARK in "".join(views):
        views = [text.replace(_MARK, "\x01") for text in views]
    others = [number for number, text in enumerate(views) if not text.isascii()]
    for number in others:
        views[number] = " ".join(views[number].split())  # whitespace beyond ASCII
    views += _folded([views[number] for number in others])
    return views, np.array([*range(len(texts)), *others], np.int64)


def _folded(texts: Sequence[str]) -> list[str]:
    together = _MARK.join(texts)
    for character in _TYPOGRAPHIC:  # ten times as fast as `translate`
        together = together.replace(character, "")
    plain = together.split(_MARK) if texts else []
    return [text if text.isascii() else " ".join(words(text)) for text in plain]


def _hash(texts: Sequence[str], n: int) -> tuple[Hashes, NDArray[np.int64]]:
    """The hashed n-grams of texts, and the number of the text that each is of."""
    data, starts, ends, is_mark = _split(texts)
    hashes = _word_hashes(data, starts, ends)
    owners = np.cumsum(is_mark) - 1
    if n == 0:
        return _whole_hashes(hashes, is_mark)
    grams = run_hashes(hashes, n)
    count = len(grams)
    inside = (owners[n - 1 :] == owners[:count]) & ~is_mark[:count]
    return grams[inside], owners[:count][inside]


def _split(
    texts: Sequence[str],
) -> tuple[bytes, NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """All texts as one string of bytes, with where its words start and end.

    Each text has a mark before it, which is a word of its own and stands in no text.
    """
    text = f"\n{_MARK}\n".join(["", *texts, " " * 8])
    data = text.encode("utf-8", "surrogatepass")
    data = data.translate(_TO_SMALL, _PUNCTUATION)
    is_space = np.frombuffer(data.translate(_IS_SPACE), np.bool_)
    edges = np.flatnonzero(is_space[1:] != is_space[:-1]) + 1
    starts, ends = edges[0::2], edges[1::2]
    return data, starts, ends, np.frombuffer(data, np.uint8)[starts] == ord(_MARK)


def _word_hashes(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Hashes:
    """A hash for each word, from eight of its bytes at a time; of a huge one, from its rest too."""
    eight = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    lengths = ends - starts
    hashes = mix(eight[starts] & _LOWEST[np.minimum(lengths, 8)])
    longer, done = np.flatnonzero(lengths > 8), 8
    while len(longer) and done < _MAX_PIECES * 8:
        left = lengths[longer] - done
        piece = eight[starts[longer] + done] & _LOWEST[np.minimum(left, 8)]
        hashes[longer] = mix(joined(hashes[longer], piece))
        longer, done = longer[left > 8], done + 8
    for word in longer:
        rest = int.from_bytes(
            blake2b(data[starts[word] + done : ends[word]], digest_size=8).digest()
        )
        hashes[word] = mix(joined(hashes[word : word + 1], np.array([rest], np.uint64)))[0]
    return hashes


def _whole_hashes(hashes: Hashes, is_mark: NDArray[np.bool_]) -> tuple[Hashes, NDArray[np.int64]]:
    """One hash for each text that has words: of its words by their places."""
    begins = np.flatnonzero(is_mark)
    lengths = np.diff([*begins, len(hashes)]) - 1
    places = np.arange(len(hashes)) - np.repeat(begins, lengths + 1)
    placed = mix(joined(hashes, mix(places.astype(np.uint64))))
    placed[is_mark] = 0
    filled = lengths > 0
    sums = np.add.reduceat(placed, begins) if len(begins) else placed
    return mix(sums)[filled], np.flatnonzero(filled)
