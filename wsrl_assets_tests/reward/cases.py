"""The hand-labelled cases, for the tests and the benchmark.

`cases.jsonl` was written by the authors of the rules, with the rules. `outside.jsonl` was written
by somebody who had not seen them; the rules have seen it since. Its `debatable` cases, which
careful people may judge differently, are left out unless asked for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsrl_assets.reward import Gold

CASES_FILE = Path(__file__).with_name("cases.jsonl")
OUTSIDE_FILE = Path(__file__).with_name("outside.jsonl")


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
        rows = [json.loads(line) for line in lines]
    return [_as_case(row) for row in rows if not row.get("debatable")]


def _as_case(row: dict[str, Any]) -> Case:
    gold = Gold.from_json(json.dumps(row["gold"]))
    return Case(gold, row["response"], row["label"], row["note"])
