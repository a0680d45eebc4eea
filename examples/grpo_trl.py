"""Trains a small model on a release with TRL's GRPO, with the reward that pairs were verified by.

    python examples/grpo_trl.py --release .wsrl/releases/NAME --model Qwen/Qwen3-0.6B

It needs TRL (requirements/trainers.txt) and, of this package, the reward and `training.arms`, which
`wsrl prove` trains its arms with. On a CPU it takes a few steps of short completions, which shows
that the parts fit and trains nothing; where the CPU is shared, set OMP_NUM_THREADS=1.
On a GPU the same call trains in bfloat16; with --vllm, the completions come from vLLM on that GPU.

Every step prints the mean reward, how much of it differs within a group (what GRPO learns from),
and one completion with its score.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from datasets import Dataset, load_dataset
from transformers import PrinterCallback
from trl import GRPOConfig, GRPOTrainer

from wsrl_assets.reward.instruction import rollout_messages
from wsrl_assets.training.arms.rewards import GoldReward, StepLog, fingerprint
from wsrl_assets.training.arms.trainers import common_settings


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    on_gpu = torch.cuda.is_available()
    if options.vllm and not on_gpu:
        sys.exit("--vllm needs a GPU, and there is none: leave it out")
    reward = GoldReward()
    report = StepLog(lambda line: print(json.dumps(line, ensure_ascii=False), flush=True), reward)
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
    before = fingerprint(trainer.model)
    trainer.train()
    changed = fingerprint(trainer.model) != before
    print(json.dumps({"steps": len(report.steps), "weights_changed": changed}), flush=True)
    if on_gpu:
        trainer.save_model(options.output)


def training_pairs(release: Path, limit: int | None) -> Dataset:
    """The release's train split as TRL takes it: `prompt`, and `gold` for the reward."""
    pairs = load_dataset(str(release), split="train")
    # Without their passage, the first are not unanswerable but hard; the second need a judge.
    pairs = pairs.filter(lambda row: row["form"] not in ("unanswerable", "rubric"))
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
        **common_settings(options.output, options.seed, on_gpu),
        max_steps=options.steps or (200 if on_gpu else 3),
        num_generations=generations,
        per_device_train_batch_size=generations * (4 if on_gpu else 1),
        max_completion_length=options.completion_tokens or (1024 if on_gpu else 32),
        learning_rate=options.learning_rate,
        temperature=1.0,
        beta=0.0,
        model_init_kwargs={"dtype": "bfloat16" if on_gpu else "float32"},
        use_vllm=options.vllm,
        vllm_mode="colocate",
    )


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
