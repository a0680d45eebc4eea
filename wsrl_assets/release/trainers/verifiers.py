"""verifiers: a v1 taskset as a package that can be installed, its data inside.

Read in verifiers 0.4.0: `v1/task.py` (TaskData, Task with `@reward` and `validate`),
`v1/taskset.py`, `v1/cli/init.py` (layout of a package), `v1/utils/loaders.py` (the id names the
module) and `v1/cli/validate.py` (runs the gold check, and scores each task untouched).
"""

import polars as pl

from wsrl_assets.release.trainers.format import TrainerFormat
from wsrl_assets.release.trainers.record import records


def to_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """Columns, which are the fields of the package's task data: id, prompt, gold (JSON), answer,
    domain."""
    return records(pairs).select(
        pl.col("pair_id").alias("id"), "prompt", "gold", "answer", "domain"
    )


FORMAT = TrainerFormat(
    "verifiers",
    "verifiers 0.4.0 (v1)",
    to_rows,
    "wsrl_pairs/{split}.jsonl",
    in_order="prime-rl's standard sampler takes tasks in the order of the taskset; versions with a "
    "buffer in place of samplers draw at random, and do not keep the order.",
    judge="wsrl_pairs/judge.py",
)
