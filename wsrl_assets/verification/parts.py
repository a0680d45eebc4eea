"""Where a text says an answer: by its words, or by a part that the reward takes for the same."""

import json
import re
import unicodedata

from wsrl_assets.reward import AnswerType, Gold, parse_gold, render, score
from wsrl_assets.text import words

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
# C++, C#, AT&T: signs that make another name.
SYMBOL = re.compile(r"[^\w\s'’.,-]")
_MIN_LETTERS = 4


def equal_part(text: str, gold: Gold) -> str | None:
    """The first part of a text that, read as the gold's type, is the gold answer; none if none is.

    `5 km` is found in `5,000 metres`, and 5 is neither in -5, 1.5 or 50 nor in `5 million`: a part
    counts only if no number beside it makes another value of it.
    """
    spaced = _JOINING_DASH.sub(" ", text)
    tokens = [(match.start(), match.end()) for match in _TOKEN.finditer(spaced)]
    figure = gold.type in FIGURES
    longest = _MAX_FIGURE_TOKENS if figure else len(gold.value.split()) + 2

    def part(first: int, last: int) -> str:
        return spaced[tokens[first][0] : tokens[last][1]].strip(_EDGE)

    def grows(first: int, last: int) -> bool:
        """Whether a number word before or after the part belongs to its number."""
        longer = ((first - 1, (first - 1, last)), (last + 1, (first, last + 1)))
        return any(
            _is_gold(part(*whole), gold) is False
            for beside, whole in longer
            if 0 <= beside < len(tokens) and _NUMBER_LIKE.search(part(beside, beside))
        )

    for first in range(len(tokens)):
        if figure and not _FIGURE_BEGINS.search(part(first, first)):
            continue
        for last in range(first, min(first + longest, len(tokens))):
            if _is_gold(part(first, last), gold) and not (figure and grows(first, last)):
                return part(first, last)
    return None


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
    if not part:
        return None
    try:
        read = parse_gold(part, gold.type)
    except ValueError:
        return None
    # One way only: "20 July 1969" answers a question for the year, 1969 none for the day.
    return score(render(read), gold).value == 1
