"""Asking models: the engine, its faults, roles, prompts and recipes."""

from wsrl_assets.llm.engine import ChatModel, ChatRequest, Engine, FreeText
from wsrl_assets.llm.equivalence import EndpointJudge
from wsrl_assets.llm.errors import EndpointError, RowError
from wsrl_assets.llm.prompting import (
    Message,
    Prompt,
    document_first,
    for_reader,
    in_turns,
    load_prompt,
    without_document,
    without_reader,
)
from wsrl_assets.llm.recipes import Provenance, StageRecipe, model_recipe, rule_recipe
from wsrl_assets.llm.roles import Prices, Role, RoleSettings
from wsrl_assets.llm.stage_model import StageModel

__all__ = [
    "ChatModel",
    "ChatRequest",
    "EndpointError",
    "EndpointJudge",
    "Engine",
    "FreeText",
    "Message",
    "Prices",
    "Prompt",
    "Provenance",
    "Role",
    "RoleSettings",
    "RowError",
    "StageModel",
    "StageRecipe",
    "document_first",
    "for_reader",
    "in_turns",
    "load_prompt",
    "model_recipe",
    "rule_recipe",
    "without_document",
    "without_reader",
]
