"""Which documents a proof is measured on: those of the release's test split, or, if it has none,
some that are taken out of training."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from wsrl_assets.release.splits import Split
from wsrl_assets.text.hashing import seeded_draw
from wsrl_assets.training.errors import ProofError

# Of a release without a test split, at most so large a share of its documents is held out.
_MOST_HELD_OUT = 1 / 3


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The pairs that are measured, and those that may be trained on.

    Attributes:
        asked: at most as many pairs as there are questions, over as many documents as possible.
        trained: of other source documents than those of `sources`.
        sources: the held-out source documents, by `parent_id`; also those of the validation split.
        is_test_split: whether the release has a test split to measure on.
    """

    asked: pl.DataFrame
    trained: pl.DataFrame
    sources: tuple[str, ...]
    is_test_split: bool


def hold_out(pairs: pl.DataFrame, questions: int, seed: int) -> HeldOut:
    """Sets documents of a release apart.

    Args:
        pairs: of all splits, with at least `pair_id`, `parent_id` and `split`; all answerable.

    Raises:
        ProofError: there is nothing to measure on, or nothing to train on.
    """
    pairs = pairs.with_columns(
        draw=pl.col("pair_id").map_elements(
            lambda pair_id: seeded_draw(seed, pair_id), return_dtype=pl.UInt64
        )
    ).sort("draw", "pair_id")
    test = pairs.filter(pl.col("split") == Split.TEST)
    # Nobody is asked about validation documents: settings are chosen on them.
    validation = pairs.filter(pl.col("split") == Split.VALIDATION)
    training = pairs.filter(pl.col("split") == Split.TRAIN)
    measured = test if test.height else _some_of(training, questions, seed)
    sources = pl.concat([measured["parent_id"], validation["parent_id"]]).unique().sort()
    trained = pairs.filter(~pl.col("parent_id").is_in(sources.implode()))
    if not measured.height or trained.height < 2:
        raise ProofError(
            f"the release has {pairs.height} pairs of {pairs['parent_id'].n_unique()} source "
            f"documents, of which {trained.height} can be trained on: a proof needs at least two "
            "documents, and two pairs beside what it measures; ingest more and use `wsrl run`"
        )
    return HeldOut(
        _spread(measured).head(questions), trained, tuple(sources.to_list()), bool(test.height)
    )


def _some_of(pairs: pl.DataFrame, questions: int, seed: int) -> pl.DataFrame:
    """Pairs of training documents in an order of their own, until there are enough questions."""
    sources: Sequence[str] = sorted(
        pairs["parent_id"].unique().to_list(), key=lambda source: seeded_draw(seed, source)
    )
    chosen: list[str] = []
    for source in sources[: int(len(sources) * _MOST_HELD_OUT) or len(sources) // 2]:
        chosen.append(source)
        if pairs.filter(pl.col("parent_id").is_in(chosen)).height >= questions:
            break
    return pairs.filter(pl.col("parent_id").is_in(chosen))


def _spread(pairs: pl.DataFrame) -> pl.DataFrame:
    """A first pair of each document, then a second: documents are what intervals draw from."""
    turn = pl.col("draw").rank("ordinal").over("parent_id")
    return pairs.with_columns(turn=turn).sort("turn", "draw", "pair_id").drop("turn")
