"""Runs one proof in the trainers' environment: `python -m ...proof NAME FOLDER ANSWERS RESULT`.

There are no Polars and no Dagster, and of wsrl_assets the reward alone. A proof loads the exported
folder with the trainer's own code and puts responses through the trainer's own reward interface.
"""

import importlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answers:
    """By question: a right and a wrong response; in the order of the file."""

    right: dict[str, str]
    wrong: dict[str, str]

    def of(self, prompt: str) -> tuple[str, str]:
        """Right and wrong response to a prompt, which ends with the instruction how to answer."""
        question = next(q for q in self.right if prompt.startswith(q))
        return self.right[question], self.wrong[question]


@dataclass
class Proof:
    """The result.

    Attributes:
        version: of the trainer.
        rows: what the trainer's data set holds.
        right, wrong: rewards of the right and the wrong response to each row.
        more: what else was seen.
    """

    version: str
    rows: int
    right: list[float]
    wrong: list[float]
    more: dict[str, Any] = field(default_factory=dict)


def main(name: str, folder: str, answers: str, result: str) -> None:
    """Writes the proof as JSON, since trainers print a lot."""
    proofs = importlib.import_module(f"wsrl_assets_tests.integration.trainers.proofs.{name}")
    proof = proofs.prove(Path(folder), Answers(**json.loads(Path(answers).read_text("utf-8"))))
    Path(result).write_text(json.dumps(vars(proof)), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
