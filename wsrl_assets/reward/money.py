"""Money: an amount with its magnitude and currency. $2.5 million is 2,500,000 USD and not EUR.

A bare `$` or `dollar` is the US dollar, `¥` the yen, `£` or a `pound` the pound sterling; other
dollars name themselves (`C$`, `CAD`, `Canadian dollars`). A `kr`, a `rupee` or a `peso` is any
currency that is called so. Amounts agree to the last digit, unless the gold has
a tolerance. A bare number is wrong, however right the amount.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from . import cldr, numbers
from .decimals import wrong_values
from .gold import Gold
from .kind import Rule, not_of_type, without_about
from .numbers import Number
from .outcome import Reason
from .text import plain
from .vocabulary import singular

# What CLDR lacks: symbols without a language of their own, colloquial names, and cryptocurrency.
_MORE_SYMBOLS = {
    **dict.fromkeys(("US$", "U.S.$", "US $", "U.S. $", "USD $", "USD$"), "USD"),
    **dict.fromkeys(("C$", "CA$", "CAN$", "Can$", "CDN$", "Cdn$", "CAD$"), "CAD"),
    **dict.fromkeys(("A$", "AU$", "AUD$", "AUS$", "Aus$", "$A"), "AUD"),
    **dict.fromkeys(("S$", "SG$", "SGD$"), "SGD"),
    **dict.fromkeys(("MX$", "Mex$", "MEX$"), "MXN"),
    **dict.fromkeys(("NZ$", "NZD$", "$NZ"), "NZD"),
    **dict.fromkeys(("HK$", "HKD$"), "HKD"),
    **dict.fromkeys(("RMB", "\u5143", "CN\u00a5"), "CNY"),
    **dict.fromkeys(("Fr.", "Fr", "SFr.", "SFr", "sFr."), "CHF"),
    **dict.fromkeys(("\u20bf", "BTC"), "BTC"),
    "AR$": "ARS",
    **dict.fromkeys(("\u5186", "\u00a5", "\uffe5"), "JPY"),
    "\uc6d0": "KRW",
    "DM": "DEM",
    "NIS": "ILS",
    "E\u00a3": "EGP",
}
_MORE_NAMES = {
    **dict.fromkeys(("american dollar", "american dollars", "buck", "bucks"), "USD"),
    **dict.fromkeys(("u.s. dollar", "u.s. dollars", "united states dollars"), "USD"),
    **dict.fromkeys(("pound sterling", "pounds sterling", "sterling", "quid"), "GBP"),
    **dict.fromkeys(("renminbi", "rmb", "chinese renminbi"), "CNY"),
    "brazilian reais": "BRL",
    **dict.fromkeys(("deutschmark", "deutschmarks"), "DEM"),
    **dict.fromkeys(("lire", "italian lire"), "ITL"),
    **dict.fromkeys(("rouble", "roubles", "russian roubles", "russian rouble"), "RUB"),
    **dict.fromkeys(("bitcoin", "bitcoins"), "BTC"),
}
# Which currency a symbol or a noun means when nothing else is said: in an answer, and in a gold.
_BEST_KNOWN = frozenset(("USD", "EUR", "GBP", "JPY"))
_BEST_KNOWN_TO_GOLDS = _BEST_KNOWN | {"INR", "KRW", "RUB", "CNY"}
_CENTS = frozenset(("USD", "EUR", "CAD", "AUD", "NZD"))
_HUNDREDTHS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("cent", "cents", "c"), _CENTS),
    **dict.fromkeys(("us cents", "\u00a2"), frozenset(("USD",))),
    **dict.fromkeys(("euro cents", "euro cent", "eurocents"), frozenset(("EUR",))),
    **dict.fromkeys(("pence", "penny", "p"), frozenset(("GBP",))),
}
_MAGNITUDES = {
    **dict.fromkeys(("k", "K"), 1_000),
    **dict.fromkeys(("m", "M", "mn", "mln", "mio", "Mio", "mil", "MM"), 1_000_000),
    **dict.fromkeys(("b", "B", "bn", "Bn", "Mrd"), 1_000_000_000),
    **dict.fromkeys(("tn", "T"), 1_000_000_000_000),
    "cr": 10_000_000,
}
_BEFORE = re.compile(
    r"(?P<sign>- ?)?(?P<names>[^\d\s+-][^\d+-]{0,13}?)? ?(?=[-+]? ?\.?\d)"
    r"|(?P<one>[^\w\s+-]) ?(?=[a-z])"
)
_MAGNITUDE = re.compile(rf"({'|'.join(sorted(_MAGNITUDES, key=len, reverse=True))})\b\.?")
_SMALL_PART = re.compile(r"(.+?),?(?: and)? (\d{1,2}|[a-z]+(?:[ -][a-z]+)?) ?(cents?|pence|p)")
_SMALL_NAMES = ("cent", "cents", "pence", "p")
_IDLE_END = re.compile(r"(?:[.,]|/)[-\u2013\u2014]+(?=$| )| only$| in total$|\.(?=\)?$)")
_MAX_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Amount:
    """`currencies` are all that its names leave open: none when no currency is named."""

    number: Number
    currencies: frozenset[str]


def compile_rule(gold: Gold) -> Rule:
    wanted = _read_gold(gold)
    tolerance = gold.tolerance or 0.0

    def judge(answer: str) -> Reason:
        found = read_amount(without_about(plain(answer)))
        if found is None:
            return Reason.NOT_OF_TYPE
        if not found.currencies:
            return Reason.MISSING_UNIT
        if not wanted.currencies <= found.currencies:
            return Reason.WRONG_UNIT
        same = numbers.agrees(found.number, wanted.number, tolerance)
        return Reason.MATCH if same else Reason.WRONG_VALUE

    return judge


def read_amount(text: str) -> Amount | None:
    """The amount that the whole text is; no currency where none is named.

    None when the text is no amount, or names two currencies (`$5 CAD` is one: the code refines).
    """
    if not text or len(text) > _MAX_LENGTH:
        return None
    text = _IDLE_END.sub("", text)
    return _read_single(text) or _read_with_cents(text)


def _read_with_cents(text: str) -> Amount | None:
    """`5 dollars and 50 cents`."""
    found = _SMALL_PART.fullmatch(text) if text.endswith(_SMALL_NAMES) else None
    if found is None:
        return None
    whole, part = _read_single(found[1]), _read_single(f"{found[2]} {found[3]}")
    if whole is None or part is None or not 0 < part.number.value < 1:
        return None
    shared = whole.currencies & part.currencies
    total = numbers.added(whole.number.value, part.number.value)
    return Amount(Number(total), shared) if shared else None


def _read_single(text: str) -> Amount | None:
    negative, before = False, ""
    found = _BEFORE.match(text)
    if found is not None:
        negative, before = bool(found["sign"]), found["names"] or found["one"] or ""
        text = text[found.end() :]
    elif text[:2] in ("a ", "A "):
        text = f"1 {text[2:]}"
    split = numbers.split_number(text)
    if split is None:
        return None
    number, after = _take_magnitude(*split)
    if negative:
        number = numbers.scaled(number, Decimal(-1))
    if after.casefold() in _HUNDREDTHS and not before:
        return Amount(numbers.scaled(number, Decimal("0.01")), _HUNDREDTHS[after.casefold()])
    named = [name.strip() for name in (before, *re.split("[()]", after)) if name.strip()]
    return _with_currency(number, named)


def _take_magnitude(number: Number, rest: str) -> tuple[Number, str]:
    found = _MAGNITUDE.match(rest)
    if found is None:
        return number, rest
    factor = Decimal(_MAGNITUDES[found[1]])
    return numbers.scaled(number, factor), rest[found.end() :].strip()


def _with_currency(number: Number, names: list[str]) -> Amount | None:
    if not names:
        return Amount(number, frozenset())
    shared = frozenset.intersection(*map(_named, names))
    return Amount(number, shared & _BEST_KNOWN or shared) if shared else None


def _named(name: str) -> frozenset[str]:
    """All currencies that go by a symbol, a code or a name."""
    symbols, names = cldr.currencies()
    if name in _MORE_SYMBOLS:
        return frozenset((_MORE_SYMBOLS[name],))
    if name == "$":
        return names["dollars"] | names["pesos"]
    if name.rstrip(".") in ("Rs", "Rp"):
        return names["rupees" if name[1] == "s" else "rupiah"]
    key = cldr.name_key(name)
    if key in _MORE_NAMES:
        return frozenset((_MORE_NAMES[key],))
    code = name.upper() if len(name) == 3 else ""
    none = frozenset[str]()
    known = symbols.get(name, none) | symbols.get(name.rstrip("."), none)
    known = known or symbols.get(code) or names.get(key, none)
    # Two names side by side refine each other: USD dollars, US$ dollars.
    first, _, second = name.partition(" ")
    return known or _named_in_part(key) or (_named(first) & _named(second) if second else none)


def _named_in_part(key: str) -> frozenset[str]:
    """`Israeli shekels` for the Israeli new shekel, and other plurals than CLDR's."""
    words = [singular(word) for word in key.split()]
    names = cldr.currencies_by_words().get(words[-1], ()) if words else ()
    return frozenset(code for name, code in names if name.issuperset(words))


