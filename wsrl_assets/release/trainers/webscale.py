"""The columns of the published data set, Salesforce/Webscale-RL, and nothing else.

For users who have a loader for that data set. The gold's type is lost here: its reward infers it
from the answer's form, which any other format here does better.
"""

import polars as pl

from wsrl_assets.release.trainers.format import TrainerFormat
from wsrl_assets.release.trainers.record import records


def to_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """Columns: pretrain_text, domain, persona, question, answer."""
    return records(pairs).select("pretrain_text", "domain", "persona", "question", "answer")


FORMAT = TrainerFormat("webscale", "loaders of Salesforce/Webscale-RL", to_rows)
