"""The judge: first the question without the document, then the answer with it."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from wsrl_assets.llm.engine import ChatRequest
from wsrl_assets.llm.errors import RowError
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.verification.judge import VOTE_TEMPERATURE, Case, Failure, JudgePolicy, judge
from wsrl_assets_tests.chat_models import FakeChatModel, prompt_of, stage_model

CASE = Case("pair-1", "How long is the Suez Canal?", "193 km", "The Suez Canal: 193 km.")
QUESTION, SUPPORTED = "judge_question", "judge_supported"


def judge_model(
    no: Mapping[str, set[int]] | None = None, failure: str = "none", other_answer: str = ""
) -> FakeChatModel:
    """A judge with a no in the votes that are named: `{"supported": {1}}` is a no of vote 1."""

    def replying(fixed: dict[str, str], *names: str) -> Any:
        def reply(ask: ChatRequest[Any]) -> dict[str, Any]:
            verdicts = {name: ask.sample not in (no or {}).get(name, set()) for name in names}
            return {"reason": f"vote {ask.sample}", **fixed, **verdicts}

        return reply

    return FakeChatModel(
        judge_question=replying({"failure": failure}, "not_leaked", "stands_alone"),
        judge_supported=replying({"other_answer": other_answer}, "supported", "only_answer"),
    )


async def judged(model: FakeChatModel, jury: JudgePolicy) -> dict[str, Verdict]:
    verdicts = await judge(CASE, jury, stage_model(model, "verified_pairs"))
    return {verdict.check.removeprefix("judge_"): verdict for verdict in verdicts}


async def test_a_good_pair_gets_four_verdicts_of_two_calls() -> None:
    model = judge_model()
    found = await judged(model, JudgePolicy())
    assert list(found) == ["not_leaked", "stands_alone", "supported", "only_answer"]
    assert model.steps == [QUESTION, SUPPORTED]
    assert all(verdict.passed for verdict in found.values())
    assert found["supported"] == Verdict("judge_supported", True, None, "vote 0")


async def test_the_question_is_judged_without_the_document() -> None:
    model = judge_model()
    await judged(model, JudgePolicy())
    alone, with_document = (prompt_of(ask) for ask in model.asked)
    assert "\n\nQuestion: How long is the Suez Canal?\nAnswer: 193 km" in alone
    assert CASE.document not in alone
    assert CASE.document in with_document


@pytest.mark.parametrize("failure", [failure for failure in Failure if failure != Failure.NONE])
async def test_a_named_failure_rejects_whatever_the_verdict_beside_it_says(
    failure: Failure,
) -> None:
    model = judge_model(failure=failure)
    found = await judged(model, JudgePolicy())
    leaks = failure is Failure.GIVES_AWAY
    failed, passed = ("not_leaked", "stands_alone") if leaks else ("stands_alone", "not_leaked")
    assert found[failed].reason == ("leaked" if leaks else "not_self_contained")
    assert found[failed].detail == f"{failure}: vote 0"
    assert found[passed].passed
    assert model.steps == [QUESTION]


async def test_a_failure_that_is_none_of_the_list_is_no_reply() -> None:
    with pytest.raises(RowError, match="failure"):
        await judged(judge_model(failure="unclear"), JudgePolicy())


async def test_another_answer_as_right_rejects_and_is_named() -> None:
    found = await judged(judge_model({"only_answer": {0}}, other_answer="120 km"), JudgePolicy())
    assert found["only_answer"].reason == "other_answer_as_right"
    assert found["only_answer"].detail == "other answer '120 km': vote 0"
    assert found["supported"].passed


async def test_a_majority_of_the_votes_decides_and_the_detail_begins_with_the_tally() -> None:
    model = judge_model({"supported": {0}, "only_answer": {0, 2}})
    found = await judged(model, JudgePolicy(votes=3))
    assert (found["supported"].passed, found["supported"].detail) == (True, "2 of 3: vote 1")
    assert (found["only_answer"].passed, found["only_answer"].detail) == (False, "2 of 3: vote 0")
    assert found["stands_alone"].passed


@pytest.mark.parametrize(
    ("votes", "no", "asked"),
    [
        (1, set[int](), 1),
        (3, set[int](), 2),
        (3, {0, 1, 2}, 2),
        (3, {0}, 3),
        (5, set[int](), 3),
        (5, {0}, 4),
        (5, {0, 1}, 5),
        (5, {0, 1, 3}, 4),
    ],
)
@pytest.mark.parametrize("criterion", ["stands_alone", "supported"])
async def test_no_vote_is_asked_for_once_the_majority_is_settled(
    criterion: str, votes: int, no: set[int], asked: int
) -> None:
    model = judge_model({criterion: no})
    found = await judged(model, JudgePolicy(votes=votes))
    step = QUESTION if criterion == "stands_alone" else SUPPORTED
    assert [ask.sample for ask in model.asked if ask.step == step] == list(range(asked))
    assert found[criterion].passed is (len(no & set(range(asked))) * 2 < asked)


async def test_the_votes_of_one_call_are_not_asked_of_the_other() -> None:
    model = judge_model({"supported": {0}})
    await judged(model, JudgePolicy(votes=3))
    assert Counter(model.steps) == {QUESTION: 2, SUPPORTED: 3}


@pytest.mark.parametrize(
    ("jury", "temperature"),
    [
        (JudgePolicy(), 0.0),
        (JudgePolicy(temperature=0.4), 0.4),
        (JudgePolicy(votes=3), VOTE_TEMPERATURE),
        (JudgePolicy(votes=3, temperature=0.4), 0.4),
    ],
)
async def test_votes_that_are_several_are_drawn_above_temperature_zero(
    jury: JudgePolicy, temperature: float
) -> None:
    model = judge_model()
    await judged(model, jury)
    assert {ask.temperature for ask in model.asked} == {temperature}


@pytest.mark.parametrize("votes", [0, 2, -1, 4])
def test_votes_that_could_tie_are_refused(votes: int) -> None:
    with pytest.raises(ValueError, match="odd"):
        JudgePolicy(votes=votes)


async def test_a_fault_of_one_vote_is_raised_when_all_have_ended() -> None:
    clear = {"reason": "", "failure": "none", "not_leaked": True, "stands_alone": True}

    def reply(ask: ChatRequest[Any]) -> Any:
        return RowError("truncated", "cut off") if ask.sample == 0 else clear

    model = FakeChatModel(judge_question=reply)
    with pytest.raises(RowError, match="cut off"):
        await judged(model, JudgePolicy(votes=3))
    assert len(model.asked) == 2
