"""A trial of rewards from rollouts to its page and record."""

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from simulator import running_simulator
from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.rewards import LEDGER, Cases, RewardName
from wsrl_assets.reward import AnswerType, Gold
from wsrl_assets.settings import load_roles
from wsrl_assets.trials.arms import TrialError
from wsrl_assets.trials.reward_trial import RewardTrial, chosen, run_reward_trial
from wsrl_assets.trials.trial import finished
from wsrl_assets_tests.factories import job
from wsrl_assets_tests.pipeline.test_rewards import CASES, case, judging

EVERY = list(RewardName)
HOSTILE = "<script>alert(1)</script> \x1b[31m Answer: <b>Lyon</b>"


async def trial(
    work: Job, names: Sequence[RewardName] = EVERY, cases: Cases | None = None
) -> RewardTrial:
    made = run_reward_trial(work, cases or Cases(CASES, truncated=2), names)
    return await asyncio.wait_for(made, 60)


async def test_a_trial_ends_in_a_page_and_a_record_and_is_told_again_for_nothing(
    tmp_path: Path,
) -> None:
    async with running_simulator(judging()) as sim:
        work = job(tmp_path, sim.base_url, model="simulated")
        found = await trial(work)
        asked = sim.stats.requests_completed
    again = await trial(work)
    assert again.name == found.name
    assert asked == 8
    assert found.paid_tokens == again.paid_tokens > 0
    kinds = [(one.first, one.second, one.kappa) for one in found.comparison.pairs]
    assert kinds == [(one.first, one.second, one.kappa) for one in again.comparison.pairs]
    assert found.page == tmp_path / LEDGER / found.name / "rewards.html"
    record = json.loads(found.page.with_name("rewards.json").read_text())
    assert [one["name"] for one in record["rewards"]] == EVERY
    assert record["truncated"] == 2
    assert record["recipes"]["judged"]["model"] == "simulated"
    assert finished(work.store) == [], "it is no trial of arms"


async def test_other_rollouts_or_another_judge_are_another_trial(tmp_path: Path) -> None:
    names = [RewardName.TYPED, RewardName.MATH_VERIFY]
    work = job(tmp_path, "http://127.0.0.1:9/v1")
    first = await trial(work, names)
    fewer = await trial(work, names, Cases(CASES[:3]))
    assert fewer.name != first.name
    assert (await trial(work, list(reversed(names)))).name != first.name


async def test_the_page_shows_both_sides_as_text(tmp_path: Path) -> None:
    cases = [*CASES, case(9, HOSTILE, Gold(AnswerType.LIST, '["<i>a</i>", "b"]'))]
    cases.append(case(10, "Answer: 5", Gold(AnswerType.INTEGER, "no integer <b>at all</b>")))
    async with running_simulator(judging()) as sim:
        found = await trial(job(tmp_path, sim.base_url), cases=Cases(cases, truncated=2))
    page = found.page.read_text("utf-8")
    assert "<script" not in page
    assert "<b>" not in page
    assert "\x1b" not in page
    assert "default-src 'none'" in page
    assert "2 more were cut off" in page
    assert "City of Light" in page
    assert "judged same" in page
    assert "gold not read" in page


async def test_rewards_that_cannot_run_are_left_out_or_asked_for_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("WSRL_LLM")]:
        monkeypatch.delenv(name)
    work = job(tmp_path, "http://127.0.0.1:9/v1")
    alone = Job(work.store, work.settings, load_roles(), "run")
    said: list[str] = []
    assert chosen(alone, [], said.append) == [RewardName.TYPED, RewardName.MATH_VERIFY]
    assert len(said) == 2
    assert "WSRL_LLM_JUDGE_BASE_URL" in said[0]
    with pytest.raises(TrialError, match="judged cannot be run: no judge is set"):
        chosen(alone, [RewardName.TYPED, RewardName.JUDGED], said.append)
    with pytest.raises(TrialError, match="two rewards or more"):
        chosen(alone, [RewardName.TYPED], said.append)
    assert chosen(work, [RewardName.REFERENCE, RewardName.TYPED], said.append) == [
        RewardName.REFERENCE,
        RewardName.TYPED,
    ]


async def test_without_rollouts_it_is_said_where_they_come_from(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="wsrl run --rollouts"):
        await trial(job(tmp_path, "http://127.0.0.1:9/v1"), cases=Cases([]))
