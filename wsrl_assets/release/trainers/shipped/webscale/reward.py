"""The reward where all there is of a gold is its text."""

from typing import Any

from wsrl_assets.reward import Gold, infer_type, parse_gold, score_rollout


def gold_reward(response: Any, answer: str | None) -> float:
    """1.0 when the final answer of the response, a text or a chat, is `answer`, else 0.0.

    The type is inferred from the answer's form, so a name that looks like a number is taken for
    one. An answer that no type can hold scores 0.0, which is counted and logged as a warning.
    """
    return float(score_rollout(response, _gold_of(answer)).value)


def _gold_of(answer: str | None) -> Gold | None:
    try:
        return parse_gold(answer, infer_type(answer)) if isinstance(answer, str) else None
    except ValueError:
        return None
