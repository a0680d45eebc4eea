"""The reward in slime's signature: `--custom-rm-path reward.gold_reward`."""

import asyncio
from functools import cache
from pathlib import Path
from runpy import run_path
from typing import Any

from wsrl_assets.reward import RubricScore, Score, is_rubric, score_rollout, score_rubric


async def gold_reward(args: Any, sample: Any, **_: Any) -> float | list[float]:
    """1.0 when the final answer of the response is the gold answer, else 0.0; of an explanation,
    from 0.0 to 1.0 what a judge finds of its rubric (see `judge.py` beside this file).

    A list of samples, as `--group-rm` gives, makes a list of rewards. A sample without a verdict
    is marked `remove_sample`, which keeps it out of the loss.
    """
    if isinstance(sample, list):
        return list(await asyncio.gather(*(_score(one) for one in sample)))
    return await _score(sample)


async def _score(sample: Any) -> float:
    # On a thread: an expression or a judge may take a while, and rollouts go on meanwhile.
    result = await asyncio.to_thread(_result, sample)
    if not result.decided:
        sample.remove_sample = True
    return float(result.value)


def _result(sample: Any) -> Score | RubricScore:
    status = getattr(sample, "status", None)
    if is_rubric(sample.label):
        return score_rubric(sample.response, sample.label, _judge(), status)
    return score_rollout(sample.response, sample.label, status)


@cache
def _judge() -> Any:
    return run_path(str(Path(__file__).with_name("judge.py")))["judge_from_environment"]()
