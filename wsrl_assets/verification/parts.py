"""Where a text says an answer: by its words, or by a part that the reward takes for the same."""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from wsrl_assets.reward import AnswerType, Gold, parse_gold, render, score
from wsrl_assets.reward.authoring import may_be
from wsrl_assets.reward.number_words import FIRST_WORDS
from wsrl_assets.text.normalisation import words

# Types of which one value is written in many ways, so that only the reward can compare them.
FIGURES = frozenset(
    {
        AnswerType.INTEGER,
        AnswerType.DECIMAL,
        AnswerType.PERCENT,
        AnswerType.QUANTITY,
        AnswerType.DATE,
        AnswerType.TIME,
        AnswerType.MONEY,
    }
)
# "twenty-five thousand square kilometres", "the 20th of July, 1969"
_MAX_FIGURE_TOKENS = 6
_TOKEN = re.compile(r"\S+")
_EDGE = "\"'“”‘’.,;:!?()[]*"
# "a 5-km walk", "1914–1918"; a sign stands at a start and stays.
_JOINING_DASH = re.compile(r"(?<=\d)-(?=[A-Za-z])|(?<=\w)[–—](?=\w)")
_NUMBER_WORD = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh"
    "|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|million|billion"
    "|trillion|dozen|half|quarter|zero|minus|negative"
)
_NUMBER_LIKE = re.compile(
    rf"\d|[$€£¥%]|^(?:{_NUMBER_WORD})\b|^(?:percent|per|[ap]\.?m)$", re.IGNORECASE
)
# Where a figure can begin: at a number, a currency or a month. "a dozen", "USD 5", "noon"
_FIGURE_BEGINS = re.compile(
    rf"\d|[$€£¥¼½¾]|^(?:{_NUMBER_WORD}|(?:an?|the|noon|midnight)\b|(?-i:[A-Z]{{2,3}})\b"
    r"|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
    re.IGNORECASE,
)
# Types whose figures are a number first, and "an hour".
_NUMBER_FIRST = frozenset(
    {AnswerType.INTEGER, AnswerType.DECIMAL, AnswerType.PERCENT, AnswerType.QUANTITY}
)
_BEGINNINGS = FIRST_WORDS | {"an"}
# C++, C#, AT&T: signs that make another name.
SYMBOL = re.compile(r"[^\w\s'’.,-]")
_MIN_LETTERS = 4


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that stands in a text.

    Attributes:
        text: as it stands there.
        gold: what it is, read as a gold of the type asked for.
        start, end: its place, end exclusive.
    """

    text: str
    gold: Gold
    start: int
    end: int


class _Tokens:
    """The tokens of a text, for reading runs of them."""

    def __init__(self, text: str) -> None:
        self._text = _JOINING_DASH.sub(" ", text)
        self._places = [match.span() for match in _TOKEN.finditer(self._text)]

    def __len__(self) -> int:
        return len(self._places)

    def place(self, first: int, last: int) -> tuple[int, int]:
        """Start and end of a run of tokens, without quotes and stops at its ends."""
        start, end = self._places[first][0], self._places[last][1]
        run = self._text[start:end]
        start += len(run) - len(run.lstrip(_EDGE))
        return start, max(start, end - (len(run) - len(run.rstrip(_EDGE))))

    def part(self, first: int, last: int) -> str:
        """The text of that place."""
        return self._text[self._places[first][0] : self._places[last][1]].strip(_EDGE)


def equal_part(text: str, gold: Gold) -> str | None:
    """The first of `equal_parts`, none if there is none."""
    return next(equal_parts(text, gold), None)


def equal_parts(text: str, gold: Gold) -> Iterator[str]:
    """The parts of a text that, read as the gold's type, are the gold answer.

    `5 km` is found in `5,000 metres`, and 5 is neither in -5, 1.5 or 50 nor in `5 million`: a part
    counts only if no number beside it makes another value of it.
    """
    tokens = _Tokens(text)
    figure = gold.type in FIGURES
    longest = _MAX_FIGURE_TOKENS if figure else len(gold.value.split()) + 2

    def grows(first: int, last: int) -> bool:
        """Whether a number word before or after the part belongs to its number."""
        longer = ((first - 1, (first - 1, last)), (last + 1, (first, last + 1)))
        return any(
            _is_gold(tokens.part(*whole), gold) is False
            for beside, whole in longer
            if 0 <= beside < len(tokens) and _NUMBER_LIKE.search(tokens.part(beside, beside))
        )

    for first in range(len(tokens)):
        if figure and not _may_begin(tokens.part(first, first), gold.type):
            continue
        for last in range(first, min(first + longest, len(tokens))):
            if _is_gold(tokens.part(first, last), gold) and not (figure and grows(first, last)):
                yield tokens.part(first, last)


def figures(text: str, answer_type: AnswerType) -> list[Figure]:
    """The figures of one type in a text, in order, each as long as its number is written.

    "two hundred and fifty" is one integer, and "5 million" is none of 5.
    """
    tokens, found, first = _Tokens(text), [], 0
    while first < len(tokens):
        last, gold = _longest_figure(tokens, first, answer_type)
        if gold is not None:
            found.append(Figure(tokens.part(first, last), gold, *tokens.place(first, last)))
        first = last + 1
    return found


def _longest_figure(
    tokens: _Tokens, first: int, answer_type: AnswerType
) -> tuple[int, Gold | None]:
    """The figure that begins at a token, and its last token; a unit's first word ends it."""
    best: tuple[int, Gold | None] = (first, None)
    if not _may_begin(tokens.part(first, first), answer_type):
        return best
    for last in range(first, min(first + _MAX_FIGURE_TOKENS, len(tokens))):
        if best[1] is not None and not _NUMBER_LIKE.search(tokens.part(last, last)):
            continue
        read = _read(tokens.part(first, last), answer_type)
        if read is not None:
            best = (last, read)
    return best


