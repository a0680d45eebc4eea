"""How unlike one another questions are, by their words alone. Pure functions.

Measures on a sample are on one drawn by the hash of the text, so the same questions give the same
figures.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from wsrl_assets.text.normalisation import ngrams, words

SAMPLE = 400
COUNTED = 20_000
"""Of more questions than this, n-grams are counted in so many, drawn like a sample."""
_OVERLAP_N = 4


@dataclass(frozen=True, slots=True)
class Diversity:
    """Lexical measures over questions, each between 0 and 1.

    Attributes:
        questions: how many there are.
        distinct_1, distinct_2, distinct_3: different word n-grams over all of them, `COUNTED` at
            most (Li et al., arXiv 1510.03055). They fall as a corpus grows; compare equal sizes.
        type_token_ratio: different words over words, as the mean over stretches of 100 words, which
            size does not move; none for fewer words.
        self_overlap: over a sample, the mean share of a question's 4-grams that another one has,
            the n-gram precision behind Self-BLEU (Zhu et al., arXiv 1802.01886). High is bad.
        pairwise_overlap: over a sample, the mean Jaccard similarity of two questions' word sets.
    """

    questions: int
    distinct_1: float
    distinct_2: float
    distinct_3: float
    type_token_ratio: float | None
    self_overlap: float
    pairwise_overlap: float


def diversity(questions: Collection[str]) -> Diversity:
    """The measures of some questions; all zero where there are none."""
    counted = questions if len(questions) <= COUNTED else sampled(questions, COUNTED)
    split = [words(question) for question in counted]
    sample = [words(question) for question in sampled(questions, SAMPLE)]
    return Diversity(
        questions=len(questions),
        distinct_1=distinct_ngrams(split, 1),
        distinct_2=distinct_ngrams(split, 2),
        distinct_3=distinct_ngrams(split, 3),
        type_token_ratio=_type_token_ratio(split),
        self_overlap=_self_overlap(sample),
        pairwise_overlap=_pairwise_overlap(sample),
    )


def distinct_ngrams(split: Iterable[Sequence[str]], n: int) -> float:
    """Different word n-grams over all of them, in questions that are split into words."""
    seen: set[str] = set()
    total = 0
    for question in split:
        for gram in ngrams(question, n):
            seen.add(gram)
            total += 1
    return len(seen) / total if total else 0.0


def sampled(texts: Iterable[str], most: int) -> list[str]:
    """At most so many of the texts, the same ones whatever their order."""
    return heapq.nsmallest(most, texts, key=lambda text: (_digest(text), text))


def starts(questions: Iterable[str], most: int) -> list[tuple[str, int]]:
    """The first two words of questions, the most frequent first, with how many begin so."""
    counts = Counter(" ".join(words(question[:200])[:2]) or "none" for question in questions)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]


def _type_token_ratio(split: Sequence[Sequence[str]], stretch: int = 100) -> float | None:
    run = [word for question in split for word in question]
    ratios = [
        len(set(run[start : start + stretch])) / stretch
        for start in range(0, len(run) - stretch + 1, stretch)
    ]
    return fmean(ratios) if ratios else None


def _self_overlap(sample: Sequence[Sequence[str]]) -> float:
    grams = [set(ngrams(question, _OVERLAP_N)) for question in sample]
    holders = Counter(gram for one in grams for gram in one)
    shares = [sum(holders[gram] > 1 for gram in one) / len(one) for one in grams if one]
    return fmean(shares) if shares else 0.0


def _pairwise_overlap(sample: Sequence[Sequence[str]]) -> float:
    sets = [set(question) for question in sample if question]
    total, pairs = 0.0, 0
    for place, one in enumerate(sets):
        for other in sets[:place]:
            shared = len(one & other)
            total += shared / (len(one) + len(other) - shared)
            pairs += 1
    return total / pairs if pairs else 0.0


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
