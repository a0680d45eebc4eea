"""A pass rate counts what the reward accepts; each rollout is asked for once, as trainers ask."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsrl_assets.llm.engine import FreeText
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.roles import Role
from wsrl_assets.release.dataset import COLUMNS
from wsrl_assets.release.pass_rates import PassRateRange
from wsrl_assets.release.trainers import verl
from wsrl_assets.reward import Reason, parse_gold
from wsrl_assets.storage.tables import PassRate, Rollout, Status
from wsrl_assets.verification.pass_rates import (
    STAGE,
    TRUNCATED,
    Band,
    Pair,
    Rater,
    misses,
    pass_rate,
    scored_by_reward,
)
from wsrl_assets_tests.chat_models import FakeChatModel, Said, provenance, stage_model
from wsrl_assets_tests.factories import WHEN

GOLD = parse_gold("1869", "date")
PAIR = Pair("p1", "When was the canal opened?", GOLD)
RIGHT = {"text": "It was after the war.\nAnswer: 1869", "truncated": False, "completion_tokens": 9}
WRONG = {"text": "Answer: 1900", "truncated": False, "completion_tokens": 3}
CUT = {"text": "Answer: 1869", "truncated": True, "completion_tokens": 12}
FAULT = RowError("endpoint_fault", "8 attempts")


def rollout(sample: int = 0, **others: Any) -> Rollout:
    given = {
        "pair_id": "p1",
        "recipe": "r",
        "sample": sample,
        "response": "Answer: 1900",
        "truncated": False,
        "completion_tokens": 3,
        "score": 0,
        "reason": "wrong_value",
        "extracted": "1900",
        "model": "a-model",
        "run_id": "planted",
        "created_at": WHEN,
    }
    return Rollout(**{**given, **others})


EVERY = Band()


class Policy:
    """A policy that gives its replies in order, with what was asked of it and kept."""

    def __init__(self, *replies: Said) -> None:
        self.asks = FakeChatModel(rollout=lambda ask: replies[ask.sample])
        self.kept: list[Rollout] = []

    async def keep(self, rollout: Rollout) -> None:
        self.kept.append(rollout)

    async def rate(
        self, rollouts: int, made: Sequence[Rollout] = (), band: Band = EVERY
    ) -> PassRate:
        rater = Rater(
            stage_model(self.asks, STAGE, "rollouts"),
            provenance(STAGE, "rates"),
            self.keep,
            rollouts,
            64,
            band,
        )
        return await rater.rate(replace(PAIR, made=tuple(made)))

    @property
    def samples(self) -> list[int]:
        return [ask.sample for ask in self.asks.asked]


async def test_the_rate_is_the_share_of_rollouts_that_the_reward_accepts() -> None:
    row = await Policy(RIGHT, WRONG, RIGHT, WRONG).rate(4)
    assert (row.status, row.rollouts, row.passed, row.pass_rate) == (Status.KEPT, 4, 2, 0.5)
    assert (row.completion_tokens_mean, row.completion_tokens_max) == (6.0, 9)
    assert [(m.reason, m.rollouts, m.example) for m in row.misses] == [("wrong_value", 2, "1900")]


@pytest.mark.parametrize(("reply", "rate"), [(RIGHT, 1.0), (WRONG, 0.0), (CUT, 0.0)])
async def test_what_never_varies_has_a_rate_of_0_or_1(reply: Said, rate: float) -> None:
    assert (await Policy(reply, reply, reply).rate(3)).pass_rate == rate


async def test_a_rollout_that_was_cut_off_failed_whatever_stands_in_it() -> None:
    policy = Policy(CUT, RIGHT)
    row = await policy.rate(2)
    assert (row.passed, row.truncated) == (1, 1)
    assert [(m.reason, m.example) for m in row.misses] == [(TRUNCATED, None)]
    assert policy.samples == [0, 1], "it is an answer, not a fault to be tried again"


async def test_an_empty_rollout_failed() -> None:
    row = await Policy({"text": "", "truncated": False, "completion_tokens": 0}).rate(1)
    assert (row.status, row.pass_rate) == (Status.KEPT, 0.0)
    assert [m.reason for m in row.misses] == [Reason.NO_ANSWER]


async def test_the_policy_is_asked_in_the_trainers_words_and_nothing_else() -> None:
    policy = Policy(RIGHT)
    await policy.rate(1)
    (asked,) = policy.asks.asked
    assert (asked.role, asked.reply_type, asked.schema) == (Role.POLICY, FreeText, None)
    assert asked.max_tokens == 64
    assert asked.messages == [{"role": "user", "content": f"{PAIR.question}\n\n{instruction()}"}]


def instruction() -> str:
    """What verl's prompt adds to a question."""
    pairs = pl.DataFrame([{**dict.fromkeys(COLUMNS), "question": "x"}])
    prompt: str = verl.to_rows(pairs)["prompt"][0][0]["content"]
    return prompt.removeprefix("x\n\n")


