"""A recipe: everything that decides what a stage makes of a row, as one hash; and its stamp."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from wsrl_assets.llm.prompting import Prompt
from wsrl_assets.llm.roles import RoleSettings
from wsrl_assets.storage.tables import Recipe, utc_now


@dataclass(frozen=True, slots=True)
class StageRecipe:
    """The recipe of one stage.

    Attributes:
        stage: the asset.
        body: what went into the hash, as canonical JSON.
        model: the model behind it, none for rules.
    """

    stage: str
    body: str
    model: str | None = None

    @property
    def hash(self) -> str:
        """16 hex characters."""
        return hashlib.blake2b(f"{self.stage}\n{self.body}".encode(), digest_size=8).hexdigest()

    def row(self) -> Recipe:
        """The row of table `recipes`, which lets a trace name prompt and sampling."""
        return Recipe(recipe=self.hash, stage=self.stage, body=self.body, created_at=utc_now())


def rule_recipe(stage: str, version: str, **settings: Any) -> StageRecipe:
    """The recipe of a stage that calls no model."""
    return StageRecipe(stage, _canonical({"version": version, **settings}))


def model_recipe(
    stage: str, role: RoleSettings, model: str, prompts: list[Prompt], **settings: Any
) -> StageRecipe:
    """The recipe of a stage that calls `model` with `prompts`. Holds no URL and no key."""
    body = {
        "model": model,
        "temperature": role.temperature,
        "prompts": {p.name: {"version": p.version, "digest": p.digest} for p in prompts},
        **settings,
    }
    return StageRecipe(stage, _canonical(body), model)


class ProvenanceColumns(TypedDict):
    """The provenance columns of a stage row."""

    recipe: str
    model: str | None
    run_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the rows of one stage in one run come from."""

    recipe: StageRecipe
    run_id: str

    def columns(self) -> ProvenanceColumns:
        """The provenance of a row that is made now."""
        return ProvenanceColumns(
            recipe=self.recipe.hash,
            model=self.recipe.model,
            run_id=self.run_id,
            created_at=utc_now(),
        )


def _canonical(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, ensure_ascii=False)
