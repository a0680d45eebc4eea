"""Trains and evaluates one arm: `python -m wsrl_assets.training.arms FOLDER`.

The folder holds `task.json`. Into it come the trainer's log, line by line, every answer with its
scores, and, last and whole, `result.json`: a folder that has it is finished.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dagster_pipes import open_dagster_pipes

from .task import ANSWERS, BUDGETS, LOG, RESULT, STEPS, TASK, ArmTask, Method, Shots, read_lines

_PACKAGES = ("torch", "transformers", "trl")


def main(folder: Path) -> None:
    """One arm, from its task to its result."""
    with open_dagster_pipes() as pipes:
        _into_file(folder / LOG)
        pipes.log.info(f"loading {', '.join(_PACKAGES)}")
        result = run_arm(folder, pipes.log.info)
        pipes.report_asset_materialization(metadata=_shown(result))


def run_arm(folder: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """Trains, evaluates, writes; returns the result."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

    from .rewards import fingerprint

    task = ArmTask.read(folder / TASK)
    for name in (STEPS, ANSWERS):
        (folder / name).unlink(missing_ok=True)
    set_seed(task.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = AutoTokenizer.from_pretrained(task.model)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(task.model, dtype=torch.float32).to(device)
    before = fingerprint(model)
    # On a CPU, which others may share, the processor's own seconds.
    clock = time.monotonic if device == "cuda" else time.process_time
    budgets, trained = _train(task, folder, model, tokenizer, tell, clock)
    tell(f"trained in {budgets['device_seconds']:.0f} s; evaluating")
    began = clock()
    evaluations, losses = _evaluate(task, folder, model, tokenizer)
    measured_s = clock() - began
    result = {
        "arm": task.arm,
        "seed": task.seed,
        "budgets": budgets,
        "evaluation_seconds": measured_s,
        "training": trained,
        "weights_changed": fingerprint(model) != before,
        "evaluations": evaluations,
        "losses": losses,
        **_benchmarks(task, folder, model, tokenizer, tell),
        "device": torch.cuda.get_device_name() if device == "cuda" else f"CPU ({os.cpu_count()})",
        "versions": {"python": platform.python_version()} | {n: version(n) for n in _PACKAGES},
    }
    partial = folder / f".{RESULT}"
    partial.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    partial.replace(folder / RESULT)
    return result


def _train(
    task: ArmTask,
    folder: Path,
    model: Any,
    tokenizer: Any,
    tell: Callable[[str], None],
    clock: Callable[[], float],
) -> tuple[dict[str, float], dict[str, Any]]:
    from .rewards import to_file
    from .trainers import rows_of, train

    write = to_file(folder / STEPS, tell)
    budgets = dict.fromkeys(BUDGETS, 0.0)
    trained: dict[str, Any] = {}
    for number, phase in enumerate(task.phases):
        rows = rows_of(phase, read_lines(Path(task.data) / phase.data))
        tell(f"{phase.method}: {phase.steps} steps on {len(rows)} rows of {phase.data}")
        began = clock()
        with TemporaryDirectory() as scratch:
            spent = train(
                phase,
                model,
                tokenizer,
                rows,
                output=Path(scratch),
                seed=task.seed,
                scores_cut_off=task.scores_cut_off,
                write=lambda line, n=number, m=phase.method: write(  # type: ignore[misc]
                    {"phase": n, "method": str(m), **line}
                ),
            )
        budgets["device_seconds"] += clock() - began
        read = _source_tokens(task, rows, tokenizer)
        if phase.method is Method.TEXT:
            read = min(read, spent.gradient_tokens)
        budgets["source_tokens"] += read
        budgets["gradient_tokens"] += spent.gradient_tokens
        budgets["rollout_tokens"] += spent.rollout_tokens
        if phase.method is Method.GRPO:
            trained["mixed_groups"] = spent.mixed_groups / max(1, spent.groups)
        trained["rows"] = trained.get("rows", 0) + len(rows)
    entropies = [line.get("entropy") for line in read_lines(folder / STEPS)] if trained else []
    said = [entropy for entropy in entropies if entropy is not None]
    return budgets, {**trained, **({"entropy": said[-1]} if said else {})}


def _source_tokens(task: ArmTask, rows: Sequence[Mapping[str, Any]], tokenizer: Any) -> int:
    """Tokens of the documents that rows come from, each document once."""
    wanted = {row["doc_id"] for row in rows}
    texts = {row["doc_id"]: row["text"] for row in rows if "text" in row}
    if len(texts) < len(wanted):
        passages = read_lines(Path(task.data) / "passages.jsonl")
        texts |= {row["doc_id"]: row["text"] for row in passages if row["doc_id"] in wanted}
    return sum(len(tokenizer(text)["input_ids"]) for text in texts.values())


def _evaluate(
    task: ArmTask, folder: Path, model: Any, tokenizer: Any
) -> tuple[dict[str, dict[str, float]], dict[str, float | None]]:
    from .evaluation import Limits, evaluate, text_loss
    from .scoring import summary

    data = Path(task.data)
    items = read_lines(data / "questions.jsonl")
    examples = json.loads((data / "shots.json").read_text("utf-8"))
    limits = Limits(task.answer_tokens, task.question_batch, task.text_tokens, task.scores_cut_off)
    evaluations = {}
    with (folder / ANSWERS).open("w", encoding="utf-8") as file:
        for shots in task.shots:
            before = examples if shots is Shots.FOUR else {}
            lines = evaluate(model, tokenizer, items, before, limits, task.seed)
            evaluations[str(shots)] = summary(lines)
            file.writelines(
                json.dumps({"shots": str(shots), **line}, ensure_ascii=False) + "\n"
                for line in lines
            )
    losses = {
        name: text_loss(
            model,
            tokenizer,
            [row["text"] for row in read_lines(data / f"{name}.jsonl")],
            task.text_tokens,
        )
        for name in ("foreign", "held_out")
    }
    return evaluations, losses


def _benchmarks(
    task: ArmTask, folder: Path, model: Any, tokenizer: Any, tell: Callable[[str], None]
) -> dict[str, Any]:
    """The figures of the harness. If it fails, the arm's own figures stand without them."""
    if not task.benchmarks:
        return {"benchmarks": {}}
    from .benchmarks import run_benchmarks

    with TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        try:
            found = run_benchmarks(Path(scratch), task.benchmarks, folder / "benchmarks")
        except Exception as error:  # it loads code and data of others
            tell(f"the benchmarks failed, so that the page has none for this arm: {error}")
            return {"benchmarks": {}, "benchmarks_failed": str(error)}
    return {"benchmarks": found}


def _shown(result: Mapping[str, Any]) -> dict[str, Any]:
    """The figures for the run's page."""
    figures = {f"{s}.{k}": v for s, row in result["evaluations"].items() for k, v in row.items()}
    return {**figures, **result["budgets"], "seed": result["seed"]}


def _into_file(path: Path) -> None:
    """Sends what trainers print to a file: the terminal is for the figures."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
