"""SkyRL: PromptDataset, and a step of the environment that skyrl-gym makes by its registered id."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import skyrl_gym
from skyrl.train.dataset import PromptDataset
from skyrl_gym.envs import register

from wsrl_assets_tests.integration.trainers.byte_tokenizer import byte_tokenizer
from wsrl_assets_tests.integration.trainers.proof import Answers, Proof


def prove(folder: Path, answers: Answers) -> Proof:
    sys.path.insert(0, str(folder))
    register(id="wsrl", entry_point="reward:WsrlEnv")  # as main.py beside it does
    dataset = PromptDataset(str(folder / "train.parquet"), byte_tokenizer(), 2048, num_workers=1)
    rows = dataset.collate_fn([dataset[index] for index in range(len(dataset))])
    return Proof(
        f"{version('skyrl')} and skyrl-gym {version('skyrl-gym')}",
        len(dataset),
        [_reward(row, answers.of(row["prompt"][0]["content"])[0]) for row in rows],
        [_reward(row, answers.of(row["prompt"][0]["content"])[1]) for row in rows],
    )


def _reward(row: dict[str, Any], said: str) -> float:
    extras = {**row["env_extras"], "max_turns": 1}
    environment = skyrl_gym.make(row["env_class"], env_config=None, extras=extras)
    environment.init(row["prompt"])
    output = environment.step(said)
    assert output["done"]
    return float(output["reward"])
