"""The parts of a sentence that can be asked for: dates, figures and names, found by rule.

Each pattern says what looks like an answer; the rules below say when its context makes it a bad
one: it is hedged, one end of a range, half of a name, a pointer, or a figure that is given and
not told.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wsrl_assets.generation.sentences import UPPER
from wsrl_assets.reward import AnswerType

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_UNIT = (
    "km/h|km2|km|kilomet(?:er|re)s?|square kilomet(?:er|re)s?|met(?:er|re)s?|cm|centimet(?:er|re)s?"
    "|mm|millimet(?:er|re)s?|miles?|feet|foot|inch(?:es)?|kg|kilograms?|grams?|mg|milligrams?"
    "|tonnes?|lit(?:er|re)s?|ml|millilit(?:er|re)s?|gallons?"
    "|degrees Celsius|degrees Fahrenheit|°C|°F|kelvins?|volts?|watts?|kilowatts?|hertz|joules?"
    "|pascals?|hectares?|acres?|seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?"
    "|sq km|sq mi|cu km|ft|lb|pounds?|ounces?|tons?|knots?|mph|light-years?"
    "|[kMG]?Hz|kilohertz|megahertz|gigahertz|bits?|bytes?|[kKMGT]B|(?:kilo|mega|giga|tera)bytes?"
)
_NAME_WORD = rf"[{UPPER}][\w'’-]+"
_CAPITALISED = re.compile(rf"\b{_NAME_WORD}")
_NUMBER_WORD = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    "|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty"
)
# After a name of one word: the name is no adjective ("the French army") and no half of a name.
_NAME_ENDS = (
    r"(?=[.,;)]|$| (?:in|on|for|to|from|at|by|with|as|during|after|before|when|where|who|which|that"
    r"|is|was|were|are|had|has|until|because|since|under|between|through|into)\b)"
)
_HONORIFIC = (
    "President|King|Queen|Prince|Princess|Emperor|Empress|Pope|Sir|Lord|Lady|General|Captain"
    "|Colonel|Admiral|Professor|Doctor|Dr|Saint|St|Mr|Mrs|Ms|Senator|Governor|Chancellor|Minister"
)

# In order: an earlier kind claims its characters, a later one takes what is left.
_PATTERNS: tuple[tuple[AnswerType, re.Pattern[str]], ...] = (
    (
        AnswerType.TIME,  # not a scale of 1:50
        re.compile(
            r"(?<![\d:.,])\d{1,2}:\d{2} ?(?:AM|PM|a\.m\.|p\.m\.)(?!\w)"
            r"|(?<=\bat )\d{1,2}:\d{2}(?![\w:]|\.\d)"
        ),
    ),
    (
        AnswerType.DATE,
        re.compile(
            rf"(?<![\w–−-])(?:(?:{_MONTH}) \d{{1,2}}, \d{{4}}|\d{{1,2}} (?:{_MONTH}) \d{{4}}"
            rf"|(?:{_MONTH}) \d{{4}})(?![\w–-])"
        ),
    ),
    (
        AnswerType.DATE,
        re.compile(
            r"(?:(?<=\b[Ii]n )|(?<=\bof )|(?<=\b[Ss]ince )|(?<=\b[Uu]ntil ))"
            r"(?:1[0-9]|20)\d{2}(?=[.,;)]? (?![a-z]+s\b)|[.,;)]|$)"
        ),
    ),
    # The year of a work or an event, after its name.
    (AnswerType.DATE, re.compile(rf"(?<=[{UPPER}\w] \()(?:1[4-9]|20)\d{{2}}(?=\))")),
    (AnswerType.PERCENT, re.compile(rf"(?<![\w.,–−-])(?:{NUMBER}) ?(?:%|percent\b|per cent\b)")),
    (
        AnswerType.MONEY,
        re.compile(
            rf"(?<![\w.])[$€£](?:{NUMBER})(?: (?:thousand|million|billion|trillion))?(?![\w$-])"
        ),
    ),
    (
        AnswerType.QUANTITY,
        re.compile(rf"(?<![\w.,–−-])(?:{NUMBER})[ \u00a0]?(?:{_UNIT})(?![\w/^-])"),
    ),
    (AnswerType.DECIMAL, re.compile(r"(?<![\w.,/^\"“–−-])\d+\.\d+(?![\w%/^]|\.\d)")),
    # A count: what is counted follows, or the sentence pauses. "12 V" and "n = 3" are no counts.
    (
        AnswerType.INTEGER,
        re.compile(
            r"(?<![\w.,/^$€£:(\[=+*×'’\"“#~±≈–−-])(?<![=+*×÷/^<>–−-] )(?:\d{1,3}(?:,\d{3})+|\d+)"
            r"(?=[.;)]?$|[.,;)] | [a-z]{3})"
        ),
    ),
    (
        AnswerType.INTEGER,
        re.compile(
            r"\b(?:has|have|had|contain(?:s|ed)?|comprise[sd]?|consist(?:s|ed)? of|divided into"
            rf"|there (?:are|were)|won) (?:exactly |only )?(?P<answer>{_NUMBER_WORD})"
            r"(?= (?:[a-z-]+ ){0,2}[a-z]+s\b)"
        ),
    ),
    (
        AnswerType.ENTITY,
        re.compile(
            rf"(?<![.!?:] )(?<=\s)(?!(?:{_HONORIFIC})\b){_NAME_WORD}"
            rf"(?: (?:(?:of|the|de|van|von|di|da) )?{_NAME_WORD}){{1,3}}"
        ),
    ),
    (
        AnswerType.ENTITY,
        re.compile(
            r"\b(?:in|to|from|at|by|near|against|into|of) "
            rf"(?P<answer>(?!(?:{_HONORIFIC})\b){_NAME_WORD}){_NAME_ENDS}"
        ),
    ),
    # What something is called.
    (
        AnswerType.ENTITY,
        re.compile(
            r"\b(?:called|known as|termed|nicknamed|referred to as) (?:an? |the )?[\"“‘']?"
            r"(?P<answer>[A-Za-z][\w-]*(?: [\w-]+){0,3})(?=[\"”’']?(?:[.,;)]|$))"
        ),
    ),
    # What is defined: "A heap is a tree in which ...".
    (
        AnswerType.ENTITY,
        re.compile(
            r"\A(?:(?:An?|The) )?(?P<answer>[A-Za-z][\w'’-]*(?: [\w'’-]+){0,3}?)"
            r"(?: \([^()]{1,80}\))? (?:is|are|was|were) (?:an?|the) (?=.{50})"
        ),
    ),
    (
        AnswerType.CODE,
        re.compile(
            r"`(?P<answer>[^`\s]{2,40})`(?= (?:command|function|module|option|package|keyword"
            r"|statement|decorator|exception|directive|operator|utility|tool|program|library|class"
            r"|method|flag|attribute)\b)"
        ),
    ),
)
# Definitions that tell the thing from all others: the greatest, the first, the one of a place.
_ONE_AND_ONLY = re.compile(
    r"(?:is|are|was|were) the (?:\w+ ){0,2}(?:\w{2,}est|most|only|first|last|capital|standard)\b"
)
_OF_A_KIND = re.compile(r"(?: \([^()]{1,80}\))? (?:is|are|was|were) an? ")
_NO_TERM = re.compile(
    r"\b(?:and|or|that|which|by|for|after|in|of|to|with|the|an?|there|this|it|one|another|each"
    r"|what|he|she|they|here|these|those|such|result|purpose|aim|goal|reason|example|following"
    r"|author|problem|idea|name|term|word|first|second|third|next|last|other|both|all|most|some"
    r"|many|because|if|when|as|on|at|from|upon|also|is|are|was|were)\b",
    re.IGNORECASE,
)
_OR_ANOTHER = re.compile(r"[\"”’']?,? (?:or|and) |[\"”’']?,[^,.]{1,60},? or ")
_LEAST_DEFINING_WORDS = 14
# What something is called, and what is defined.
_OF_TERMS = tuple(pattern for _, pattern in _PATTERNS[-3:-1])
_YEAR = re.compile(r"\d{4}")

# Numbers that are part of a name or a pointer say nothing about the world.
_POINTER_BEFORE = re.compile(
    r"\b(?:chapter|section|figure|table|page|pp?|step|version|part|volume|vol|no|number|python|type"
    r"|grade|class|level|stage|group|channel|route|highway|line|item|article|rule|appendix|exercise"
    r"|example|question|problem|lesson|unit|module|phase|round|day|week|season|episode|act|scene"
    r"|AD|BC|BCE|CE|verse|clause|paragraph|equation|theorem|lemma|note|footnote|room|floor|exhibit"
    rf"|{_MONTH})\.? $",
    re.IGNORECASE,
)
_HEDGE_BEFORE = re.compile(
    r"(?:\b(?:about|around|roughly|approximately|nearly|almost|near|over|under|above|below|beyond|circa"
    r"|ca\.|c\.|more than|less than|fewer than|greater than|at least|at most|up to|close to|some"
    r"|between|from|to|or|and|within|minus|plus|exceed(?:s|ed|ing)?|early|mid|late|as many as"
    r"|as much as|as few as|as little as|in excess of|\d for|maximum of|minimum of|every|per"
    r"|by about"
    r"|as of|another|aged?|just)[ -]|[~±≈<>(]|[-–—] )$",
    re.IGNORECASE,
)
_HEDGE_AFTER = re.compile(r" (?:or (?:so|more|less|fewer|later|earlier)|odd|plus)\b|\+")
_RANGE_AFTER = re.compile(
    rf" ?(?:to|or|and|through|-|–|—|/|±) ?(?:[$€£]?\d|(?:{_MONTH})\b)", re.IGNORECASE
)
# With nothing counted after it, a number must be the thing told: "a cat has 38, and a human ____".
_NUMBER_BEFORE = re.compile(
    r"\b(?:is|are|was|were|be|equals?|gives?|gave|reach(?:es|ed)?|totals?|of|at|code|factor|port) $"
)
# What a number counts: no figures of a match ("took 3 for 77").
_COUNTED_AFTER = re.compile(
    r" (?!(?:for|and|with|from|after|before|was|were|are|but|when|while|against|through|not|who"
    r"|that)\b)"
    r"[a-z]{3}"
)
_ERA_AFTER = re.compile(r" ?(?:BC|BCE|CE|AD|B\.C)\b")
# "The netmask could thus be ____": one of many that it could be.
_POSSIBLE_BEFORE = re.compile(r"\b(?:could|would|might|may|should|can)(?:,? \w+,?)? be $")
_DAY_BEFORE = re.compile(r"\d(?:st|nd|rd|th)?(?: of)? $")
_CONVERTED_AFTER = re.compile(r" ?\((?:about |approximately |roughly |or )?\d")
_RATE_AFTER = re.compile(
    r" (?:per|an? (?:second|minute|hour|day|week|month|year)|\d|square|cubic)\b"
)
_QUANTITY_BEFORE = re.compile(rf"\d[ \u00a0]?(?:{_UNIT}) $")  # "6 feet ____"
# "a height of 1700" is no year.
_MEASURE_BEFORE = re.compile(
    r"\b(?:population|total|sum|height|length|depth|width|altitude|elevation|number|count|speed|rate"
    r"|cost|price|maximum|minimum|average|capacity|weight|mass|distance|area|volume|value|score"
    r"|rating|range|crowd|fleet|garrison|army|force|staff|fee|fine|budget|power|temperature"
    r"|frequency|amount|quantity|salary|index|power|multiple|factor|reach|excess) of $",
    re.IGNORECASE,
)
# Examples are a choice of the author: others would be as right.
_EXAMPLE_BEFORE = re.compile(
    r"\b(?:such as|includ(?:e|es|ed|ing)|for example|for instance|e\.g\.|for one|like) ",
    re.IGNORECASE,
)
_LISTED_BEFORE = re.compile(r"\w, (?:and |or )?(?:the )?$")
_LISTED_AFTER = re.compile(r",? (?:and|or) |,[^,]{1,60}(?:,| and | or )")
_ONE_OF_SEVERAL = re.compile(
    r"\b(?:among|either|one of|some of|many of|several|various|a number of|an example)\b",
    re.IGNORECASE,
)
# In "A deposit of 1,000 euros at 5 percent grows to 1,050 euros", only the last one is stated.
_ANY_SUBJECT = re.compile(r"(?:An?|Any|With an?|For an?) ")
_FIGURE = re.compile(r"\d")
_CONDITION_BEFORE = re.compile(r"\d.{0,200} (?:at|for|of|with) $")

FUNCTION_WORDS = frozenset(
    "a an the in on at by for from after before during since under over with without when while"
    " where although though as to of and but or its his her their this that these those until"
    " through between because if not only according like unlike near two three four".split()
)
_CALENDAR = re.compile(rf"(?:{_MONTH}|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)s?\Z")
_DEMONYM = re.compile(
    r"(?:American|British|English|French|German|Dutch|Greek|Swiss|Irish|Welsh|Scot\w*|Spanish"
    r"|[A-Z]\w+(?:ian|ean|ese|ish)) "
)
_IS_BEFORE = re.compile(r"\b(?:is|are|was|were) $")
_FUNCTION_AFTER = re.compile(
    r" (?:in|on|for|to|from|at|by|with|as|and|during|after|before|when|who|which|that|is|was|are"
    r"|were|had|has)\b"
)
_JOINERS = "dos|of|to|for|and|with|&|de|la|al|le|du|del|des|der|den|di|da|van|von|y|et"
_JOINERS_BEFORE = frozenset({*_JOINERS.split("|"), "the", "on", "in"})
# "International Fund" in "International Fund for Agricultural Development".
_NAME_AFTER = re.compile(rf"\w|[.&/-]\w| (?:(?:{_JOINERS}) (?:the )?)?[{UPPER}\d]")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a sentence by its offsets in it, with its type.

    `is_term`: whether the sentence says what it means, so that it can be asked for although the
    document is about it.
    """

    start: int
    end: int
    answer_type: AnswerType
    is_term: bool = False


