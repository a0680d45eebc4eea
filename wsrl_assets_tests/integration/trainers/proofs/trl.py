"""TRL: the folder through `load_dataset`, the reward by its import path, one step of GRPO."""

import re
import shlex
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import datasets
from transformers import LlamaConfig, LlamaForCausalLM
from trl import GRPOConfig, GRPOTrainer
from trl.scripts.grpo import make_parser

from wsrl_assets_tests.integration.trainers.byte_tokenizer import byte_tokenizer
from wsrl_assets_tests.integration.trainers.proof import Answers, Proof


def prove(folder: Path, answers: Answers) -> Proof:
    sys.path.insert(0, str(folder))  # as `trl grpo` does with the working folder
    module, _, name = _launch(folder).reward_funcs[0].rpartition(".")
    gold_reward = getattr(__import__(module), name)
    dataset = datasets.load_dataset(str(folder), cache_dir=str(folder.parent / "cache"))["train"]
    trainer = _trainer(folder, dataset, gold_reward)
    rows = [dataset[index] for index in range(len(dataset))]

    ends = trainer.eos_token_ids[:1]

    def rewards(which: int) -> list[float]:
        said = [answers.of(row["prompt"][0]["content"])[which] for row in rows]
        completions = [[{"role": "assistant", "content": text}] for text in said]
        prompts = [row["prompt"] for row in rows]
        got = trainer._calculate_rewards(rows, prompts, completions, [ends] * len(rows))
        cut_off = trainer._calculate_rewards(rows, prompts, completions, [[0]] * len(rows))
        assert not cut_off.any(), "without its end token a completion was cut off"
        return [float(value) for value in got[:, 0]]

    right, wrong = rewards(0), rewards(1)
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "reward" in entry]
    step = {"rewards/gold_reward/mean": logged[0]["rewards/gold_reward/mean"]}
    return Proof(version("trl"), len(dataset), right, wrong, step)


def _trainer(folder: Path, dataset: Any, reward: Any) -> Any:
    """GRPO over a model of a few thousand weights, enough for one step."""
    tokenizer = byte_tokenizer()
    size = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    arguments = GRPOConfig(
        output_dir=str(folder.parent / "run"),
        use_cpu=True,
        bf16=False,
        report_to="none",
        per_device_train_batch_size=2,
        num_generations=2,
        max_completion_length=8,
        max_steps=1,
        logging_steps=1,
        save_strategy="no",
        disable_tqdm=True,
    )
    return GRPOTrainer(
        model=LlamaForCausalLM(size),
        reward_funcs=reward,
        args=arguments,
        train_dataset=dataset,
        processing_class=tokenizer,
    )


def _launch(folder: Path) -> Any:
    """TRL's own reading of the launch settings of our README."""
    text = (folder / "README.md").read_text("utf-8")
    found = re.search(r"```sh\ntrl grpo (.*?)```", text, re.DOTALL)
    assert found is not None
    command = found[1].replace("\\\n", " ").replace("$MODEL", "m")
    options = [*shlex.split(command), "--use_cpu", "--bf16", "false"]
    parsed = make_parser().parse_args_and_config(options, fail_with_unknown_args=True)
    return parsed[0]
