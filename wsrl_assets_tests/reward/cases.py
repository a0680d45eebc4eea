"""The hand-labelled cases, for the tests and the benchmark."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from wsrl_assets.reward import Gold

CASES_FILE = Path(__file__).with_name("cases.jsonl")


@dataclass(frozen=True, slots=True)
class Case:
    """A response, the gold it answers, and whether a careful person would call it right."""

    gold: Gold
    response: str
    label: int
    note: str

    def describe(self) -> str:
        note = f" ({self.note})" if self.note else ""
        return f"{self.gold.type} {self.gold.value!r}: {self.response!r}{note}"


def read_cases(path: Path = CASES_FILE) -> list[Case]:
    with path.open(encoding="utf-8") as lines:
        return [_read_case(line) for line in lines]


def _read_case(line: str) -> Case:
    row = json.loads(line)
    gold = Gold.from_json(json.dumps(row["gold"]))
    return Case(gold, row["response"], row["label"], row["note"])
