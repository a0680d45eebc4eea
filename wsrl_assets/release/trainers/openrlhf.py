"""OpenRLHF: JSON lines with input, label and datasource.

Read in openrlhf 0.11.2: `datasets/prompts_dataset.py` (PromptDataset; `datasource` names the group
of its evaluation figures) and `utils/agent.py` (SingleTurnAgentExecutor), which imports a .py given
as `--reward.remote_url` and calls `reward_func(queries, prompts, labels)` with lists of one. A
query is prompt and response in one text, with the special tokens.
"""

import polars as pl

from wsrl_assets.release.trainers.format import TrainerFormat
from wsrl_assets.release.trainers.record import messages, records


def to_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """Columns: input (list of role and content), label (the gold as JSON), datasource (domain),
    pair_id."""
    return records(pairs).select(
        messages().alias("input"),
        pl.col("gold").alias("label"),
        pl.col("domain").alias("datasource"),
        "pair_id",
    )


FORMAT = TrainerFormat(
    "openrlhf",
    "OpenRLHF 0.11.2",
    to_rows,
    "{split}.jsonl",
    in_order="OpenRLHF shuffles the prompts of training and has no option against it: cut "
    "`train.jsonl` into consecutive files, and train on one after another, each from the "
    "checkpoint before.",
)
