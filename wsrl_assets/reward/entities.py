"""Entities: names and terms, compared whole.

Case, Unicode forms, quotes, a leading article, hyphens, commas and the spacing of initials do not
count (`the Beatles`, `J. R. R. Tolkien` = `JRR Tolkien`), nor do the spellings of `spelling`.
Everything else does, and nothing is accepted for containing the gold: `C++` is not `C`, `New York`
is not `York`, `not Paris` is not `Paris`. Case counts in formulas, chess moves and flags. Other
names of one thing are the gold's aliases; in brackets behind the gold those of `known_names.txt`
may stand too, but no other expansion of an acronym.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

from .gold import Gold
from .kind import Rule, not_of_type
from .outcome import Reason
from .spelling import (
    identifier,
    is_joined_alike,
    joined_numbers,
    loose,
    singular_of,
)
from .text import plain
from .vocabulary import word_set

MAX_LENGTH = 300

_QUOTES = re.compile(r"[\"\u00ab\u00bb]")
_COMMAS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_BREAKS = re.compile(r"[,;](?=\s|$)|:(?=\s)")
_HYPHENS = re.compile(r"(?<=\w)[-\u2013\u2014](?=\w)|\s[-\u2013\u2014]\s")
_SCRIPTS = re.compile(r"([_^])\{?([-+0-9]{1,4})\}?")
_AMPERSAND = re.compile(r"\s*&\s*")
_DOTTED = re.compile(r"((?:[^\W\d_]\.)+[^\W\d_]?)")
_DOTTED_THEN_NAME = re.compile(r"((?:[^\W\d_]\.){1,4})([^\W\d_]{2,})")
_SHOUT = re.compile(r"(?<=[^\W\d_]{3})!+$")
_IN_BRACKETS = re.compile(r"(.{1,200}) \(([^()]{1,100})\)")
_MAX_INITIALS = 4
_SHORT_ACRONYM = 3
_LONGEST_SYMBOL = 24
_ARTICLE = re.compile(r"^(?:the|an?)\s+(?=\S{2})", re.IGNORECASE)
_ARTICLES = frozenset(("the", "a", "an"))
_SMALL_WORDS = word_set("of the and for in on to a an de la du des von van der y")
_ELEMENTS = (
    "A[cglmrstu]|B[aeikr]?|C[adelmorsu]?|D[bsy]|E[rsu]|F[emr]?|G[ade]|H[efgos]?|I[nr]?|Kr?|L[airu]"
    "|M[gno]|N[abdeip]?|O[s]?|P[abdmortu]?|R[abefhnu]|S[bceimnr]?|T[abehilm]|U|V|W|Xe|Yb?|Z[nr]"
)
_FORMULA = re.compile(rf"(?:(?:{_ELEMENTS})\d*|[()\[\]+-]\d*|\d+(?=[A-Z]))+")
_CHESS_MOVE = re.compile(
    r"[KQRBN]?[a-h]?[1-8]?x?[a-h][1-8](?:=[QRBN])?[+#]?|[Oo0]-[Oo0](?:-[Oo0])?"
)
_SPACED_OUT = re.compile(r"(?:\b[^\W\d][- ]){2}")
_BINOMIAL = re.compile(r"[A-Z][a-z]*\.? [a-z]{3,}")
_UMLAUTS = str.maketrans({"\u00e4": "ae", "\u00f6": "oe", "\u00fc": "ue", "\u00df": "ss"})
_KNOWN_NAMES = Path(__file__).with_name("known_names.txt")
# Letters that Unicode does not decompose into a plain one and a mark.
_PLAIN_LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ı": "i",
        "ħ": "h",
    }
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name ready to compare: its key, and its letters where their case carries meaning."""

    key: str
    symbol: str | None
    shown: str = field(default="", compare=False)


@lru_cache(maxsize=128)
def read_name(text: str) -> Name | None:
    """None when nothing is left to compare."""
    if len(text) > MAX_LENGTH:
        return None
    shown = plain(text)
    key = _key(shown)
    return Name(key, _symbol(shown), shown) if key else None


def _key(text: str) -> str:
    text = _SCRIPTS.sub(_script, text)
    if _has_digit(text):
        text = joined_numbers(text)
    text = _AMPERSAND.sub(" and ", text)
    text = _BREAKS.sub(" ", _COMMAS.sub("", _QUOTES.sub("", text)))
    # Before the hyphens go: the A-Team is no team with an article.
    text = _ARTICLE.sub("", text.strip(), count=1)
    words = _without_dots(_HYPHENS.sub(" ", text).casefold().split())
    return " ".join(word.rstrip("\x00") for word in _join_initials(words))