async def test_each_rollout_is_another_sample_and_is_kept_with_its_score() -> None:
    policy = Policy(RIGHT, WRONG, CUT)
    row = await policy.rate(3)
    assert policy.samples == [0, 1, 2]
    assert [(r.sample, r.score, r.reason, r.extracted) for r in policy.kept] == [
        (0, 1, "match", "1869"),
        (1, 0, "wrong_value", "1900"),
        (2, 0, "truncated", None),
    ]
    assert {r.recipe for r in policy.kept} == {row.rollout_recipe}
    assert row.recipe != row.rollout_recipe


async def test_rollouts_that_exist_are_not_asked_for_again() -> None:
    policy = Policy(RIGHT, RIGHT, RIGHT, RIGHT)
    row = await policy.rate(4, [rollout(0), rollout(2)])
    assert policy.samples == [1, 3]
    assert (row.rollouts, row.passed) == (4, 2)


async def test_fewer_rollouts_than_exist_need_no_call() -> None:
    policy = Policy()
    made = [rollout(0, response="Answer: 1869", score=1, reason="match"), rollout(1), rollout(2)]
    row = await policy.rate(2, made)
    assert policy.samples == []
    assert (row.rollouts, row.passed) == (2, 1)


async def test_a_reward_that_has_learned_since_scores_old_rollouts_anew() -> None:
    policy = Policy()
    old = rollout(0, response="Answer: 1869", score=0, reason="not_of_type", extracted=None)
    row = await policy.rate(1, [old])
    assert row.pass_rate == 1.0
    assert [(r.score, r.reason, r.run_id) for r in policy.kept] == [(1, "match", "planted")]
    unchanged = Policy()
    await unchanged.rate(1, policy.kept)
    assert unchanged.kept == []


async def test_a_fault_of_one_rollout_fails_the_row_and_keeps_the_others() -> None:
    policy = Policy(RIGHT, FAULT, WRONG)
    row = await policy.rate(3)
    assert (row.status, row.reason, row.detail) == (Status.FAILED, "endpoint_fault", "8 attempts")
    assert (row.pass_rate, row.rollouts, row.passed) == (None, 2, 1)
    assert [r.sample for r in policy.kept] == [0, 2]


async def test_an_error_that_ends_the_run_is_no_row() -> None:
    with pytest.raises(KeyError):
        await Policy(KeyError("a bug")).rate(1)


# --- properties ---------------------------------------------------------------------------------

RESPONSES = st.sampled_from(["Answer: 1869", "Answer: 1900", "Answer: blue", "", "so it goes"])


@st.composite
def rollouts_of_a_pair(draw: st.DrawFn) -> list[Rollout]:
    drawn = draw(st.lists(st.tuples(RESPONSES, st.booleans(), st.integers(0, 4096)), min_size=1))
    return [
        scored_by_reward(
            rollout(n, response=response, truncated=truncated, completion_tokens=tokens), GOLD
        )
        for n, (response, truncated, tokens) in enumerate(drawn)
    ]


def aggregate(rollouts: Sequence[Rollout]) -> PassRate:
    """Without the time of the row."""
    return replace(pass_rate("p1", rollouts, provenance(STAGE), "r"), created_at=WHEN)


@given(rollouts_of_a_pair())
def test_every_rollout_either_passed_or_is_a_miss(rollouts: list[Rollout]) -> None:
    row = aggregate(rollouts)
    assert row.rollouts == len(rollouts)
    assert row.passed + sum(miss.rollouts for miss in row.misses) == len(rollouts)
    assert row.pass_rate == row.passed / len(rollouts)
    assert row.truncated == sum(r.truncated for r in rollouts)
    lengths = [r.completion_tokens for r in rollouts]
    assert row.completion_tokens_max == max(lengths)
    assert row.completion_tokens_mean == pytest.approx(sum(lengths) / len(lengths))