def spans(text: str) -> Iterator[Span]:
    """The parts of a sentence that can be asked for, kind by kind.

    Costs the square of the sentence's length at worst, so give it sentences of bounded length, as
    `stands_alone` lets through.
    """
    claimed: list[tuple[int, int]] = []
    for answer_type, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span("answer" if pattern.groupindex else 0)
            if any(start < other_end and other_start < end for other_start, other_end in claimed):
                continue
            claimed.append((start, end))
            if answer_type is AnswerType.ENTITY:
                end = start + len(_without_possessive(text[start:end]))
            span = Span(start, end, answer_type, pattern in _OF_TERMS)
            if _is_fit(text, span) and not _is_in_code(text, span):
                yield span


def _is_fit(text: str, span: Span) -> bool:
    before, name, after = text[: span.start], text[span.start : span.end], text[span.end :]
    if span.is_term:
        return _is_fit_term(text, before, name, after)
    if _EXAMPLE_BEFORE.search(before):
        return False
    if span.answer_type is AnswerType.CODE:
        return text.count("`") == 2
    if span.answer_type is not AnswerType.ENTITY:
        return _is_whole_figure(before, after, span.answer_type) and _is_told(before, after, span)
    if _ONE_OF_SEVERAL.search(text) or _is_listed(before, after):
        return False
    if _CALENDAR.match(name):
        return False
    if before.endswith("the ") and _DEMONYM.match(name):
        return False  # "the American Jesse Owens": the name is the part after it
    return _is_whole_name(before, name, after)


