"""Names of months and currencies in many languages, from Unicode's CLDR.

Written by `tools/cldr_tables.py`, which needs Babel; read at the first date or amount.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from functools import cache
from pathlib import Path

from ..vocabulary import singular

_FOLDER = Path(__file__).parent


_LETTERS = str.maketrans({"\u0142": "l", "\u0131": "i", "\u2019": "'"})


def name_key(name: str) -> str:
    """A name as it is looked up: `Złoty` is `zloty`, without marks and with one apostrophe."""
    decomposed = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@cache
def months() -> dict[str, int]:
    """The number of a month by its name, whole or abbreviated."""
    lines = (_FOLDER / "months.txt").read_text(encoding="utf-8").splitlines()
    return {name_key(n): at for at, line in enumerate(lines, start=1) for n in line.split("|")}


@cache
def currencies() -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
    """The codes that a symbol may stand for, and those that a name may stand for."""
    symbols: dict[str, set[str]] = defaultdict(set)
    names: dict[str, set[str]] = defaultdict(set)
    for line in (_FOLDER / "currencies.txt").read_text(encoding="utf-8").splitlines():
        code, own_symbols, own_names = line.split("\t")
        symbols[code].add(code)
        for symbol in filter(None, own_symbols.split("|")):
            symbols[symbol].add(code)
        for name in map(name_key, filter(None, own_names.split("|"))):
            names[name].add(code)
    return _frozen(symbols), _frozen(names)


@cache
def currencies_by_words() -> dict[str, tuple[tuple[frozenset[str], str], ...]]:
    """By a name's noun, in the singular: the words of each name with it, and the code."""
    found: dict[str, list[tuple[frozenset[str], str]]] = defaultdict(list)
    for name, codes in currencies()[1].items():
        words = [singular(word) for word in name.split()]
        for code in codes:
            found[words[-1]].append((frozenset(words), code))
    return {noun: tuple(names) for noun, names in found.items()}


def _frozen(found: dict[str, set[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(codes) for key, codes in found.items()}