def _script(found: re.Match[str]) -> str:
    """An index or a charge is commonly typed flat (H2O, Ca2+), a power is not."""
    is_flat = found[1] == "_" or found[2][-1] in "+-"
    return found[2] if is_flat else f"^{found[2]}"


def _without_dots(words: list[str]) -> list[str]:
    """`j.r.r. tolkien` and `j.r.r.tolkien` as initials and a name; `dr.` as dr; `.net` stays.

    Initials keep a mark (NUL, which no answer can hold) by which they are joined.
    """
    found = []
    for word in words:
        if "." not in word and "!" not in word:
            found.append(word)
            continue
        glued = _DOTTED_THEN_NAME.fullmatch(word)
        if glued:
            found += [glued[1].replace(".", "") + "\x00", glued[2]]
        elif _DOTTED.fullmatch(word):
            found.append(word.replace(".", "") + "\x00")
        else:
            found.append(_SHOUT.sub("", word.rstrip(".") or word))
    return found


def _join_initials(words: list[str]) -> list[str]:
    """Neighbouring initials become one word, however they were spaced: four of them at most."""
    joined: list[str] = []
    run = 0
    for word in words:
        letters = word.rstrip("\x00")
        is_initial = word.endswith("\x00") or (len(letters) == 1 and letters.isalpha())
        if is_initial and 0 < run < _MAX_INITIALS:
            joined[-1] += letters
        else:
            joined.append(letters)
        run = run + 1 if is_initial else 0
    return joined


def _symbol(text: str) -> str | None:
    """The text itself where its case tells things apart: Co and CO, mg and Mg, but not Bob."""
    if len(text) > _LONGEST_SYMBOL or " " in text:
        return None
    text = _SCRIPTS.sub(r"\2", text)
    if text[0] == "-" or _CHESS_MOVE.fullmatch(text) or _FORMULA.fullmatch(text):
        return text
    letters = sum(c.isalpha() for c in text)
    return text if letters <= 2 and len(text) <= 6 and any(c.isupper() for c in text) else None


def same(first: Name, second: Name) -> bool:
    """Whether two names are one; symmetric."""
    if _case_tells_apart(first, second):
        return False
    if first.key == second.key:
        return True
    one, other = loose(first.key), loose(second.key)
    if one.isascii() != other.isascii():
        if other.translate(_UMLAUTS) == one.translate(_UMLAUTS):
            return True
        one, other = without_accents(one), without_accents(other)
    return one == other or _is_respelt(first, second, one, other)


def _is_respelt(first: Name, second: Name, one: str, other: str) -> bool:
    """Whether two names differ in hyphens, in number (cells and cell) or in a short genus only."""
    shown = f"{first.shown}\n{second.shown}"
    if one[:1] != other[:1] or _SPACED_OUT.search(shown):
        return False
    if is_joined_alike(one, other) and ("-" in shown or _has_digit(one)):
        return True
    if is_joined_alike(one, other) and all(len(w) > 3 for w in f"{one} {other}".split()):
        return True
    if identifier(first.shown) and identifier(first.shown) == identifier(second.shown):
        return True
    if _is_common(first) and _is_common(second) and singular_of(one) == singular_of(other):
        return True
    if _BINOMIAL.fullmatch(first.shown) and _BINOMIAL.fullmatch(second.shown):
        (genus, kind), (other_genus, other_kind) = one.split(), other.split()
        return kind == other_kind and 1 in (len(genus), len(other_genus))
    return False


def _is_common(name: Name) -> bool:
    """Whether the last word is a common noun: cells, and not the Beatles."""
    last = re.split("[ -]", name.shown)[-1]
    return len(last) > 2 and last[0].islower()


def _has_digit(text: str) -> bool:
    return any(c.isdigit() for c in text)


def _case_tells_apart(first: Name, second: Name) -> bool:
    written = {first.shown, second.shown}
    is_short = len(first.shown) <= _SHORT_ACRONYM and len(written) == 2
    if is_short and written == {first.shown.upper(), first.shown.title()}:
        # `Who` is no way to write WHO, though Nato is one of NATO.
        return True
    if first.symbol is None and second.symbol is None:
        return False
    if first.symbol is not None and second.symbol is not None:
        return first.symbol.strip(".") != second.symbol.strip(".") and not _is_dotted(first, second)
    # One side is all lower case: `uk` for UK is lazy, `mg` for Mg is another thing.
    return not (first.symbol or second.symbol or "").isupper()


