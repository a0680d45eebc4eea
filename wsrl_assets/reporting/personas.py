"""What personas did: yield, tokens, diversity and spread, by source and kind. Pure functions."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import polars as pl

from wsrl_assets.reporting.diversity import distinct_ngrams, sampled
from wsrl_assets.reporting.meaning import Embedded, vendi_score
from wsrl_assets.text.normalisation import words

MOST_DOCUMENTS = 5_000
"""Of more documents than this, so many are looked at, drawn by the hash of their id."""
MOST_KINDS = 15
VENDI_OF = 10
"""The score grows with the number of questions, so that all are measured on so many."""
_MOST_GROUPS = 50
_KIND = re.compile(r"(?:an? )?(.*?)(?: who .*)?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class PersonaLine:
    """What the drafts of one source, or of one kind of persona of it, came to.

    Attributes:
        source: generated, file or none.
        kind: who asks, without the want; none for all of the source.
        drafts, accepted: drafts, and those that passed every check.
        tokens_each: tokens of drafting, checks and a share of naming personas, for each accepted
            pair; none where there is none.
        distinct_2: different word 2-grams over all of them, in the accepted questions.
        types: answer types of the accepted pairs, the most frequent first.
        pass_rate: mean over the pairs that have one; none if none has.
        domains: in how many domains it has drafts.
        largest_share: share of its drafts in the domain that has the most of them.
        effective: effective number of questions (Vendi score) among `VENDI_OF` accepted ones, the
            mean over as many groups of that size as there are; none where fewer have an embedding.
    """

    source: str
    kind: str | None
    drafts: int
    accepted: int
    tokens_each: float | None
    distinct_2: float
    types: Sequence[tuple[str, int]]
    pass_rate: float | None
    domains: int
    largest_share: float
    effective: float | None = None


@dataclass(frozen=True, slots=True)
class PersonaOverlap:
    """How alike the accepted questions are that personas of one document ask in one form.

    Attributes:
        source: generated, file or none.
        pairs: of questions that were compared.
        shared_words: mean Jaccard similarity of their word sets.
        same_answer: share with the same answer, in lower case.
    """

    source: str
    pairs: int
    shared_words: float
    same_answer: float


@dataclass(frozen=True, slots=True)
class PersonaFindings:
    """The tables of the report.

    Attributes:
        documents: that were looked at.
        sources: a line for each source.
        kinds: the most frequent kinds of each source, all sources together in order of drafts.
        overlaps: a line for each source with two accepted questions of one document.
    """

    documents: int
    sources: Sequence[PersonaLine]
    kinds: Sequence[PersonaLine]
    overlaps: Sequence[PersonaOverlap]


def kind_of(persona: str) -> str:
    """Who a persona is, without article and want: "nurse" of "a nurse who wants to ..."."""
    found = _KIND.fullmatch(persona)
    return found[1].casefold() if found and found[1] else "no persona"


def persona_findings(
    drafts: pl.DataFrame, questions: Embedded | None = None
) -> PersonaFindings | None:
    """The findings; none where there are no drafts.

    Args:
        drafts: the columns of `report_personas.sql`, a row a draft.
        questions: embeddings of accepted ones, where embeddings are on.
    """
    if drafts.is_empty():
        return None
    named = drafts.with_columns(
        kind=pl.col("persona").map_elements(kind_of, return_dtype=pl.String)
    )
    sources = [
        (str(source), rows) for (source,), rows in named.group_by("source", maintain_order=True)
    ]
    kinds = named.group_by("source", "kind").len()
    most = kinds.sort("len", "source", "kind", descending=[True, False, False]).head(MOST_KINDS)
    return PersonaFindings(
        documents=drafts["doc_id"].n_unique(),
        sources=[_line(source, None, rows, questions) for source, rows in sources],
        kinds=[_line_of(named, source, kind, questions) for source, kind, _ in most.iter_rows()],
        overlaps=[found for source, rows in sources if (found := _overlap(source, rows))],
    )


def _line_of(
    named: pl.DataFrame, source: str, kind: str, questions: Embedded | None
) -> PersonaLine:
    rows = named.filter((pl.col("source") == source) & (pl.col("kind") == kind))
    return _line(source, kind, rows, questions)


def _line(
    source: str, kind: str | None, rows: pl.DataFrame, questions: Embedded | None
) -> PersonaLine:
    accepted = rows.filter("is_accepted")
    types = Counter(accepted["answer_type"].drop_nulls().to_list())
    rates = rows["pass_rate"].drop_nulls().to_list()
    in_domains = Counter(rows["domain"].to_list())
    return PersonaLine(
        source=source,
        kind=kind,
        drafts=rows.height,
        accepted=accepted.height,
        tokens_each=float(rows["tokens"].sum()) / accepted.height if accepted.height else None,
        distinct_2=distinct_ngrams(map(words, accepted["question"].to_list()), 2),
        types=sorted(types.items(), key=lambda item: (-item[1], item[0])),
        pass_rate=fmean(rates) if rates else None,
        domains=len(in_domains),
        largest_share=max(in_domains.values()) / rows.height,
        effective=_effective(accepted["pair_id"].to_list(), questions),
    )


def _effective(pair_ids: Sequence[str], questions: Embedded | None) -> float | None:
    if questions is None:
        return None
    held = set(pair_ids)
    places = {p: n for n, p in enumerate(questions.pair_ids) if p in held}
    drawn = [places[pair_id] for pair_id in sampled(places, VENDI_OF * _MOST_GROUPS)]
    groups = [drawn[at : at + VENDI_OF] for at in range(0, len(drawn), VENDI_OF)]
    scores = [vendi_score(questions.vectors[g]) for g in groups if len(g) == VENDI_OF]
    return fmean(scores) if scores else None


def _overlap(source: str, rows: pl.DataFrame) -> PersonaOverlap | None:
    shared: list[float] = []
    same: list[bool] = []
    for _, few in rows.filter("is_accepted").group_by("doc_id", "form"):
        asked = [(set(words(q)), a.casefold()) for q, a in few["question", "answer"].iter_rows()]
        for (one, answer), (other, another) in combinations(asked, 2):
            shared.append(len(one & other) / len(one | other) if one | other else 0.0)
            same.append(answer == another)
    return PersonaOverlap(source, len(shared), fmean(shared), fmean(same)) if shared else None
