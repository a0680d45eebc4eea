"""A trainers' environment that trains nothing: `training.arms` with made-up answers.

It answers by the arm and the seed, so that a test knows which differences there are. An arm named
in `FAIL` fails, as its trainer would; one named in `WAIT` waits to be stopped.
"""

import json
import os
import sys
import time
from pathlib import Path

from dagster_pipes import open_dagster_pipes

from wsrl_assets.training.arms.scoring import Completion, score_group, summary
from wsrl_assets.training.arms.task import ANSWERS, LOG, RESULT, STEPS, ArmTask, read_lines

RIGHT = {"grpo": 8, "sft": 6, "warmup_grpo": 8, "grpo_drafts": 3}


def main(folder: Path) -> None:
    """The files of a finished arm."""
    task = ArmTask.read(folder / "task.json")
    with open_dagster_pipes() as pipes:
        (folder / LOG).write_text("loading\nout of memory, as a trainer says it\n")
        if task.arm == os.environ.get("FAIL"):
            sys.exit(3)
        if task.arm == os.environ.get("WAIT"):
            (folder / "waiting").touch()
            time.sleep(60)
        right = RIGHT.get(task.arm, 2)
        items = read_lines(Path(task.data) / "questions.jsonl")
        lines = [
            {
                "shots": str(shots),
                **score_group(item, kind, answers(item, right), scores_cut_off=True),
            }
            for shots in task.shots
            for kind in ("with_passage", "closed_book")
            for item in items
        ]
        (folder / ANSWERS).write_text("".join(json.dumps(line) + "\n" for line in lines))
        step = {
            "phase": 0,
            "method": "grpo",
            "step": 1,
            "reward": 0.5,
            "frac_reward_zero_std": 0.25,
        }
        (folder / STEPS).write_text(json.dumps(step) + "\n")
        result = {
            "budgets": dict.fromkeys(
                ("source_tokens", "gradient_tokens", "rollout_tokens", "device_seconds"), 10
            ),
            "training": {"rows": 4},
            "evaluations": {
                str(shots): summary([line for line in lines if line["shots"] == shots])
                for shots in task.shots
            },
            "losses": {"foreign": 3.0, "held_out": 4.0},
            "benchmarks": {},
        }
        (folder / RESULT).write_text(json.dumps(result))
        pipes.report_asset_materialization(metadata={"rows": 4})


def answers(item: dict[str, object], right: int) -> list[Completion]:
    """Eight completions, so many of them right."""
    gold = json.loads(str(item["gold"]))["value"]
    said = [f"Answer: {gold}"] * right + ["Answer: 1700"] * (8 - right)
    return [Completion(text, 4, False) for text in said]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
