"""The neutral record: what any trainer may want of a pair, before it is in a trainer's words."""

import polars as pl

from wsrl_assets.reward.instruction import prompt_of
from wsrl_assets.taxonomy.forms import Form

RECORD: dict[str, tuple[pl.DataType, str]] = {
    "index": (pl.Int64(), "number of the row in its split, from 0"),
    "split": (pl.String(), "train, validation or test"),
    "pair_id": (pl.String(), "id of the pair; `wsrl trace` takes it"),
    "doc_id": (pl.String(), "content hash of the source passage"),
    "parent_id": (pl.String(), "content hash of the source row; it has one split"),
    "domain": (pl.String(), "domain, as the paper names it"),
    "persona": (pl.String(), "the reader for whom the question was written"),
    "form": (pl.String(), "form of the question"),
    "question": (pl.String(), "the question alone"),
    "prompt": (pl.String(), "the question with the instruction how to answer"),
    "answer": (pl.String(), "the short gold answer as written"),
    "answer_type": (pl.String(), "answer type of the reward"),
    "gold": (pl.String(), "typed gold answer, or rubric, as JSON, as wsrl_assets.reward reads it"),
    "pretrain_text": (pl.String(), "the source passage"),
    "evidence": (pl.String(), "the quote that supports the answer"),
    "pass_rate": (pl.Float64(), "share of a model's rollouts that scored 1; null if not measured"),
}
"""Columns of a record with their types and meanings."""


def records(pairs: pl.DataFrame) -> pl.DataFrame:
    """The records of one split of a release, or of a part of it that has a column `index`."""
    asked = pairs.select("question", "form").iter_rows()
    prompts = pl.Series(
        "prompt", [prompt_of(q, explain=form == Form.RUBRIC) for q, form in asked], dtype=pl.String
    )
    numbered = pairs if "index" in pairs.columns else pairs.with_row_index("index")
    complete = numbered.with_columns(prompts)
    return complete.select(pl.col(name).cast(dtype) for name, (dtype, _) in RECORD.items())


def messages() -> pl.Expr:
    """The prompt of a record as a chat: a list of one message of role and content."""
    return pl.concat_list(pl.struct(role=pl.lit("user"), content=pl.col("prompt")))


def about() -> pl.Expr:
    """What a record says beside its prompt and its gold, for trainers that keep such things."""
    return pl.struct(
        "index", "pair_id", "split", "domain", "form", "answer", "answer_type", "pass_rate"
    )
