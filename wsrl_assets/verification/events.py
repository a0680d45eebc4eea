"""Which event a date of a quote belongs to, and whether it is the one that a question asks for.

"How old was she when she married?" is not answered by the days of birth and death. By rule, for
English; where a rule does not recognise the event, the dates are not reckoned with.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from wsrl_assets.verification.parts import Figure

_WORD = re.compile(r"(?<![\w'’-])[A-Za-z][a-z'’-]+")
_BREAK = re.compile(r"[,;:.!?()]|\b(?:and|but|while|when|whereas|before|after)\b")
# The event follows these words, in a question for an age ...
_AT_EVENT = re.compile(r"\b(?:when|at the time of|by the time|at|upon|on)\b(?! what)")
# ... and in one for the years between two.
_APART = re.compile(r"\b(?:after|before|between|since|until|from)\b")
_LIFE = re.compile(r"\s*[-–—]\s*")
_MIN_PREFIX = 4

# Words that are no event, and the verbs of duration, which name none.
_NO_EVENT = frozenset(
    "the an of to in on at by for from with and or but as than that this these those which who whom"
    " whose what when where while his her its their our my your he she it they we you him them is"
    " are was were be been being has have had will would can could did does do may might age old"
    " aged year years month months day days date time how many much long last lasts lasted take"
    " takes took taken pass passed elapse elapsed apart there then later earlier first only about"
    " over into after before between since until during same own".split()
)
_FORMS = {
    form: forms.split()[0]
    for forms in (
        "die dies died dying death dead|born birth birthday birthplace|crown crowned coronation"
        "|win wins won winning|become becomes became|begin begins began begun beginning"
        "|write writes wrote written writing|leave leaves left leaving|go goes went gone"
        "|make makes made making|meet meets met meeting|build builds built building"
        "|lose loses lost|rise rises rose risen|fall falls fell fallen|buy buys bought"
        "|sell sells sold|teach teaches taught|give gives gave given|get gets got"
        "|hold holds held|lead leads led|fight fights fought|run runs ran|sing sings sang sung"
        "|fly flies flew flown|flight|draw draws drew drawn|choose chooses chose chosen"
        "|marry marries married marriage wedding wed|end ends ended ending"
    ).split("|")
    for form in forms.split()
}
_BIRTH = frozenset({"born"})
_ORIGINS = frozenset(
    {"build", "begin"}
    | set("founded opened established constructed launched created completed erected".split())
)


def asked_dates(
    question: str, quote: str, dates: Sequence[Figure], *, age: bool
) -> Iterator[tuple[Figure, Figure]]:
    """The pairs of dates, earlier first, whose events are those that the question asks for.

    An age runs from a birth, or a beginning, to the event that the question names, if it names one.
    Between two events, all that the question names must be said of one date or the other.
    """
    events = _events(quote, dates)
    asked = _asked(question, age=age)
    for early, late in _ordered(dates):
        if age:
            begins = _BIRTH if any(_BIRTH & words for words in events.values()) else _ORIGINS
            fits = _names(begins, events[early.start]) and _all_in(asked, events[late.start])
        else:
            fits = _all_in(asked, events[early.start] | events[late.start])
        if fits:
            yield early, late


def _ordered(dates: Sequence[Figure]) -> Iterator[tuple[Figure, Figure]]:
    for one in dates:
        for other in dates:
            if one.gold.value < other.gold.value:
                yield one, other


def _asked(question: str, *, age: bool) -> frozenset[str]:
    """The words for the events that a question names; capitalised ones are names of things."""
    text = question.rstrip(" ?")
    found = (_AT_EVENT if age else _APART).search(text)
    if found is None:
        start = re.search(r"\b(?:did|does|do|was|were|is)\b", text)
        return _words(text[start.end() :] if start else text) if not age or start else frozenset()
    return _words(text[found.end() :])


def _events(quote: str, dates: Sequence[Figure]) -> dict[int, frozenset[str]]:
    """The words of the clause that each date stands in, by where the date begins."""
    found = {date.start: _clause(quote, date, dates) for date in dates}
    for early, late in pairwise(sorted(dates, key=lambda date: date.start)):
        between = quote[early.end : late.start]
        if _LIFE.fullmatch(between) and quote[: early.start].rstrip().endswith("("):
            found[early.start], found[late.start] = frozenset({"born"}), frozenset({"die"})
    return found


def _clause(quote: str, date: Figure, dates: Sequence[Figure]) -> frozenset[str]:
    breaks = [0, *(match.end() for match in _BREAK.finditer(quote)), len(quote)]
    breaks = [place for place in breaks if not date.start < place < date.end]
    index = max(i for i, place in enumerate(breaks) if place <= date.start)
    start, end = breaks[index], breaks[min(index + 1, len(breaks) - 1)]
    others = [other for other in dates if other != date]
    words = _words(_without(quote, start, end, others))
    if words or index + 2 >= len(breaks):
        return words
    after = breaks[index + 2]  # "In 1950, she died"
    has_date = any(end <= other.start < after for other in others)
    return frozenset() if has_date else _words(quote[end:after])


def _without(quote: str, start: int, end: int, dates: Sequence[Figure]) -> str:
    """A part of the quote up to the next date, or from the one before."""
    inside = [date for date in dates if start <= date.start < end]
    return quote[start:end] if not inside else quote[start : min(d.start for d in inside)]


def _words(text: str) -> frozenset[str]:
    """The words that may name an event; of capitalised ones, those that are no names for sure."""
    found = (word for word in _WORD.findall(text) if word[0].islower() or word.lower() in _FORMS)
    lowered = (word.lower() for word in found)
    return frozenset(_FORMS.get(word, word) for word in lowered if word not in _NO_EVENT)


def _all_in(asked: frozenset[str], told: frozenset[str]) -> bool:
    return all(any(_same(one, other) for other in told) for one in asked)


def _names(begins: frozenset[str], told: frozenset[str]) -> bool:
    return any(_same(one, other) for one in begins for other in told)


def _same(one: str, other: str) -> bool:
    """Whether two words are forms of one: `elected` and `election`, not `composed`, `completed`."""
    if one == other:
        return True
    shared = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    shared = min(len(one), len(other)) if shared is None else shared
    return shared >= max(_MIN_PREFIX, max(len(one), len(other)) - 4)
