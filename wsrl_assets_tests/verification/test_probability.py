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
    PASSING,
    QuotedPair,
    calibrated,
    judge_by_probability,
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


async def test_a_good_pair_passes_three_questions_of_one_word() -> None:
    model = saying(GOOD)
    found = await judged(model, THRESHOLDS)
    assert [verdict.check for verdict in found] == [str(one) for one in STEPS.values()]
    assert all(verdict.passed and verdict.reason is None for verdict in found)
    assert found[0].detail == "clear to a stranger: 0.900, from 0.500 on it passes"
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
async def test_of_known_pairs_as_many_pass_as_should(shares: list[float]) -> None:
    known = [QuotedPair(str(n), "Q?", "A", "E") for n in range(len(shares))]

    def reply(ask: ChatRequest[Any]) -> dict[str, float]:
        share = shares[int(ask.row_id)]
        return {"yes": 1 - share if ask.step == "judge_given_away" else share}

    model = stage_model(FakeChatModel(**dict.fromkeys(STEPS, reply)), "verified_pairs")
    thresholds = await calibrated(known, model)
    assert set(thresholds) == set(STEPS.values())
    for least in thresholds.values():
        passing = sum(share > least or math.isclose(share, least) for share in shares)
        assert passing >= PASSING * len(shares)
        assert any(math.isclose(share, least) for share in shares), "no stricter line would do"


async def test_a_model_that_says_neither_cannot_judge() -> None:
    model = FakeChatModel(**dict.fromkeys(STEPS, RowError("neither_yes_nor_no", "'<think>'")))
    known = [QuotedPair(str(n), "Q?", "A", "E") for n in range(20)]
    with pytest.raises(EndpointError, match=r"20 of 20 .* WSRL_JUDGE_BY=words"):
        await calibrated(known, stage_model(model, "verified_pairs"))


async def test_a_few_pairs_without_a_word_do_not_matter() -> None:
    def reply(ask: ChatRequest[Any]) -> Any:
        return RowError("neither_yes_nor_no", "'It'") if ask.row_id == "7" else {"yes": 0.5}

    known = [QuotedPair(str(n), "Q?", "A", "E") for n in range(40)]
    model = stage_model(FakeChatModel(**dict.fromkeys(STEPS, reply)), "verified_pairs")
    assert set((await calibrated(known, model)).values()) == {0.5}


async def test_no_lines_are_drawn_from_what_a_failing_server_left() -> None:
    def reply(ask: ChatRequest[Any]) -> Any:
        return RowError("endpoint_fault", "HTTP 500") if ask.row_id == "7" else {"yes": 0.5}

    known = [QuotedPair(str(n), "Q?", "A", "E") for n in range(40)]
    model = stage_model(FakeChatModel(**dict.fromkeys(STEPS, reply)), "verified_pairs")
    with pytest.raises(EndpointError, match=r"HTTP 500.*Run again"):
        await calibrated(known, model)
