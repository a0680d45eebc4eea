"""Which topics lose questions: drafted and accepted by groups of documents that are alike.

Topics are found in each domain by `topics`, on the words of a sample of its documents; documents in
no group are not shown by themselves, but are what a topic is compared with. Pure functions.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from wsrl_assets.reporting.bootstrap import document_weights, interval_where_defined
from wsrl_assets.reporting.topics import (
    LEAST,
    content_words,
    find_groups,
    telling_words,
    word_vectors,
)

SAMPLED = 400
"""Documents of a domain that are looked at, one of each source."""
CHARACTERS = 2_000
MIN_DOCUMENTS = 8
MIN_DRAFTS = 20
"""A topic with fewer documents or drafts is left out: its interval would say nothing."""
_WORDS = 4
_SEED = 0


@dataclass(frozen=True, slots=True)
class TopicLine:
    """What became of the questions of one topic.

    Attributes:
        domain: slug of its domain.
        words: the words that tell it from all else, the most telling first.
        documents, drafts, accepted: in the sample; accepted passed every check.
        share: accepted / drafts.
        rest: the same of all other sampled documents of the domain.
        low, high: 95 % interval of share - rest, by document; none where draws have no value.
    """

    domain: str
    words: tuple[str, ...]
    documents: int
    drafts: int
    accepted: int
    share: float
    rest: float
    low: float | None
    high: float | None

    @property
    def loses(self) -> bool:
        """Whether its share is below that of the rest, beyond the interval."""
        return self.high is not None and self.high < 0


@dataclass(frozen=True, slots=True)
class TopicLosses:
    """The topics with enough drafts, those that lose the most first.

    Attributes:
        documents: sampled documents that have drafts.
        topics: that were found, shown or not.
        lines: those that are shown.
    """

    documents: int
    topics: int
    lines: Sequence[TopicLine]


def topic_losses(documents: pl.DataFrame, drafted: pl.DataFrame) -> TopicLosses | None:
    """The topics of a sample, with what became of their questions; none without drafts.

    Args:
        documents: columns `domain`, `doc_id`, `title`, `text`.
        drafted: columns `domain`, `doc_id`, `drafts`, `accepted`, a row a document with drafts.
    """
    rows = documents.join(drafted, on=["domain", "doc_id"], maintain_order="left")
    if rows.is_empty():
        return None
    split = [content_words(f"{t or ''} {b}") for t, b in rows["title", "text"].iter_rows()]
    everywhere = Counter(word for one in split for word in set(one))
    topics, lines = 0, []
    numbered = rows.with_row_index("row")
    for (domain,), part in numbered.group_by("domain", maintain_order=True):
        if part.height < LEAST:
            continue
        words = [split[row] for row in part["row"]]
        counts = part.select("drafts", "accepted").to_numpy().astype(np.float64)
        for group in find_groups(word_vectors(words, everywhere, rows.height)):
            topics += 1
            inside = [set(words[place]) for place in group.members]
            telling = telling_words(inside, everywhere, rows.height, _WORDS)
            line = _line(str(domain), tuple(telling), counts, list(group.members))
            lines += [line] if line is not None else []
    lines.sort(key=lambda line: (line.share - line.rest, line.domain, line.words))
    return TopicLosses(rows.height, topics, lines)


def _line(
    domain: str, words: tuple[str, ...], counts: np.ndarray, members: list[int]
) -> TopicLine | None:
    """The line of a topic; none where it, or the rest of its domain, has too few to tell."""
    is_inside = np.zeros(len(counts), bool)
    is_inside[members] = True
    (drafts, accepted), (others, passed) = counts[is_inside].sum(0), counts[~is_inside].sum(0)
    too_few = min(is_inside.sum(), (~is_inside).sum()) < MIN_DOCUMENTS
    if not words or too_few or min(drafts, others) < MIN_DRAFTS:
        return None
    weights = document_weights(len(counts), np.random.default_rng(_SEED))
    inside, outside = (weights[:, which] @ counts[which] for which in (is_inside, ~is_inside))
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = inside[:, 1] / inside[:, 0] - outside[:, 1] / outside[:, 0]
    low, high = interval_where_defined(drawn)
    share, rest = float(accepted / drafts), float(passed / others)
    return TopicLine(
        domain, words, len(members), int(drafts), int(accepted), share, rest, low, high
    )
