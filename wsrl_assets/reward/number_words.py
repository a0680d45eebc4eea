"""Numbers written in words, read by a strict grammar.

`one hundred and five` is 105; `one two three` is no number and not 6.
"""

from __future__ import annotations

from fractions import Fraction

from .vocabulary import word_set, words

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
ORDINALS = {
    word: value
    for value, word in enumerate(
        words(
            """
            first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
            thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth
            """
        ),
        start=1,
    )
} | {f"{word[:-1]}ieth": value for word, value in _TENS.items()}
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
COUNTING_WORDS = (_VOCABULARY - word_set("and a one point minus negative")) | word_set(
    "hundreds thousands millions billions dozens twice both double"
)
"""Words that speak of a number, wherever they stand."""
FIRST_WORDS = _VOCABULARY - {"and", "point"}
"""With one of these, in small letters, every number in words begins."""
_MAX_WORDS = 24


def split_words(text: str) -> tuple[Fraction, str] | None:
    """The number that the text begins with, in tokens, and the rest of the text.

    The longest run of number words has to be one number: `two and a half hours` is 2.5 and
    `hours`; `two three hours` is nothing.
    """
    tokens = text.replace("-", " ").split(" ", _MAX_WORDS)
    if tokens[0].lower() not in FIRST_WORDS:
        return None
    count = 0
    while count < len(tokens) and tokens[count].lower() in _VOCABULARY:
        count += 1
    value = read_words([word.lower() for word in tokens[:count]])
    if value is None:
        return None
    return value, " ".join(tokens[count:])


def read_words(tokens: list[str]) -> Fraction | None:
    """The value of lower-case number words, or None when they are not exactly one number."""
    if tokens and tokens[0] in _SIGNS:
        value = _unsigned(tokens[1:])
        return None if value is None else -value
    return _unsigned(tokens)


def _unsigned(tokens: list[str]) -> Fraction | None:
    if not tokens:
        return None
    for read in (_whole, _with_point, _with_half, _fraction, _half_of, _dozens):
        value = read(tokens)
        if value is not None:
            return Fraction(value)
    return None


def _whole(tokens: list[str]) -> int | None:
    """Groups of falling scale: two million three hundred thousand and five."""
    total, limit, group = 0, None, list[str]()
    for word in tokens:
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


def _below_thousand(tokens: list[str], *, article: bool = True) -> int | None:
    if "hundred" not in tokens:
        # "a" counts only before a scale, and there the caller has cut the scale off.
        return 1 if article and tokens == ["a"] else _below_hundred(tokens)
    at = tokens.index("hundred")
    head = 1 if tokens[:at] == ["a"] else _below_hundred(tokens[:at])
    rest = tokens[at + 1 :]
    if head is None or head == 0:
        return None
    if not rest:
        return head * 100
    tail = _below_hundred(rest[1:] if rest[0] == "and" else rest)
    return None if not tail else head * 100 + tail


def _below_hundred(tokens: list[str]) -> int | None:
    if len(tokens) == 1:
        return _ONES.get(tokens[0], _TENS.get(tokens[0]))
    if len(tokens) == 2 and tokens[0] in _TENS and 0 < _ONES.get(tokens[1], 0) < 10:
        return _TENS[tokens[0]] + _ONES[tokens[1]]
    return None


def _with_point(tokens: list[str]) -> Fraction | None:
    """`two point five`, and the same before a scale: `two point five million`."""
    if "point" not in tokens:
        return None
    scale = SCALES.get(tokens[-1], 1)
    tokens = tokens if scale == 1 else tokens[:-1]
    at = tokens.index("point") if "point" in tokens else 0
    head = _whole(tokens[:at])
    digits = [_ONES.get(word, 10) for word in tokens[at + 1 :]]
    if head is None or not digits or max(digits) > 9:
        return None
    return Fraction(f"{head}.{''.join(map(str, digits))}") * scale


def _with_half(tokens: list[str]) -> Fraction | None:
    """`two and a half`, `two and a half million`, `three and three quarters`."""
    scale = SCALES.get(tokens[-1], 1)
    tokens = tokens if scale == 1 else tokens[:-1]
    if "and" not in tokens:
        return None
    at = tokens.index("and")
    head, part = _whole(tokens[:at]), _fraction(tokens[at + 1 :])
    return None if head is None or part is None or part >= 1 else (head + part) * scale


def _fraction(tokens: list[str]) -> Fraction | None:
    if tokens == ["half"]:
        return Fraction(1, 2)
    if len(tokens) != 2 or tokens[1] not in _PARTS:
        return None
    head = 1 if tokens[0] == "a" else _below_hundred(tokens[:1])
    return None if head is None else Fraction(head, _PARTS[tokens[1]])


def _half_of(tokens: list[str]) -> Fraction | None:
    """`half a million`."""
    if len(tokens) == 3 and tokens[:2] == ["half", "a"] and tokens[2] in _GROUP_SCALES:
        return Fraction(_GROUP_SCALES[tokens[2]], 2)
    return None


def _dozens(tokens: list[str]) -> int | None:
    if tokens[-1] != "dozen":
        return None
    head = 1 if tokens[:-1] in ([], ["a"]) else _below_hundred(tokens[:-1])
    return None if head is None else head * 12
