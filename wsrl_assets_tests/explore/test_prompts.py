"""Prompts are shown as they were sent, or not at all."""

import asyncio
import dataclasses
import json
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import pytest

from simulator import running_simulator
from simulator.replies import schema_of
from wsrl_assets.explore import prompts, reading
from wsrl_assets.explore.reading import PairView
from wsrl_assets.generation import library
from wsrl_assets.llm.prompting import load_prompt
from wsrl_assets.pipeline import questions, triage
from wsrl_assets.storage import Store
from wsrl_assets.storage.tables import QADraft, Status, VerifiedPair
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.layouts import Layout
from wsrl_assets.verification import verify
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    SHARD,
    documents,
    honest_reply,
    job,
    plant_domain,
    plant_shard,
    quick,
    rows,
)


async def run_all(home: Path, sent: list[dict[str, Any]], **settings: Any) -> Store:
    """A small home that every stage has run on; `sent` gets the requests as the server had them."""

    def reply(body: dict[str, Any], rng: Random) -> str:
        sent.append(body)
        return honest_reply(body, rng)

    texts = documents(2)
    async with running_simulator(quick(reply=reply)) as server:
        work = job(home, server.base_url, forms=(Form.OPEN, Form.CLOZE), personas=1, **settings)
        plant_shard(work.store, texts)
        plant_domain(work.store, texts)
        await triage.triage_shard(work, SHARD)
        await questions.advance_domain(work, DOMAIN)
    return work.store


def view_of(store: Store, form: str) -> PairView:
    drafts = [draft for draft in rows(store, QADraft, IN_DOMAIN) if draft.form == form]
    found = reading.find_pair(store, sorted(draft.draft_id for draft in drafts)[0])
    assert found is not None
    return found


async def shown(view: PairView, demonstrations: Path | None = None) -> list[prompts.SentPrompt]:
    return await asyncio.to_thread(prompts.sent_prompts, view, demonstrations)


@pytest.mark.parametrize(
    "settings",
    [
        *({"draft_layout": layout} for layout in Layout),
        {"personas_from": "none"},
        {"personas_shown": False},
        {"personas_shown": False, "draft_layout": Layout.TURNS},
        {"judge_by": "probability"},
    ],
    ids=str,
)
async def test_every_prompt_is_the_one_that_the_server_was_sent(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    sent: list[dict[str, Any]] = []
    store = await run_all(tmp_path, sent, **settings)
    pairs = rows(store, VerifiedPair, IN_DOMAIN)
    assert {pair.status for pair in pairs} == {Status.KEPT}, "evidence is read back in each layout"
    requests = {json.dumps([body["messages"], schema_of(body)], sort_keys=True) for body in sent}
    steps = set()
    for draft in rows(store, QADraft, IN_DOMAIN):
        view = reading.find_pair(store, draft.draft_id)
        assert view is not None
        found = await shown(view)
        assert [p.step for p in found] == [call["step"] for call in view.calls]
        for prompt in found:
            assert prompt.differs == ()
            schema = json.loads(prompt.schema or "null")
            assert json.dumps([list(prompt.messages), schema], sort_keys=True) in requests
            steps.add(prompt.step)
    judged = {"judge_question", "judge_supported"}
    if "judge_by" in settings:
        judged = {"judge_meaning", "judge_given_away", "judge_stated"}
    named = set() if settings.get("personas_from") == "none" else {"personas"}
    assert steps == {"triage", "open", "cloze", *named, *judged, "round_trip"}


@pytest.mark.parametrize("name", ["open", "system", "judge_question"])
async def test_a_prompt_of_other_words_is_not_shown_in_place_of_the_old(
    tmp_path: Path, name: str
) -> None:
    view = view_of(await run_all(tmp_path, []), "open")

    def reworded(asked: str) -> Any:
        prompt = load_prompt(asked)
        if asked != name:
            return prompt
        return dataclasses.replace(prompt, version="99", text="Other words.", digest="0" * 12)

    with mock.patch.object(prompts, "load_prompt", reworded):
        found = {prompt.step: prompt for prompt in await shown(view)}
    # Verification names its prompts together.
    verifying = {"judge_question", "judge_supported", "round_trip"}
    changed = {"system": set(found), "open": {"open"}, "judge_question": verifying}[name]
    for step, prompt in found.items():
        if step in changed:
            assert prompt.messages == ()
            assert "version 99" in prompt.differs[0]
        else:
            assert prompt.messages


async def test_other_demonstrations_or_rules_are_said(tmp_path: Path) -> None:
    store = await run_all(tmp_path / "home", [])
    own = tmp_path / "own"
    own.mkdir()
    packaged = library.load_library()[DOMAIN]
    (own / f"{DOMAIN}.yaml").write_text(packaged.model_dump_json(), "utf-8")
    found = {p.step: p for p in await shown(view_of(store, "open"), own)}
    assert found["open"].messages  # the same ones, wherever they lie
    other = tmp_path / "other"
    other.mkdir()
    fewer = packaged.model_copy(update={"demonstrations": packaged.demonstrations[1:]})
    (other / f"{DOMAIN}.yaml").write_text(fewer.model_dump_json(), "utf-8")
    found = {p.step: p for p in await shown(view_of(store, "open"), other)}
    assert "the demonstrations of natural_science were" in found["open"].differs[0]
    with mock.patch.object(verify, "RULES_VERSION", "99"):
        found = {p.step: p for p in await shown(view_of(store, "cloze"))}
    assert "version 99 now" in found["round_trip"].differs[0]


async def test_no_prompt_is_shown_for_a_call_that_was_not_made(tmp_path: Path) -> None:
    view = view_of(await run_all(tmp_path, []), "open")
    made = [call for call in view.calls if call["step"] != "judge_question"]
    silent = dataclasses.replace(view, calls=made)
    assert "judge_question" not in [prompt.step for prompt in await shown(silent)]


@pytest.mark.parametrize("step", ["judge", "judge_stands_alone"])
async def test_a_removed_prompt_is_said_and_not_replaced(tmp_path: Path, step: str) -> None:
    view = view_of(await run_all(tmp_path, []), "open")
    recipe = view.row["verify_recipe"]
    body = json.loads(json.dumps(view.recipes[recipe]["body"]))
    body["prompts"] = {step: {"version": "1", "digest": "0" * 12}}
    body["judge"]["separate"] = step != "judge"
    old = {**view.recipes, recipe: {**view.recipes[recipe], "body": body}}
    calls = [
        {**call, "step": step if call["step"] == "judge_question" else call["step"]}
        for call in view.calls
    ]
    found = {p.step: p for p in await shown(dataclasses.replace(view, recipes=old, calls=calls))}
    assert found[step].messages == ()
    assert found[step].differs[0] == f"there is no prompt {step} any more"


async def test_a_recipe_may_hold_what_the_judge_no_longer_has(tmp_path: Path) -> None:
    view = view_of(await run_all(tmp_path, []), "open")
    recipe = view.row["verify_recipe"]
    body = json.loads(json.dumps(view.recipes[recipe]["body"]))
    body["judge"]["separate"] = False
    old = {**view.recipes, recipe: {**view.recipes[recipe], "body": body}}
    found = {p.step: p for p in await shown(dataclasses.replace(view, recipes=old))}
    assert found["judge_question"].messages
    assert found["judge_supported"].messages
