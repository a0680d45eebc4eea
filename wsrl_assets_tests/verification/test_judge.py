"""The judge: three verdicts from one call or three, by majority, with no vote more than needed."""

from collections import Counter
from typing import Any

import pytest

from wsrl_assets.llm import ChatRequest, RowError
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.verification.judge import CRITERIA, VOTE_TEMPERATURE, Case, JudgePolicy, judge
from wsrl_assets_tests.chat_models import FakeChatModel, prompt_of, stage_model

CASE = Case("pair-1", "How long is the Suez Canal?", "193 km", "The Suez Canal: 193 km.")
NAMES = [criterion.name for criterion in CRITERIA]


def together(**no: set[int]) -> FakeChatModel:
    """A judge that gives all verdicts in one reply; `supported={1}`: its vote 1 says no."""

    def reply(ask: ChatRequest[Any]) -> dict[str, Any]:
        verdicts = {name: ask.sample not in no.get(name, set()) for name in NAMES}
        return {**verdicts, **{f"{name}_reason": f"vote {ask.sample}" for name in NAMES}}

    return FakeChatModel(judge=reply)


def apart(**no: set[int]) -> FakeChatModel:
    """A judge that gives one verdict a reply."""

    def of(name: str) -> Any:
        return lambda ask: {
            "verdict": ask.sample not in no.get(name, set()),
            "reason": f"vote {ask.sample}",
        }

    return FakeChatModel(**{f"judge_{name}": of(name) for name in NAMES})


async def judged(model: FakeChatModel, jury: JudgePolicy) -> dict[str, Verdict]:
    verdicts = await judge(CASE, jury, stage_model(model, "verified_pairs"))
    return {verdict.check.removeprefix("judge_"): verdict for verdict in verdicts}


async def test_one_call_gives_three_verdicts_with_their_reasons() -> None:
    model = together(not_leaked={0})
    found = await judged(model, JudgePolicy())
    assert list(found) == NAMES
    assert model.steps == ["judge"]
    assert found["supported"] == Verdict("judge_supported", True, None, "vote 0")
    assert found["not_leaked"] == Verdict("judge_not_leaked", False, "leaked", "vote 0")


async def test_separate_calls_give_one_verdict_each_behind_the_same_prefix() -> None:
    model = apart(stands_alone={0})
    found = await judged(model, JudgePolicy(separate=True))
    assert sorted(model.steps) == sorted(f"judge_{name}" for name in NAMES)
    assert found["stands_alone"].reason == "not_self_contained"
    assert found["supported"].passed
    prompts = [prompt_of(ask) for ask in model.asked]
    heads = {prompt[: prompt.index("</document>")] for prompt in prompts}
    assert len(heads) == 1
    assert len(set(prompts)) == len(CRITERIA)
    assert all(CASE.question in prompt for prompt in prompts)


@pytest.mark.parametrize("separate", [False, True])
async def test_a_majority_of_the_votes_decides_and_the_detail_tells_the_tally(
    separate: bool,
) -> None:
    model = (apart if separate else together)(supported={0}, not_leaked={0, 2})
    found = await judged(model, JudgePolicy(votes=3, separate=separate))
    assert (found["supported"].passed, found["supported"].detail) == (True, "2 of 3: vote 1")
    assert (found["not_leaked"].passed, found["not_leaked"].detail) == (False, "2 of 3: vote 0")
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
async def test_no_vote_is_asked_for_once_the_majority_is_settled(
    votes: int, no: set[int], asked: int
) -> None:
    model = together(supported=no)
    found = await judged(model, JudgePolicy(votes=votes))
    assert len(model.asked) == asked
    assert [ask.sample for ask in model.asked] == list(range(asked))
    assert found["supported"].passed is (len(no & set(range(asked))) * 2 < asked)


async def test_separate_verdicts_need_no_votes_of_each_other() -> None:
    model = apart(supported={0})
    await judged(model, JudgePolicy(votes=3, separate=True))
    asked = Counter(model.steps)
    assert asked == {"judge_supported": 3, "judge_not_leaked": 2, "judge_stands_alone": 2}


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
    model = together()
    await judged(model, jury)
    assert {ask.temperature for ask in model.asked} == {temperature}


@pytest.mark.parametrize("votes", [0, 2, -1, 4])
def test_votes_that_could_tie_are_refused(votes: int) -> None:
    with pytest.raises(ValueError, match="odd"):
        JudgePolicy(votes=votes)


async def test_a_fault_of_one_vote_is_raised_when_all_have_ended() -> None:
    def reply(ask: ChatRequest[Any]) -> Any:
        return RowError("truncated", "cut off") if ask.sample == 0 else together_reply

    together_reply = {f"{name}_reason": "" for name in NAMES} | dict.fromkeys(NAMES, True)
    model = FakeChatModel(judge=reply)
    with pytest.raises(RowError, match="cut off"):
        await judged(model, JudgePolicy(votes=3))
    assert len(model.asked) == 2
