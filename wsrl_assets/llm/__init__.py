"""Asking models: the engine, its faults, roles, prompts and recipes."""

from wsrl_assets.llm.engine import Ask, Asks, Engine, FreeText
from wsrl_assets.llm.equivalence import EndpointJudge
from wsrl_assets.llm.faults import EndpointError, RowFault
from wsrl_assets.llm.prompting import Prompt, document_first, load_prompt
from wsrl_assets.llm.recipes import StageRecipe, Stamp, model_recipe, rule_recipe
from wsrl_assets.llm.roles import Prices, Role, RoleSettings

__all__ = [
    "Ask",
    "Asks",
    "EndpointError",
    "EndpointJudge",
    "Engine",
    "FreeText",
    "Prices",
    "Prompt",
    "Role",
    "RoleSettings",
    "RowFault",
    "StageRecipe",
    "Stamp",
    "document_first",
    "load_prompt",
    "model_recipe",
    "rule_recipe",
]
