"""The reward in verl's signature, which verl loads by the path of this file."""

from typing import Any

from wsrl_assets.reward import Gold, score


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: Any = None, **_: Any
) -> float:
    """1.0 when the final answer of the response is the gold answer, else 0.0."""
    return float(score(solution_str, Gold.from_json(ground_truth)).value)
