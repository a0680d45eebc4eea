"""The judge by probability: thresholds from known pairs, and verdicts by them."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.llm.engine import ChatRequest, YesOrNo
from wsrl_assets.llm.errors import EndpointError, RowError
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.verification.judge import Criterion
from wsrl_assets.verification.probability import (
    ONE_IN,
    Answers,
    QuotedPair,
    Thresholds,
    answers_on,
    judge_by_probability,
    thresholds_of,
)
from wsrl_assets_tests.chat_models import FakeChatModel, prompt_of, stage_model

PAIR = QuotedPair("pair-1", "How long is the Suez Canal?", "193 km", "The Suez Canal: 193 km.")
OF_QUESTION = ["judge_meaning", "judge_given_away"]
STEPS = {
    "judge_meaning": Criterion.STANDS_ALONE,
    "judge_given_away": Criterion.NOT_LEAKED,
    "judge_stated": Criterion.SUPPORTED,
}
THRESHOLDS = dict.fromkeys(STEPS.values(), 0.5)
GOOD = {"judge_meaning": 0.9, "judge_given_away": 0.1, "judge_stated": 0.9}


def saying(yes: Mapping[str, float]) -> FakeChatModel:
    return FakeChatModel(**{step: {"yes": share} for step, share in yes.items()})


async def judged(model: FakeChatModel, thresholds: Mapping[Criterion, float]) -> list[Verdict]:
    return [*await judge_by_probability(PAIR, thresholds, stage_model(model, "verified_pairs"))]


def known(count: int) -> list[QuotedPair]:
    return [QuotedPair(str(number), "Q?", "A", "E") for number in range(count)]


async def calibrated(model: FakeChatModel, pairs: list[QuotedPair]) -> Thresholds:
    answers: Answers = {criterion: {} for criterion in STEPS.values()}
    await answers_on(pairs, answers, stage_model(model, "verified_pairs"), lambda: None)
    return thresholds_of(pairs, answers)


async def test_a_good_pair_passes_three_questions_of_one_word() -> None:
    model = saying(GOOD)
    found = await judged(model, THRESHOLDS)
    assert [verdict.check for verdict in found] == [str(one) for one in STEPS.values()]
    assert all(verdict.passed and verdict.reason is None for verdict in found)
    assert found[0].detail == "clear to a stranger: 0.9, threshold 0.5"
    assert model.steps == list(STEPS)
    assert {ask.reply_type for ask in model.asked} == {YesOrNo}
    assert {(ask.max_tokens, ask.temperature) for ask in model.asked} == {(1, 0.0)}


async def test_only_the_last_question_sees_the_quote() -> None:
    model = saying(GOOD)
    await judged(model, THRESHOLDS)
    assert [PAIR.evidence in prompt_of(ask) for ask in model.asked] == [False, False, True]
    assert "193 km" not in prompt_of(model.asked[0]), "a stranger does not know the answer"


@pytest.mark.parametrize(
    ("step", "yes", "reason"),
    [
        ("judge_meaning", 0.4, "not_self_contained"),
        ("judge_given_away", 0.6, "leaked"),
        ("judge_stated", 0.4, "not_supported"),
    ],
)
async def test_what_is_below_its_threshold_is_refused(step: str, yes: float, reason: str) -> None:
    model = saying({**GOOD, step: yes})
    found = {verdict.check: verdict for verdict in await judged(model, THRESHOLDS)}
    refused = [verdict for verdict in found.values() if not verdict.passed]
    assert [(verdict.check, verdict.reason) for verdict in refused] == [(str(STEPS[step]), reason)]
    assert model.steps == (OF_QUESTION if step in OF_QUESTION else list(STEPS))


async def test_a_call_that_fails_waits_for_the_one_beside_it() -> None:
    model = FakeChatModel(
        judge_meaning=RowError("neither_yes_nor_no", "it begins with '<think>'"),
        judge_given_away={"yes": 0.1},
    )
    with pytest.raises(RowError, match="think"):
        await judged(model, THRESHOLDS)
    assert model.steps == OF_QUESTION


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=90))
async def test_of_known_pairs_fewer_fail_than_may(shares: list[float]) -> None:
    def reply(ask: ChatRequest[Any]) -> dict[str, float]:
        share = shares[int(ask.row_id)]
        return {"yes": 1 - share if ask.step == "judge_given_away" else share}

    thresholds = await calibrated(FakeChatModel(**dict.fromkeys(STEPS, reply)), known(len(shares)))
    assert set(thresholds) == set(STEPS.values())
    for least in thresholds.values():
        failing = sum(share < least and not math.isclose(share, least) for share in shares)
        not_above = sum(share < least or math.isclose(share, least) for share in shares)
        assert ONE_IN * failing < len(shares) <= ONE_IN * not_above, "no higher threshold would do"


async def test_a_model_that_says_neither_cannot_judge() -> None:
    model = FakeChatModel(**dict.fromkeys(STEPS, RowError("neither_yes_nor_no", "'<think>'")))
    with pytest.raises(EndpointError, match=r"20 of 20 .* WSRL_JUDGE_BY=words"):
        await calibrated(model, known(20))


async def test_a_few_pairs_without_a_word_do_not_matter() -> None:
    def reply(ask: ChatRequest[Any]) -> Any:
        return RowError("neither_yes_nor_no", "'It'") if ask.row_id == "7" else {"yes": 0.5}

    model = FakeChatModel(**dict.fromkeys(STEPS, reply))
    assert set((await calibrated(model, known(40))).values()) == {0.5}


async def test_a_sure_no_is_a_word() -> None:
    sure = {"judge_meaning": 0.0, "judge_given_away": 1.0, "judge_stated": 0.0}
    thresholds = await calibrated(saying(sure), known(20))
    assert all(least > 0 for least in thresholds.values())


async def test_nothing_is_calibrated_on_what_a_failing_server_left() -> None:
    def reply(ask: ChatRequest[Any]) -> Any:
        return RowError("endpoint_fault", "HTTP 500") if ask.row_id == "7" else {"yes": 0.5}

    model = FakeChatModel(**dict.fromkeys(STEPS, reply))
    with pytest.raises(EndpointError, match=r"HTTP 500.*run again"):
        await calibrated(model, known(40))


async def test_what_was_answered_is_not_asked_again() -> None:
    pairs, model = known(20), saying(GOOD)
    answers: Answers = {criterion: {} for criterion in STEPS.values()}
    answers[Criterion.SUPPORTED] = {pair.pair_id: 0.5 for pair in pairs[:15]}
    await answers_on(pairs, answers, stage_model(model, "verified_pairs"), lambda: None)
    assert model.steps.count("judge_stated") == 5
    assert thresholds_of(pairs, answers)[Criterion.SUPPORTED] == 0.5
