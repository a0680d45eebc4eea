"""A rubric: what an explanation must say and must not say, where no rule can compare it whole.

It stands where a `Gold` stands for short answers, and travels as JSON in the same places. Its type
is `rubric`, which is none of `AnswerType`: only a judge can score it (see `hearing`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

TYPE = "rubric"
MIN_FACTS, MAX_FACTS = 3, 7
"""Facts of a rubric, both kinds together: fewer are a short answer, and more are a summary."""
MIN_MUST, MIN_MUST_NOT = 2, 1
CENTRAL, BESIDE = 2, 1
"""Weights of a fact that the question asks for, and of one that belongs to a good answer."""
MISTAKE_COST = 0.5
"""What a mistake that is said takes off: more than may be missing at the threshold, so that no
answer with a mistake passes; two leave nothing."""
THRESHOLD = 0.75
"""From here on an answer passes: a quarter of the weight may be missing. Of three equal facts that
is none, of four it is one."""
MAX_FACT_CHARS = 240
MAX_QUESTION_CHARS = 2_000
MAX_REFERENCE_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Must:
    """A fact that an answer must say, and its weight."""

    fact: str
    weight: int = BESIDE


@dataclass(frozen=True, slots=True)
class Rubric:
    """What an explanation is held against.

    Attributes:
        question: what is asked; a judge sees it, and an answer that repeats it says nothing.
        reference: an answer that says all and no mistake.
        must: facts that an answer must say.
        must_not: mistakes that cost it.
    """

    question: str
    reference: str
    must: tuple[Must, ...]
    must_not: tuple[str, ...]

    def to_json(self) -> str:
        """One line of JSON, with the key `type` as golds have it."""
        row = {
            "type": TYPE,
            "question": self.question,
            "reference": self.reference,
            "must": [{"fact": one.fact, "weight": one.weight} for one in self.must],
            "must_not": list(self.must_not),
        }
        return json.dumps(row, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Rubric:
        """Read what `to_json` wrote; strict.

        Raises:
            ValueError: names the key that is missing, unknown or of a wrong kind.
        """
        try:
            row = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"rubric is not JSON: {error}") from error
        return cls.from_object(row)

    @classmethod
    def from_object(cls, row: object) -> Rubric:
        """Read a rubric that is a JSON object already; strict like `from_json`."""
        known = {"type", "question", "reference", "must", "must_not"}
        if not isinstance(row, Mapping) or set(row) != known or row["type"] != TYPE:
            raise ValueError(f"a rubric is a JSON object with the keys {sorted(known)}")
        question = _text("question", row["question"], MAX_QUESTION_CHARS)
        reference = _text("reference", row["reference"], MAX_REFERENCE_CHARS)
        must = tuple(_must(one) for one in _items("must", row["must"], MIN_MUST))
        must_not = tuple(
            _text("must_not", one, MAX_FACT_CHARS)
            for one in _items("must_not", row["must_not"], MIN_MUST_NOT)
        )
        if not MIN_FACTS <= len(must) + len(must_not) <= MAX_FACTS:
            raise ValueError(
                f"a rubric has {MIN_FACTS} to {MAX_FACTS} facts, not {len(must) + len(must_not)}"
            )
        return cls(question, reference, must, must_not)


def is_rubric(gold: object) -> bool:
    """Whether a gold, as an object or its JSON, says that it is a rubric. Never raises."""
    if isinstance(gold, Rubric):
        return True
    if isinstance(gold, str):
        if '"rubric"' not in gold:
            return False
        try:
            gold = json.loads(gold)
        except (ValueError, RecursionError):
            return False
    return isinstance(gold, Mapping) and gold.get("type") == TYPE


def read_rubric(gold: object) -> Rubric:
    """A rubric from one, its JSON text or its object.

    Raises:
        ValueError: it is none.
    """
    if isinstance(gold, Rubric):
        return gold
    return Rubric.from_json(gold) if isinstance(gold, str) else Rubric.from_object(gold)


def _must(one: object) -> Must:
    if not isinstance(one, Mapping) or set(one) != {"fact", "weight"}:
        raise ValueError('each of "must" has the keys "fact" and "weight"')
    weight = one["weight"]
    if isinstance(weight, bool) or weight not in (BESIDE, CENTRAL):
        raise ValueError(f'rubric key "weight" must be {BESIDE} or {CENTRAL}, not {weight!r}')
    return Must(_text("fact", one["fact"], MAX_FACT_CHARS), int(weight))


def _items(key: str, value: object, least: int) -> list[object]:
    if not isinstance(value, list | tuple) or len(value) < least:
        raise ValueError(f'rubric key "{key}" must be a list of at least {least}')
    return list(value)


def _text(key: str, value: object, most: int) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > most:
        raise ValueError(f'rubric key "{key}" must be text of 1 to {most} characters')
    return value
