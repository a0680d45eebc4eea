"""What an arm is asked to do: plain data, written by the project and read by the trainers."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

TASK, RESULT, ANSWERS, STEPS, LOG = (
    "task.json",
    "result.json",
    "answers.jsonl",
    "steps.jsonl",
    "log.txt",
)
SAMPLES = 8
"""Completions per question and prompt: pass@1 is their mean, pass@8 asks for one of them."""


BUDGETS = ("source_tokens", "gradient_tokens", "rollout_tokens", "device_seconds")
"""What an arm spends: four figures of one seed."""


class Method(StrEnum):
    """How a phase trains."""

    TEXT = "text"
    ANSWERS = "answers"
    GRPO = "grpo"


class Prompt(StrEnum):
    """What a question comes with."""

    WITH_PASSAGE = "with_passage"
    CLOSED_BOOK = "closed_book"


class Shots(StrEnum):
    """How many worked examples stand before a question."""

    NONE = "zero_shot"
    FOUR = "four_shot"


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training with one trainer.

    Attributes:
        method: next-token loss on texts, loss on the answer alone, or GRPO.
        data: name of the file of rows, in the data folder.
        steps: optimizer steps.
        batch: texts, pairs, or prompts of a step.
        device_batch: sequences that the device takes at once.
        learning_rate: constant after `warmup_steps`.
        max_tokens: of a sequence: a packed text, or a prompt with its answer.
        generations: completions of a prompt (GRPO).
        completion_tokens: of the longest completion (GRPO).
        clip: lower and upper bound of the policy's ratio (GRPO).
    """

    method: Method
    data: str
    steps: int
    batch: int
    device_batch: int
    learning_rate: float
    warmup_steps: int
    max_tokens: int
    generations: int = 0
    completion_tokens: int = 0
    clip: tuple[float, float] = (0.2, 0.28)


@dataclass(frozen=True, slots=True)
class ArmTask:
    """An arm with one seed.

    Attributes:
        arm, seed: which.
        model: folder of weights, or a name on the Hub.
        data: folder of the rows, of all arms alike.
        phases: training, in order; none for the model as it is.
        shots: the evaluations, each a row of figures.
        answer_tokens: of the longest completion in the evaluation.
        question_batch: questions that are evaluated at once.
        text_tokens: length of the pieces in which the loss of texts is measured.
        scores_cut_off: whether a completion that was cut off may score.
        benchmarks: tasks of lm-evaluation-harness: names, or paths of task files.
    """

    arm: str
    seed: int
    model: str
    data: str
    phases: tuple[Phase, ...]
    shots: tuple[Shots, ...]
    answer_tokens: int
    question_batch: int
    text_tokens: int
    scores_cut_off: bool
    benchmarks: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The task as a file."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, path: Path) -> "ArmTask":
        """Reads what `to_json` wrote."""
        row = json.loads(path.read_text("utf-8"))
        lists = {"shots": tuple(map(Shots, row["shots"])), "benchmarks": tuple(row["benchmarks"])}
        return cls(**{**row, **lists, "phases": tuple(map(_phase, row["phases"]))})


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines. Texts may hold what else counts as the end of a line."""
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def _phase(row: Mapping[str, Any]) -> Phase:
    low, high = row["clip"]
    return Phase(**{**row, "method": Method(row["method"]), "clip": (low, high)})
