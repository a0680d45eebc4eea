"""The reward in verl's signature, which verl loads by the path of this file."""

from typing import Any

from wsrl_assets.reward import score_rollout


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: Any = None, **_: Any
) -> float:
    """1.0 when the final answer of the response is the gold answer, else 0.0.

    `manager.py` beside this file says in `extra_info` how generation ended. verl takes numbers
    only: without a verdict the reward is 0.0, which is counted and logged as a warning.
    """
    finish_reason = (extra_info or {}).get("finish_reason")
    return float(score_rollout(solution_str, ground_truth, finish_reason).value)
