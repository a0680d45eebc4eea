"""Benchmarks that a user names, by lm-evaluation-harness, where it is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def run_benchmarks(model: Path, tasks: Sequence[str], output: Path) -> dict[str, float]:
    """Every numeric metric of every task, as `task.metric`.

    Raises:
        RuntimeError: the harness failed; its output is in the log.
    """
    done = subprocess.run(command(model, tasks, output), check=False)
    if done.returncode != 0:
        raise RuntimeError(f"lm_eval ended with {done.returncode}; its output is in the log")
    newest = max(output.rglob("results*.json"), key=lambda path: path.stat().st_mtime)
    results = json.loads(newest.read_text("utf-8"))["results"]
    return {
        f"{task}.{metric}": float(value)
        for task, metrics in results.items()
        for metric, value in metrics.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def command(model: Path, tasks: Sequence[str], output: Path) -> list[str]:
    """The command line: task files are found in their folders by the name of the file."""
    files = [Path(task) for task in tasks if task.endswith((".yaml", ".yml"))]
    names = [Path(task).stem if Path(task) in files else task for task in tasks]
    folders = sorted({str(file.parent) for file in files})
    included = ["--include_path", folders[0]] if folders else []
    return [
        *(sys.executable, "-m", "lm_eval", "--model", "hf"),
        *("--model_args", f"pretrained={model}", "--tasks", ",".join(names)),
        *("--output_path", str(output), *included),
    ]