def _may_begin(token: str, answer_type: AnswerType) -> bool:
    """Whether a figure can begin with a token; most words are no number, and begin no quantity."""
    if answer_type in _NUMBER_FIRST and token.isascii() and token.isalpha():
        return token.lower() in _BEGINNINGS
    return _FIGURE_BEGINS.search(token) is not None


def phrase_in(phrase: str, text: str) -> bool:
    """Whether a phrase stands in a text, whatever the case, spacing and punctuation.

    Symbols count: C++ is not in a text about C, nor C in one about C++.
    """
    if literally_in(phrase, text):
        return True
    telling = len(phrase.split()) > 1 or len(phrase) >= _MIN_LETTERS
    if not telling or SYMBOL.search(phrase):
        return False
    needle = " ".join(words(phrase))
    return bool(needle) and f" {needle} " in f" {' '.join(words(text))} "


def characters_in(snippet: str, text: str) -> bool:
    """Whether code or a formula stands in a text, whatever the spacing, and as a whole."""
    body = r"\s*".join(re.escape(character) for character in "".join(snippet.split()))
    return bool(body) and re.search(rf"(?<![\w.]){body}(?!\w)", text) is not None


def items_of(gold: Gold) -> list[str]:
    """The items of a list; `parse_gold` writes them as a JSON array."""
    return [str(item) for item in json.loads(gold.value)]


def option_text(gold: Gold) -> str:
    """The text that a choice stands for; any other answer as it is."""
    if gold.type is not AnswerType.CHOICE or len(gold.value) > 1:
        return gold.value
    number = ord(gold.value.upper()) - ord("A")
    return gold.choices[number] if 0 <= number < len(gold.choices) else gold.value


def without_accents(text: str) -> str:
    """A text whose letters have lost their marks: a reader takes Bogota for Bogotá."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def literally_in(phrase: str, text: str) -> bool:
    """Whether a phrase stands in a text with its symbols, as a whole, whatever case and spacing."""
    needle = re.escape(" ".join(phrase.casefold().split()))
    haystack = " ".join(text.casefold().split())
    return bool(needle) and re.search(rf"(?<![\w+#]){needle}(?![\w+#])", haystack) is not None


def _is_gold(part: str, gold: Gold) -> bool | None:
    """Whether a part is the gold answer; none if it is not of the gold's type at all."""
    read = _read(part, gold.type)
    return None if read is None else _answers(read, gold)


@lru_cache(maxsize=1024)
def _answers(read: Gold, gold: Gold) -> bool:
    """One way only: "20 July 1969" answers a question for the year, 1969 none for the day."""
    return score(render(read), gold).value == 1


def _read(part: str, answer_type: AnswerType) -> Gold | None:
    if not part or not may_be(part, answer_type):
        return None
    try:
        return parse_gold(part, answer_type)
    except ValueError:
        return None
