"""Personas from a model, from a file or none: what is paid, what is kept, and what recipes say."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from simulator import running_simulator
from wsrl_assets.llm.prompting import load_prompt
from wsrl_assets.llm.recipes import StageRecipe
from wsrl_assets.llm.roles import Role
from wsrl_assets.pipeline import questions, regeneration
from wsrl_assets.pipeline.job import Job
from wsrl_assets.reporting.personas import persona_findings
from wsrl_assets.settings import Roles, SettingsError, load_settings
from wsrl_assets.storage import catalog
from wsrl_assets.storage.tables import Personas, QADraft, Status, VerifiedPair
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    balances,
    documents,
    job,
    ledger,
    plant_domain,
    quick,
    role,
    rows,
)

COUNT = 4
TWO = "personas: [{persona: a keeper of books}, {persona: b}]"


def a_file(folder: Path, text: str = TWO) -> str:
    path = folder / "personas.yaml"
    path.write_text(text)
    return str(path)


def made_by(folder: Path, **settings: Any) -> dict[str, StageRecipe]:
    work = job(folder, "http://h/v1", forms=",".join(Form), **settings)
    found = questions.domain_recipes(work, dict.fromkeys(Role, "m"), DOMAIN)
    return {str(name): recipe for name, recipe in found.items()}


def recipes(folder: Path, **settings: Any) -> dict[str, str]:
    return {name: recipe.hash for name, recipe in made_by(folder, **settings).items()}


async def advance(work: Job) -> int:
    return await asyncio.wait_for(questions.advance_domain(work, DOMAIN), 60)


def test_the_recipes_of_the_defaults_say_nothing_of_the_new_settings(tmp_path: Path) -> None:
    """Rows that were made before these settings existed stay current."""
    for recipe in made_by(tmp_path).values():
        body = json.loads(recipe.body)
        assert not {"source", "file", "personas_shown"} & set(body)
        for name, prompt in body["prompts"].items():
            assert prompt["digest"] == load_prompt(name).digest
    assert "personas_shown" in made_by(tmp_path, personas_shown=False)["open"].body


def test_where_personas_come_from_is_a_recipe_of_their_rows_alone(tmp_path: Path) -> None:
    ways: list[dict[str, Any]] = [
        {"personas_from": "none"},
        {"personas_from": "none", "personas": 1},
        {"personas_from": a_file(tmp_path)},
    ]
    default = recipes(tmp_path)
    found = [recipes(tmp_path, **way) for way in ways]
    assert len({one["personas"] for one in (*found, default)}) == len(ways) + 1
    assert [{**one, "personas": default["personas"]} for one in found] == [default] * len(ways)


def test_hidden_personas_are_another_recipe_of_every_draft_alone(tmp_path: Path) -> None:
    default, hidden = recipes(tmp_path), recipes(tmp_path, personas_shown=False)
    same = {name for name, recipe in hidden.items() if recipe == default[name]}
    assert same == {"personas", "verified_pairs", "verified_rubrics"}


async def test_none_costs_no_call_and_needs_no_endpoint_for_triage(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url, personas_from="none", personas=2, forms="open,cloze")
        endpoint = role(sim.base_url)
        no_triage = Roles({Role.GENERATOR: endpoint, Role.JUDGE: endpoint})
        work = Job(work.store, work.settings, no_triage, "run")
        plant_domain(work.store, documents(COUNT))
        await advance(work)
        calls = {name for name, n in sim.stats.stages.items() if n.received}
    assert "personas" not in calls
    assert {row.personas for row in rows(work.store, Personas, IN_DOMAIN)} == {("", "")}
    drafts = rows(work.store, QADraft, IN_DOMAIN)
    assert len(drafts) == len({row.draft_id for row in drafts}) == COUNT * 4
    assert {(row.persona, row.status) for row in drafts} == {("", Status.KEPT)}
    assert len(rows(work.store, VerifiedPair, IN_DOMAIN)) == COUNT * 4
    found = balances(work.store, (Form.OPEN, Form.CLOZE))
    # What was planted in a domain has no triage behind it.
    assert all(account.balanced for account in found if account.stage != "filtered_documents")


async def test_a_rerun_draws_the_same_from_a_file_and_pays_nothing(tmp_path: Path) -> None:
    drawn = []
    for home in ("one", "two"):
        async with running_simulator(quick()) as sim:
            work = job(tmp_path / home, sim.base_url, personas_from=a_file(tmp_path), personas=1)
            plant_domain(work.store, documents(COUNT * 4))
            await advance(work)
            before = sim.stats.requests_received
            assert await advance(work) == 0
            assert sim.stats.requests_received == before
        drawn.append({r.doc_id: r.personas for r in rows(work.store, Personas, IN_DOMAIN)})
        asked_for = {r.persona for r in rows(work.store, QADraft, IN_DOMAIN)}
        assert asked_for == {"a keeper of books", "b"}
        assert "personas" not in {call.stage for call in ledger(work.store)}
    assert drawn[0] == drawn[1]


async def test_another_source_shows_as_stale_and_is_replaced_on_request(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        first = job(tmp_path, sim.base_url, personas=1)
        plant_domain(first.store, documents(COUNT))
        await advance(first)
        wanted = {"personas_from": "none", "personas": 1}
        second = job(tmp_path, sim.base_url, "again", **wanted)
        first.store.publish(IN_DOMAIN)
        with catalog(first.store) as connection:
            assert regeneration.stale_rows(connection, first) == {}
            assert regeneration.stale_rows(connection, second) == {"personas": COUNT}
        third = job(tmp_path, sim.base_url, "again", regenerate=Stage.PERSONAS, **wanted)
        assert await regeneration.regenerate_domain(third, DOMAIN) == COUNT
        with catalog(first.store) as connection:
            assert regeneration.stale_rows(connection, second) == {}
            assert regeneration.stale_rows(connection, first) == {"personas": COUNT}
    assert {row.persona for row in rows(first.store, QADraft, IN_DOMAIN)} == {""}


async def test_the_report_tells_sources_kinds_and_overlap_apart(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url, personas=3)
        plant_domain(work.store, documents(COUNT))
        await advance(work)
        none = job(tmp_path, sim.base_url, personas=1, personas_from="none")
        plant_domain(work.store, documents(COUNT + 2))
        await advance(none)
    work.store.publish(IN_DOMAIN)
    with catalog(work.store) as connection:
        drafts = frame(connection, "report_personas", documents=100)
    found = persona_findings(drafts)
    assert found is not None
    lines = {line.source: line for line in found.sources}
    assert (lines["generated"].drafts, lines["none"].drafts) == (3 * COUNT, 2)
    assert {line.kind for line in found.kinds} == {
        "a planner of trips".removeprefix("a "), "keeper of books", "builder of walls",
        "no persona",
    }  # fmt: skip
    tokens = sum(call.prompt_tokens + call.completion_tokens for call in ledger(work.store))
    assert sum(drafts["tokens"].to_list()) == pytest.approx(tokens), "every call counts once"
    assert {overlap.source for overlap in found.overlaps} == {"generated"}


def test_a_bad_file_is_told_of_as_settings_are_read(tmp_path: Path) -> None:
    file = a_file(tmp_path, "personas: []")
    with pytest.raises(SettingsError, match=r"personas\.yaml"):
        load_settings({"personas_from": file})
    with pytest.raises(SettingsError, match="one of generated and none"):
        load_settings({"personas_from": "genrated"})
