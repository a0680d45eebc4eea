"""The phases of an arm by TRL's trainers: texts and answers by SFT, the reward by GRPO."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from .rewards import GoldReward, StepLog
from .task import Method, Phase


@dataclass(slots=True)
class Spent:
    """What a phase took, in tokens of the model's tokenizer.

    Attributes:
        gradient_tokens: tokens with a loss that moves weights.
        rollout_tokens: tokens that the policy generated.
        groups, mixed_groups: prompts of GRPO, and those whose completions differ in reward.
    """

    gradient_tokens: int = 0
    rollout_tokens: int = 0
    groups: int = 0
    mixed_groups: int = 0


def common_settings(output: Path, seed: int, on_gpu: bool) -> dict[str, Any]:
    """What all trainers share. On a GPU, bfloat16 arithmetic over 32-bit weights."""
    return {
        "output_dir": str(output),
        "seed": seed,
        "bf16": on_gpu,
        # Arithmetic in half precision is many times slower on most CPUs.
        "use_cpu": not on_gpu,
        "gradient_checkpointing": on_gpu,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


def train(
    phase: Phase,
    model: Any,
    tokenizer: Any,
    rows: Sequence[Mapping[str, Any]],
    *,
    output: Path,
    seed: int,
    scores_cut_off: bool,
    write: Callable[[dict[str, Any]], None],
) -> Spent:
    """Trains the model in place on the rows of a phase."""
    settings = {**common_settings(output, seed, torch.cuda.is_available()), **_optimizer(phase)}
    shared = {"model": model, "processing_class": tokenizer}
    if phase.method is not Method.GRPO:
        supervised = _supervised(phase, rows, settings, shared)
        _run(supervised, StepLog(write))
        return Spent(gradient_tokens=supervised.gradient_tokens)
    reward = GoldReward(phase.generations, None if scores_cut_off else phase.completion_tokens)
    _run(_grpo(phase, rows, settings, shared, reward), StepLog(write, reward))
    return Spent(reward.gradient_tokens, reward.tokens, reward.groups, reward.mixed_groups)


def _run(trainer: Any, log: StepLog) -> None:
    trainer.add_callback(log)
    trainer.remove_callback(PrinterCallback)  # the log says it shorter
    trainer.train()


def rows_of(phase: Phase, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that a phase reads: no more than its steps take. Texts are packed, so all."""
    return list(rows if phase.method is Method.TEXT else rows[: phase.steps * phase.batch])


def _dataset(phase: Phase, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Dataset:
    """Some columns of the rows, which are repeated where there are fewer than a step takes: TRL
    leaves an incomplete batch out, and makes no step of it."""
    repeated = itertools.islice(itertools.cycle(rows), max(len(rows), phase.batch))
    return Dataset.from_list([{name: row[name] for name in columns} for row in repeated])


def _optimizer(phase: Phase) -> dict[str, Any]:
    sequences = phase.batch * max(1, phase.generations)
    at_once = min(sequences, phase.device_batch)
    return {
        "max_steps": phase.steps,
        "learning_rate": phase.learning_rate,
        "lr_scheduler_type": "constant_with_warmup",
        "warmup_steps": phase.warmup_steps,
        "per_device_train_batch_size": at_once,
        "gradient_accumulation_steps": sequences // at_once,
    }


class _CountingTrainer(SFTTrainer):
    """Counts the tokens with a loss."""

    gradient_tokens = 0

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        # The first label of a sequence predicts nothing.
        self.gradient_tokens += int((inputs["labels"][..., 1:] != -100).sum())
        return super().compute_loss(model, inputs, *args, **options)


def _supervised(
    phase: Phase,
    rows: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    shared: Mapping[str, Any],
) -> _CountingTrainer:
    is_text = phase.method is Method.TEXT
    config = SFTConfig(
        **settings,
        max_length=phase.max_tokens,
        # Cut and joined to full length: every token of a text is read, and none is padding.
        packing=is_text,
        packing_strategy="wrapped",
        completion_only_loss=None if is_text else True,
    )
    data = _dataset(phase, rows, ("text",) if is_text else ("prompt", "completion"))
    return _CountingTrainer(args=config, train_dataset=data, **shared)


def _grpo(
    phase: Phase,
    rows: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    shared: Mapping[str, Any],
    reward: GoldReward,
) -> GRPOTrainer:
    config = GRPOConfig(
        **settings,
        num_generations=phase.generations,
        max_completion_length=phase.completion_tokens,
        temperature=1.0,
        beta=0.0,
        epsilon=phase.clip[0],
        epsilon_high=phase.clip[1],
    )
    data = _dataset(phase, rows, ("prompt", "gold"))
    return GRPOTrainer(reward_funcs=reward, args=config, train_dataset=data, **shared)
