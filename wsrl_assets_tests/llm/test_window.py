"""Passages fit the models' windows, counted by the models' own tokenizers."""

import asyncio
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from simulator import running_simulator
from wsrl_assets.curation import triage
from wsrl_assets.generation import drafting, layouts, library, personas
from wsrl_assets.generation.library import LibraryFile
from wsrl_assets.llm.prompting import document_first
from wsrl_assets.llm.roles import RoleSettings
from wsrl_assets.llm.window import MAX_PASSAGE_TOKENS, PROMPT_TOKENS, PassageBudget, passage_budget
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.layouts import LAYOUTS, Layout
from wsrl_assets.text.normalisation import estimate_tokens
from wsrl_assets_tests.factories import quick
from wsrl_assets_tests.scripted import Request, Response, error, models, scripted_server

# What the estimate is too high by, at least, for English (see `estimate_tokens`).
_OVER_ESTIMATE = 1.5


def _budget(roles: list[RoleSettings], use: Callable[[PassageBudget], int]) -> int:
    with passage_budget(roles) as budget:
        return use(budget)


async def _of_server(base_url: str, wanted: int | None = None) -> tuple[int, str]:
    def ask() -> tuple[int, str]:
        with passage_budget([RoleSettings(base_url)], wanted) as budget:
            return budget.max_tokens, budget.counted_by

    return await asyncio.to_thread(ask)


async def test_the_budget_is_what_the_window_leaves_beside_the_prompt() -> None:
    async with running_simulator(quick(max_model_len=4096)) as sim:
        assert await _of_server(sim.base_url) == (4096 - PROMPT_TOKENS, "simulated")
        assert await _of_server(sim.base_url, wanted=500) == (500, "simulated")
        assert await _of_server(sim.base_url, wanted=9000) == (4096 - PROMPT_TOKENS, "simulated")


async def test_a_wide_window_makes_no_endless_passages() -> None:
    async with running_simulator(quick(max_model_len=131_072)) as sim:
        assert await _of_server(sim.base_url) == (MAX_PASSAGE_TOKENS, "simulated")


async def test_the_smallest_window_of_all_roles_counts() -> None:
    async with (
        running_simulator(quick(max_model_len=4096)) as wide,
        running_simulator(quick(max_model_len=2048)) as narrow,
    ):
        roles = [RoleSettings(wide.base_url), RoleSettings(narrow.base_url)]
        found = await asyncio.to_thread(_budget, roles, lambda budget: budget.max_tokens)
    assert found == 2048 - PROMPT_TOKENS


async def test_tokens_are_counted_by_the_server_where_it_can() -> None:
    text = "ALL CAPITALS " * 80
    async with running_simulator(quick(max_model_len=4096)) as sim:
        roles = [RoleSettings(sim.base_url)]
        counted = await asyncio.to_thread(_budget, roles, lambda budget: budget.count(text))
    assert counted < estimate_tokens(text)


async def test_a_server_without_a_tokenizer_leaves_the_estimate() -> None:
    async def answer(request: Request) -> Response:
        return models("m", max_model_len=4096) if "/models" in request.path else error(404)

    async with scripted_server(answer) as base_url:
        assert await _of_server(base_url) == (4096 - PROMPT_TOKENS, "estimate")


@pytest.mark.parametrize("status", [200, 401, 404, 500])
async def test_a_server_that_says_no_window_sets_no_bound(status: int) -> None:
    async def answer(request: Request) -> Response:
        return models("m") if status == 200 else error(status)

    async with scripted_server(answer) as base_url:
        assert await _of_server(base_url) == (MAX_PASSAGE_TOKENS, "estimate")


async def test_reading_needs_no_server() -> None:
    dead = RoleSettings("http://127.0.0.1:9/v1", api_key=SecretStr("k"))
    assert _budget([dead], lambda budget: budget.max_tokens) == MAX_PASSAGE_TOKENS
    assert _budget([], lambda budget: budget.max_tokens) == MAX_PASSAGE_TOKENS


def test_the_longest_prompt_of_every_stage_fits_beside_a_passage() -> None:
    """By the estimate, which is at least half as much again as the truth for such prompts."""
    needs = [
        _longest_open_prompt(file, layout) / _OVER_ESTIMATE + drafting.OPEN_MAX_TOKENS
        for file in library.load_library(None).values()
        for layout in Layout
        if LAYOUTS[layout].examples
    ]
    others = [
        (triage.PROMPT.render(domains=list(Domain)), triage.MAX_TOKENS),
        (personas.PROMPT.render(count=3), 3 * 80 + 16),
    ]
    needs += [_tokens(prompt) / _OVER_ESTIMATE + reply for prompt, reply in others]
    assert max(needs) <= PROMPT_TOKENS


def _longest_open_prompt(file: LibraryFile, layout: Layout) -> int:
    by_length = sorted(file.demonstrations, key=lambda one: len(one.passage) + len(one.reply))
    longest = file.model_copy(update={"demonstrations": tuple(by_length[-3:])})
    call = layouts.open_call(layout, "", "doc", "p" * 180, longest)
    return sum(estimate_tokens(message["content"]) for message in call.messages)


def _tokens(instruction: str) -> int:
    messages = document_first("", instruction)
    return sum(estimate_tokens(message["content"]) for message in messages)
