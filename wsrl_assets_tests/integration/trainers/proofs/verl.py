"""verl: RLHFDataset, and the reward manager that its configuration makes of our file."""

import re
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra import compose, initialize_config_module
from verl import DataProto
from verl.trainer.ppo.reward import load_reward_manager
from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn

from wsrl_assets_tests.integration.trainers.byte_tokenizer import byte_tokenizer
from wsrl_assets_tests.integration.trainers.proof import Answers, Proof


def prove(folder: Path, answers: Answers) -> Proof:
    tokenizer = byte_tokenizer()
    config = _config(folder)
    dataset = RLHFDataset(config.data.train_files, tokenizer, config.data)
    manager = load_reward_manager(config, tokenizer)
    batch = collate_fn([dataset[index] for index in range(len(dataset))])

    def reward(row: int, response: str) -> float:
        assert of_tokens(row, tokenizer.encode(response)) == 0.0, "it fills its room: cut off"
        return of_tokens(row, [*tokenizer.encode(response), tokenizer.eos_token_id])

    def of_tokens(row: int, tokens: list[int]) -> float:
        ids = torch.tensor([tokens])
        item = DataProto.from_dict(
            tensors={
                "prompts": torch.zeros((1, 4), dtype=torch.long),
                "responses": ids,
                "attention_mask": torch.ones((1, 4 + ids.shape[1]), dtype=torch.long),
            },
            non_tensors={
                key: np.array([batch[key][row]], dtype=object)
                for key in ("data_source", "reward_model", "extra_info")
            },
        )
        return float(manager.loop.run_until_complete(manager.run_single(item))["reward_score"])

    said = [answers.of(prompt[0]["content"]) for prompt in batch["raw_prompt"]]
    return Proof(
        version("verl"),
        len(dataset),
        [reward(row, right) for row, (right, _) in enumerate(said)],
        [reward(row, wrong) for row, (_, wrong) in enumerate(said)],
    )


def _config(folder: Path) -> Any:
    """verl's whole configuration with the launch settings of our README."""
    text = (folder / "README.md").read_text("utf-8")
    found = re.search(r"```sh\n(python3 -m verl.*?)```", text, re.DOTALL)
    assert found is not None
    command = found[1].replace("\\\n", " ").replace("$PWD", str(folder)).replace("$MODEL", "m")
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", shlex.split(command)[3:])
