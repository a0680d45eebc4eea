"""The round trip: answered again from the document, and scored by the reward that ships."""

import json
from typing import Any

import pytest

from wsrl_assets.llm.roles import Role
from wsrl_assets.reward import Gold, parse_gold, perturbations, render, score
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.verification.round_trip import round_trip
from wsrl_assets_tests.chat_models import FakeChatModel, prompt_of, stage_model

DOCUMENT = "A canal was dug."  # holds no answer, so what a prompt holds of one came by another way
OPEN = "How long is the Suez Canal, and when was it opened?"
CLOZE = 'Fill in the blank in this statement: "The Suez Canal is ____ long." Which part belongs?'
GOLDS = [
    ("193 km", "250 km", "quantity"),
    ("17 November 1869", "3 May 1901", "date"),
    ("1869", "1901", "integer"),
    ("30%", "45%", "percent"),
    ("$5 million", "$7 million", "money"),
    ("Ferdinand de Lesseps", "Ismail Pasha", "entity"),
    ("10:30 PM", "9:15 AM", "time"),
    ("locks, gates, towers", "piers, quays, moles", "list"),
    ("n(n-3)/2", "n^2 + 1", "expression"),
]


async def answered(
    question: str, gold: Gold, answer: str
) -> tuple[tuple[str, Verdict], FakeChatModel]:
    model = FakeChatModel(round_trip={"answer": answer})
    return await round_trip(
        "pair-1", question, gold, DOCUMENT, stage_model(model, "verified_pairs")
    ), model


@pytest.mark.parametrize("question", [OPEN, CLOZE])
@pytest.mark.parametrize(("one", "other", "kind"), GOLDS)
async def test_nothing_of_the_gold_but_its_type_reaches_the_model(
    question: str, one: str, other: str, kind: str
) -> None:
    """Two pairs that differ in the answer alone are asked in the very same way."""
    sent = []
    for answer in (one, other):
        _, model = await answered(question, parse_gold(answer, kind), "")
        (ask,) = model.asked
        assert ask.role is Role.JUDGE
        assert answer not in prompt_of(ask)
        sent.append((ask.messages, json.dumps(ask.schema), ask.max_tokens, ask.row_id))
    assert sent[0] == sent[1]


@pytest.mark.parametrize("question", [OPEN, CLOZE])
@pytest.mark.parametrize(("answer", "_", "kind"), GOLDS)
async def test_the_reward_decides(question: str, answer: str, _: str, kind: str) -> None:
    gold = parse_gold(answer, kind)
    lead = "The Suez Canal is " if question is CLOZE else ""
    for said in (render(gold), answer, *perturbations(gold)):
        (_answer, verdict), _model = await answered(question, gold, lead + said)
        assert verdict.passed is (score(f"Answer: {_answer}", gold).value == 1)
        assert verdict.reason == (None if verdict.passed else "round_trip_disagrees")
        assert verdict.detail is not None
        assert verdict.detail.startswith(f"answered {_answer!r}: ")


@pytest.mark.parametrize("question", [OPEN, CLOZE])
@pytest.mark.parametrize(("answer", "wrong", "kind"), GOLDS)
async def test_the_right_answer_passes_and_a_wrong_one_does_not(
    question: str, answer: str, wrong: str, kind: str
) -> None:
    lead = "The Suez Canal is " if question is CLOZE else ""
    outcomes: dict[str, Any] = {}
    for said in (answer, wrong):
        (_, verdict), _ = await answered(question, parse_gold(answer, kind), lead + said)
        outcomes[said] = verdict.passed
    assert outcomes == {answer: True, wrong: False}
