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
from functools import lru_cache
from hashlib import blake2b
from itertools import compress, takewhile

import numpy as np
import polars as pl
from numpy.typing import NDArray

from wsrl_assets.text.hashing import BloomFilter, Hashes, joined, mix, run_hashes, signed
from wsrl_assets.text.normalisation import words

_PUNCTUATION = string.punctuation.encode()
_DELETED = str.maketrans(string.ascii_uppercase, string.ascii_lowercase, string.punctuation)
# What stands for ASCII punctuation in print, and is deleted like it.
_TYPOGRAPHIC = "‘’‚‛“”„‟«»‹›‐‑‒–—―−…•·′″"
# Whitespace that is not ASCII.
_SPACES = "\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_SPACES += "\u2028\u2029\u202f\u205f\u3000"
# Stands before each text; as a byte it is one that UTF-8 never has.
_MARK, _MARK_BYTE = "\0", 0xFF
_IN_PLACE_OF_MARK = "\x01"


def _byte_table() -> bytes:
    """Small letters for capitals; up to 32 there is nothing left but whitespace."""
    table = bytearray(range(256))
    for code in range(33):
        if not chr(code).isspace():
            table[code] = 0x7F
    table[ord(_MARK)] = _MARK_BYTE
    for capital, small in zip(string.ascii_uppercase, string.ascii_lowercase, strict=True):
        table[ord(capital)] = ord(small)
    return bytes(table)


_BYTES = _byte_table()
# The lowest k bytes of a word of eight.
_LOWEST = np.array([(1 << (8 * k)) - 1 for k in range(9)], np.uint64)
_PAGE_TEXTS = 1000
_PAGE_CHARS = 1 << 20
_MAX_PIECES = 32


def hashed_ngrams(
    texts: Sequence[str], n: int, bloom_filter: BloomFilter | None = None
) -> Iterator[pl.DataFrame]:
    """The hashed n-grams of texts, in pages of bounded size; one that repeats may come twice.

    Args:
        n: words in an n-gram; 0 for the text as a whole, whatever its length.
        bloom_filter: leaves out what it does not let through.

    Yields:
        frames of `row` (number of the text) and `ngram_hash` (64 bits, signed).
    """
    for first, page in _pages(texts):
        views, rows = _views(page)
        hashes, owners = _hash(views, n, bloom_filter)
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
    """The texts that are ASCII, the others, and these folded, each with the number of its text."""
    is_ascii = np.fromiter(map(str.isascii, texts), np.bool_, len(texts))
    views = list(compress(texts, is_ascii))
    numbers = np.flatnonzero(~is_ascii)
    others = numbers.tolist()
    if others:
        unmarked = (texts[number].replace(_MARK, _IN_PLACE_OF_MARK) for number in others)
        # In one string, which is ten times as fast as one by one.
        together = _without(_SPACES, _MARK.join(unmarked), " ")
        views += together.split(_MARK)
        views += map(_folded, _without(_TYPOGRAPHIC, together, "").split(_MARK))
    return views, np.concatenate([np.flatnonzero(is_ascii), numbers, numbers])


def _folded(text: str) -> str:
    if text.isascii():
        return text
    return " ".join(word if word.isascii() else _folded_word(word) for word in text.split())


@lru_cache(maxsize=1 << 14)
def _folded_word(word: str) -> str:
    """What stands between two spaces, in small letters; it may be several words."""
    return " ".join(words(word))


def _without(characters: str, text: str, instead: str) -> str:
    for character in characters:
        text = text.replace(character, instead)
    return text


def _hash(
    texts: Sequence[str], n: int, bloom_filter: BloomFilter | None = None
) -> tuple[Hashes, NDArray[np.int64]]:
    """The hashed n-grams of texts, and the number of the text that each is of."""
    data, starts, ends, is_mark = _split(texts)
    hashes = _word_hashes(data, starts, ends)
    if n == 0:
        return _whole_hashes(hashes, is_mark)
    grams = run_hashes(hashes, n)
    # The filter first: it lets so few through that the rest costs next to nothing.
    chosen = (
        np.arange(len(grams))
        if bloom_filter is None
        else np.flatnonzero(bloom_filter.may_contain(grams))
    )
    owners = np.cumsum(is_mark) - 1
    is_inside = (owners[chosen] == owners[chosen + n - 1]) & ~is_mark[chosen]
    chosen = chosen[is_inside]
    return grams[chosen], owners[chosen]


def _split(
    texts: Sequence[str],
) -> tuple[bytes, NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """All texts as one string of bytes, with where its words start and end.

    Each text has a mark before it, which is a word of its own and stands in no text.
    """
    data = _encoded(texts)
    if data.count(_MARK.encode()) > len(texts) + 1:
        data = _encoded([text.replace(_MARK, _IN_PLACE_OF_MARK) for text in texts])
    data = data.translate(_BYTES, _PUNCTUATION)
    codes = np.frombuffer(data, np.uint8)
    is_space = codes <= ord(" ")
    edges = np.flatnonzero(is_space[1:] != is_space[:-1]) + 1
    starts, ends = edges[0::2], edges[1::2]
    return data, starts, ends, codes[starts] == _MARK_BYTE


def _encoded(texts: Sequence[str]) -> bytes:
    """The texts with their marks; ASCII by itself, of which the encoding is a plain copy."""
    plain = list(takewhile(str.isascii, texts))
    parts = ["", *plain, ""], [*texts[len(plain) :], " " * 8]
    return b"".join(f"\n{_MARK}\n".join(part).encode("utf-8", "surrogatepass") for part in parts)


def _word_hashes(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Hashes:
    """A number for each word: up to eight bytes as they are, longer ones hashed, eight at a time.

    That will do, since what is made of them is mixed in the end.
    """
    eight = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    lengths = ends - starts
    hashes: Hashes = eight[starts] & _LOWEST.take(np.minimum(lengths, 8))
    longer, done = np.flatnonzero(lengths > 8), 8
    while len(longer) and done < _MAX_PIECES * 8:
        left = lengths[longer] - done
        piece = eight[starts[longer] + done] & _LOWEST.take(np.minimum(left, 8))
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
