"""The obviously poor, found by rule and without an LLM.

The paper drops by rule only what is obviously poor, for "the breadth of the corpus must survive".
Rules that were made for English web pages reject source code, tables, mathematics and most of the
world's scripts, so each rule here is a looser form of a published one. Gopher's limits on the mean
length of words (names in code and compounds are long), on stop words, bullet points and ellipses
are left out on purpose; triage judges those pages better.

Measured on Python's own help topics, its library with tests, C headers, markdown and JavaScript:
what is rejected is dumps of numbers and of drawing paths, and stubs of under 50 tokens.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from wsrl_assets.text.normalisation import estimate_tokens, ngrams, words

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


def check(text: str, thresholds: HeuristicThresholds | None = None) -> Rejection | None:
    """The first rule that finds a document obviously poor; None for a good one.

    Args:
        text: The document or passage, normalised.
        thresholds: The defaults, when None.
    """
    thresholds = thresholds or HeuristicThresholds()
    document = _Document(text[: thresholds.judged_chars])
    findings = (rule(document, thresholds) for rule in _RULES)
    return next((finding for finding in findings if finding is not None), None)


class _Document:
    """A text with what several rules ask of it, each worked out once and only when asked."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def characters(self) -> Counter[str]:
        """How many characters there are of each Unicode class, by its first letter.

        Spaces are left out, and a run of one symbol counts once.
        """
        classes: Counter[str] = Counter()
        for character, count in Counter(_SYMBOL_RUN.sub(r"\1", self.text)).items():
            if not character.isspace():
                classes[unicodedata.category(character)[0]] += count
        return classes

    @cached_property
    def words(self) -> list[str]:
        return words(self.text)

    def share(self, classes: str) -> float:
        """The share of these Unicode classes in the characters that are no spaces."""
        return sum(self.characters[name] for name in classes) / max(1, self.characters.total())


_SYMBOL_RUN = re.compile(r"([^\w\s])\1++")

_Rule = Callable[[_Document, HeuristicThresholds], Rejection | None]


def _too_short(document: _Document, thresholds: HeuristicThresholds) -> Rejection | None:
    tokens = estimate_tokens(document.text)
    if tokens >= thresholds.min_tokens:
        return None
    detail = f"about {tokens} tokens; at least {thresholds.min_tokens} are wanted"
    return Rejection(HeuristicReason.TOO_SHORT, detail)


def _no_letters(document: _Document, thresholds: HeuristicThresholds) -> Rejection | None:
    share = document.share("LM")
    if share >= thresholds.min_letter_share:
        return None
    limit = thresholds.min_letter_share
    detail = f"{share:.1%} of the characters are letters; at least {limit:.0%} are wanted"
    return Rejection(HeuristicReason.NO_LETTERS, detail)


def _mostly_symbols(document: _Document, thresholds: HeuristicThresholds) -> Rejection | None:
    share = 1 - document.share("LMN")
    if share <= thresholds.max_symbol_share:
        return None
    limit = thresholds.max_symbol_share
    detail = f"{share:.1%} of the characters are symbols; at most {limit:.0%} may be"
    return Rejection(HeuristicReason.MOSTLY_SYMBOLS, detail)


def _repeated_lines(document: _Document, thresholds: HeuristicThresholds) -> Rejection | None:
    lines = Counter(line.strip() for line in document.text.splitlines())
    total = sum(len(line) * count for line, count in lines.items())
    repeated = sum(len(line) * (count - 1) for line, count in lines.items())
    share = repeated / max(1, total)
    if share <= thresholds.max_repeated_line_share:
        return None
    limit = thresholds.max_repeated_line_share
    detail = f"{share:.1%} of the text are lines seen before; at most {limit:.0%} may be"
    return Rejection(HeuristicReason.REPEATED_LINES, detail)


def _repeated_ngrams(document: _Document, thresholds: HeuristicThresholds) -> Rejection | None:
    n = thresholds.ngram_words
    total = max(0, len(document.words) - n + 1)
    distinct = len({hash(gram) for gram in ngrams(document.words, n)})
    share = (total - distinct) / max(1, total)
    if share <= thresholds.max_repeated_ngram_share:
        return None
    limit = thresholds.max_repeated_ngram_share
    detail = f"{share:.1%} of the runs of {n} words were seen before; at most {limit:.0%} may be"
    return Rejection(HeuristicReason.REPEATED_NGRAMS, detail)


# Cheapest first.
_RULES: tuple[_Rule, ...] = (
    _too_short,
    _no_letters,
    _mostly_symbols,
    _repeated_lines,
    _repeated_ngrams,
)
