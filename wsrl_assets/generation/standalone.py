"""Whether a sentence can be read by itself, or with the one before. Rules of form, for English.

They are strict on purpose: a sentence too few costs nothing, a question that nobody can answer
costs a wrong reward.
"""

import re

from wsrl_assets.generation.sentences import UPPER

MIN_WORDS, MAX_WORDS = 8, 45
# A longer "sentence" of few words holds no prose; the bound also keeps all that follows linear.
MAX_CHARS = 400
# So many words before "its" hold what it is of.
_WORDS_AHEAD = 3

_STOPS = (".", "!", '."', ".”")
# Quotations, code, links, footnote marks, formulas and "term: explanation".
_NOT_PLAIN = re.compile(
    r"[\[\]{}<>\\|`@]|__|https?:|www\.|==|:\s|[\w)}]\$|\$\$|\s[.,;)]|\(\s*[,;)]"
)
_CODE = re.compile(r"`[^`]*`")
_BREAK_INSIDE = re.compile(r"[.!?][\"'”’)]* (?=[\"'“‘(]?[A-Z])")
_NAME_BEFORE_STOP = re.compile(r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Mt|Jr|Sr|vs|No)$")

# It leans on what came before, which the sentence before may say ...
_LEANING_START = re.compile(
    r"(?:he|she|it|they|this|that|these|those|his|her|its|their|such|there|then|thus"
    r"|however|but|and|or|so|yet|nor|also|another|both|the former|the latter"
    r"|in addition|as a result|therefore|hence|instead|otherwise|similarly|likewise"
    r"|meanwhile|later|afterwards|finally|next|again|still|moreover|furthermore|besides"
    r"|nevertheless|nonetheless|consequently|accordingly|indeed|in fact|of course|one|some|most"
    r"|many|each|every|when|after that|since then"
    r"|by then|at that|in contrast|by contrast|on the other hand|the other|the others|the latest"
    r"|the one|the ones|the remaining|a (?:second|third|fourth|few)"
    r"|(?:two|three|four|five|six|seven|eight|nine|ten|several|few) (?:is|are|was|were|of|have|had)"
    r"|the (?:first|second|third|last|two|three|result|rest)"
    r" (?:is|are|was|were|has|had|came|began|followed|one|ones))\b",
    re.IGNORECASE,
)
_LEANING = re.compile(
    r"\b(?:this|these|those|the (?:former|latter)|such an?|(?:at|by|until|before|after) that"
    r"|that (?:year|month|week|day|night|time|period|season|summer|winter|case)|again|earlier"
    r"|previous(?:ly)?|preceding|following|ones? (?:was|were|is|are|had|has|of (?:these|them))"
    r"|the (?:one|first|second|third|other)s?(?= ?[.,;]| (?:is|was|are|were)\b)"
    r"|the same(?!.{1,60}\bas\b)|it|they|them)\b",
    re.IGNORECASE,
)
_IDLE_PRONOUN = re.compile(r"\bthat it\b|\bit is\b", re.IGNORECASE)
_OF_PERSONS = re.compile(r"\b(?:he|him|she|his|her|hers)\b", re.IGNORECASE)
_OF_THINGS = re.compile(r"\b(?:its|their|theirs)\b", re.IGNORECASE)
_FULL_NAME = re.compile(rf"\b[{UPPER}][\w'’.-]* [{UPPER}][\w'’-]+")
_LEADING_IN = re.compile(
    r"(?:in|on|at|by|for|from|to|with|during|after|before|since|under|until|as|while|although"
    r"|though|because|despite|within|among|between|like|unlike)\b",
    re.IGNORECASE,
)
# ... or on what no sentence before it says: an example, a figure, the writer, the reader ...
_POINTS_ELSEWHERE = re.compile(
    r"(?:for example|for instance|if|suppose|imagine|consider|assume|what|who|which|why|how)\b"
    r"|.*?\b(?:above|below|the following|aforementioned|highlighted|pictured|as shown|see|here|we"
    r"|us|our|you|your|i|me|my|respectively"
    r"|as (?:just|already|previously|earlier) \w+|as (?:noted|mentioned|discussed|described|stated)"
    r"|(?:the|this|an|our) (?:example|exercise|question|puzzle|figure|table|diagram|section|chapter"
    r"|article|document|page|book))\b",
    re.IGNORECASE,
)
# ... or on when it was written ...
_PERISHABLE = re.compile(
    r"\b(?:today|now|nowadays|currently|recently|yesterday|tomorrow|ago|so far|to date|at present"
    r"|upcoming|overnight|tonight|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
    r"|(?:last|this|next|past|coming) (?:\w+ )?(?:days?|years?|months?|weeks?|season|century)"
    r"|spokes(?:man|woman|person)|press conference|will|(?:is|are) (?:being )?[a-z]{2,}ing)\b",
    re.IGNORECASE,
)
# What is still going on: its figures change, and who did it does not.
_UNFINISHED = re.compile(
    r"\b(?:says?(?! that\b)|(?:has|have) (?:just |already )?(?:been|taken|given|made|[a-z]+ed)"
    r"(?!.*\bsince\b))\b",
    re.IGNORECASE,
)
# Counts of people and sums of money that are others in another year.
_STATISTIC = re.compile(
    r"\b(?:population|people|inhabitants|residents|workers|employees|members|staff|households"
    r"|expectancy|unemployment|GDP|budget|debt|exports?|imports?|revenues?|income|rate|literacy"
    r"|account(?:s|ed)? for|labou?r|work ?force|followers|adherents|speakers|users|estimated"
    r"|turnover|output|production)\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(?:1[0-9]|20)\d{2}\b")
