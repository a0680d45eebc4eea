"""What changed from one release to another: rows, by pair id, and what they were made by."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from wsrl_assets.release.dataset import COLUMNS, read_release
from wsrl_assets.release.lookup import describe
from wsrl_assets.release.splits import Split

_BY = ("domain", "answer_type", "form", "split")
_SHOWN = ("pair_id", "domain", "question", "answer")
# Not the documents, which are most of a release: `doc_id` is the hash of their text.
_COMPARED = tuple(column for column in COLUMNS if column != "pretrain_text")


@dataclass(frozen=True, slots=True)
class RecipeChange:
    """A stage whose recipes differ.

    Attributes:
        stage: the asset.
        added, removed: recipe hashes that only the new, or only the old release has.
        settings: where one recipe took the place of one: what differs, by key, old and new.
    """

    stage: str
    added: Sequence[str]
    removed: Sequence[str]
    settings: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences of two releases.

    Attributes:
        old, new: their names.
        added, removed: pairs that only the new, or only the old one has; columns of `COLUMNS`
            but the document.
        changed: pair_id, domain, question, answer of pairs in both that differ, and `columns`, the
            names of the columns in which they do.
        same: pairs that are equal in both.
        by: for domain, answer_type, form and split: pairs by value, old and new.
        recipes: stages whose recipes differ; none if one of the two does not tell its recipes.
        spec: keys of the spec that differ, old and new.
    """

    old: str
    new: str
    added: pl.DataFrame
    removed: pl.DataFrame
    changed: pl.DataFrame
    same: int
    by: Mapping[str, Mapping[str, tuple[int, int]]]
    recipes: Sequence[RecipeChange] | None
    spec: Mapping[str, tuple[Any, Any]]

    @property
    def changed_columns(self) -> dict[str, int]:
        """How many pairs differ in which column, most first."""
        counted = self.changed["columns"].explode().value_counts()
        return dict(counted.sort("count", "columns", descending=[True, False]).iter_rows())

    def to_dict(self, examples: int) -> dict[str, Any]:
        """Plain values, with so many examples of each kind."""
        return {
            "old": self.old,
            "new": self.new,
            "rows": {
                "added": self.added.height,
                "removed": self.removed.height,
                "changed": self.changed.height,
                "same": self.same,
            },
            "changed_columns": self.changed_columns,
            "by": {
                column: {value: {"old": o, "new": n} for value, (o, n) in counts.items()}
                for column, counts in self.by.items()
            },
            "examples": {
                "added": self.added.select(_SHOWN).head(examples).to_dicts(),
                "removed": self.removed.select(_SHOWN).head(examples).to_dicts(),
                "changed": self.changed.head(examples).to_dicts(),
            },
            "recipes": None
            if self.recipes is None
            else [
                {
                    "stage": change.stage,
                    "added": list(change.added),
                    "removed": list(change.removed),
                    "settings": {k: {"old": o, "new": n} for k, (o, n) in change.settings.items()},
                }
                for change in self.recipes
            ],
            "spec": {key: {"old": o, "new": n} for key, (o, n) in self.spec.items()},
        }


def changes(old: Path, new: Path) -> Changes:
    """What changed between two release folders.

    Raises:
        ReleaseError: a release cannot be read.
    """
    before, after = read_release(old, _COMPARED), read_release(new, _COMPARED)
    both = before.join(after, on="pair_id", suffix="_new", nulls_equal=True)
    told_before, told_after = describe(old), describe(new)
    return Changes(
        old.name,
        new.name,
        after.join(before, on="pair_id", how="anti").sort("pair_id"),
        before.join(after, on="pair_id", how="anti").sort("pair_id"),
        changed := _changed(both, _columns_of_both(old, new)),
        both.height - changed.height,
        {column: _counts(before, after, column) for column in _BY},
        _recipe_changes(told_before, told_after),
        _differences((told_before or {}).get("spec", {}), (told_after or {}).get("spec", {})),
    )


def _changed(both: pl.DataFrame, columns: Collection[str]) -> pl.DataFrame:
    differs = [
        pl.when(pl.col(column).ne_missing(pl.col(f"{column}_new"))).then(pl.lit(column))
        for column in columns
    ]
    marked = both.with_columns(columns=pl.concat_list(differs).list.drop_nulls())
    return (
        marked.filter(pl.col("columns").list.len() > 0)
        .select(
            "pair_id",
            "columns",
            domain="domain_new",
            question="question_new",
            answer="answer_new",
        )
        .sort("pair_id")
    )


def _columns_of_both(old: Path, new: Path) -> list[str]:
    """Without those that one of the two is too old to have."""
    files = [folder / f"{Split.TRAIN}.parquet" for folder in (old, new)]
    held = [set(pl.scan_parquet(file, glob=False).collect_schema()) for file in files]
    return [
        column for column in _COMPARED if column != "pair_id" and all(column in h for h in held)
    ]


def _counts(before: pl.DataFrame, after: pl.DataFrame, column: str) -> dict[str, tuple[int, int]]:
    old, new = (dict(f.group_by(column).len().iter_rows()) for f in (before, after))
    values = sorted({*old, *new}, key=str)
    return {str(value): (old.get(value, 0), new.get(value, 0)) for value in values}


def _recipe_changes(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[RecipeChange] | None:
    if before is None or after is None:
        return None
    old, new = _by_stage(before), _by_stage(after)
    found = []
    for stage in dict.fromkeys([*old, *new]):
        one, other = old.get(stage, {}), new.get(stage, {})
        gone = [recipe for recipe in one if recipe not in other]
        come = [recipe for recipe in other if recipe not in one]
        settings = {}
        if len(gone) == len(come) == 1:
            settings = _differences(one[gone[0]] or {}, other[come[0]] or {})
        if gone or come:
            found.append(RecipeChange(stage, come, gone, settings))
    return found


def _by_stage(told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    stages: dict[str, dict[str, Any]] = {}
    for recipe in told.get("recipes", ()):
        stages.setdefault(recipe["stage"], {})[recipe["recipe"]] = recipe["body"]
    return stages


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The keys whose values differ, old and new; keys of inner mappings with a dot between."""
    one, other = _flat(old), _flat(new)
    return {
        key: (one.get(key), other.get(key))
        for key in sorted({*one, *other})
        if one.get(key) != other.get(key)
    }


def _flat(value: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        name = f"{before}{key}"
        flat |= _flat(inner, f"{name}.") if isinstance(inner, dict) and inner else {name: inner}
    return flat
