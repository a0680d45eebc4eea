"""What a reward is scored against: the gold answer and its type.

A `Gold` is plain data. It travels through files as JSON and is hashable, so that the rules can
keep what they read out of it in a cache. Whether its value is *of* its type is not decided here:
`parse_gold` does that for an answer someone wrote, and `self_test` for a finished gold.
"""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache

from .outcome import MissingPackageError


class AnswerType(StrEnum):
    """The closed set of answers the reward can check."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    PERCENT = "percent"
    QUANTITY = "quantity"
    DATE = "date"
    TIME = "time"
    MONEY = "money"
    ENTITY = "entity"
    CHOICE = "choice"
    YES_NO = "yes_no"
    LIST = "list"
    CODE = "code"
    EXPRESSION = "expression"


@dataclass(frozen=True, slots=True)
class Gold:
    """The right answer of one question, and how it is to be compared.

    * `value` is always text. A list is a JSON array of strings (`'["a", "b"]'`, what `parse_gold`
      writes), or items separated by `"; "`, or else by `", "`.
    * `unit` is the unit of a quantity (`"km"`) or the currency of money (`"USD"`); either may
      stand in the value instead (`"5 km"`, `"$5"`).
    * `tolerance` is relative (0.01 is one percent of the value), and is read for decimals,
      percents, quantities and money. Without one a value must agree in all its digits.
    * `aliases` are further right answers, each read under the same rule as the value.
    * `choices` are the options of a choice, in their order: A is the first.
    * `ordered` says that the order of a list counts.
    """

    type: AnswerType
    value: str
    unit: str | None = None
    tolerance: float | None = None
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    ordered: bool = False

    def __post_init__(self) -> None:
        """Coerce what callers write in good faith, so that every gold is hashable."""
        object.__setattr__(self, "type", _as_type(self.type))
        _require_text("value", self.value)
        if self.unit is not None:
            _require_text("unit", self.unit)
        object.__setattr__(self, "tolerance", _as_tolerance(self.tolerance))
        object.__setattr__(self, "aliases", _as_texts("aliases", self.aliases))
        object.__setattr__(self, "choices", _as_texts("choices", self.choices))
        if not isinstance(self.ordered, bool):
            raise ValueError(f'gold key "ordered" must be true or false, not {self.ordered!r}')

    def to_json(self) -> str:
        """One line of JSON with every key, so that columns made of it have one shape."""
        row: dict[str, object] = {f.name: getattr(self, f.name) for f in fields(self)}
        return json.dumps(row, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Gold:
        """Read what `to_json` wrote.

        Strict: keys with a default may be absent, and no other keys may be there.

        Raises:
            ValueError: names an unknown or missing key, or the one whose value is of a wrong kind.
            MissingPackageError: the type needs a package that is not installed. So the first gold
                that is loaded says it, and no score has to.
        """
        try:
            row = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"gold is not JSON: {error}") from error
        return cls.from_object(row)

    @classmethod
    def from_object(cls, row: object) -> Gold:
        """Read a gold that is a JSON object already; strict like `from_json`."""
        if not isinstance(row, Mapping):
            raise ValueError(f"gold must be a JSON object, not {type(row).__name__}")
        known = {f.name for f in fields(cls)}
        for key in row:
            if key not in known:
                raise ValueError(f'gold has the unknown key "{key}"; it may have {sorted(known)}')
        for key in ("type", "value"):
            if key not in row:
                raise ValueError(f'gold lacks the key "{key}"')
        gold = cls(**row)
        require_packages(gold.type)
        return gold


NEEDS_PINT = "units of measure need the package pint, which is not installed: pip install pint"


def require_packages(answer_type: AnswerType) -> None:
    """Raises MissingPackageError where answers of a type cannot be scored as things are."""
    if answer_type is AnswerType.QUANTITY and not _is_pint_installed():
        raise MissingPackageError(f'gold of the type "{answer_type}": {NEEDS_PINT}')


@lru_cache(maxsize=1)
def _is_pint_installed() -> bool:
    return importlib.util.find_spec("pint") is not None


def _as_type(value: object) -> AnswerType:
    try:
        return AnswerType(value)  # type: ignore[arg-type]
    except ValueError:
        known = ", ".join(AnswerType)
        raise ValueError(f'gold key "type" must be one of {known}, not {value!r}') from None


def _require_text(key: str, value: object) -> None:
    if not isinstance(value, str):
        raise ValueError(f'gold key "{key}" must be text, not {value!r}')


def _as_tolerance(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f'gold key "tolerance" must be a number or null, not {value!r}')
    if not (math.isfinite(value) and 0 <= value < 1):
        raise ValueError(f'gold key "tolerance" must be relative, from 0 to below 1, not {value}')
    return float(value)


def _as_texts(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f'gold key "{key}" must be a list of texts, not {value!r}')
    for item in value:
        _require_text(key, item)
    return tuple(value)
