"""Golds as data: JSON there and back, and complaints that name the key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wsrl_assets.reward import AnswerType, Gold

FULL = Gold(
    AnswerType.QUANTITY,
    "5",
    unit="km",
    tolerance=0.01,
    aliases=("5000 m",),
    choices=("a", "b"),
    ordered=True,
)


def test_json_has_every_key_and_survives_the_round_trip() -> None:
    row = json.loads(FULL.to_json())
    assert set(row) == {"type", "value", "unit", "tolerance", "aliases", "choices", "ordered"}
    assert Gold.from_json(FULL.to_json()) == FULL


def test_keys_with_a_default_may_be_absent() -> None:
    assert Gold.from_json('{"type": "integer", "value": "12"}') == Gold(AnswerType.INTEGER, "12")


def test_json_keeps_letters_readable() -> None:
    assert "São Paulo" in Gold(AnswerType.ENTITY, "São Paulo").to_json()


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"value": "12"}, '"type"'),
        ({"type": "integer"}, '"value"'),
        ({"type": "number", "value": "12"}, '"type"'),
        ({"type": None, "value": "12"}, '"type"'),
        ({"type": ["integer"], "value": "12"}, '"type"'),
        ({"type": "integer", "value": 12}, '"value"'),
        ({"type": "integer", "value": None}, '"value"'),
        ({"type": "integer", "value": "12", "unit": 5}, '"unit"'),
        ({"type": "integer", "value": "12", "tolerance": "0.1"}, '"tolerance"'),
        ({"type": "integer", "value": "12", "tolerance": True}, '"tolerance"'),
        ({"type": "integer", "value": "12", "tolerance": -0.1}, '"tolerance"'),
        ({"type": "integer", "value": "12", "tolerance": 1.5}, '"tolerance"'),
        ({"type": "integer", "value": "12", "aliases": "twelve"}, '"aliases"'),
        ({"type": "integer", "value": "12", "aliases": [12]}, '"aliases"'),
        ({"type": "integer", "value": "12", "choices": {"a": 1}}, '"choices"'),
        ({"type": "integer", "value": "12", "ordered": 1}, '"ordered"'),
        ({"type": "integer", "value": "12", "units": "km"}, '"units"'),
    ],
)
def test_a_wrong_key_is_named(row: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Gold.from_json(json.dumps(row))


@pytest.mark.parametrize("text", ["", "12", "[]", "null", "{", '"x"', "[" * 10_000, "NaN"])
def test_what_is_no_json_object_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="gold"):
        Gold.from_json(text)


def test_lists_become_tuples_so_that_every_gold_is_hashable() -> None:
    gold = Gold("entity", "WHO", aliases=["World Health Organization"])  # type: ignore[arg-type]
    assert gold.type is AnswerType.ENTITY
    assert hash(gold) == hash(Gold(AnswerType.ENTITY, "WHO", aliases=gold.aliases))
