"""The reward in TRL's signature: `--reward_funcs reward.gold_reward`, started in this folder."""

from typing import Any

from wsrl_assets.reward import score_rollout


def gold_reward(
    prompts: list[Any],
    completions: list[Any],
    gold: list[Any],
    completion_ids: list[list[int]] | None = None,
    **others: Any,
) -> list[float | None]:
    """1.0 for each completion whose final answer is the gold answer, else 0.0.

    None, which TRL leaves out, for a row without a verdict: a gold that is none, say.
    """
    ids = completion_ids or [[]] * len(completions)
    ends = end_tokens(ids, others.get("log_metric"))
    cut_off = [bool(ends and tokens and tokens[-1] not in ends) for tokens in ids]
    scores = [score_rollout(*row) for row in zip(completions, gold, cut_off, strict=True)]
    return [float(scored.value) if scored.decided else None for scored in scores]


def end_tokens(completion_ids: list[list[int]], log_metric: Any = None) -> set[int]:
    """The tokens that end a completion; empty where they cannot be known.

    TRL hands a reward its own method `log_metric`, and so itself, with the tokens that it goes by.
    Elsewhere they are the last tokens of completions that are shorter than the longest, which
    the limit of tokens did not end.
    """
    trainer = getattr(log_metric, "__self__", None)
    if trainer is not None and hasattr(trainer, "eos_token_ids"):
        return {*trainer.eos_token_ids, trainer._tokenizer.pad_token_id}
    longest = max(map(len, completion_ids), default=0)
    return {tokens[-1] for tokens in completion_ids if tokens and len(tokens) < longest}
