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


GOLDS: st.SearchStrategy[Gold] = st.one_of(
    _INTEGERS.map(lambda value: Gold(AnswerType.INTEGER, value)),
    st.builds(lambda v, t: Gold(AnswerType.DECIMAL, v, tolerance=t), _DECIMALS, _TOLERANCES),
    st.builds(lambda v, t: Gold(AnswerType.PERCENT, v + "%", tolerance=t), _DECIMALS, _TOLERANCES),
    st.builds(_quantity, _DECIMALS, _UNITS, _TOLERANCES),
    _DATES.map(lambda value: Gold(AnswerType.DATE, value)),
    _TIMES.map(lambda value: Gold(AnswerType.TIME, value)),
    st.builds(lambda v, c: Gold(AnswerType.MONEY, v, unit=c), _DECIMALS, _CURRENCIES),
    _NAMES.map(lambda value: Gold(AnswerType.ENTITY, value)),
    st.builds(_choice, _distinct(_NAMES), st.integers(0, 5)),
    st.sampled_from(["yes", "no"]).map(lambda value: Gold(AnswerType.YES_NO, value)),
    st.builds(_list, _distinct(_NAMES | _INTEGERS), st.booleans()),
    _CODE.map(lambda value: Gold(AnswerType.CODE, value)),
    _EXPRESSIONS.map(lambda value: Gold(AnswerType.EXPRESSION, value)),
)

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
