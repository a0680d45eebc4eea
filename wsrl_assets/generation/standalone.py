"""Whether a sentence can be read without the ones around it. Rules of form, for English prose.

They are strict on purpose: a sentence too few costs nothing, a question that nobody can answer
costs a wrong reward.
"""

import re

from wsrl_assets.generation.sentences import UPPER, Sentence

MIN_WORDS, MAX_WORDS = 8, 45
# A longer "sentence" of few words holds no prose; the bound also keeps all that follows linear.
MAX_CHARS = 400

_STOPS = (".", "!", '."', ".”")
# Quotations, code, links, footnote marks, formulas and "term: explanation".
_NOT_PLAIN = re.compile(
    r"[\[\]{}<>\\|`@]|__|https?:|www\.|==|:\s|[\w)}]\$|\$\$|\s[.,;)]|\(\s*[,;)]"
)
_BREAK_INSIDE = re.compile(r"[.!?][\"'”’)]* (?=[\"'“‘(]?[A-Z])")
_NAME_BEFORE_STOP = re.compile(r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Mt|Jr|Sr|vs|No)$")

# It leans on what came before ...
_DANGLING_START = re.compile(
    r"(?:he|she|it|they|this|that|these|those|his|her|its|their|such|here|there|then|thus"
    r"|however|but|and|or|so|yet|nor|also|another|both|the former|the latter|for example"
    r"|for instance|in addition|as a result|therefore|hence|instead|otherwise|similarly|likewise"
    r"|meanwhile|later|afterwards|finally|next|again|still|moreover|furthermore|besides"
    r"|nevertheless|nonetheless|consequently|accordingly|indeed|in fact|of course|one|some|most"
    r"|many|each|every|we|you|i|if|when|suppose|imagine|consider|assume|after that|since then"
    r"|by then|at that|in contrast|by contrast|on the other hand|the other|the others|the latest"
    r"|the one|the ones|the remaining|a (?:second|third|fourth|few)"
    r"|(?:two|three|four|five|six|seven|eight|nine|ten|several|few) (?:is|are|was|were|of|have|had)"
    r"|the (?:first|second|third|last|two|three|result|rest)"
    r" (?:is|are|was|were|has|had|came|began|followed|one|ones)|what|who|which|why|how)\b",
    re.IGNORECASE,
)
_DANGLING = re.compile(
    r"\b(?:above|below|following|previous(?:ly)?|preceding|earlier|aforementioned|highlighted"
    r"|pictured|as shown|see"
    r"|this|these|those|here|he|him|she|his|her|hers|they|them|their|theirs|it|its|we|us|our|you"
    r"|your|i|me|my|the (?:former|latter)|such an?|(?:at|by|until|before|after) that"
    r"|that (?:year|month|week|day|night|time|period|season|summer|winter|case)|respectively|again"
    r"|ones? (?:was|were|is|are|had|has|of (?:these|them))"
    r"|(?:the|this|an|our) (?:example|exercise|question|puzzle|figure|table|diagram)"
    r"|the (?:one|first|second|third|other)s?(?= ?[.,;]| (?:is|was|are|were)\b)"
    r"|the same(?!.{1,60}\bas\b))\b",
    re.IGNORECASE,
)
_DANGLING_EXCEPT = re.compile(r"\bthat it\b|\bit is\b", re.IGNORECASE)
# ... or on when it was written ...
_PERISHABLE = re.compile(
    r"\b(?:today|now|nowadays|currently|recently|yesterday|tomorrow|ago|so far|to date|at present"
    r"|upcoming|overnight|tonight|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
    r"|(?:last|this|next|past|coming) (?:\w+ )?(?:days?|years?|months?|weeks?|season|century)"
    r"|says?(?! that\b)|spokes(?:man|woman|person)|press conference|will"
    r"|(?:is|are) (?:being |now )?[a-z]{2,}ing"
    # The tense of news, but for what holds since a year.
    r"|(?:has|have) (?:now |just |already )?(?:been|taken|given|made|[a-z]+ed)(?!.*\bsince\b))\b",
    re.IGNORECASE,
)
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


def stands_alone(sentence: Sentence) -> bool:
    """Whether a sentence is plain prose of sensible length that needs no neighbour.

    It neither begins with a link nor holds a pronoun that could point out of it; it gives no
    order; and it does not depend on the day it was written.
    """
    text = sentence.text
    if not text or len(text) > MAX_CHARS or not MIN_WORDS <= len(text.split()) <= MAX_WORDS:
        return False
    return _is_plain(text) and not _leans(text)


def _is_plain(text: str) -> bool:
    if not text[0].isupper() or not text.endswith(_STOPS) or _NOT_PLAIN.search(text):
        return False
    balanced = text.count('"') % 2 == 0 and text.count("“") == text.count("”")
    if not balanced or text.count("(") != text.count(")"):
        return False
    return all(
        _NAME_BEFORE_STOP.search(text, 0, match.start()) for match in _BREAK_INSIDE.finditer(text)
    )


def _leans(text: str) -> bool:
    if _DANGLING_START.match(text) or _IMPERATIVE.match(text) or _PERISHABLE.search(text):
        return True
    return _DANGLING.search(_DANGLING_EXCEPT.sub("", text)) is not None


def bare_subject(text: str) -> str | None:
    """`film` of "The film was shown in 1960": which one, another sentence has said."""
    found = _BARE_SUBJECT.match(text)
    return found.group(1) if found else None


def tells_of_the_past(text: str) -> bool:
    return _PAST.search(text) is not None


def names_something(text: str) -> bool:
    """Whether a name stands in the sentence, other than a capital at its start."""
    return _NAME.search(text) is not None
