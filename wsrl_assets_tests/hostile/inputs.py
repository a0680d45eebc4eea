"""The inputs by kind."""

import json
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).parent
KINDS = tuple(sorted(path.stem for path in _FOLDER.glob("*.jsonl")))


def inputs(kind: str) -> list[dict[str, Any]]:
    """The inputs of one kind: each has a `text`, some a `name` and what is held of it."""
    lines = (_FOLDER / f"{kind}.jsonl").read_text("ascii").splitlines()
    return [json.loads(line) for line in lines]


def texts(kind: str) -> list[Any]:
    """The texts of one kind as parameters of a test, by number: not every shell prints them."""
    return [pytest.param(row["text"], id=f"{kind}-{n}") for n, row in enumerate(inputs(kind))]
