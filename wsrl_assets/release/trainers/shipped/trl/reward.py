"""The reward in TRL's signature: `--reward_funcs reward.gold_reward`, started in this folder."""

from typing import Any

from wsrl_assets.reward import Gold, score


def gold_reward(
    prompts: list[Any], completions: list[Any], gold: list[str], **_: Any
) -> list[float]:
    """1.0 for each completion whose final answer is the gold answer, else 0.0."""
    return [
        float(score(text_of(completion), Gold.from_json(label)).value)
        for completion, label in zip(completions, gold, strict=True)
    ]


def text_of(completion: Any) -> str:
    """What the model said last: TRL gives a text, or messages where the prompt is messages."""
    if isinstance(completion, str):
        return completion
    return str(completion[-1].get("content") or "") if completion else ""
