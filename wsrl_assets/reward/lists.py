"""Lists: every item, no other item, each once; in order only where the gold says `ordered`.

A gold's value is a JSON array of strings, or items separated by `"; "`, or else by `", "` (a last
`and` is read as a separator). Only the JSON form can hold items with commas. An answer may be
written in any of these ways, in brackets, or as bulleted lines. Items are compared as numbers
where both are, and as names else.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from . import numbers
from .entities import Name, is_with_other_name, read_name, same
from .gold import Gold
from .kind import Rule, not_of_type
from .outcome import Reason
from .text import plain

MAX_ITEMS = 64
_MAX_LENGTH = 2_000
_MAX_LEFTOVERS = 8
_BULLET = re.compile(r"^\s*(?:[-*\u2022]|\(?\d{1,2}[.)]|\(?[a-z][.)])\s+", re.MULTILINE)
_AND = r"(?:and(?: finally| then| lastly)?|&|plus|as well as|along with|together with)"
_AND_BEFORE_LAST = re.compile(rf"[,;]? {_AND} ([^,;]+)$", re.IGNORECASE)
_AND_BETWEEN = re.compile(rf",? {_AND} ", re.IGNORECASE)
_ARROW = re.compile(
    r" ?(?:-{1,2}>|={1,2}>|[\u2192\u27f6\u21d2\u2794\u279c]|\\(?:long)?rightarrow|\\to\b) ?| > "
    r"|,? followed by "
)
_THEN = re.compile(r",? (?:and )?(?:then|next|finally|lastly) ", re.IGNORECASE)
_ENUMERATOR = re.compile(r"(?:^|[,;.]? )\(?(\d{1,2}|[A-Za-z])[.)] (?=\S)")
_BARS = re.compile(r" ?\| ?")
# `x = 1, 2, 3`, `x \u2208 {1, 2}`: what the items are said to be.
_SUBJECT = re.compile(r"\w{1,12} ?(?:=|\u2208|\\in\b) ?", re.IGNORECASE)
_SUBJECT_OF_ITEM = re.compile(r"(?<=[,;] )(?:or |and )?\w{1,12} ?= ?| or \w{1,12} ?= ?")
_LIST_LEAD = re.compile(
    r"(?:in|both|first(?:ly)?,?|by|from|of|with|to|the following:?) ", re.IGNORECASE
)
_COMMA = re.compile(r",\s+")
_BRACKETS = {"[": "]", "{": "}", "(": ")"}


@dataclass(frozen=True, slots=True)
class Item:
    """An item in both readings; equal items have the same `key`, accents aside."""

    number: Decimal | None
    name: Name

    @property
    def key(self) -> Decimal | Name:
        return self.name if self.number is None else self.number


def compile_rule(gold: Gold) -> Rule:
    wanted = [_read_item(item) for item in read_items(gold.value)]
    ordered = gold.ordered

    def judge(answer: str) -> Reason:
        if len(answer) > _MAX_LENGTH:
            return Reason.TOO_LONG
        splits = [items for items in _splits(answer) if items]
        if any(_agrees(items, wanted, ordered=ordered) for items in splits):
            return Reason.MATCH
        return Reason.WRONG_VALUE if splits else Reason.NOT_OF_TYPE

    return judge


def _agrees(texts: Sequence[str], wanted: list[Item], *, ordered: bool) -> bool:
    if len(texts) != len(wanted):
        return False
    found = [item for text in texts if (item := _try_item(text))]
    if len(found) != len(wanted):
        return False
    if ordered:
        return all(_same_item(a, b) for a, b in zip(wanted, found, strict=True))
    return _same_bag(found, wanted)


def _same_bag(found: list[Item], wanted: list[Item]) -> bool:
    ours, theirs = Counter(item.key for item in wanted), Counter(item.key for item in found)
    if ours == theirs:
        return True
    not_found, not_wanted = ours - theirs, theirs - ours
    missing = [item for item in wanted if item.key in not_found]
    extra = [item for item in found if item.key in not_wanted]
    if not 0 < len(missing) == len(extra) <= _MAX_LEFTOVERS:
        return False
    # What is left may differ in accents or lazy case only.
    for item in missing:
        partner = next((other for other in extra if _same_item(item, other)), None)
        if partner is None:
            return False
        extra.remove(partner)
    return True


def _same_item(first: Item, second: Item) -> bool:
    if first.number is not None or second.number is not None:
        return first.number == second.number
    # A gloss that is known: copper (Cu).
    return same(first.name, second.name) or is_with_other_name(second.name.shown, [first.name])


def _try_item(text: str) -> Item | None:
    name = read_name(text)
    if name is None:
        return None
    number = numbers.read_number(plain(text))
    return Item(number.value if number else None, name)


def _read_item(text: str) -> Item:
    item = _try_item(text)
    if item is None:
        raise not_of_type(text, "an item of a list", "it is empty or too long")
    return item


def _splits(answer: str) -> Iterator[list[str]]:
    """The ways to read an answer as items, each to be held against the gold as a whole."""
    text = answer.strip().replace("\u3001", ", ")
    if text.endswith(("...", "\u2026")):
        # The list goes on, and nobody knows how.
        return
    if "\n" in text:
        yield _lines(text)
        return
    from_json = _from_json(plain(text)) or _from_json(text)
    if from_json:
        yield from_json
    text = plain(text.replace("\\{", "{").replace("\\}", "}"))
    for said in dict.fromkeys((text, _LIST_LEAD.sub("", text, count=1), _without_subject(text))):
        yield from _inline(_without_brackets(said))


def _inline(text: str) -> Iterator[list[str]]:
    text = _THEN.sub(", ", text)
    for separated in (text, _AND_BEFORE_LAST.sub(r"; \1" if ";" in text else r", \1", text)):
        yield _separated(separated)
    # Two items that hold commas themselves: Washington, D.C. and Paris.
    yield text.rsplit(" and ", 1)
    yield _AND_BETWEEN.split(text, MAX_ITEMS)
    yield _numbered(text)
    for mark in (_ARROW, _BARS):
        if mark.search(text):
            yield [part.strip() for part in mark.split(text, MAX_ITEMS)]


def _without_subject(text: str) -> str:
    text = text.replace("$", "")
    subject = _SUBJECT.match(text)
    return _SUBJECT_OF_ITEM.sub(_comma, text[subject.end() :]) if subject else text


def _comma(found: re.Match[str]) -> str:
    return ", " if found[0].startswith(" ") else ""


def _numbered(text: str) -> list[str]:
    """`(a) copper; (b) zinc` and `1. copper 2. zinc`, where the marks count up from the first."""
    marks = list(_ENUMERATOR.finditer(text))
    if len(marks) < 2 or marks[0].start():
        return []
    first = marks[0][1].lower()
    expected = [str(n) if first.isdigit() else chr(96 + n) for n in range(1, len(marks) + 1)]
    if [mark[1].lower() for mark in marks] != expected:
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    items = [text[mark.end() : end].strip(" ,;.") for mark, end in zip(marks, ends, strict=True)]
    items[-2] = re.sub(r"[,;]? and$", "", items[-2])
    return items


def _lines(text: str) -> list[str]:
    lines = [line for line in text.split("\n") if line.strip()]
    bulleted = [_BULLET.sub("", line) for line in lines]
    return [line.strip().rstrip(",;") for line in bulleted]


def _separated(text: str) -> list[str]:
    if ";" in text:
        parts = text.split(";")
    elif _COMMA.search(text):
        parts = _COMMA.split(text)
    else:
        parts = text.split(",")
    items = [part.strip() for part in parts]
    return items if all(items) and len(items) <= MAX_ITEMS else []


def _from_json(text: str) -> list[str]:
    if not text.startswith("["):
        return []
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(items, list) or not 0 < len(items) <= MAX_ITEMS:
        return []
    if any(isinstance(item, bool) or not isinstance(item, str | int | float) for item in items):
        return []
    return [str(item) for item in items]


def _without_brackets(text: str) -> str:
    if len(text) > 2 and _BRACKETS.get(text[0]) == text[-1] and text[0] not in text[1:]:
        return text[1:-1]
    return text


def read_items(value: str) -> list[str]:
    """The items of a gold's value; ValueError when there are fewer than two or one is empty."""
    text = value.strip()
    items = _from_json(text) if text.startswith("[") else _separated(_last_and(text))
    if len(items) < 2:
        raise not_of_type(value, "a list", "it needs two items or more, separated by ', '")
    for item in items:
        _read_item(item)
    return items


def _last_and(text: str) -> str:
    return _AND_BEFORE_LAST.sub(r", \1", text) if "," in text else text


def canonical(draft: Gold) -> Gold:
    return replace(draft, value=json.dumps(read_items(draft.value), ensure_ascii=False))


def render(gold: Gold) -> str:
    items = read_items(gold.value)
    shown = ", ".join(items)
    plain_enough = not any(mark in item for item in items for mark in ",;\n[]{}()\"'")
    if plain_enough and not any(f" {item} ".find(" and ") >= 0 for item in items):
        return shown
    return json.dumps(items, ensure_ascii=False)


def perturb(gold: Gold) -> Iterator[str]:
    items = read_items(gold.value)
    yield _dump([*items[:-1], "something else"])
    yield _dump([*items, "something else"])
    yield _dump(items[1:])
    yield _dump([*items, items[0]])
    if gold.ordered and _read_item(items[0]) != _read_item(items[-1]):
        yield _dump([items[-1], *items[1:-1], items[0]])
    yield _dump([f"not {item}" for item in items])
    yield items[0]


def _dump(items: list[str]) -> str:
    return json.dumps(items, ensure_ascii=False)
