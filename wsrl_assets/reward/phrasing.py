"""The prose that people put around an answer, and what of it may be left out.

`readings` gives the shorter texts that a sentence may be read as, for the rule of the type to
judge. A reading leaves out a lead (`The total comes to`), a gloss (`, the capital of France`) or a
restatement, and only where nothing in what it leaves out denies, doubts, asks, compares or counts
something else. So of several guesses in a sentence not even the last one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from .dates import is_month
from .gold import AnswerType
from .guessing import is_idle
from .number_words import COUNTING_WORDS
from .text import unwrap
from .vocabulary import word_set, words

MAX_LENGTH = 400
_MAX_READINGS = 24
_MAX_GLOSSES = 4

NUMERIC = frozenset(
    (
        AnswerType.INTEGER,
        AnswerType.DECIMAL,
        AnswerType.PERCENT,
        AnswerType.QUANTITY,
        AnswerType.MONEY,
        AnswerType.DATE,
        AnswerType.TIME,
    )
)
EQUATED = NUMERIC - {AnswerType.DATE, AnswerType.TIME}

# Words that deny an answer, doubt it, ask for it or lead to another.
UNFIT = re.compile(
    r"\b(?:not|never|cannot|no|neither|nor|none|if|whether|unless|might|may|maybe|perhaps"
    r"|possibly|could|would|wrong|incorrect|false|mistaken|unlikely|doubt|suppose|assuming|either"
    r"|or|guess(?:es)?|attempt|example|step|hint|question|problem|case|input|query|what|who|whom"
    r"|which|when|where|why|how|than|there|q|before|after|until|since)\b|n't\b|[?;!]|n\u2019t\b",
    re.IGNORECASE,
)
# The same in what explains an answer, where `which` and `who` lead to nothing new.
_UNFIT_GLOSS = re.compile(
    r"\b(?:not|never|cannot|no|neither|nor|none|if|whether|unless|might|maybe|perhaps|possibly"
    r"|could"
    r"|would|wrong|incorrect|false|mistaken|unlikely|doubt\w*|suppose|assuming|either|or|guess\w*"
    r"|attempt|alternatively|instead|rather|but|however|although|though|except|answer|option"
    r"|actually"
    r"|sorry|wait|no|unsure|likely|probably|rival|another|versus|vs)\b|n't\b|n\u2019t\b|[?]",
    re.IGNORECASE,
)
_NEXT_NAME = re.compile(
    r"[/|;~\u2022]|\([A-Z]|, (?!(?:who|which|where|whose|the|an?|and|in|on|of|with|its|his|her)\b)"
)
# In what follows a number, words that change how much it is.
_CHANGES = word_set(
    """
    more less fewer least most minimum maximum min max give take approximately roughly around about
    nearly almost up down over under above below plus minus each per every apiece times squared
    cubed factorial half double twice ago later earlier before after ish something odd some upwards
    onwards greater larger smaller higher lower estimated approx exceeding beyond and percent
    """
)
_STRONG_VERB = re.compile(r"\b(?:is|was|are|were|equals|be|has|had|have)\b", re.IGNORECASE)
# Both begin with a blank, which the search for them is quick by.
_IS = re.compile(r" (?:is|was|are|were|equals)(?: equal to)?(?=:?\s)", re.IGNORECASE)
_GIVES = re.compile(
    r" (?:(?:is|was|are|were|equals|has|had|have|contains?|contained|totals?|totall?ed|numbers"
    r"|numbered|measures?|measured|weighs?|weighed|costs?|takes|took|lasts?|lasted|reached|spans?"
    r"|covers?|covered|raised|received|paid|won|scored|holds?|held|counts?|counted|requires?"
    r"|needs?|find|found|get|got"
    r"|obtain|rose|fell|grew|increased|decreased|declined|dropped|climbed|improved|becomes?"
    r"|implies|means|spent|earned|sold|bought|born|died|founded|ended|began"
    r"|happened"
    r"|occurred|opened|closed|starts?|started|runs|ran"
    r"|(?:gives?|gave|yields?|makes?|made|leaves|left|produces?|returns?)(?: us| me)?"
    r"|(?:comes?|came|works? out|worked out|amounts?|amounted|adds? up|added up|simplifies|reduces"
    r"|evaluates|converts) to|stands? at|stood at|results? in|(?:rounds|rounded) to)"
    r"(?: equal to| to be| by| exactly| precisely| on| in| at)?)(?=:?\s)",
    re.IGNORECASE,
)
_PREPOSITIONS = {
    AnswerType.DATE: re.compile(r"([^\d]{1,200}?) (?:in|on) (.+)", re.IGNORECASE | re.DOTALL),
    AnswerType.TIME: re.compile(r"([^\d]{1,200}?) at (.+)", re.IGNORECASE | re.DOTALL),
}
# In Chinese and Japanese no space follows the colon.
_LABEL = re.compile(r"([^\d:,\n]{1,40})(?::\s+|(?<=[^\x00-\u2fff]):|\uff1a\s*)(.+)", re.DOTALL)
_EQUATION = re.compile(
    r"(.{0,200}[^=!<>~\u2260\u2264\u2265\s])\s*(=|\u2248|\u2245|\\approx|~)\s*([^=<>]+)", re.DOTALL
)
_SAID_TO_BE_THE_ANSWER = re.compile(
    r"(.{1,200}?),? (?:is|are|would be) "
    r"(?:correct|right"
    r"|(?:the|my|our) (?:final |correct |right )?(?:answer|result|option|choice|total|value)s?)",
    re.IGNORECASE,
)
_IDLE_LEAD = re.compile(
    r"(?:(?:so|thus|hence|therefore|finally|then),? )?"
    r"(?:(?:it|that|this|they)(?:'s|\u2019s| is| was| were|'re| are) |(?:is|was|are|were|simply) "
    r"|we (?:get|have|find|obtain|see|count)(?: that)?:? |the number (?=\d)|there (?:is|are"
    r"|were) (?!no\b)|(?:=>|=|\u2234|\u2192|\u21d2|\\Rightarrow|->) ?)"
    r"|(?:so|thus|hence|therefore|finally|then),? |(?:just|only|exactly|precisely|simply|all) ",
    re.IGNORECASE,
)
_BECAUSE = re.compile(
    r",? (?:because|since|as (?=\w+ (?:is|was|are|were|has|had)\b)) ?(?=[A-Za-z])"
)
_MEASURE_LEAD = re.compile(
    r"(?:an?|the) (?:(?:total|combined|overall|full|final|grand) )?(?:total|sum|count|number"
    r"|distance"
    r"|length|height|width|depth|thickness|diameter|radius|weight|mass|speed|velocity|acceleration"
    r"|area|volume|duration|period|time|temperature|pressure|price|cost|amount|fee|value|score|rate"
    r"|share|age|size|capacity|power|energy|force|frequency|population|probability|ratio|elevation"
    r"|altitude|angle|sum of money|budget|salary|fine|profit|revenue|density|current|voltage|charge"
    r"|dose|concentration|percentage|proportion) (?:of|is|was) ",
    re.IGNORECASE,
)
_LAST_OF_TRAILERS = frozenset("lryepghkstdma.)LRYEPGHKSTDMA")
_TRAILER = re.compile(
    r",?(?: in| of)? \(?(?:total|altogether|overall|all|exactly|precisely|long|tall|high|wide"
    r"|deep|thick"
    r"|across|old|length|height|width|depth|thickness|diameter|radius|weight|size|area|volume"
    r"|duration"
    r"|age|sharp)\)?$",
    re.IGNORECASE,
)
_ABOUT_TRAILER = re.compile(
    r",? \(?(?:approximately|approx\.?|roughly|rounded(?: off)?(?: to .{1,30})?"
    r"|(?:correct )?to (?:\d|one|two|three|four|five) (?:decimal places?|d\.?p\.?"
    r"|significant \w+|s\.?f\.?)"
    r"|\d (?:d\.?p\.?|s\.?f\.?))\)?$",
    re.IGNORECASE,
)
_BEFORE_GLOSS = re.compile(r"[,;] | [\u2013\u2014-] |[.!] (?=[A-Z\W])|\n+| (?=\()")
# Of a number it says when, and is no other number.
YEAR_IN_PASSING = re.compile(
    r"\b(?:in|as of|since|by|from|until|of|on|at the end of) (?:1\d|20)\d\d\b", re.IGNORECASE
)
# Twelve percent of adults, five kilograms of sand.
_PORTIONED = frozenset((AnswerType.PERCENT, AnswerType.QUANTITY))
_PORTION = re.compile(r"(.{1,60}?) (?:of|among) ((?:[^\W\d_]+[ '\u2019-]?){1,8})", re.IGNORECASE)
_RESTATES = re.compile(
    r"(?:,? (?:i\.e\.|ie|that is|that's|in other words|equivalently|also written|=|\u2248|aka"
    r"|a\.k\.a\."
    r"|also known as|which (?:is|equals)(?: the same as| equal to)?)|, or),? (?:as )?| \((?:or "
    r"|i\.e\.,? |that is,? |= ?|also |aka )?(?=[^()]+\)$)",
    re.IGNORECASE,
)
_DENIES_ANOTHER = re.compile(r"(.{1,100}) \((?:and |but )?not ([^()]{1,60})\)", re.IGNORECASE)

# Around names.
_NAME_PREPOSITION = re.compile(r"(?:in|at|on|by|from|into|to|as|with|for|via|called|named) ", re.I)
_PASSIVE = re.compile(
    r"(?:\w+ly )?(?:\w+(?:ed|en|wn)|built|made|found|led|sung|won|held|set|put|sent|born|spoken"
    r"|based"
    r"|located|known|called) (?:by|in|at|from|as|on|to) (?=\S)",
    re.IGNORECASE,
)
_PLACED = re.compile(
    r"(?:it|this|that|they|he|she) (?:(?!not|never|no|near|lost|left|rejected|avoided)\w+ ){1,3}"
    r"(?:in|at|by|from|on) (?=\S)",
    re.IGNORECASE,
)
_APPOSITION = re.compile(
    r"(?:(?:i\.e\.,?|namely|that is,?) )?(?:an?|the|one of|who|which|that|whose|where|also"
    r"|formerly|now|then|born|located|known"
    r"|named|home"
    r"|capital|it|its|he|she|they|this|a\.k\.a\.)\b",
    re.IGNORECASE,
)
_MAIDEN = re.compile(r"(?:n\u00e9e?|nee|born|formerly|previously|originally)\b", re.IGNORECASE)
_OF_A_NAME = re.compile(r"(?:[A-Z][\w-]+ ){0,2}[A-Z][\w-]+['\u2019]s? (?:[a-z]+ ?){1,4}$")
_ATTACHED = re.compile(
    r"(?:in|on|at|of|with|by|for|from|as|according|based|including|making|giving|counting"
    r"|measured)\b",
    re.IGNORECASE,
)
_RELATION = re.compile(
    r"\b(?:of|in|for|on|from|to|at|by|with|as|who|which|that|whose|is|was|are|were|known|\w+ed)\b",
    re.IGNORECASE,
)
# Elsewhere it is a pronoun: "one of them", "one might add".
_ONE = re.compile(r"\bone\b(?=\s*(?:$|[.,;!)]))", re.IGNORECASE)
_YEARS = re.compile(
    r"\((?:(?:born|b\.|died|d\.|c\.|ca\.|fl\.|r\.) ?)?\d{3,4}(?: ?(?:BCE?|CE|AD))?"
    r"(?: ?[-\u2013\u2014] ?(?:(?:c\.|ca\.) ?)?(?:\d{2,4}(?: ?(?:BCE?|CE|AD))?|present)?)?\)",
    re.IGNORECASE,
)
_CLEFT = re.compile(r"(.{1,200}?),? (?:who|which|that|whose|where) (.{1,200})", re.DOTALL)
_AUTHOR = re.compile(r"(.{1,200}?),? (?:by|from) ((?:[A-Z][\w.'\u2019-]*(?: |$)){1,4})")
_INVERTED = re.compile(
    r"([A-Z][\w'\u2019-]+(?: [A-Z][\w'\u2019-]+)?), "
    r"([A-Z][\w.'\u2019-]*(?: [A-Z][\w.'\u2019-]*){0,2})"
)
_CLASS_NOUNS = (
    r"(?:gene|protein|enzyme|molecule|element|compound|ion|isotope|planet|moon|star|comet|asteroid"
    r"|language|programming language|protocol|command|flag|option|function|variable|keyword|library"
    r"|novel|book|film|movie|play|poem|song|album|painting|opera|symphony|process|reaction|method"
    r"|word|term|letter|symbol|ratio|ISBN(?:-1[03])?:?|ISSN:?|DOI:?|chemical|gas|metal|mineral"
    r"|hormone|virus|bacterium|species|genus)"
)
_CLASS = re.compile(
    rf"(?:the |an? )?(?:{_CLASS_NOUNS} (?:of |called |named |known as )?(?P<after>\S.*)"
    rf"|(?P<before>.+?) {_CLASS_NOUNS})",
    re.IGNORECASE,
)


def readings(text: str, answer_type: AnswerType) -> Iterator[str]:
    """Shorter texts that the answer may be read as, the nearest first; each one once."""
    if len(text) > MAX_LENGTH or not may_hold(text, answer_type):
        return
    seen, fresh = {text}, [text]
    for depth in range(3):
        found = [r for t in fresh for r in _steps(t, answer_type)]
        if depth == 0:
            # Only once, and at any of its verbs: what is said of two things is two answers.
            found += _after_verb(text, answer_type)
        fresh = [r for r in dict.fromkeys(map(unwrap, found)) if r and r not in seen]
        yield from fresh
        seen.update(fresh)
        if not fresh or len(seen) > _MAX_READINGS:
            return


def restatements(text: str) -> list[str]:
    """The parts of a text that says one thing in two ways: `5 km (5,000 m)`, `5 km or 5,000 m`."""
    if not (text.endswith(")") or "," in text or "=" in text or "." in text or "a" in text):
        return []
    parts = _RESTATES.split(text, 2)
    if len(parts) < 2:
        return []
    is_closed = text.endswith(")") and "(" not in parts[-1]
    return [*parts[:-1], parts[-1][:-1] if is_closed else parts[-1]]


def may_hold(text: str, answer_type: AnswerType) -> bool:
    """Whether a text might name another answer of the type, or part of one."""
    if answer_type in NUMERIC:
        lowered = re.findall(r"[^\W\d_]+", text.casefold())
        counts = not COUNTING_WORDS.isdisjoint(lowered) or _ONE.search(text) is not None
        is_date = answer_type is AnswerType.DATE and any(map(is_month, lowered))
        is_time = answer_type is AnswerType.TIME and ("noon" in lowered or "midnight" in lowered)
        return counts or is_date or is_time or any(c.isdigit() for c in text)
    if answer_type is AnswerType.YES_NO:
        return re.search(r"\b(?:yes|no|not|true|false)\b|n't\b", text, re.I) is not None
    return True


def _steps(text: str, answer_type: AnswerType) -> Iterator[str]:
    if " " in text:
        said = _SAID_TO_BE_THE_ANSWER.fullmatch(text) if text[-1] in "ctrnesTRNES" else None
        if said is not None and not UNFIT.search(said[1]):
            yield said[1]
        cut = _BECAUSE.search(text)
        if cut is not None:
            yield text[: cut.start()]
    if " " not in text and "=" not in text and ":" not in text and "\n" not in text:
        return
    lead = _IDLE_LEAD.match(text)
    if lead is not None:
        yield text[lead.end() :]
    label = _LABEL.fullmatch(text) if ":" in text else None
    if label is not None and _is_fit_lead(label[1]):
        yield label[2]
    if answer_type in NUMERIC:
        yield from _around_number(text, answer_type)
    elif answer_type is AnswerType.ENTITY:
        yield from _around_name(text)
    elif answer_type in (AnswerType.CHOICE, AnswerType.LIST, AnswerType.EXPRESSION):
        if answer_type is AnswerType.CHOICE and text.count("=") == 1:
            yield text.partition("=")[2].strip()
        yield from _without_gloss(text, answer_type)


def _after_verb(text: str, answer_type: AnswerType) -> Iterator[str]:
    verb = _GIVES if answer_type in NUMERIC else _IS
    for found in islice(verb.finditer(text), 4):
        lead = text[: found.start()]
        if not lead or not _is_fit_lead(lead):
            continue
        if answer_type in NUMERIC and _GIVES.search(f"{lead} ") and may_hold(lead, answer_type):
            continue
        yield text[found.end() :].removeprefix(":").lstrip()
    if answer_type in _PREPOSITIONS:
        placed = _PREPOSITIONS[answer_type].fullmatch(text)
        if placed is not None and not UNFIT.search(placed[1]):
            yield placed[2]


def _is_fit_lead(lead: str) -> bool:
    if "=" in lead or lead.count(", ") > 2:
        return False
    return not (UNFIT.search(lead) or _STRONG_VERB.search(lead))


def _around_number(text: str, answer_type: AnswerType) -> Iterator[str]:
    if answer_type in EQUATED and ("=" in text or "~" in text or "\\" in text):
        found = _EQUATION.fullmatch(text)
        is_fit = found is not None and not UNFIT.search(found[1]) and ", " not in found[1]
        # A count is exact: it is not what something is about equal to.
        if found and is_fit and (found[2] == "=" or answer_type is not AnswerType.INTEGER):
            yield found[3]
    lead = _MEASURE_LEAD.match(text)
    if lead is not None:
        yield text[lead.end() :]
    if text[-1] in _LAST_OF_TRAILERS:
        yield from _without_trailer(text, answer_type)
    portion = _PORTION.fullmatch(text) if answer_type in _PORTIONED else None
    whole = portion[2] if portion else ""
    if portion and not may_hold(whole, answer_type) and not _UNFIT_GLOSS.search(whole):
        yield portion[1]
    denied = _DENIES_ANOTHER.fullmatch(text) if text[-1] == ")" else None
    if denied is not None and denied[2].strip() != denied[1].strip():
        yield denied[1]
    yield from _without_gloss(text, answer_type)


def _without_trailer(text: str, answer_type: AnswerType) -> Iterator[str]:
    """`5 km in length` and, where digits may be rounded, `3.14 to two decimal places`."""
    for trailer in (_TRAILER,) if answer_type is AnswerType.INTEGER else (_TRAILER, _ABOUT_TRAILER):
        found = trailer.search(text)
        if found is not None:
            yield text[: found.start()]


def _without_gloss(text: str, answer_type: AnswerType) -> Iterator[str]:
    """`42, the number of its craters`: what follows names no other answer and changes none."""
    for found in islice(_BEFORE_GLOSS.finditer(text, 1), _MAX_GLOSSES):
        gloss = text[found.end() :].strip("()")
        if _is_gloss(text[: found.start()], gloss, found[0], answer_type):
            yield text[: found.start()]


def _is_gloss(head: str, gloss: str, mark: str, answer_type: AnswerType) -> bool:
    said = words(gloss.casefold())
    if _UNFIT_GLOSS.search(gloss) or _NEXT_NAME.search(gloss) or not _CHANGES.isdisjoint(said):
        return False
    if answer_type not in NUMERIC:
        return bool(said) and _is_apposition(head, gloss, said)
    is_clause = mark[0] in ".!\n" or _APPOSITION.match(gloss) or _ATTACHED.match(gloss)
    if answer_type is not AnswerType.DATE:
        gloss = YEAR_IN_PASSING.sub("", gloss)
    return is_idle(gloss) or bool(len(said) > 2 and is_clause and not may_hold(gloss, answer_type))


def _is_apposition(head: str, gloss: str, said: tuple[str, ...]) -> bool:
    """`Paris, the capital of France`, and not `the sun, the moon`."""
    if head.isupper() and "".join(w[0] for w in gloss.split() if w[0].isupper()).startswith(head):
        # An expansion of an acronym, which the rule has to know.
        return False
    if _MAIDEN.match(gloss) or _OF_A_NAME.match(gloss):
        return True
    is_said_of_it = _APPOSITION.match(gloss) is not None and len(said) > 2
    is_proper = head[0].isupper() and not head.lower().startswith(("a ", "an ", "the "))
    is_kind = said[0] in ("a", "an", "the") and is_proper and gloss.split()[-1].islower()
    return is_said_of_it and (is_kind or _RELATION.search(gloss) is not None)


def _around_name(text: str) -> Iterator[str]:
    for lead in (_NAME_PREPOSITION, _PASSIVE, _MEASURE_LEAD, _PLACED):
        found = lead.match(text)
        if found is not None:
            yield text[found.end() :]
    if text.endswith(")"):
        head, _, years = text.rpartition(" (")
        if head and _YEARS.fullmatch(f"({years}"):
            yield head
    yield from _without_gloss(text, AnswerType.ENTITY)
    cleft = _CLEFT.fullmatch(text)
    if cleft is not None and not _UNFIT_GLOSS.search(cleft[2]):
        yield cleft[1]
    author = _AUTHOR.fullmatch(text)
    if author is not None:
        yield author[1]
    inverted = _INVERTED.fullmatch(text)
    if inverted is not None:
        yield f"{inverted[2]} {inverted[1]}"
    classed = _CLASS.fullmatch(text)
    if classed is not None:
        yield classed["after"] or classed["before"]