# ... or tells the reader what to do, with figures that could as well be others.
_VERB = (
    r"(?:add|allow|apply|ask|assume|avoid|bake|be|begin|boil|bring|buy|call|change|check|choose"
    r"|click|compare|consider|cook|count|cover|cut|divide|do|don['’]t|draw|drink|drive|eat|enter"
    r"|fill|find|fold|follow|fry|get|give|go|heat|hold|imagine|install|keep|leave|let|look|make"
    r"|measure|mix|move|multiply|never|note|open|pay|place|plan|pour|practi[cs]e|press|push|put"
    r"|read|remember|remove|repeat|rest|roll|run|save|select|send|serve|set|sit|sleep|spend|stand"
    r"|start|stay|stir|stop|store|subtract|suppose|take|tell|think|try|turn|type|use|visit|wait"
    r"|walk|wash|watch|wear|work|write)"
)
_IMPERATIVE = re.compile(rf"(?:(?:always|please|first|[^,]{{2,60}},) )?{_VERB} ", re.IGNORECASE)
_PAST = re.compile(r"\b(?:was|were|had|did|went|came|took|made|gave|said|\w{2,}ed)\b")
_BARE_SUBJECT = re.compile(
    r"The ([a-z]+) (?:is|are|was|were|has|have|had|will|would|can|could|may|did|also|then|became"
    r"|began|took|went|came|made|[a-z]+(?:ed|s))\b"
)
_NOT_NAMES = (
    r"(?:I|AM|PM|AD|BC|BCE|CE|January|February|March|April|May|June|July|August|September|October"
    r"|November|December|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)\b"
)
_NAME = re.compile(
    rf"(?<=[^.!?] )[\"'“‘(]?(?!{_NOT_NAMES})[{UPPER}]"  # inside the sentence
    rf"|(?:The |A |An )?[{UPPER}]\w*[{UPPER}]"  # or an acronym at its start
)


def fault(text: str, least_words: int = MIN_WORDS) -> str | None:
    """Why nothing can be asked of a sentence, with any other before it; none if something can.

    `length`; `not_plain`: no plain prose; `instruction`: it gives an order; `perishable`: it
    depends on the day it was written; `points_elsewhere`: to an example, a figure, or the reader.
    """
    if not text or len(text) > MAX_CHARS or not least_words <= len(text.split()) <= MAX_WORDS:
        return "length"
    if not _is_plain(_CODE.sub("code", text)):
        return "not_plain"
    if _IMPERATIVE.match(text):
        return "instruction"
    if _PERISHABLE.search(text):
        return "perishable"
    return "points_elsewhere" if _POINTS_ELSEWHERE.match(text) else None


def leans(text: str) -> bool:
    """Whether a sentence needs the one before it: by a link, or a pronoun with nothing before it.

    "Sir John Herschel published his catalogue" has its person, "The reef lost its coral" its thing.
    """
    if _LEANING_START.match(text) or _LEANING.search(_IDLE_PRONOUN.sub("", text)):
        return True
    person, thing = _OF_PERSONS.search(text), _OF_THINGS.search(text)
    if person and not _FULL_NAME.search(text, 0, person.start()):
        return True
    return thing is not None and (
        _LEADING_IN.match(text) is not None or len(text[: thing.start()].split()) < _WORDS_AHEAD
    )


def is_unfinished(text: str) -> bool:
    """Whether a sentence tells of something that is still going on."""
    return _UNFINISHED.search(text) is not None


def is_undated_statistic(text: str) -> bool:
    """Whether a sentence gives a statistic, in the present tense, and no year."""
    undated = _STATISTIC.search(text) is not None and _YEAR.search(text) is None
    return undated and not tells_of_the_past(text)


def _is_plain(text: str) -> bool:
    if not text[0].isupper() or not text.endswith(_STOPS) or _NOT_PLAIN.search(text):
        return False
    balanced = text.count('"') % 2 == 0 and text.count("“") == text.count("”")
    if not balanced or text.count("(") != text.count(")"):
        return False
    return all(
        _NAME_BEFORE_STOP.search(text, 0, match.start()) for match in _BREAK_INSIDE.finditer(text)
    )


def bare_subject(text: str) -> str | None:
    """`film` of "The film was shown in 1960": which one, another sentence has said."""
    found = _BARE_SUBJECT.match(text)
    return found.group(1) if found else None


def tells_of_the_past(text: str) -> bool:
    return _PAST.search(text) is not None


def names_something(text: str) -> bool:
    """Whether a name stands in the sentence, other than a capital at its start."""
    return _NAME.search(text) is not None
