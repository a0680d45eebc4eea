"""Numbers written in words, read by a strict grammar.

`one hundred and five` is 105; `one two three` is no number and not 6.
"""

from __future__ import annotations

from fractions import Fraction

from .vocabulary import words

_ONES = {
    word: value
    for value, word in enumerate(
        words(
            """
            zero one two three four five six seven eight nine ten eleven twelve thirteen
            fourteen fifteen sixteen seventeen eighteen nineteen
            """
        )
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        words("twenty thirty forty fifty sixty seventy eighty ninety"),
        start=2,
    )
}
SCALES = {
    "hundred": 100,
    "thousand": 1_000,
    "lakh": 100_000,
    "million": 1_000_000,
    "crore": 10_000_000,
    "billion": 1_000_000_000,
    "trillion": 1_000_000_000_000,
}
_GROUP_SCALES = {word: value for word, value in SCALES.items() if value >= 1_000}
_PARTS = {
    "half": 2,
    "halves": 2,
    "third": 3,
    "thirds": 3,
    "quarter": 4,
    "quarters": 4,
    "fifth": 5,
    "fifths": 5,
    "tenth": 10,
    "tenths": 10,
}
_SIGNS = frozenset(("minus", "negative"))
_VOCABULARY = frozenset((*_ONES, *_TENS, *SCALES, *_PARTS, *_SIGNS, "and", "a", "point", "dozen"))
_FIRST_WORDS = _VOCABULARY - {"and", "point"}
_MAX_WORDS = 24


def split_words(text: str) -> tuple[Fraction, str] | None:
    """The number that the text begins with, in words, and the rest of the text.

    The longest run of number words has to be one number: `two and a half hours` is 2.5 and
    `hours`; `two three hours` is nothing.
    """
    words = text.replace("-", " ").split(" ", _MAX_WORDS)
    if words[0].lower() not in _FIRST_WORDS:
        return None
    count = 0
    while count < len(words) and words[count].lower() in _VOCABULARY:
        count += 1
    value = read_words([word.lower() for word in words[:count]])
    if value is None:
        return None
    return value, " ".join(words[count:])


def read_words(words: list[str]) -> Fraction | None:
    """The value of lower-case number words, or None when they are not exactly one number."""
    if words and words[0] in _SIGNS:
        value = _unsigned(words[1:])
        return None if value is None else -value
    return _unsigned(words)


def _unsigned(words: list[str]) -> Fraction | None:
    if not words:
        return None
    for read in (_whole, _with_point, _with_half, _fraction, _half_of, _dozens):
        value = read(words)
        if value is not None:
            return Fraction(value)
    return None


def _whole(words: list[str]) -> int | None:
    """Groups of falling scale: two million three hundred thousand and five."""
    total, limit, group = 0, None, list[str]()
    for word in words:
        scale = _GROUP_SCALES.get(word)
        if scale is None:
            group.append(word)
            continue
        value = _below_thousand(group)
        if value is None or (limit is not None and scale >= limit):
            return None
        total, limit, group = total + value * scale, scale, []
    if limit is None:
        return _below_thousand(group, article=False)
    if not group:
        return total
    rest = _below_thousand(group[1:] if group[0] == "and" else group, article=False)
    return None if rest is None or rest == 0 else total + rest


def _below_thousand(words: list[str], *, article: bool = True) -> int | None:
    if "hundred" not in words:
        # "a" counts only before a scale, and there the caller has cut the scale off.
        return 1 if article and words == ["a"] else _below_hundred(words)
    at = words.index("hundred")
    head = 1 if words[:at] == ["a"] else _below_hundred(words[:at])
    rest = words[at + 1 :]
    if head is None or head == 0:
        return None
    if not rest:
        return head * 100
    tail = _below_hundred(rest[1:] if rest[0] == "and" else rest)
    return None if not tail else head * 100 + tail


def _below_hundred(words: list[str]) -> int | None:
    if len(words) == 1:
        return _ONES.get(words[0], _TENS.get(words[0]))
    if len(words) == 2 and words[0] in _TENS and 0 < _ONES.get(words[1], 0) < 10:
        return _TENS[words[0]] + _ONES[words[1]]
    return None


def _with_point(words: list[str]) -> Fraction | None:
    """`two point five`, and the same before a scale: `two point five million`."""
    if "point" not in words:
        return None
    scale = SCALES.get(words[-1], 1)
    words = words if scale == 1 else words[:-1]
    at = words.index("point") if "point" in words else 0
    head = _whole(words[:at])
    digits = [_ONES.get(word, 10) for word in words[at + 1 :]]
    if head is None or not digits or max(digits) > 9:
        return None
    return Fraction(f"{head}.{''.join(map(str, digits))}") * scale


def _with_half(words: list[str]) -> Fraction | None:
    """`two and a half`, `two and a half million`, `three and three quarters`."""
    scale = SCALES.get(words[-1], 1)
    words = words if scale == 1 else words[:-1]
    if "and" not in words:
        return None
    at = words.index("and")
    head, part = _whole(words[:at]), _fraction(words[at + 1 :])
    return None if head is None or part is None or part >= 1 else (head + part) * scale


def _fraction(words: list[str]) -> Fraction | None:
    if words == ["half"]:
        return Fraction(1, 2)
    if len(words) != 2 or words[1] not in _PARTS:
        return None
    head = 1 if words[0] == "a" else _below_hundred(words[:1])
    return None if head is None else Fraction(head, _PARTS[words[1]])


def _half_of(words: list[str]) -> Fraction | None:
    """`half a million`."""
    if len(words) == 3 and words[:2] == ["half", "a"] and words[2] in _GROUP_SCALES:
        return Fraction(_GROUP_SCALES[words[2]], 2)
    return None


def _dozens(words: list[str]) -> int | None:
    if words[-1] != "dozen":
        return None
    head = 1 if words[:-1] in ([], ["a"]) else _below_hundred(words[:-1])
    return None if head is None else head * 12
