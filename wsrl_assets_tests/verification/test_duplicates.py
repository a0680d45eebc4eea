"""Drafts of one document: the same question is paid for once, and is not lost."""

import asyncio
from typing import Any

import pytest

from wsrl_assets.llm.engine import ChatRequest
from wsrl_assets.llm.errors import RowError
from wsrl_assets.reward import Gold
from wsrl_assets.storage.tables import Status, VerifiedPair
from wsrl_assets.verification.duplicates import Siblings
from wsrl_assets.verification.verify import Draft, Verifier
from wsrl_assets_tests.chat_models import FakeChatModel, stage_model

DOCUMENT = "The Suez Canal was opened on 17 November 1869 and is 193 km long. It has no locks."
ASKED = "How long is the Suez Canal, in kilometres?"
CLEAR = {"reason": "", "failure": "none", "not_leaked": True, "stands_alone": True}
RIGHT = {"reason": "", "supported": True, "other_answer": "", "only_answer": True}


def draft(draft_id: str, question: str = ASKED, answer: str = "193 km") -> Draft:
    evidence = "The Suez Canal was opened on 17 November 1869 and is 193 km long."
    answer_type = "quantity" if answer.endswith("km") else "date"
    return Draft(draft_id, "doc-1", question, answer, answer_type, None, evidence)


def honest(**changes: Any) -> FakeChatModel:
    def answer(ask: ChatRequest[Any]) -> dict[str, str]:
        is_date = "opened" in ask.messages[-1]["content"].rpartition("Question:")[2]
        return {"answer": "17 November 1869" if is_date else "193 km"}

    given = {"judge_question": CLEAR, "judge_supported": RIGHT, "round_trip": answer}
    return FakeChatModel(**{**given, **changes})


async def verified(
    model: FakeChatModel, *drafts: Draft, siblings: Siblings | None = None
) -> dict[str, VerifiedPair]:
    """The rows of drafts that are verified at the same time."""
    verifier = Verifier(stage_model(model, "verified_pairs"))
    known = siblings or Siblings()
    rows = await asyncio.gather(*(verifier.verify(d, DOCUMENT, known) for d in drafts))
    return {row.pair_id: row for row in rows}


@pytest.mark.parametrize(
    "question",
    [
        ASKED,
        "How long is the Suez Canal in kilometres",
        "In kilometres, how long is the Suez Canal?",
        "In kilometres, how long is the whole Suez Canal?",
    ],
)
async def test_the_same_question_is_rejected_before_a_model_is_paid_for(question: str) -> None:
    model = honest()
    second = draft("b", question if question.endswith("?") else question + "?")
    rows = await verified(model, draft("a"), second)
    assert rows["a"].status is Status.KEPT
    assert (rows["b"].status, rows["b"].reason) == (Status.REJECTED, "duplicate_in_document")
    assert rows["b"].detail == "a asks the same"
    assert {ask.row_id for ask in model.asked} == {"a"}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When was the Suez Canal in Egypt opened to ships?", "17 November 1869"),
        ("From sea to sea, what distance do ships cover in the Suez Canal?", "193 km"),
        ("How long is the Suez Canal, in kilometres, as of 2015?", "193 km"),
    ],
)
async def test_another_question_of_the_document_is_kept_beside_it(
    question: str, answer: str
) -> None:
    rows = await verified(honest(), draft("a"), draft("b", question, answer))
    assert {row.status for row in rows.values()} == {Status.KEPT}


async def test_one_wording_with_two_answers_is_kept_once() -> None:
    question = "What is known of the Suez Canal in Egypt, in short?"
    model = honest(round_trip={"answer": "193 km"})
    rows = await verified(
        model, draft("a", question), draft("b", question, answer="17 November 1869")
    )
    assert [rows[pair].reason for pair in "ab"] == [None, "duplicate_in_document"]


@pytest.mark.parametrize(
    "no",
    [{**CLEAR, "stands_alone": False}, RowError("truncated", "cut off")],
)
async def test_a_twin_takes_the_place_of_one_that_is_not_kept(no: Any) -> None:
    model = honest(judge_question=lambda ask: no if ask.row_id == "a" else CLEAR)
    rows = await verified(model, draft("a"), draft("b"), draft("c"))
    assert rows["a"].status is not Status.KEPT
    assert rows["b"].status is Status.KEPT
    assert rows["c"].reason == "duplicate_in_document"


async def test_kept_pairs_of_an_earlier_run_are_known() -> None:
    gold = Gold.from_json('{"type": "quantity", "value": "193", "unit": "km"}').to_json()
    model = honest()
    rows = await verified(model, draft("b"), siblings=Siblings([("a", ASKED, gold)]))
    assert rows["b"].reason == "duplicate_in_document"
    assert model.asked == []


async def test_a_pair_that_is_verified_again_is_no_duplicate_of_itself() -> None:
    gold = Gold.from_json('{"type": "quantity", "value": "193", "unit": "km"}').to_json()
    rows = await verified(honest(), draft("a"), siblings=Siblings([("a", ASKED, gold)]))
    assert rows["a"].status is Status.KEPT
