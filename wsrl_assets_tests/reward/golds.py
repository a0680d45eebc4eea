"""Hypothesis strategies for golds of every type."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from wsrl_assets.reward import AnswerType, Gold

_INTEGERS = st.integers(-(10**15), 10**15).map(str)
_DECIMALS = st.decimals(-(10**6), 10**6, allow_nan=False, places=3).map(str)
_NAMES = st.from_regex(r"[A-Z][a-zé]{2,9}( [A-Z][a-z]{2,9}){0,2}", fullmatch=True)
_UNITS = st.sampled_from(["km", "kg", "s", "m^2", "km/h", "°C", "votes", "GB", "miles", "kWh"])
_CURRENCIES = st.sampled_from(["USD", "EUR", "GBP", "JPY", "CHF"])
_TOLERANCES = st.sampled_from([None, 0.01, 0.05])
_DATES = st.dates().map(lambda day: day.isoformat()) | st.integers(1000, 2999).map(str)
_TIMES = st.times().map(lambda time: time.strftime("%H:%M"))
_CODE = st.sampled_from(
    [
        "x = 1",
        "print('hi')",
        "[]",
        "a - -b",
        "if a:\n    b()",
        "SELECT * FROM t",
        '"x"',
        "**kw",
        "{}",
    ]
)
_EXPRESSIONS = st.sampled_from(["x^2 + 1", "\\frac{1}{2}", "2\\pi r", "[0, 1)", "x > 3", "n!"])


def _quantity(value: str, unit: str, tolerance: float | None) -> Gold:
    return Gold(AnswerType.QUANTITY, value, unit=unit, tolerance=tolerance)


def _choice(names: list[str], right: int) -> Gold:
    return Gold(AnswerType.CHOICE, names[right % len(names)], choices=tuple(names))


def _list(items: list[str], ordered: bool) -> Gold:
    return Gold(AnswerType.LIST, json.dumps(items, ensure_ascii=False), ordered=ordered)


def _distinct(items: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(items, min_size=2, max_size=6, unique_by=lambda item: item.casefold())


_EDGES = (
    Gold(AnswerType.INTEGER, "8", unit="planets"),
    Gold(AnswerType.INTEGER, "0"),
    Gold(AnswerType.DECIMAL, "1/3"),
    Gold(AnswerType.DECIMAL, "1", tolerance=0.9),
    Gold(AnswerType.PERCENT, "0%", tolerance=0.5),
    Gold(AnswerType.QUANTITY, "0", unit="km"),
    Gold(AnswerType.QUANTITY, "-40", unit="°C"),
    Gold(AnswerType.QUANTITY, "2 hours 30 minutes"),
    Gold(AnswerType.DATE, "--07-20"),
    Gold(AnswerType.DATE, "44 BC"),
    Gold(AnswerType.DATE, "1969-07"),
    Gold(AnswerType.TIME, "22:30:15 UTC"),
    Gold(AnswerType.TIME, "midnight"),
    Gold(AnswerType.MONEY, "0", unit="EUR", tolerance=0.5),
    Gold(AnswerType.ENTITY, "C", aliases=("C language",)),
    Gold(AnswerType.ENTITY, "WHO", aliases=("World Health Organization",)),
    Gold(AnswerType.ENTITY, "II"),
    Gold(AnswerType.CHOICE, "no", choices=("yes", "no")),
    Gold(AnswerType.YES_NO, "true"),
    Gold(AnswerType.LIST, json.dumps([str(n) for n in range(40)]), ordered=True),
    Gold(AnswerType.LIST, "a, b"),
    Gold(AnswerType.CODE, "-1"),
    Gold(AnswerType.EXPRESSION, "0"),
)

_BUILT: dict[AnswerType, st.SearchStrategy[Gold]] = {
    AnswerType.INTEGER: _INTEGERS.map(lambda value: Gold(AnswerType.INTEGER, value)),
    AnswerType.DECIMAL: st.builds(
        lambda v, t: Gold(AnswerType.DECIMAL, v, tolerance=t), _DECIMALS, _TOLERANCES
    ),
    AnswerType.PERCENT: st.builds(
        lambda v, t: Gold(AnswerType.PERCENT, v + "%", tolerance=t), _DECIMALS, _TOLERANCES
    ),
    AnswerType.QUANTITY: st.builds(_quantity, _DECIMALS, _UNITS, _TOLERANCES),
    AnswerType.DATE: _DATES.map(lambda value: Gold(AnswerType.DATE, value)),
    AnswerType.TIME: _TIMES.map(lambda value: Gold(AnswerType.TIME, value)),
    AnswerType.MONEY: st.builds(
        lambda v, c: Gold(AnswerType.MONEY, v, unit=c), _DECIMALS, _CURRENCIES
    ),
    AnswerType.ENTITY: _NAMES.map(lambda value: Gold(AnswerType.ENTITY, value)),
    AnswerType.CHOICE: st.builds(_choice, _distinct(_NAMES), st.integers(0, 5)),
    AnswerType.YES_NO: st.sampled_from(["yes", "no"]).map(lambda v: Gold(AnswerType.YES_NO, v)),
    AnswerType.LIST: st.builds(_list, _distinct(_NAMES | _INTEGERS), st.booleans()),
    AnswerType.CODE: _CODE.map(lambda value: Gold(AnswerType.CODE, value)),
    AnswerType.EXPRESSION: _EXPRESSIONS.map(lambda value: Gold(AnswerType.EXPRESSION, value)),
}

OF_TYPE: dict[AnswerType, st.SearchStrategy[Gold]] = {
    name: built | st.sampled_from([gold for gold in _EDGES if gold.type is name])
    for name, built in _BUILT.items()
}

GOLDS: st.SearchStrategy[Gold] = st.one_of(*OF_TYPE.values())

# Any text at all as a gold's value, of any type: most are invalid, and none may raise.
WILD_GOLDS: st.SearchStrategy[Gold] = st.builds(
    Gold,
    type=st.sampled_from(AnswerType),
    value=st.text(max_size=40),
    unit=st.none() | st.text(max_size=10),
    tolerance=st.none() | st.floats(0, 0.99),
    aliases=st.lists(st.text(max_size=20), max_size=2).map(tuple),
    choices=st.lists(st.text(max_size=20), max_size=4).map(tuple),
    ordered=st.booleans(),
)
