"""TRL's GRPO: parquet with a conversational prompt; every other column goes to the reward.

Read in trl 1.16.0: `trainer/grpo_trainer.py` (_calculate_rewards), which calls a reward with
prompts=, completions=, completion_ids= and each further column as a list of the same length, and
`scripts/grpo.py`, which imports `--reward_funcs module.function` from the working folder.
"""

import polars as pl

from wsrl_assets.release.trainers.format import TrainerFormat
from wsrl_assets.release.trainers.record import messages, records


def to_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """Columns: prompt (list of role and content), gold (JSON), and what may be of use to another
    reward: answer, answer_type, domain, pair_id, pass_rate."""
    return records(pairs).select(
        messages().alias("prompt"),
        "gold",
        "answer",
        "answer_type",
        "domain",
        "pair_id",
        "pass_rate",
    )


FORMAT = TrainerFormat(
    "trl",
    "TRL 1.16.0 (GRPO)",
    to_rows,
    in_order="Add `--shuffle_dataset false`, or in a script `shuffle_dataset=False` in "
    "`GRPOConfig`.",
)
