"""slime: JSON lines with prompt, label and metadata.

It is on no package index. Read in THUDM/slime: `slime/utils/data.py` at 3c9aa092 (Dataset: the keys
are options, the prompt may be a chat) and `slime/rollout/rm_hub/__init__.py` at 0b420f1e
(`--custom-rm-path module.function`, awaited with (args, sample), or with a list of samples under
`--group-rm`), `slime/utils/types.py` at 0d234f3e (Sample: prompt, response, label, metadata).
"""

import polars as pl

from wsrl_assets.release.trainers.format import TrainerFormat
from wsrl_assets.release.trainers.record import about, messages, records


def to_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """Columns: prompt (list of role and content), label (the gold as JSON), metadata."""
    return records(pairs).select(prompt=messages(), label=pl.col("gold"), metadata=about())


FORMAT = TrainerFormat(
    "slime",
    "slime",
    to_rows,
    "{split}.jsonl",
    in_order="Leave out `--rollout-shuffle`.",
    judge="judge.py",
)
