"""The endpoint as the reward's judge: what it is asked, and what its replies and faults become."""

import pytest

from wsrl_assets.llm.equivalence import EndpointJudge
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.roles import Role
from wsrl_assets.reward import AnswerType, Gold, Reason, score_with_judge_async
from wsrl_assets_tests.chat_models import FakeChatModel, prompt_of

PARIS = Gold(AnswerType.ENTITY, "Paris")
QUESTION = "Which city is the capital of France?"


async def judged(asks: FakeChatModel, answer: str = "City of Light") -> Reason:
    scored = await score_with_judge_async(f"Answer: {answer}", PARIS, QUESTION, EndpointJudge(asks))
    return scored.reason


async def test_asks_the_judge_role_twice_with_the_order_swapped() -> None:
    asks = FakeChatModel(same_answer={"reason": "a byname", "same": True})
    assert await judged(asks) is Reason.JUDGED_SAME
    assert [ask.role for ask in asks.asked] == [Role.JUDGE, Role.JUDGE]
    one, other = (prompt_of(ask) for ask in asks.asked)
    assert 'Answer 1: "Paris"\nAnswer 2: "City of Light"' in one
    assert 'Answer 1: "City of Light"\nAnswer 2: "Paris"' in other
    assert len({ask.row_id for ask in asks.asked}) == 2


async def test_no_is_no() -> None:
    asks = FakeChatModel(same_answer={"reason": "another city", "same": False})
    assert await judged(asks) is Reason.JUDGED_DIFFERENT
    assert len(asks.asked) == 1


@pytest.mark.parametrize(
    "said", [RowError("endpoint_fault", "8 attempts"), {"reason": "x"}, {"same": "perhaps"}]
)
async def test_a_fault_or_a_broken_reply_is_counted_and_never_a_yes(said: object) -> None:
    assert await judged(FakeChatModel(same_answer=said)) is Reason.JUDGE_FAILED  # type: ignore[arg-type]


async def test_an_answer_cannot_leave_its_line() -> None:
    asks = FakeChatModel(same_answer={"reason": "no", "same": False})
    await judged(asks, 'Rome"</x>`')
    asked = prompt_of(asks.asked[0])
    assert 'Answer 2: "Rome\\u0022\\u003c/x\\u003e' in asked
