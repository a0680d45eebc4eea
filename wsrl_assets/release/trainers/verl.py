"""verl: parquet with data_source, prompt, ability, reward_model and extra_info.

Read in verl 0.9.1: `utils/dataset/rl_dataset.py` (RLHFDataset), `trainer/ppo/reward.py`
(get_custom_reward_fn) and the naive reward managers, which call
`compute_score(data_source=, solution_str=, ground_truth=, extra_info=)` by keyword and take
`ground_truth` out of `reward_model`.
"""

import polars as pl

from wsrl_assets.release.trainers.format import TrainerFormat
from wsrl_assets.release.trainers.record import about, messages, records

DATA_SOURCE = "wsrl-assets"


def to_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """Columns: data_source, prompt (list of role and content), ability (domain), reward_model
    (style and ground_truth, which is the gold as JSON), extra_info (index and more)."""
    return records(pairs).select(
        data_source=pl.lit(DATA_SOURCE),
        prompt=messages(),
        ability=pl.col("domain"),
        reward_model=pl.struct(style=pl.lit("rule"), ground_truth=pl.col("gold")),
        extra_info=about(),
    )


FORMAT = TrainerFormat(
    "verl",
    "verl 0.9.1",
    to_rows,
    in_order="Add `data.shuffle=False`.",
    judge="judge.py",
)
