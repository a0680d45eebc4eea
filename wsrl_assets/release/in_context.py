"""Pairs with their passage in the prompt, among passages of other documents: training to read.

The gold stays as it is, so the reward does too. Which passages stand beside a pair follows from the
pair; where its own stands goes round, so no position is worth a guess.
"""

from collections.abc import Sequence
from random import Random

import polars as pl

from wsrl_assets.llm.untrusted import as_text
from wsrl_assets.reward.abstention import REQUEST
from wsrl_assets.storage.basis import KinAnswer, kin_id
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.text.normalisation import words

# Passages that are looked at for one that can stand beside a pair.
_TRIES = 8
_OPENING = "One of these passages holds the answer to the question below them."
# Where some questions have none, every prompt says so, or the prompt would tell which.
_OPENING_OF_SOME = "Answer the question below these passages from what they say."

_COLUMNS = ("parent_id", "doc_id", "pretrain_text")
_Passage = tuple[str, str, str]
"""Source row, document and text."""


def with_passages(pairs: pl.DataFrame, distractors: int) -> pl.DataFrame:
    """The pairs with their passage and up to `distractors` others in the column `question`.

    The others are of the pair's own split, so that no document feeds two, and of its domain; of
    another source row; and without the answer in them. A domain that has too few gives fewer. If
    some pairs are unanswerable, what would answer them is in no passage, and every prompt says what
    to write where the passages hold no answer.

    Args:
        pairs: of a release, with at least pair_id, parent_id, doc_id, domain, split, form,
            question, answer, basis and pretrain_text.
        distractors: passages beside the pair's own, at least 1.
    """
    groups = pairs.unique("doc_id", maintain_order=True).group_by("split", "domain")
    corpus = {key: list(group.select(_COLUMNS).iter_rows()) for key, group in groups}
    has_open = pairs["form"].is_in([Form.UNANSWERABLE]).any()
    questions = [
        _question(row, corpus[row["split"], row["domain"]], number, distractors, has_open=has_open)
        for number, row in enumerate(pairs.iter_rows(named=True))
    ]
    return pairs.with_columns(pl.Series("question", questions, dtype=pl.String))


def _question(
    row: dict[str, str],
    corpus: Sequence[_Passage],
    number: int,
    distractors: int,
    *,
    has_open: bool,
) -> str:
    passages = _others(row, corpus, distractors)
    passages.insert(number % (len(passages) + 1), row["pretrain_text"])
    shown = [f"Passage {n}:\n{as_text(text)}" for n, text in enumerate(passages, 1)]
    asked = f"Question: {row['question']}"
    if has_open:
        return "\n\n".join([_OPENING_OF_SOME, *shown, f"{asked}\n{REQUEST}"])
    return "\n\n".join([_OPENING, *shown, asked])


def _others(row: dict[str, str], corpus: Sequence[_Passage], wanted: int) -> list[str]:
    drawn = Random(row["pair_id"]).sample(corpus, min(len(corpus), wanted * _TRIES))
    kin, answer = kin_id(row["basis"]), f" {' '.join(words(_answer(row)))} "
    fit = [
        text
        for parent, doc_id, text in drawn
        if parent != row["parent_id"]
        and doc_id != kin
        and answer not in f" {' '.join(words(text))} "
    ]
    return fit[:wanted]


def _answer(row: dict[str, str]) -> str:
    """What a passage beside a pair must not say: for an unanswerable one, what its kin answers."""
    if row["form"] != Form.UNANSWERABLE:
        return row["answer"]
    return KinAnswer.from_json(row["basis"]).answer
