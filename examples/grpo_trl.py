"""Trains a small model on a release with TRL's GRPO, with the reward that pairs were verified by.

    python examples/grpo_trl.py --release .wsrl/releases/NAME --model Qwen/Qwen3-0.6B

It needs TRL (requirements/trainers.txt) and, of this package, the reward and the rollout prompt. On
a CPU it takes a few steps of short completions, which shows that the parts fit and trains nothing;
where the CPU is shared, set OMP_NUM_THREADS=1.
On a GPU the same call trains in bfloat16; with --vllm, the completions come from vLLM on that GPU.

Every step prints the mean reward, how much of it differs within a group (what GRPO learns from),
and one completion with its score.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, load_dataset
from transformers import PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from wsrl_assets.reward import final_message, score_rollout
from wsrl_assets.reward.instruction import rollout_messages


@dataclass
class GoldReward:
    """The reward with TRL's signature; it remembers what it was asked.

    Attributes:
        calls: how often it was called.
        seen: the newest call's completions, each with its score and the reward's reason.
        responses: how many responses it has scored.
    """

    calls: int = 0
    responses: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)
    __name__ = "gold_reward"

    def __call__(
        self, prompts: list[Any], completions: list[Any], gold: list[Any], **_: Any
    ) -> list[float | None]:
        """1.0 for each completion whose final answer is the gold answer, else 0.0.

        None, which TRL leaves out, where there is no verdict. Completions that were cut off are
        scored too, since on a CPU nearly all are; the reward of an export gives them 0.
        """
        self.calls += 1
        self.responses += len(completions)
        self.seen = []
        for completion, label in zip(completions, gold, strict=True):
            scored = score_rollout(completion, label)
            self.seen.append(
                {
                    "completion": final_message(completion),
                    "reward": float(scored.value) if scored.decided else None,
                    "reason": str(scored.reason),
                }
            )
        return [one["reward"] for one in self.seen]


class Report(TrainerCallback):
    """Prints a line for each step, and keeps it."""

    def __init__(self, reward: GoldReward) -> None:
        self.steps: list[dict[str, Any]] = []
        self._reward = reward

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if not logs or "reward" not in logs:
            return  # the summary at the end
        shown = max(self._reward.seen, key=lambda one: one["reward"] or 0.0)
        line = {
            "step": state.global_step,
            "reward": logs["reward"],
            "reward_std": logs["reward_std"],
            "grad_norm": logs.get("grad_norm"),
            "completion_tokens": logs.get("completions/mean_length"),
            "reward_calls": self._reward.calls,
            "responses_scored": self._reward.responses,
            "example": shown,
        }
        self.steps.append(line)
        print(json.dumps(line, ensure_ascii=False), flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    on_gpu = torch.cuda.is_available()
    if options.vllm and not on_gpu:
        sys.exit("--vllm needs a GPU, and there is none: leave it out")
    reward = GoldReward()
    report = Report(reward)
    pairs = training_pairs(options.release, options.pairs)
    print(f"{len(pairs)} pairs, on {torch.cuda.get_device_name() if on_gpu else 'CPU'}", flush=True)
    trainer = GRPOTrainer(
        model=options.model,
        reward_funcs=reward,
        args=settings(options, on_gpu),
        train_dataset=pairs,
        callbacks=[report],
    )
    trainer.remove_callback(PrinterCallback)  # our report says it shorter
    before = _fingerprint(trainer.model)
    trainer.train()
    changed = _fingerprint(trainer.model) != before
    print(json.dumps({"steps": len(report.steps), "weights_changed": changed}), flush=True)
    if on_gpu:
        trainer.save_model(options.output)


def training_pairs(release: Path, limit: int | None) -> Dataset:
    """The release's train split as TRL takes it: `prompt`, and `gold` for the reward."""
    pairs = load_dataset(str(release), split="train")
    # Without their passage, these are not unanswerable but hard.
    pairs = pairs.filter(lambda row: row["form"] != "unanswerable")
    if limit is not None:
        pairs = pairs.select(range(min(limit, len(pairs))))
    return pairs.map(
        lambda row: {"prompt": rollout_messages(row["question"])},
        remove_columns=[name for name in pairs.column_names if name != "gold"],
    )


def settings(options: argparse.Namespace, on_gpu: bool) -> GRPOConfig:
    """What was asked for, and where it was not, what fits the device."""
    generations = options.generations or (8 if on_gpu else 4)
    return GRPOConfig(
        output_dir=str(options.output),
        max_steps=options.steps or (200 if on_gpu else 3),
        num_generations=generations,
        per_device_train_batch_size=generations * (4 if on_gpu else 1),
        max_completion_length=options.completion_tokens or (1024 if on_gpu else 32),
        learning_rate=options.learning_rate,
        temperature=1.0,
        beta=0.0,
        bf16=on_gpu,
        # Arithmetic in half precision is many times slower on most CPUs.
        model_init_kwargs={"dtype": "bfloat16" if on_gpu else "float32"},
        use_cpu=not on_gpu,
        gradient_checkpointing=on_gpu,
        seed=options.seed,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_vllm=options.vllm,
        vllm_mode="colocate",
    )


def _fingerprint(model: Any) -> float:
    """A number that any changed weight changes."""
    return sum(float(weights.detach().double().abs().sum()) for weights in model.parameters())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--release", type=Path, required=True, help="folder of a release")
    parser.add_argument("--model", required=True, help="model to train: a folder, or a Hub name")
    parser.add_argument("--output", type=Path, default=Path("grpo-out"))
    parser.add_argument("--pairs", type=int, help="only the first so many pairs")
    parser.add_argument("--steps", type=int, help="default: 200 on a GPU, 3 on a CPU")
    parser.add_argument("--generations", type=int, help="a group; default: 8 on a GPU, 4 on a CPU")
    parser.add_argument(
        "--completion-tokens", type=int, help="longest completion; default: 1024 or, on a CPU, 32"
    )
    parser.add_argument("--learning-rate", type=float, default=1e-6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vllm", action="store_true", help="completions from vLLM, on this GPU")
    return parser


if __name__ == "__main__":
    main()
