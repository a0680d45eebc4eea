"""The names kept of CLDR are those that Babel has."""

from __future__ import annotations

import pytest
from babel import Locale

from tools.cldr_tables import FOLDER, currencies, months
from wsrl_assets.reward import AnswerType, Gold, score
from wsrl_assets.reward.cldr import months as kept_months
from wsrl_assets.reward.cldr import name_key


def test_tables_are_what_babel_writes() -> None:
    assert (FOLDER / "months.txt").read_text(encoding="utf-8") == months()
    assert (FOLDER / "currencies.txt").read_text(encoding="utf-8") == currencies()


def test_no_name_means_two_months() -> None:
    """Neither in one language nor without its accents in another."""
    lines = (FOLDER / "months.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 12
    for number, line in enumerate(lines, start=1):
        assert {kept_months()[name_key(name)] for name in line.split("|")} == {number}


@pytest.mark.parametrize(
    "code", ["EUR", "PLN", "HUF", "TWD", "INR", "BRL", "ZAR", "THB", "NGN", "UAH"]
)
def test_currency_is_read_by_its_english_name(code: str) -> None:
    gold = Gold(AnswerType.MONEY, "500", unit=code)
    assert score(f"Answer: 500 {Locale('en').currencies[code]}", gold).value == 1
