"""verl: parquet with data_source, prompt, ability, reward_model and extra_info.

Point verl's `data.train_files` at the parquet, and its `custom_reward_function.path` at this
file with name `compute_score`.
"""

from typing import Any

import polars as pl

from wsrl_assets.reward import Gold, score
from wsrl_assets.rollout import INSTRUCTION

NAME = "verl"
DATA_SOURCE = "wsrl-assets"


def to_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """A release's pairs in verl's columns.

    Columns: data_source, prompt (list of role and content), ability, reward_model (style and
    ground_truth, which is the gold as JSON), extra_info (index, pair_id, split, answer,
    pass_rate).
    """
    content = pl.format("{}\n\n{}", pl.col("question"), pl.lit(INSTRUCTION))
    message = pl.struct(role=pl.lit("user"), content=content)
    return pairs.with_row_index("row").select(
        data_source=pl.lit(DATA_SOURCE),
        prompt=pl.concat_list(message),
        ability=pl.col("domain"),
        reward_model=pl.struct(style=pl.lit("rule"), ground_truth=pl.col("gold")),
        extra_info=pl.struct(
            pl.col("row").cast(pl.Int64).alias("index"),
            "pair_id",
            "split",
            "answer",
            "pass_rate",
        ),
    )


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: Any = None, **_: Any
) -> float:
    """The reward with verl's signature: 1.0 for the gold answer, else 0.0."""
    return float(score(solution_str, Gold.from_json(ground_truth)).value)
