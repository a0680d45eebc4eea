"""Pairs with their passage in the prompt, among passages of other documents: training to read.

The gold stays as it is, so the reward does too. Which passages stand beside a pair follows from the
pair; where its own stands goes round, so no position is worth a guess.
"""

from collections.abc import Sequence
from random import Random

import polars as pl

from wsrl_assets.llm.untrusted import as_text
from wsrl_assets.text.normalisation import words

# Passages that are looked at for one that can stand beside a pair.
_TRIES = 8
_OPENING = "One of these passages holds the answer to the question below them."

_Passage = tuple[str, str]
"""Source row and text."""


def with_passages(pairs: pl.DataFrame, distractors: int) -> pl.DataFrame:
    """The pairs with their passage and up to `distractors` others in the column `question`.

    The others are of the pair's own split, so that no document feeds two, and of its domain; of
    another source row; and without the answer in them. A domain that has too few gives fewer. They
    are drawn from the documents of these pairs: of a large release, give some thousand at a time.
    Those that stand together have nothing to do with one another, since releases are ordered by
    hashes.

    Args:
        pairs: of a release, with at least pair_id, parent_id, domain, split, question, answer and
            pretrain_text.
        distractors: passages beside the pair's own, at least 1.
    """
    texts = ("parent_id", "pretrain_text")
    groups = pairs.unique(texts, maintain_order=True).group_by("split", "domain")
    corpus = {key: list(group.select(texts).iter_rows()) for key, group in groups}
    questions = [
        _question(row, corpus[row["split"], row["domain"]], number, distractors)
        for number, row in enumerate(pairs.iter_rows(named=True))
    ]
    return pairs.with_columns(pl.Series("question", questions, dtype=pl.String))


def _question(
    row: dict[str, str], corpus: Sequence[_Passage], number: int, distractors: int
) -> str:
    passages = _others(row, corpus, distractors)
    passages.insert(number % (len(passages) + 1), row["pretrain_text"])
    shown = [f"Passage {n}:\n{as_text(text)}" for n, text in enumerate(passages, 1)]
    return "\n\n".join([_OPENING, *shown, f"Question: {row['question']}"])


def _others(row: dict[str, str], corpus: Sequence[_Passage], wanted: int) -> list[str]:
    drawn = Random(row["pair_id"]).sample(corpus, min(len(corpus), wanted * _TRIES))
    answer = f" {' '.join(words(row['answer']))} "
    fit = [
        text
        for parent, text in drawn
        if parent != row["parent_id"] and answer not in f" {' '.join(words(text))} "
    ]
    return fit[:wanted]
