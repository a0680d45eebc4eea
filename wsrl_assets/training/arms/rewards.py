"""The release's reward with TRL's signature, and the log of what a trainer did at each step."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from wsrl_assets.reward import final_message, score_rollout


@dataclass
class GoldReward:
    """The reward of a release for `GRPOTrainer`; it counts what passes through it.

    Attributes:
        generations: completions of a prompt, which stand next to each other.
        completion_tokens: length at which a completion counts as cut off, and scores 0; none
            scores those too, for a CPU, where nearly all are.
        calls: how often it was called.
        responses: completions that it has scored.
        tokens: of these completions.
        groups, mixed_groups: prompts, and those whose completions differ in reward.
        gradient_tokens: tokens of the mixed groups: the others have no advantage, so no gradient.
        seen: the newest call's completions, each with its score and the reward's reason.
    """

    generations: int = 1
    completion_tokens: int | None = None
    calls: int = 0
    responses: int = 0
    tokens: int = 0
    groups: int = 0
    mixed_groups: int = 0
    gradient_tokens: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)
    __name__ = "gold_reward"

    def __call__(
        self,
        prompts: list[Any],
        completions: list[Any],
        gold: list[Any],
        completion_ids: list[list[int]] | None = None,
        **_: Any,
    ) -> list[float | None]:
        """1.0 for each completion whose final answer is the gold answer, else 0.0.

        None, which TRL leaves out, where there is no verdict.
        """
        lengths = [len(ids) for ids in completion_ids or [[]] * len(completions)]
        self.calls += 1
        self.responses += len(completions)
        self.tokens += sum(lengths)
        self.seen = [
            self._scored(completion, label, length)
            for completion, label, length in zip(completions, gold, lengths, strict=True)
        ]
        rewards = [one["reward"] for one in self.seen]
        self._count_groups(rewards, lengths)
        return rewards

    def _scored(self, completion: Any, gold: Any, length: int) -> dict[str, Any]:
        is_cut_off = self.completion_tokens is not None and length >= self.completion_tokens
        scored = score_rollout(completion, gold, is_cut_off)
        return {
            "completion": final_message(completion),
            "reward": float(scored.value) if scored.decided else None,
            "reason": str(scored.reason),
        }

    def _count_groups(self, rewards: Sequence[float | None], lengths: Sequence[int]) -> None:
        for first in range(0, len(rewards), self.generations):
            group = slice(first, first + self.generations)
            self.groups += 1
            if len({reward for reward in rewards[group] if reward is not None}) > 1:
                self.mixed_groups += 1
                self.gradient_tokens += sum(lengths[group])


class StepLog(TrainerCallback):
    """Hands on what a trainer logs at each step, and keeps it.

    Args:
        write: receives each line.
        reward: of a GRPO trainer: its newest and best completion is part of the line.
    """

    def __init__(
        self, write: Callable[[dict[str, Any]], None], reward: GoldReward | None = None
    ) -> None:
        self.steps: list[dict[str, Any]] = []
        self._write = write
        self._reward = reward

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Called by the trainer."""
        if not logs or "train_runtime" in logs:
            return  # the summary at the end
        line = {"step": state.global_step, **logs}
        if self._reward is not None:
            line |= {
                "completion_tokens": logs.get("completions/mean_length"),
                "reward_calls": self._reward.calls,
                "responses_scored": self._reward.responses,
                "example": max(self._reward.seen, key=lambda one: one["reward"] or 0.0),
            }
        self.steps.append(line)
        self._write(line)


def to_file(path: Path, tell: Callable[[str], None]) -> Callable[[dict[str, Any]], None]:
    """A writer of JSON lines that also tells the run's page."""

    def write(line: dict[str, Any]) -> None:
        text = json.dumps(line, ensure_ascii=False)
        with path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
        tell(text)

    return write


def fingerprint(model: Any) -> float:
    """A number that any changed weight changes."""
    return sum(float(weights.detach().double().abs().sum()) for weights in model.parameters())