def _is_in_code(text: str, span: Span) -> bool:
    return span.answer_type is not AnswerType.CODE and text.count("`", 0, span.start) % 2 == 1


def _is_fit_term(text: str, before: str, name: str, after: str) -> bool:
    """Whether a sentence says enough of what it names to tell it from anything else."""
    if _NO_TERM.search(name) or _OR_ANOTHER.match(after) or _ONE_OF_SEVERAL.search(text):
        return False
    if len(before.split()) > 1:
        return len(before.split()) >= _LEAST_DEFINING_WORDS // 2  # "... is called a heap."
    if _ONE_AND_ONLY.match(after.lstrip()):
        return before != "The " or name[0].isupper()
    # "A nice feature is the ..." has its subject behind.
    is_kind = before in ("A ", "An ", "") and _OF_A_KIND.match(after) is not None
    return is_kind and len(after.split()) >= _LEAST_DEFINING_WORDS


def _is_whole_figure(before: str, after: str, answer_type: AnswerType) -> bool:
    """Neither hedged, nor an end of a range, nor a part of something longer."""
    if answer_type is AnswerType.DATE and before.endswith("(") and after.startswith(")"):
        return True
    if _POINTER_BEFORE.search(before) or _HEDGE_BEFORE.search(before) or _DAY_BEFORE.search(before):
        return False
    if _RANGE_AFTER.match(after) or _HEDGE_AFTER.match(after) or _ERA_AFTER.match(after):
        return False
    if _POSSIBLE_BEFORE.search(before):
        return False
    if answer_type is AnswerType.QUANTITY and (
        _RATE_AFTER.match(after) or _QUANTITY_BEFORE.search(before)
    ):
        return False
    if answer_type is AnswerType.DECIMAL and _is_name(before):
        return False  # a version: "Linux 5.6"
    if answer_type is AnswerType.INTEGER and not _COUNTED_AFTER.match(after):
        return bool(_NUMBER_BEFORE.search(before))
    return not (answer_type is AnswerType.DATE and _MEASURE_BEFORE.search(before))


