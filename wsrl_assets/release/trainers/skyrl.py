"""SkyRL: parquet with prompt, env_class and reward_spec; the reward is an environment.

Read in skyrl 0.4.0: `train/dataset/dataset.py` (PromptDataset: all columns but the prompt and the
class go to the environment as extras), `train/entrypoints/main_base.py`; and skyrl-gym 0.4.0:
`envs/base_text_env.py` and `envs/gsm8k/env.py`, whose extras hold `reward_spec.ground_truth`.
"""

import polars as pl

from wsrl_assets.release.trainers.format import TrainerFormat
from wsrl_assets.release.trainers.record import about, messages, records

ENV_CLASS = "wsrl"


def to_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """Columns: data_source, prompt (list of role and content), env_class, reward_spec (method and
    ground_truth, which is the gold as JSON), extra_info."""
    return records(pairs).select(
        data_source=pl.lit("wsrl-assets"),
        prompt=messages(),
        env_class=pl.lit(ENV_CLASS),
        reward_spec=pl.struct(method=pl.lit("rule"), ground_truth=pl.col("gold")),
        extra_info=about(),
    )


FORMAT = TrainerFormat(
    "skyrl",
    "SkyRL 0.4.0",
    to_rows,
    in_order="SkyRL's loader shuffles the prompts of training and has no option against it: cut "
    "`train.parquet` into consecutive files, and train on one after another, each from "
    "the checkpoint before.",
)