@given(rollouts_of_a_pair(), st.randoms())
def test_the_order_in_which_rollouts_come_back_does_not_matter(
    rollouts: list[Rollout], chance: Any
) -> None:
    shuffled = list(rollouts)
    chance.shuffle(shuffled)
    assert aggregate(shuffled) == aggregate(rollouts)


@given(rollouts_of_a_pair())
def test_another_right_rollout_never_lowers_the_rate(rollouts: list[Rollout]) -> None:
    right = scored_by_reward(rollout(len(rollouts), response="Answer: 1869"), GOLD)
    before, after = aggregate(rollouts).pass_rate, aggregate([*rollouts, right]).pass_rate
    assert before is not None
    assert after is not None
    assert before <= after <= 1


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1))
def test_misses_are_the_most_frequent_reasons_and_stay_few(reasons: list[str]) -> None:
    found = misses([rollout(n, reason=reason) for n, reason in enumerate(reasons)])
    counts = Counter(reasons)
    assert len(found) == min(4, len(counts))
    assert [m.rollouts for m in found] == [n for _, n in counts.most_common(4)]


@given(st.text())
def test_a_stored_answer_is_bounded(text: str) -> None:
    scored = scored_by_reward(rollout(response=f"Answer: {text * 50}"), GOLD)
    assert scored.extracted is None or len(scored.extracted) <= 200


# --- stopping early -----------------------------------------------------------------------------

BOUNDED = st.builds(
    Band,
    above=st.one_of(st.none(), st.sampled_from((0.0, 0.1, 0.2, 0.25, 0.5))),
    below=st.one_of(st.none(), st.sampled_from((0.6, 0.75, 0.9, 1.0))),
)


@given(st.lists(st.sampled_from((RIGHT, WRONG)), min_size=1, max_size=16), BOUNDED)
@settings(max_examples=200)
def test_a_pair_that_is_left_early_falls_where_all_rollouts_would_put_it(
    replies: list[Said], band: Band
) -> None:
    whole = asyncio.run(Policy(*replies).rate(len(replies)))
    early = asyncio.run(Policy(*replies).rate(len(replies), band=band))
    assert early.rollouts <= whole.rollouts
    assert fate(early, band) == fate(whole, band)


def fate(row: PassRate, band: Band) -> list[str]:
    """Why a release leaves a pair out; nothing if it takes it."""
    pairs = pl.DataFrame(
        {"form": ["open"], "pass_rate": [row.pass_rate], "rollouts": [1], "policy": ["p"]}
    )
    return PassRateRange(band.above, band.below).split(pairs)[1]["reason"].to_list()


async def test_one_that_passes_and_one_that_fails_settle_a_band_of_some() -> None:
    policy = Policy(*[RIGHT, WRONG] * 8)
    row = await policy.rate(16, band=Band(0, 1))
    assert (row.status, row.rollouts, row.pass_rate) == (Status.KEPT, 2, 0.5)
    assert policy.samples == [0, 1]


@pytest.mark.parametrize(("reply", "rate"), [(RIGHT, 1.0), (WRONG, 0.0)])
async def test_what_never_varies_takes_all_rollouts(reply: Said, rate: float) -> None:
    row = await Policy(*[reply] * 6).rate(6, band=Band(0, 1))
    assert (row.rollouts, row.pass_rate) == (6, rate)


async def test_without_a_band_all_rollouts_are_asked_for_at_once() -> None:
    assert Band().lacking(0, 0, 16) == 16


async def test_stored_rollouts_settle_a_pair_without_a_call() -> None:
    policy = Policy(*[WRONG] * 8)
    right = rollout(1, response="Answer: 1869")
    row = await policy.rate(8, made=[rollout(0), right], band=Band(0, 1))
    assert (row.rollouts, policy.samples) == (2, [])


async def test_a_fault_ends_a_pair_that_is_not_settled() -> None:
    policy = Policy(WRONG, FAULT, RIGHT, RIGHT)
    row = await policy.rate(4, band=Band(0, 1))
    assert (row.status, row.pass_rate, policy.samples) == (Status.FAILED, None, [0, 1])
