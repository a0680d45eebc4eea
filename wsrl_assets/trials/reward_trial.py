"""A trial of rewards from rollouts to its page.

It lies in `HOME/trials/rewards/NAME`: `rewards.json` with the comparison, and `rewards.html`. The
name is a fingerprint of the rollouts and of all that decides what the rewards say of them, but for
model servers, whose replies are kept.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsrl_assets.llm.recipes import StageRecipe
from wsrl_assets.pipeline import math_verify
from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.rewards import (
    LEDGER,
    Case,
    Cases,
    RewardName,
    cannot_run,
    paid,
    recipes,
    run_rewards,
)
from wsrl_assets.release.folder import write_whole
from wsrl_assets.reward.version import reward_version
from wsrl_assets.text.normalisation import stable_hash
from wsrl_assets.trials.agreement import RewardComparison, compare_rewards
from wsrl_assets.trials.arms import TrialError
from wsrl_assets.trials.reward_page import render_rewards

_RECORD = "rewards.json"
_PAGE = "rewards.html"


@dataclass(frozen=True, slots=True)
class RewardTrial:
    """A trial of rewards that was run to its end.

    Attributes:
        name: of its folder.
        page: the HTML page.
        comparison: what it shows.
        truncated: rollouts that were cut off, and are in none of it.
        recipes: model and prompts of each judging reward.
        paid_tokens, paid_cost: of all calls that these judges ever got here, in other trials too.
    """

    name: str
    page: Path
    comparison: RewardComparison
    truncated: int
    recipes: Mapping[RewardName, StageRecipe]
    paid_tokens: int
    paid_cost: float

    @property
    def failed(self) -> dict[str, int]:
        """Rollouts without a verdict because a call failed, by reward; of those that have some."""
        return {one.name: one.failed for one in self.comparison.rewards if one.failed}

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "trial": self.name,
            "page": str(self.page),
            "truncated": self.truncated,
            "recipes": {name: json.loads(recipe.body) for name, recipe in self.recipes.items()},
            "paid_tokens": self.paid_tokens,
            "paid_cost": self.paid_cost,
            **self.comparison.to_dict(),
        }


def chosen(
    job: Job, asked_for: Sequence[RewardName], told: Callable[[str], None]
) -> list[RewardName]:
    """The rewards that a trial runs: those asked for, or else all that can be run.

    Args:
        told: receives which are left out because they cannot be run, each in a sentence.

    Raises:
        TrialError: one that was asked for cannot be run, or there are fewer than two.
    """
    missing = cannot_run(job)
    names = list(dict.fromkeys(asked_for))
    for name in names:
        if name in missing:
            raise TrialError(f"the reward {name} cannot be run: {missing[name]}")
    if not asked_for:
        names = [name for name in RewardName if name not in missing]
        for name in RewardName:
            if name in missing:
                told(f"without the reward {name}: {missing[name]}")
    if len(names) < 2:
        known = ", ".join(RewardName)
        raise TrialError(f"a trial compares two rewards or more; there are: {known}")
    return names


async def run_reward_trial(job: Job, cases: Cases, names: Sequence[RewardName]) -> RewardTrial:
    """Scores rollouts by several rewards, compares these, and writes the page.

    Raises:
        TrialError: there is no rollout.
        EndpointError: the judge cannot be used; replies that came are kept.
        StoreBusyError: another process runs a trial of rewards in this home.
    """
    if not cases.cases:
        raise TrialError(
            "no rollout is kept here: take pass rates with `wsrl run --rollouts 8`, which keeps "
            "them, or name a file of rollouts, with response, gold and question in each row"
        )
    by_name = await recipes(job, names, cases.cases)
    name = _fingerprint(cases.cases, names, by_name)
    runs = await run_rewards(job, cases.cases, names)
    found = compare_rewards(cases.cases, runs, job.settings.seed)
    folder = job.store.home / LEDGER / name
    folder.mkdir(parents=True, exist_ok=True)
    trial = RewardTrial(name, folder / _PAGE, found, cases.truncated, by_name, *paid(job, by_name))
    write_whole(trial.page, render_rewards(name, found, cases.truncated, by_name))
    record = {**trial.to_dict(), "reward": reward_version(), "seed": job.settings.seed}
    write_whole(folder / _RECORD, json.dumps(record, ensure_ascii=False, indent=1))
    return trial


def _fingerprint(
    cases: Sequence[Case], names: Sequence[RewardName], by_name: Mapping[RewardName, StageRecipe]
) -> str:
    parts = [*names, reward_version(), math_verify.version() or ""]
    parts += [recipe.hash for recipe in by_name.values()]
    for case in cases:
        labels = f"{case.is_right} {case.is_good_pair}"
        parts += [case.case_id, case.source, case.question, case.gold.to_json(), case.response]
        parts.append(labels)
    return stable_hash(*parts)[:8]
