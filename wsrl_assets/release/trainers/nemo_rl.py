"""NeMo-RL: JSON lines with input and output; the reward is an environment.

On the package index it is an empty name. Read in NVIDIA-NeMo/RL:
`nemo_rl/data/datasets/response_datasets/response_dataset.py` at 23d0baf6 (ResponseDataset: input
and output become a user and an assistant message), `nemo_rl/data/processors.py` at 006a7dad
(math_hf_data_processor: the assistant message becomes `ground_truth` of the environment's
metadata), `nemo_rl/environments/interfaces.py` at 0b8a793a, `nemo_rl/environments/utils.py` at
067e92b9 (register_env), `nemo_rl/distributed/ray_actor_environment_registry.py` at 010480aa.
"""

import polars as pl

from wsrl_assets.release.trainers.format import TrainerFormat
from wsrl_assets.release.trainers.record import records


def to_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """Columns: input (the prompt), output (the gold as JSON), pair_id, domain."""
    return records(pairs).select(
        pl.col("prompt").alias("input"), pl.col("gold").alias("output"), "pair_id", "domain"
    )


FORMAT = TrainerFormat(
    "nemo_rl",
    "NeMo-RL",
    to_rows,
    "{split}.jsonl",
    in_order="Add `data.shuffle=false`.",
)
