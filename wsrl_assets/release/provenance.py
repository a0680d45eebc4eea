"""What a release rests on besides its rows: recipes, what was left out, what was asked of it.

All of it follows from the tables: no run, path or date is in it, so the same tables tell the same.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from wsrl_assets.release.selection import Mixed
from wsrl_assets.release.spec import ReleaseSpec
from wsrl_assets.review.agreement import Agreement, read_agreement
from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.stages import RECIPE_COLUMNS, Stage

# Stages whose recipes `release_rows` has, by column; those of reading and triage go by document.
ROW_RECIPES = {s: c for s, c in RECIPE_COLUMNS.items() if s is not Stage.TRIAGED_DOCUMENTS}
_STAGES = (Stage.SOURCE_DOCUMENTS, Stage.TRIAGED_DOCUMENTS, *ROW_RECIPES)


@dataclass(frozen=True, slots=True)
class UsedRecipe:
    """A recipe behind pairs of a release.

    Attributes:
        stage: asset that used it.
        recipe: its hash.
        pairs: how many pairs of the release it made.
        body: model, sampling, prompts with their versions, settings; none if it is not known.
    """

    stage: str
    recipe: str
    pairs: int
    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Pairs that passed every check and are not in the release, by stage and reason."""

    stage: str
    reason: str
    pairs: int


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark that pairs were compared with: its rows, and the pairs left out because of it."""

    name: str
    rows: int
    questions: int
    answers: int
    pairs: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """A language of the release: its ISO 639 code, none if not known, with documents and pairs."""

    language: str | None
    documents: int
    pairs: int


@dataclass(frozen=True, slots=True)
class ReleaseProvenance:
    """What the card and `release.json` tell besides the rows."""

    spec: dict[str, Any]
    mixture: Sequence[Mixed]
    recipes: Sequence[UsedRecipe]
    left_out: Sequence[LeftOut]
    benchmarks: Sequence[Benchmark]
    languages: Sequence[Spoken]
    review: Agreement | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, in a fixed order; no review where nobody has read a pair."""
        told = asdict(self)
        if self.review is None:
            del told["review"]
        return told

    @property
    def models(self) -> list[str]:
        """The models behind the pairs, by name."""
        found = {recipe.body.get("model") for recipe in self.recipes if recipe.body}
        return sorted(str(model) for model in found if model)


def trace_back(
    store: Store,
    kept: pl.DataFrame,
    refused: pl.DataFrame,
    spec: ReleaseSpec,
    mixture: Sequence[Mixed],
) -> ReleaseProvenance:
    """The provenance of a release of the pairs `kept`.

    Args:
        store: the databases.
        kept: pairs of the release, with doc_id and the columns of `ROW_RECIPES`.
        refused: placed pairs that it leaves out, with `reason`.
        spec, mixture: what was asked for, and the result.
    """
    with catalog(store) as connection:
        documents = frame(connection, "document_recipes")
        bodies = {row[0]: row[1] for row in frame(connection, "recipe_bodies").iter_rows()}
        unplaced = frame(connection, "unplaced_reasons")
        benchmarks = frame(connection, "benchmark_names")
    used = kept.select("doc_id", **ROW_RECIPES).join(documents, on="doc_id", how="left")
    return ReleaseProvenance(
        spec.to_dict(),
        mixture,
        [recipe for stage in _STAGES for recipe in _used(used, stage, bodies)],
        [
            *_left_out("final_splits", unplaced),
            *_left_out("rl_dataset", refused.select("reason", pairs=1)),
        ],
        [Benchmark(*row) for row in benchmarks.iter_rows()],
        _languages(used),
        read_agreement(store),
    )


def _languages(pairs: pl.DataFrame) -> list[Spoken]:
    by_language = pairs.group_by("language").agg(pl.col("doc_id").n_unique(), pl.len())
    ordered = by_language.sort(["len", "language"], descending=[True, False], nulls_last=True)
    return [Spoken(*row) for row in ordered.iter_rows()]


def _used(pairs: pl.DataFrame, stage: str, bodies: Mapping[str, str]) -> list[UsedRecipe]:
    counted = pairs.filter(pl.col(stage).is_not_null()).group_by(stage).len().sort(stage)
    return [
        UsedRecipe(stage, recipe, count, json.loads(bodies[recipe]) if recipe in bodies else None)
        for recipe, count in counted.iter_rows()
    ]


def _left_out(stage: str, pairs: pl.DataFrame) -> list[LeftOut]:
    """`pairs`: how many for which `reason`, in a row or more."""
    named = pairs.group_by(pl.col("reason").fill_null("unknown")).agg(pl.col("pairs").sum())
    return [LeftOut(stage, reason, count) for reason, count in named.sort("reason").iter_rows()]
