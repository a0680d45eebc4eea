"""The reward in verl's signature, which verl loads by the path of this file."""

from functools import cache
from pathlib import Path
from runpy import run_path
from typing import Any

from wsrl_assets.reward import is_rubric, score_rollout, score_rubric


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: Any = None, **_: Any
) -> float:
    """1.0 when the final answer of the response is the gold answer, else 0.0; of an explanation,
    from 0.0 to 1.0 what a judge finds of its rubric (see `judge.py` beside this file).

    `manager.py` beside this file says in `extra_info` how generation ended. verl takes numbers
    only: without a verdict the reward is 0.0, which is counted and logged as a warning.
    """
    finish_reason = (extra_info or {}).get("finish_reason")
    if is_rubric(ground_truth):
        return score_rubric(solution_str, ground_truth, _judge(), finish_reason).value
    return float(score_rollout(solution_str, ground_truth, finish_reason).value)


@cache
def _judge() -> Any:
    """verl loads this file by its path, so its neighbour cannot be imported by name."""
    return run_path(str(Path(__file__).with_name("judge.py")))["judge_from_environment"]()