def _read_gold(gold: Gold) -> Amount:
    found = read_amount(plain(gold.value))
    if found is None:
        raise not_of_type(gold.value, "an amount of money", "it needs one amount and one currency")
    given = found.currencies
    if gold.unit:
        named = _with_currency(found.number, [plain(gold.unit)])
        given = named.currencies if named else frozenset()
    if not given:
        unknown = (
            f'the currency "{gold.unit}" is not known' if gold.unit else "no currency is named"
        )
        raise not_of_type(gold.value, "an amount of money", unknown)
    if found.currencies and not found.currencies & given:
        why = f"its currency {'/'.join(sorted(found.currencies))} is not {gold.unit}"
        raise not_of_type(gold.value, "an amount of money", why)
    return Amount(found.number, frozenset((_one_of(given & (found.currencies or given)),)))


def _one_of(currencies: frozenset[str]) -> str:
    """A gold of `5 cents` is one of US cents; a gold of 500 pesos has to say which."""
    currencies = currencies & _BEST_KNOWN_TO_GOLDS or currencies
    if len(currencies) > 1 and "USD" not in currencies:
        raise not_of_type("/".join(sorted(currencies)), "one currency", "pass its code as the unit")
    return "USD" if "USD" in currencies else min(currencies)


def canonical(draft: Gold) -> Gold:
    found = _read_gold(draft)
    return replace(draft, value=numbers.show(found.number.value), unit=min(found.currencies))


def render(gold: Gold) -> str:
    found = _read_gold(gold)
    return f"{numbers.show(found.number.value)} {min(found.currencies)}"


def perturb(gold: Gold) -> Iterator[str]:
    found = _read_gold(gold)
    currency = min(found.currencies)
    shown, value = numbers.show(found.number.value), found.number.value
    yield shown
    yield f"{shown} {'EUR' if currency != 'EUR' else 'USD'}"
    for wrong in wrong_values(value, gold.tolerance):
        yield f"{numbers.show(wrong)} {currency}"
    if value:
        yield f"{numbers.show(numbers.times(value, Decimal(1000)))} {currency}"
    yield f"{shown} {currency} or less"
