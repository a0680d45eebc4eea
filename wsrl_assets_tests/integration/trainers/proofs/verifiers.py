"""verifiers: the taskset by its id, `vf-validate` over it, and traces with replies."""

import asyncio
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import verifiers.v1 as vf
from verifiers.v1.cli.validate import run_validate
from verifiers.v1.configs.cli.validate import ValidateConfig
from verifiers.v1.state import state_cls

from wsrl_assets_tests.integration.trainers.proof import Answers, Proof


def prove(folder: Path, answers: Answers) -> Proof:
    sys.path.insert(0, str(folder))  # in place of `pip install .`
    tasks = list(vf.load_taskset(vf.taskset_config_type("wsrl-pairs")(id="wsrl-pairs")))
    validated = asyncio.run(run_validate(_validation(folder.parent / "runs")))
    return Proof(
        version("verifiers"),
        len(tasks),
        [asyncio.run(_reward(task, answers.of(task.data.prompt_text)[0])) for task in tasks],
        [asyncio.run(_reward(task, answers.of(task.data.prompt_text)[1])) for task in tasks],
        {
            "validated": [row["valid"] for row in validated],
            "gold": [row["gold"]["reason"] for row in validated],
            "noop_reward": [row["noop"]["reward"] for row in validated],
            "keys": len({task.key for task in tasks}),
        },
    )


def _validation(folder: Path) -> Any:
    """`vf-validate wsrl-pairs --runtime.type subprocess`."""
    return ValidateConfig(
        taskset={"id": "wsrl-pairs"},
        runtime=vf.SubprocessConfig(),
        output_dir=folder,
        rich=False,
    )


async def _reward(task: Any, said: str) -> float:
    trace = vf.Trace(
        task=vf.TraceTask(type=type(task).__name__, data=task.data, key=task.key, hash=task.hash),
        state=state_cls(type(task))(),
        agent=vf.AgentInfo(config=vf.AgentConfig(), name="agent", trainable=False),
        root_reply=said,
    )
    await task.score(trace)
    return float(trace.reward)
