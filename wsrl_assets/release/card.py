"""The data set card of a release: `README.md` as the Hugging Face Hub reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import polars as pl
import yaml

from wsrl_assets.release.licences import hub_licences
from wsrl_assets.release.provenance import ReleaseProvenance, UsedRecipe
from wsrl_assets.release.splits import Split
from wsrl_assets.storage.pass_rates import BUCKETS, counted
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.text.markdown import cell

_MOST_SOURCES = 20
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
_LARGE = "1M<n<10M"


# How pairs of each form came about, in the words of the card.
_DRAFTED = (
    ("open", "wrote a question and a short answer, with a quote of the document as evidence"),
    ("cloze", "chose what to blank out of a sentence"),
    (
        "multiple_choice",
        "chose what to blank out of a sentence, to which wrong options were taken from other "
        "documents",
    ),
    (
        "computed",
        "named facts of the document and wrote a query over them, whose result is the answer",
    ),
    ("unanswerable", "asked what a kindred document answers and this one does not"),
    ("multi_hop", "joined two facts of the document in one question"),
    (
        "cross_document",
        "joined a fact of the document to one of another document by a name that both hold and the "
        "question hides",
    ),
    (
        "rubric",
        "asked for an explanation, and listed facts of the document that it must say and mistakes "
        "that it must not",
    ),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Pairs of which a check was asked, of which it was not, and of which it is not known."""

    yes: int
    no: int
    unknown: int


def write_card(
    folder: Path,
    name: str,
    pairs: pl.DataFrame,
    columns: Mapping[str, str],
    provenance: ReleaseProvenance,
) -> None:
    """Writes `README.md`: the Hub's YAML header, counts, how it was made, limits and the schema.

    It has no date: the same pairs of the same provenance make the same card.
    """
    source = resources.files("wsrl_assets.release").joinpath("card.md.j2").read_text("utf-8")
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.keep_trailing_newline = True
    environment.filters["cell"] = cell
    text = environment.from_string(source).render(
        header=yaml.safe_dump(header(name, pairs), sort_keys=False, allow_unicode=True),
        name=name,
        total=pairs.height,
        documents=pairs["parent_id"].n_unique(),
        splits=_split_rows(pairs),
        by_domain=_by_domain_and_type(pairs),
        types=_counts(pairs, "answer_type"),
        forms=_counts(pairs, "form"),
        rates=_rates(pairs),
        licences=_counts(pairs, "license"),
        unlicensed=pairs["license"].null_count(),
        sources=_counts(pairs, "source")[:_MOST_SOURCES],
        more_sources=max(pairs["source"].n_unique() - _MOST_SOURCES, 0),
        provenance=provenance,
        recipes=[_recipe(recipe) for recipe in provenance.recipes],
        judge=_asked(provenance, "judge"),
        round_trip=_asked(provenance, "round_trip"),
        derived="computed" in pairs["form"],
        rubrics=pairs.filter(pl.col("form") == Form.RUBRIC.value).height,
        drafted=[told for form, told in _DRAFTED if form in pairs["form"]],
        without_persona=_pairs_of_personas(provenance, "none"),
        persona_hidden=sum(
            recipe.pairs
            for recipe in provenance.recipes
            if recipe.stage == "qa_drafts" and (recipe.body or {}).get("personas_shown") is False
        ),
        of_listed_persona=_pairs_of_personas(provenance, "file"),
        columns=columns,
    )
    (folder / "README.md").write_text(text, "utf-8")


def header(name: str, pairs: pl.DataFrame) -> dict[str, Any]:
    """The card's metadata, as the Hub knows it.

    It names only the splits that have pairs: `datasets` refuses to load an empty one.
    """
    named = [row["name"] for row in _split_rows(pairs) if row["rows"] or not pairs.height]
    found: dict[str, Any] = {
        "pretty_name": f"Verifiable question-answer pairs {name}",
        "task_categories": ["question-answering"],
        "tags": ["reinforcement-learning", "rlvr", "grpo", "synthetic", "wsrl-assets"],
        "annotations_creators": ["machine-generated"],
        "size_categories": [_size(pairs.height)],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"{split}.parquet"} for split in named],
            }
        ],
    }
    licences = hub_licences(pairs["license"].unique().to_list())
    if licences:
        found["license"] = licences[0] if len(licences) == 1 else licences
    return found


def _size(rows: int) -> str:
    return next((name for limit, name in _SIZES if rows < limit), _LARGE)


def _split_rows(pairs: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {"name": str(split), "rows": pairs.filter(pl.col("split") == split).height}
        for split in Split
    ]


def _by_domain_and_type(pairs: pl.DataFrame) -> list[dict[str, Any]]:
    """Domains, the largest first, each with its pairs and with these by answer type."""
    counts = _counts(pairs, "domain")
    return [
        row | {"types": _counts(pairs.filter(pl.col("domain") == row["domain"]), "answer_type")}
        for row in counts
    ]


def _rates(pairs: pl.DataFrame) -> list[dict[str, object]]:
    """Pairs by pass rate, for each policy; empty where none was rated."""
    rated = pairs.filter(pl.col("pass_rate").is_not_null())
    return [
        {
            "policy": policy,
            "buckets": [
                {"range": name, "rows": rows}
                for name, rows in zip(BUCKETS, counted(of_policy["pass_rate"]), strict=True)
            ],
        }
        for (policy,), of_policy in sorted(rated.group_by("policy"), key=lambda group: group[0])
    ]


def _recipe(recipe: UsedRecipe) -> dict[str, Any]:
    """A line of the table of recipes: model, prompts with versions, and the other settings."""
    body = dict(recipe.body or {})
    prompts = body.pop("prompts", {})
    return {
        "stage": recipe.stage,
        "recipe": recipe.recipe,
        "pairs": recipe.pairs,
        "model": body.pop("model", None) or "rules",
        "prompts": ", ".join(f"{name} v{p['version']}" for name, p in sorted(prompts.items())),
        "settings": ", ".join(
            f"{key} {value}" for key, value in sorted(body.items()) if _is_short(value)
        ),
    }


def _is_short(value: Any) -> bool:
    return not isinstance(value, dict | list) and len(str(value)) <= 60


def _asked(provenance: ReleaseProvenance, check: str) -> Asked:
    """Of how many pairs a check of `verified_pairs` was asked, by their recipes."""
    used = [recipe for recipe in provenance.recipes if recipe.stage == "verified_pairs"]
    # A recipe states what was asked of the judge, or that the round trip was; none or false if not.
    yes = sum(r.pairs for r in used if r.body and r.body.get(check))
    no = sum(r.pairs for r in used if r.body and check in r.body and not r.body[check])
    return Asked(yes, no, sum(r.pairs for r in used) - yes - no)


def _pairs_of_personas(provenance: ReleaseProvenance, source: str) -> int:
    """Pairs whose personas no model named: `none` had none, those of a `file` were given."""
    return sum(
        recipe.pairs
        for recipe in provenance.recipes
        if recipe.stage == "personas" and recipe.body and recipe.body.get("source") == source
    )


def _counts(pairs: pl.DataFrame, column: str) -> list[dict[str, Any]]:
    return pairs.group_by(column).len().sort("len", column, descending=[True, False]).to_dicts()
