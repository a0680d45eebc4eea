"""Money: an amount with its magnitude and currency. $2.5 million is 2,500,000 USD and not EUR.

A bare `$` is the US dollar, `¥` the yen, `£` the pound sterling; other dollars name themselves
(`C$`, `CAD`, `Canadian dollars`). Amounts agree to the last digit, unless the gold has a tolerance.
A bare number is wrong, however right the amount.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from . import numbers
from .decimals import wrong_values
from .gold import Gold
from .kind import Rule, not_of_type, without_about
from .numbers import Number
from .outcome import Reason
from .text import plain
from .vocabulary import word_set

_SYMBOLS = {
    "US$": "USD",
    "U.S.$": "USD",
    "US $": "USD",
    "U.S. $": "USD",
    "C$": "CAD",
    "CA$": "CAD",
    "Can$": "CAD",
    "A$": "AUD",
    "AU$": "AUD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "S$": "SGD",
    "NT$": "TWD",
    "R$": "BRL",
    "MX$": "MXN",
    "CN\u00a5": "CNY",
    "RMB": "CNY",
    "Rs.": "INR",
    "Rs": "INR",
    "$": "USD",
    "\u20ac": "EUR",
    "\u00a3": "GBP",
    "\u00a5": "JPY",
    "\u20b9": "INR",
    "\u20a9": "KRW",
    "\u20bd": "RUB",
    "\u20ba": "TRY",
    "\u20aa": "ILS",
    "\u20ab": "VND",
    "\u0e3f": "THB",
    "\u20b1": "PHP",
    "\u20a6": "NGN",
    "\u20b4": "UAH",
    "\u20bf": "BTC",
}
_CODES = word_set(
    """
    USD EUR GBP JPY CNY INR KRW RUB TRY ILS VND THB PHP NGN UAH BTC CAD AUD NZD HKD SGD TWD
    BRL MXN CHF SEK NOK DKK PLN CZK HUF RON BGN ISK ZAR EGP KES GHS MAD TND SAR AED QAR KWD
    BHD OMR JOD LBP IQD IRR PKR BDT LKR NPR MMK KHR LAK IDR MYR ARS CLP COP PEN UYU BOB PYG
    VES CRC GTQ DOP JMD TTD XAF XOF ETH DEM FRF ITL ESP NLG ATS BEF GRD PTE IEP FIM
    """
)
_WORDS = {
    **dict.fromkeys(("dollar", "dollars", "us dollar", "us dollars", "u.s. dollars"), "USD"),
    **dict.fromkeys(("united states dollars", "american dollars", "u.s. dollar"), "USD"),
    **dict.fromkeys(("canadian dollar", "canadian dollars"), "CAD"),
    **dict.fromkeys(("australian dollar", "australian dollars"), "AUD"),
    **dict.fromkeys(("new zealand dollar", "new zealand dollars"), "NZD"),
    **dict.fromkeys(("hong kong dollar", "hong kong dollars"), "HKD"),
    **dict.fromkeys(("singapore dollar", "singapore dollars"), "SGD"),
    **dict.fromkeys(("euro", "euros"), "EUR"),
    **dict.fromkeys(("pound", "pounds", "pound sterling", "pounds sterling"), "GBP"),
    **dict.fromkeys(("british pound", "british pounds"), "GBP"),
    **dict.fromkeys(("yen", "japanese yen"), "JPY"),
    **dict.fromkeys(("yuan", "renminbi", "chinese yuan", "rmb"), "CNY"),
    **dict.fromkeys(("rupee", "rupees", "indian rupee", "indian rupees"), "INR"),
    **dict.fromkeys(("won", "korean won", "south korean won"), "KRW"),
    **dict.fromkeys(("ruble", "rubles", "rouble", "roubles", "russian rubles"), "RUB"),
    **dict.fromkeys(("swiss franc", "swiss francs"), "CHF"),
    **dict.fromkeys(("swedish krona", "swedish kronor"), "SEK"),
    **dict.fromkeys(("norwegian krone", "norwegian kroner"), "NOK"),
    **dict.fromkeys(("danish krone", "danish kroner"), "DKK"),
    **dict.fromkeys(("brazilian real", "brazilian reais", "reais"), "BRL"),
    **dict.fromkeys(("mexican peso", "mexican pesos"), "MXN"),
    **dict.fromkeys(("bitcoin", "bitcoins"), "BTC"),
}
_HUNDREDTHS = {
    "cent": "USD",
    "cents": "USD",
    "us cents": "USD",
    "\u00a2": "USD",
    "euro cents": "EUR",
    "pence": "GBP",
    "penny": "GBP",
}
_DOLLARS = frozenset(("USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD"))
_MAGNITUDES = {
    "k": 1_000,
    "K": 1_000,
    "m": 1_000_000,
    "M": 1_000_000,
    "mn": 1_000_000,
    "mln": 1_000_000,
    "mio": 1_000_000,
    "Mio": 1_000_000,
    "Mrd": 1_000_000_000,
    "mil": 1_000_000,
    "MM": 1_000_000,
    "b": 1_000_000_000,
    "B": 1_000_000_000,
    "bn": 1_000_000_000,
    "Bn": 1_000_000_000,
    "tn": 1_000_000_000_000,
    "T": 1_000_000_000_000,
    "cr": 10_000_000,
}
_SYMBOL = "|".join(re.escape(symbol) for symbol in sorted(_SYMBOLS, key=len, reverse=True))
_BEFORE = re.compile(
    rf"(?P<sign>-)? ?(?:(?P<code>[A-Z]{{3}}) ?)?(?P<symbol>{_SYMBOL})? ?(?=[-\d.a-z])"
)
_MAGNITUDE = re.compile(rf"({'|'.join(sorted(_MAGNITUDES, key=len, reverse=True))})\b\.?")
_SYMBOL_AFTER = re.compile(rf"({_SYMBOL})")
_MAX_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Amount:
    number: Number
    currency: str | None


def compile_rule(gold: Gold) -> Rule:
    wanted = _read_gold(gold)
    tolerance = gold.tolerance or 0.0

    def judge(answer: str) -> Reason:
        found = read_amount(without_about(plain(answer)))
        if found is None:
            return Reason.NOT_OF_TYPE
        if found.currency is None:
            return Reason.MISSING_UNIT
        if found.currency != wanted.currency:
            return Reason.WRONG_UNIT
        same = numbers.agrees(found.number, wanted.number, tolerance)
        return Reason.MATCH if same else Reason.WRONG_VALUE

    return judge


def read_amount(text: str) -> Amount | None:
    """The amount that the whole text is; its currency is None when none is named.

    None when the text is no amount, or names two currencies (`$5 CAD` is one: the code refines).
    """
    if not text or len(text) > _MAX_LENGTH:
        return None
    before = _BEFORE.match(text)
    negative, code, symbol = False, None, None
    if before is not None and (before["code"] is None or before["code"] in _CODES):
        negative, code, symbol = bool(before["sign"]), before["code"], before["symbol"]
        text = text[before.end() :]
    found = numbers.split_number(text)
    if found is None:
        return None
    number, rest = _take_magnitude(*found)
    if negative:
        number = numbers.scaled(number, Decimal(-1))
    return _with_currency(number, rest, code, _SYMBOLS[symbol] if symbol else None)


def _take_magnitude(number: Number, rest: str) -> tuple[Number, str]:
    found = _MAGNITUDE.match(rest)
    if found is None:
        return number, rest
    factor = Decimal(_MAGNITUDES[found[1]])
    return numbers.scaled(number, factor), rest[found.end() :].strip()


def _with_currency(
    number: Number, rest: str, code: str | None, symbol: str | None
) -> Amount | None:
    if rest.lower() in _HUNDREDTHS:
        unit = _HUNDREDTHS[rest.lower()]
        return None if code or symbol else Amount(numbers.scaled(number, Decimal("0.01")), unit)
    after = _currency_of(rest) if rest else None
    if rest and after is None:
        return None
    named = {currency for currency in (code, symbol, after) if currency}
    if symbol == "USD" and len(named) == 2 and named <= _DOLLARS:
        named.discard("USD")
    if len(named) > 1:
        return None
    return Amount(number, named.pop() if named else None)


def _currency_of(text: str) -> str | None:
    if text in _CODES or text.upper() in _CODES:
        return text.upper()
    word = _WORDS.get(text.lower())
    if word:
        return word
    return _SYMBOLS[text] if _SYMBOL_AFTER.fullmatch(text) else None


def _read_gold(gold: Gold) -> Amount:
    found = read_amount(plain(gold.value))
    if found is None:
        raise not_of_type(gold.value, "an amount of money", "it needs one amount and one currency")
    given = _currency_of(plain(gold.unit)) if gold.unit else found.currency
    if given is None:
        unknown = (
            f'the currency "{gold.unit}" is not known' if gold.unit else "no currency is named"
        )
        raise not_of_type(gold.value, "an amount of money", unknown)
    if found.currency not in (None, given):
        why = f"its currency {found.currency} is not {given}"
        raise not_of_type(gold.value, "an amount of money", why)
    return Amount(found.number, given)


def canonical(draft: Gold) -> Gold:
    found = _read_gold(draft)
    return replace(draft, value=numbers.show(found.number.value), unit=found.currency)


def render(gold: Gold) -> str:
    found = _read_gold(gold)
    return f"{numbers.show(found.number.value)} {found.currency}"


def perturb(gold: Gold) -> Iterator[str]:
    found = _read_gold(gold)
    shown, value = numbers.show(found.number.value), found.number.value
    yield shown
    yield f"{shown} {'EUR' if found.currency != 'EUR' else 'USD'}"
    for wrong in wrong_values(value, gold.tolerance):
        yield f"{numbers.show(wrong)} {found.currency}"
    if value:
        yield f"{numbers.show(numbers.times(value, Decimal(1000)))} {found.currency}"
    yield f"{shown} {found.currency} or less"
