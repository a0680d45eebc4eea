"""NeMo-RL is not on the package index, so this is a proof against what its code says.

The stand-ins below have the names and fields of `nemo_rl/environments/interfaces.py` at 0b8a793a;
rows go the way of ResponseDataset (23d0baf6) and math_hf_data_processor (006a7dad). Torch and Ray
are real.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, NamedTuple, TypeVar

import datasets
import torch
from omegaconf import OmegaConf

from wsrl_assets_tests.integration.trainers.proof import Answers, Proof

M = TypeVar("M")


class EnvironmentReturn(NamedTuple):
    observations: list[dict[str, str]]
    metadata: list[Any]
    next_stop_strings: list[list[str] | None] | list[None]
    rewards: torch.Tensor
    terminateds: torch.Tensor
    answers: list[str | None] | None = None


class EnvironmentInterface(Generic[M]):
    pass


def prove(folder: Path, answers: Answers) -> Proof:
    reward = _reward_module(folder)
    config = OmegaConf.load(folder / "wsrl.yaml")
    source = config.data.default
    environment = reward.WsrlEnvironment(dict(config.env[source.env_name]))
    path = str(folder / "train.jsonl")
    cache = str(folder.parent / "cache")
    rows = datasets.load_dataset("json", data_files=path, cache_dir=cache)["train"]
    metadata = [{"ground_truth": row[source.output_key]} for row in rows]
    returned = [
        environment.step(
            [_conversation(row[source.input_key], answers, which) for row in rows], metadata
        )
        for which in (0, 1)
    ]
    batch = {"rewards": returned[0].rewards, "is_end": torch.ones(len(rows))}
    _, metrics = environment.global_post_process_and_metrics(batch)
    return Proof(
        "as of its code in the docstring",
        len(rows),
        returned[0].rewards.tolist(),
        returned[1].rewards.tolist(),
        {
            "accuracy": metrics["accuracy"],
            "ended": returned[0].terminateds.tolist(),
            "environment": [source.env_name, reward.NAME],
            "actor": hasattr(reward.WsrlEnvironmentActor, "remote"),
        },
    )


def _conversation(prompt: str, answers: Answers, which: int) -> list[dict[str, str]]:
    return [
        {"role": "user", "content": prompt},
        {"role": "assistant", "content": answers.of(prompt)[which]},
    ]


def _reward_module(folder: Path) -> Any:
    interfaces = ModuleType("nemo_rl.environments.interfaces")
    vars(interfaces).update(
        EnvironmentInterface=EnvironmentInterface, EnvironmentReturn=EnvironmentReturn
    )
    for name in ("nemo_rl", "nemo_rl.environments"):
        sys.modules[name] = ModuleType(name)
    sys.modules[interfaces.__name__] = interfaces
    spec = importlib.util.spec_from_file_location("reward", folder / "reward.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
