"""The reward in slime's signature: `--custom-rm-path reward.gold_reward`."""

import asyncio
from typing import Any

from wsrl_assets.reward import score_rollout


async def gold_reward(args: Any, sample: Any, **_: Any) -> float | list[float]:
    """1.0 when the final answer of the response is the gold answer, else 0.0.

    A list of samples, as `--group-rm` gives, makes a list of rewards. A sample without a verdict
    is marked `remove_sample`, which keeps it out of the loss.
    """
    if isinstance(sample, list):
        return list(await asyncio.gather(*(_score(one) for one in sample)))
    return await _score(sample)


async def _score(sample: Any) -> float:
    # On a thread: an answer that is an expression may take a while, and rollouts go on meanwhile.
    status = getattr(sample, "status", None)
    result = await asyncio.to_thread(score_rollout, sample.response, sample.label, status)
    if not result.decided:
        sample.remove_sample = True
    return float(result.value)
