"""Up to three different readers for a document, or the reason why there are none."""

import re
from typing import Any, cast

import pytest

from wsrl_assets.generation.personas import name_personas
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.roles import Role
from wsrl_assets.storage.tables import Personas, Status
from wsrl_assets_tests.chat_models import FakeChatModel, prompt_of, stage_model


async def named(reply: Any, count: int = 3) -> Personas:
    return await name_personas(
        "doc-1", "A text.", count, stage_model(FakeChatModel(personas=reply), "personas")
    )


async def test_readers_are_kept_in_order_as_one_line_phrases() -> None:
    row = await named({"personas": [" a pilot.", "a nurse\nat night", "a cook"]})
    assert (row.status, row.doc_id) == (Status.KEPT, "doc-1")
    assert row.personas == ("a pilot", "a nurse at night", "a cook")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["a pilot", "A Pilot", "a pilot."], ("a pilot",)),
        (["a pilot", " ", "a nurse"], ("a pilot", "a nurse")),
        (["a  pilot", "a pilot", "a cook"], ("a pilot", "a cook")),
        (["a pilot, ", "a pilot"], ("a pilot",)),
    ],
)
async def test_a_reader_that_is_named_twice_counts_once(
    said: list[str], expected: tuple[str, ...]
) -> None:
    assert (await named({"personas": said})).personas == expected


async def test_no_more_readers_than_asked_for() -> None:
    assert (await named({"personas": ["a pilot", "a nurse", "a cook"]}, count=2)).personas == (
        "a pilot",
        "a nurse",
    )


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            "a poet who wants to understand the influence of old Greek culture on the later ge",
            "a poet who wants to understand the influence of old Greek culture on the later",
        ),
        ("a coach who wants to improve the team", "a coach who wants to improve the team"),
    ],
)
async def test_a_want_that_is_cut_off_ends_with_a_whole_word(said: str, kept: str) -> None:
    model = FakeChatModel(personas={"personas": [said]})
    row = await name_personas("doc-1", "A text.", 1, stage_model(model, "personas"))
    schema = cast(dict[str, Any], model.asked[0].schema)
    assert re.search(schema["properties"]["personas"]["items"]["pattern"], said)
    assert row.personas == (kept,)


async def test_the_schema_asks_for_a_person_with_a_want() -> None:
    model = FakeChatModel(personas={"personas": ["a pilot"]})
    await name_personas("doc-1", "A text.", 1, stage_model(model, "personas"))
    schema = cast(dict[str, Any], model.asked[0].schema)
    pattern = schema["properties"]["personas"]["items"]["pattern"]
    assert re.search(pattern, "a nurse who wants to check a safe dose for a child")
    for thing in ("motorway bypasses", "a nurse", "the year 1911", 'a "nurse" who wants to know'):
        assert not re.search(pattern, thing), thing


async def test_the_prompt_has_no_reader_that_a_small_model_could_copy() -> None:
    model = FakeChatModel(personas={"personas": ["a pilot"]})
    await name_personas("doc-1", "A text.", 1, stage_model(model, "personas"))
    pattern = cast(dict[str, Any], model.asked[0].schema)["properties"]["personas"]["items"]
    found = pattern["pattern"].strip("^$")
    shown = prompt_of(model.asked[0])
    assert "who wants to" in shown
    assert not re.search(found, shown)


async def test_what_stands_in_the_document_is_no_reader_of_it() -> None:
    model = FakeChatModel(personas={"personas": ["Motorway bypasses", "a planner"]})
    text = "Towns asked for motorway\nbypasses in 1960."
    row = await name_personas("doc-1", text, 2, stage_model(model, "personas"))
    assert row.personas == ("a planner",)


async def test_blanks_alone_are_rejected() -> None:
    row = await named({"personas": [" ", ".", "\n"]})
    assert (row.status, row.reason, row.personas) == (Status.REJECTED, "no_persona", ())


async def test_a_fault_makes_a_failed_row() -> None:
    row = await named(RowError("context_too_long", "9000 tokens"))
    assert (row.status, row.reason, row.detail) == (
        Status.FAILED,
        "context_too_long",
        "9000 tokens",
    )


@pytest.mark.parametrize(
    "reply",
    [
        {"personas": []},
        {"personas": ["a", "b", "c", "d"]},
        {"personas": ["x" * 1000]},
        {"personas": "a pilot"},
        {"readers": ["a pilot"]},
    ],
)
async def test_a_server_that_ignores_the_schema_fails_the_row(reply: dict[str, Any]) -> None:
    row = await named(reply)
    assert (row.status, row.reason) == (Status.FAILED, "invalid_reply")


async def test_the_call_asks_the_triage_role_for_as_many_as_wanted() -> None:
    model = FakeChatModel(personas={"personas": ["a", "b"]})
    await name_personas("doc-1", "A text.", 2, stage_model(model, "personas"))
    (ask,) = model.asked
    assert (ask.role, ask.row_id) == (Role.TRIAGE, "doc-1")
    assert "Name 2 different" in prompt_of(ask)
    assert ask.schema is not None
    limits = ask.schema["properties"]["personas"]
    assert (limits["minItems"], limits["maxItems"]) == (2, 2)