def _is_dotted(first: Name, second: Name) -> bool:
    """U.S. and US differ in dots only."""
    one, other = (name.symbol or "" for name in (first, second))
    return one.replace(".", "").replace(" ", "") == other.replace(".", "").replace(" ", "")


def without_accents(key: str) -> str:
    """Latin letters without their marks; other scripts keep theirs, where marks make letters."""
    decomposed = unicodedata.normalize("NFD", key.translate(_PLAIN_LETTERS))
    kept: list[str] = []
    for character in decomposed:
        after_latin = bool(kept) and kept[-1].isascii()
        if after_latin and unicodedata.combining(character):
            continue
        kept.append(character)
    return "".join(kept)


def compile_rule(gold: Gold) -> Rule:
    wanted = _read_gold(gold.value)
    known = [name for alias in gold.aliases if (name := read_name(alias))]
    known.append(wanted)

    def judge(answer: str) -> Reason:
        found = read_name(answer)
        if found is None:
            return Reason.NOT_OF_TYPE
        if same(found, wanted) or is_with_other_name(answer, known):
            return Reason.MATCH
        return Reason.WRONG_VALUE

    return judge


def is_with_other_name(answer: str, known: list[Name]) -> bool:
    """`World Health Organization (WHO)`: in brackets its own initials, an alias or a known name.

    An expansion of an acronym has to be known too: any words can be found for three letters.
    """
    if ")" not in answer:
        return False
    found = _IN_BRACKETS.fullmatch(plain(answer))
    if found is None:
        return False
    outer, inner = read_name(found[1]), read_name(found[2])
    if outer is None or inner is None:
        return False
    outer_is_known, inner_is_known = (any(same(n, k) for k in known) for n in (outer, inner))
    if outer_is_known and _is_initials(found[2], found[1]):
        return True
    if outer_is_known and inner_is_known:
        return True
    return (outer_is_known or inner_is_known) and _are_one_thing(outer, inner)


def _are_one_thing(first: Name, second: Name) -> bool:
    """Whether the two names stand in `known_names.txt` for one another."""
    return any(
        same(short, name) and same(other, full)
        for short, other in ((first, second), (second, first))
        for name, full in _known_names().get(short.key, ())
    )


@cache
def _known_names() -> dict[str, list[tuple[Name, Name]]]:
    """By the key of the short name, the short name and each of its long ones."""
    found: dict[str, list[tuple[Name, Name]]] = {}
    for line in _KNOWN_NAMES.read_text(encoding="utf-8").splitlines():
        short, full = map(read_name, line.split("="))
        if short and full:
            found.setdefault(short.key, []).append((short, full))
    return found


def _is_initials(short: str, full: str) -> bool:
    letters = short.replace(".", "").casefold()
    words = full.casefold().replace("-", " ").split()
    return (
        len(letters) > 1
        and short == short.upper()
        and letters
        in (
            "".join(word[0] for word in words),
            "".join(word[0] for word in words if word not in _SMALL_WORDS),
        )
    )


def _read_gold(value: str) -> Name:
    if len(value) > MAX_LENGTH:
        raise not_of_type(value, "an entity", f"it is longer than {MAX_LENGTH} characters")
    if "\n" in value.strip():
        raise not_of_type(value, "an entity", "it runs over several lines")
    found = read_name(value)
    if found is None or not any(c.isalnum() or c in "+#*/&@" for c in found.key):
        raise not_of_type(value, "an entity", "there is nothing in it to compare")
    return found


def canonical(draft: Gold) -> Gold:
    _read_gold(draft.value)
    return draft


def render(gold: Gold) -> str:
    _read_gold(gold.value)
    return gold.value


def perturb(gold: Gold) -> Iterator[str]:
    name = gold.value
    yield f"not {name}"
    yield f"{name} or something else"
    yield f"{name}++"
    words = name.split()
    if len(words) > 1 and words[0].lower() not in _ARTICLES:
        yield " ".join(words[1:])
        yield " ".join(words[:-1])
    yield f"{name} II"
    yield f"either {name} or not"
    yield f"un{name}"
