"""The obviously poor, found by rule and without an LLM.

The paper drops by rule only what is obviously poor, for "the breadth of the corpus must survive".
Rules that were made for English web pages reject source code, tables, mathematics and most of the
world's scripts, so each rule here is a looser form of a published one. Gopher's limits on the mean
length of words (names in code and compounds are long), on stop words, bullet points and ellipses
are left out on purpose; triage judges those pages better.

Measured on Python's own help topics, its library with tests, C headers, markdown and JavaScript:
what is rejected is dumps of numbers and of drawing paths, and stubs of under 50 tokens.
"""

import string
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property, lru_cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from wsrl_assets.text.normalisation import ASCII_WORDS_ALONE, estimate_tokens, words

HEURISTICS_VERSION = "2"


class HeuristicReason(StrEnum):
    """Why a document is obviously poor."""

    TOO_SHORT = "too_short"
    NO_LETTERS = "no_letters"
    MOSTLY_SYMBOLS = "mostly_symbols"
    REPEATED_LINES = "repeated_lines"
    REPEATED_NGRAMS = "repeated_ngrams"


@dataclass(frozen=True, slots=True)
class HeuristicThresholds:
    """What is too poor. "Gopher" is Rae et al. 2021, arXiv 2112.11446, appendix A1.

    Attributes:
        min_tokens: Shorter documents are rejected. Webscale-RL (arXiv 2510.06499) takes 50. Our
            estimate is a generous one, so real documents of about 30 tokens pass.
        min_letter_share: Of the characters that are no spaces, in any script. Gopher wants a
            letter in 80 % of the words; tables of numbers have fewer.
        max_symbol_share: Of the characters that are no spaces: neither letters, their marks, nor
            digits; a run of one symbol counts once, since tables are ruled with them. Gopher: one
            "#" or ellipsis to ten words. LaTeX and dense code come to a half.
        max_repeated_line_share: Of the characters in lines, those in lines seen before. Gopher:
            0.2; tests and generated code come to 0.6.
        ngram_words: Gopher takes 5 to 10.
        max_repeated_ngram_share: Of the n-grams, those seen before. Gopher: characters in repeated
            10-grams at most 0.1.
        judged_chars: A longer document is judged by its beginning.
    """

    min_tokens: int = 50
    min_letter_share: float = 0.05
    max_symbol_share: float = 0.7
    max_repeated_line_share: float = 0.7
    ngram_words: int = 10
    max_repeated_ngram_share: float = 0.7
    judged_chars: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a document was dropped: the reason word, and its figure beside the limit."""

    reason: HeuristicReason
    detail: str


def check(
    text: str, thresholds: HeuristicThresholds | None = None, tokens: int | None = None
) -> Rejection | None:
    """The first rule that finds a document obviously poor; None for a good one.

    Args:
        text: The document or passage, normalised.
        thresholds: The defaults, when None.
        tokens: `estimate_tokens` of the text, if it is known.
    """
    thresholds = thresholds or HeuristicThresholds()
    judged = text[: thresholds.judged_chars]
    document = _Document(judged, tokens if len(judged) == len(text) else None)
    findings = (rule(document, thresholds) for rule in _RULES)
    return next((finding for finding in findings if finding is not None), None)


class _Document:
    """A text with what several rules ask of it, each worked out once and only when asked."""

    def __init__(self, text: str, tokens: int | None = None) -> None:
        self.text = text
        self.tokens = estimate_tokens(text) if tokens is None else tokens

    @cached_property
    def characters(self) -> NDArray[np.intp]:
        """How many characters there are of each kind of `_KINDS`, a run of one symbol as one."""
        codes = np.frombuffer(self.text.encode("utf-32-le", "surrogatepass"), np.uint32)
        kinds = _kinds().take(codes, mode="clip")
        for place in np.flatnonzero(codes >= _TABLE_END):
            kinds[place] = _kind(chr(codes[place]))
        again = (codes[1:] == codes[:-1]) & (kinds[1:] >= _SYMBOL)
        counted = np.bincount(kinds, minlength=256) - np.bincount(kinds[1:][again], minlength=256)
        return counted[:_SYMBOL] + counted[_SYMBOL : 2 * _SYMBOL]

    @cached_property
    def words(self) -> list[str]:
        return words(self.text)

    def has_plenty(self, plain: bytes, share: float) -> bool:
        """Whether these characters of ASCII alone are surely such a share, spaces counted too.

        A look that costs a tenth of `share`, mostly at the start of the text alone. Letters and
        digits are never counted once for a run, so that their share without spaces is no smaller;
        the margin is for rounding.
        """
        wanted = 1.01 * share * len(self.text)
        start = self.text[: int(2 * wanted) + 1]
        return _count_of(plain, start) > wanted or _count_of(plain, self.text) > wanted

    def share(self, classes: str) -> float:
        """The share of these Unicode classes in the characters that are no spaces."""
        found = sum(int(self.characters[_KINDS.index(name)]) for name in classes)
        return found / max(1, int(self.characters[1:].sum()))


def _count_of(characters: bytes, text: str) -> int:
    data = text.encode("utf-8", "surrogatepass")
    return len(data) - len(data.translate(None, characters))


_PLAIN_LETTERS = string.ascii_letters.encode()
_PLAIN_WORD_CHARACTERS = _PLAIN_LETTERS + string.digits.encode()
# A space, or the first letter of a Unicode class.
_KINDS = " CLMNPSZ"
# Added to the kind of what is neither a letter, a digit, "_" nor a space.
_SYMBOL = len(_KINDS)


# Code points from here on are rare, and a table of all would take a second to make.
_TABLE_END = 0x10000


@cache
def _kinds() -> NDArray[np.uint8]:
    """The kind of each code point before `_TABLE_END`."""
    return np.fromiter(map(_kind.__wrapped__, map(chr, range(_TABLE_END))), np.uint8, _TABLE_END)


@lru_cache(maxsize=4096)
def _kind(character: str) -> int:
    """A place in `_KINDS`, plus `_SYMBOL` for symbols."""
    if character.isspace():
        return 0
    kind = _KINDS.index(unicodedata.category(character)[0])
    return kind if character.isalnum() or character == "_" else kind + _SYMBOL


_Rule = Callable[[_Document, HeuristicThresholds], Rejection | None]


def _too_short(document: _Document, thresholds: HeuristicThresholds) -> Rejection | None:
    tokens = document.tokens
    if tokens >= thresholds.min_tokens:
        return None
    detail = f"about {tokens} tokens; at least {thresholds.min_tokens} are wanted"
    return Rejection(HeuristicReason.TOO_SHORT, detail)


def _no_letters(document: _Document, thresholds: HeuristicThresholds) -> Rejection | None:
    if document.has_plenty(_PLAIN_LETTERS, thresholds.min_letter_share):
        return None
    share = document.share("LM")
    if share >= thresholds.min_letter_share:
        return None
    limit = thresholds.min_letter_share
    detail = f"{share:.1%} of the characters are letters; at least {limit:.0%} are wanted"
    return Rejection(HeuristicReason.NO_LETTERS, detail)


def _mostly_symbols(document: _Document, thresholds: HeuristicThresholds) -> Rejection | None:
    if document.has_plenty(_PLAIN_WORD_CHARACTERS, 1 - thresholds.max_symbol_share):
        return None
    share = 1 - document.share("LMN")
    if share <= thresholds.max_symbol_share:
        return None
    limit = thresholds.max_symbol_share
    detail = f"{share:.1%} of the characters are symbols; at most {limit:.0%} may be"
    return Rejection(HeuristicReason.MOSTLY_SYMBOLS, detail)


def _repeated_lines(document: _Document, thresholds: HeuristicThresholds) -> Rejection | None:
    text, limit = document.text, thresholds.max_repeated_line_share
    # Where the lines of the first half differ enough for all, the others need no look.
    half = text[: text.rfind("\n", 0, len(text) // 2) + 1]
    if sum(map(len, _stripped_lines(half))) > 1.01 * (1 - limit) * len(text):
        return None
    total = sum(len(line.strip()) for line in text.splitlines())
    repeated = total - sum(map(len, _stripped_lines(text)))
    share = repeated / max(1, total)
    if share <= limit:
        return None
    detail = f"{share:.1%} of the text are lines seen before; at most {limit:.0%} may be"
    return Rejection(HeuristicReason.REPEATED_LINES, detail)


def _stripped_lines(text: str) -> set[str]:
    return set(map(str.strip, text.splitlines()))


def _repeated_ngrams(document: _Document, thresholds: HeuristicThresholds) -> Rejection | None:
    n = thresholds.ngram_words
    if _surely_differs(document.text, n, 1 - thresholds.max_repeated_ngram_share):
        return None
    total = max(0, len(document.words) - n + 1)
    # Counting short runs is cheap, and nearly always shows that enough of the long ones differ.
    for length in range(1, min(n, _LONGEST_SHORT_RUN + 1)):
        least = len(_distinct_runs(document.words, length)) - (n - length)
        if (total - least) / max(1, total) <= thresholds.max_repeated_ngram_share:
            return None
    distinct = len(_distinct_runs(document.words, n))
    share = (total - distinct) / max(1, total)
    if share <= thresholds.max_repeated_ngram_share:
        return None
    limit = thresholds.max_repeated_ngram_share
    detail = f"{share:.1%} of the runs of {n} words were seen before; at most {limit:.0%} may be"
    return Rejection(HeuristicReason.REPEATED_NGRAMS, detail)


def _surely_differs(text: str, n: int, share: float) -> bool:
    """Whether surely such a share of the runs of n words differ; a look at texts of ASCII alone.

    Runs differ where the starts of their first words do, of up to eight letters each. These are
    hashed to places in a table, and the places counted: two may meet, which only counts too few.
    """
    if not text.isascii() or n < _WORDS_SEEN:
        return False
    data = b" " + text.encode("ascii").translate(ASCII_WORDS_ALONE) + b" " * 8
    is_letter = np.frombuffer(data, np.uint8) != ord(" ")
    edges = np.flatnonzero(is_letter[1:] != is_letter[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    total = len(starts) - n + 1
    if total < 1:
        return False
    eights = np.ndarray((len(data) - 7,), np.uint64, data, strides=(1,))
    seen = eights[starts] & _FIRST_BYTES[np.minimum(ends - starts, 8)]
    mixed = seen[:total]
    for following in range(1, _WORDS_SEEN):
        mixed = mixed * _MIXER ^ seen[following : following + total]
    table = np.zeros(1 << (4 * total).bit_length(), np.bool_)
    table[(mixed * _MIXER) >> np.uint64(64 - (4 * total).bit_length())] = True
    return int(np.count_nonzero(table)) > 1.01 * share * total


_WORDS_SEEN = 3
_FIRST_BYTES = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
_MIXER = np.uint64(0x9E3779B97F4A7C15)


# Each n-gram after the first brings one new run of a shorter length at most. So no fewer n-grams
# than such runs are distinct, but for the runs that the first n-gram holds beside its own first.
_LONGEST_SHORT_RUN = 2


def _distinct_runs(words: list[str], n: int) -> set[int] | set[str]:
    if n == 1:
        return set(words)
    words_from = (islice(words, start, None) for start in range(n))
    return set(map(hash, zip(*words_from, strict=False)))


# Cheapest first.
_RULES: tuple[_Rule, ...] = (
    _too_short,
    _no_letters,
    _mostly_symbols,
    _repeated_lines,
    _repeated_ngrams,
)