def _is_told(before: str, after: str, span: Span) -> bool:
    """Whether the sentence tells the figure, rather than starts from it."""
    if _CONVERTED_AFTER.match(after):
        return False
    if span.answer_type in (AnswerType.DATE, AnswerType.TIME):
        return True
    if span.answer_type is AnswerType.QUANTITY and _CONDITION_BEFORE.search(before):
        return False
    return not (_ANY_SUBJECT.match(before) and _FIGURE.search(after))


def _is_listed(before: str, after: str) -> bool:
    """Whether a name is one of a list: "a member of the UN, ____ and OPEC" has many answers."""
    if _LISTED_BEFORE.search(before):
        return after[:1] in (",", ".", ";") or _LISTED_AFTER.match(after) is not None
    return re.match(r", (?:and |or )?(?:the )?[A-Z][^,]{0,60}(?:,| and | or )", after) is not None


def _is_whole_name(before: str, name: str, after: str) -> bool:
    """Whether no neighbouring word belongs to the name too."""
    words = before.split()
    if words and (words[-1].casefold() in ("a", "an") or words[-1][-1].isdigit()):
        return False  # "an Old Iranian name", "the 1915 Çanakkale Bridge"
    while words and words[-1].casefold() in _JOINERS_BEFORE:
        words.pop()
    if _is_name(before) or (words and _is_name(" ".join(words) + " ")):
        return False  # "Securities and ____"
    last = re.split(r"[ -]", name)[-1]
    # "The South American anteater", "they are Pama Nyungan peoples": no name, but an adjective.
    may_qualify = _DEMONYM.match(f"{last} ") or _IS_BEFORE.search(before)
    if may_qualify and re.match(r" [a-z]", after) and not _FUNCTION_AFTER.match(after):
        return False
    return "-born" not in name and not _NAME_AFTER.match(after)


def _is_name(before: str) -> bool:
    """Whether the last word before is a capitalised one, and no ordinary start of a sentence."""
    words = before.split()
    if not words or not before.endswith(" ") or words[-1].endswith((",", ";", ")", '"')):
        return False
    last = words[-1].lstrip("\"'“‘(")
    if not last[:1].isupper() or re.fullmatch(rf"(?:{_HONORIFIC})\.?", last):
        return False
    return len(words) > 1 or last.casefold() not in FUNCTION_WORDS


def _without_possessive(name: str) -> str:
    return re.sub(r"['’]s?$", "", name)


def names_in(text: str) -> frozenset[str]:
    """The words of a text that may be of names, in lower case: all with a capital.

    But for function words, months and days; at the start of a sentence any other word counts.
    """
    capitalised = (_without_possessive(word) for word in _CAPITALISED.findall(text))
    folded = (word.casefold() for word in capitalised if not _CALENDAR.match(word))
    return frozenset(word for word in folded if word not in FUNCTION_WORDS)


def is_year(answer: str) -> bool:
    """Whether an answer is four digits, and so a year or a count."""
    return _YEAR.fullmatch(answer) is not None
