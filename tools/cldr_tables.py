"""Write the tables that the reward keeps of CLDR, by Babel: `python -m tools.cldr_tables`.

The reward must not import Babel in a trainer's worker, so the few names it needs are kept as text
beside it, and a test holds them against Babel.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from babel import Locale, localedata
from babel.core import get_global
from babel.languages import get_official_languages

FOLDER = Path(__file__).parents[1] / "wsrl_assets" / "reward" / "cldr"
# The most spoken written languages, and those of the currencies people quote.
_LANGUAGES = (
    "en fr de es it pt nl sv da nb fi is pl cs sk hu ro hr sl bg ru uk el tr id ms vi ca et lv lt"
).split()
_NOT_MONEY = "X"
_CROWN = re.compile(r"\b(?:koruna|korunas|krona|kronor|krone|kroner|kr\u00f3na|kr\u00f3nur)$")
_NOUN_FIRST = frozenset("es fr it pt ro ca pl".split())


def months() -> str:
    """One line a month: its names in all languages, small letters, without abbreviation stops.

    A name that means two months (Czech and Croatian disagree about `srpen` and the like) is out.
    """
    found: dict[str, set[int]] = defaultdict(set)
    for language in _LANGUAGES:
        for form in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in Locale(language).months[form][width].items():
                    found[name.casefold().rstrip(".")].add(number)
    names: dict[int, list[str]] = defaultdict(list)
    for name, numbers in found.items():
        if len(numbers) == 1 and not any(c.isdigit() for c in name) and len(name) > 2:
            names[min(numbers)].append(name)
    return "".join("|".join(sorted(names[number])) + "\n" for number in range(1, 13))


def currencies() -> str:
    """One line a currency: its code, its symbols, its names; each a `|` list, tabs between.

    A name's noun is a name too: a `peso` is any of eight currencies.
    """
    lines = []
    used_in = _languages_by_currency()
    for code in sorted(Locale("en").currencies):
        if code.startswith(_NOT_MONEY) and code not in ("XAF", "XOF", "XPF", "XCD"):
            continue
        languages = sorted({"en", *used_in[code]})
        symbols = {s for lang in languages for s in _symbols(lang, code)}
        names = {n.casefold() for lang in languages for n in _names(lang, code)}
        lines.append(f"{code}\t{'|'.join(sorted(symbols))}\t{'|'.join(sorted(names))}\n")
    return "".join(lines)


def _languages_by_currency() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for territory, rows in get_global("territory_currencies").items():
        for code, _, _, tender in rows:
            if tender:
                official = get_official_languages(territory, regional=False, de_facto=True)
                found[code] |= {language for language in official if localedata.exists(language)}
    return found


def _symbols(language: str, code: str) -> list[str]:
    found = Locale(language).currency_symbols.get(code)
    return [found] if found and found != code and found.isprintable() else []


def _names(language: str, code: str) -> list[str]:
    locale = Locale(language)
    plural = dict(locale._data["currency_names_plural"].get(code, {}))
    found = {*plural.values(), locale.currencies.get(code, "")}
    if language == "en":
        found |= {_CROWN.sub("crowns", name) for name in found}
    whole = [n for n in found if n and n != code and n.isprintable() and "(" not in n]
    return whole + [n.split()[0 if language in _NOUN_FIRST else -1] for n in whole]


if __name__ == "__main__":
    (FOLDER / "months.txt").write_text(months(), encoding="utf-8")
    (FOLDER / "currencies.txt").write_text(currencies(), encoding="utf-8")
