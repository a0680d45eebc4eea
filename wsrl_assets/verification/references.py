"""Words of a question that stand for something it never names: "he", "these events", "the company".

Rules of form, for English prose. A word is let through as soon as something before it could be what
it stands for: a name, "a startup", "which king", a sentence or clause that sets a scene.
"""

import re

_ASKING = r"(?:what|when|where|why|how|who|whom|which|whose)"
_AUXILIARY = r"(?:is|are|was|were|did|does|do|has|have|had|can|could|will|would|should)"
_PRONOUN = r"(?:he|she|it|they|this|that|these|those|him|them|his|her|its|their)"
# "How long does it take" and "What is it called when" have an it that stands for nothing.
_IDLE_IT = (
    r"(?<=it) (?:takes?|took|called|termed|mean|cost(?! to \w+(?:\?| in \d))|true|known|possible"
    r"|impossible|necessary|legal|illegal|safe|unsafe|advisable|customary|recommended|required|mandatory|best|better|common"
    r"|that|who|about)\b"
)
# A question that opens with a link, or asks about a pronoun, has left its subject behind.
_BEGINS_WITHOUT_SUBJECT = re.compile(
    r"^(?:and|but|so|then)\b"
    r"|^(?:(?:in|at|on|for|to|by|from|of|with|under|during|after|before|since|until) )?"
    rf"{_ASKING}(?: [\w'’-]+){{0,4}}? {_AUXILIARY} {_PRONOUN}\b"
    rf"(?!{_IDLE_IT})(?! \w+ (?:that|who|which)\b)"
    r"|^which (?:one )?of (?:them|those|these)\b"
    rf"|^which (?:one )?of the (?:two|three|four|five) {_AUXILIARY}\b(?!.*[,:(])"
    rf"|^(?:who|(?:which|what) [\w-]+) (?!(?:{_AUXILIARY}|made|makes?|took|takes?|found) )[a-z]+"
    r" (?:it|them)\b",
    re.IGNORECASE,
)
# What "the capital of its province" is of, nothing says: an attribute owns no province.
_ATTRIBUTE = (
    r"(?:name|title|date|year|day|month|time|place|age|number|amount|cause|reason|result|capital"
    r"|occupation|profession|nationality|population|size|length|height|value|main|total|full|real"
    r"|original|average|maximum|minimum|first|last|second|third|only|exact)"
)
_ATTRIBUTE_OF_PRONOUN = re.compile(
    rf"^{_ASKING} {_AUXILIARY} the (?:[\w'’-]+ ){{0,2}}?{_ATTRIBUTE}(?: [\w'’-]+)?"
    r" (?:of|for|in|on|at|to|by) (?:it|its|their|them|they)\b",
    re.IGNORECASE,
)
_PERSONAL = re.compile(r"\b(?:he|she|him|his|her|hers|himself|herself)\b", re.IGNORECASE)
_POINTING = re.compile(
    r"(?<!the )(?<!keyword )\b(?:this|these) (?!(?:is|are|was|were|and|or|in|of|to|keyword|operator"
    r"|pointer|days?|week|year|century)\b)[a-z]+",
    re.IGNORECASE,
)

# "the company" alone is no company, unless what follows says which: "of", "that", a name.
_THING = (
    r"(?:company|firm|corporation|organi[sz]ation|institution|agency|manufacturer|publisher|team"
    r"|band|club|league|town|village|city|museum|film|movie|novel|book|poem|album|song|battle"
    r"|treaty|incident|expedition|mission|study|experiment|survey|researchers|scientists"
    r"|participants|respondents|protagonist|main character|building|bridge|ship|vessel|aircraft"
    r"|festival|event|island|church|hospital|university|college|region|project|programme|campaign"
    r"|scandal|trial|investigation|report|disaster|accident|war)"
)
_NOT_GENERIC = (
    r"(?! (?:leader|captain|member|manager|sport|spirit|size|council|hall|cent(?:re|er)|director"
    r"|board|car|limit|library|press|engine|industry|star|theory|cover|value|entry|code|design"
    r"|site)s?\b)"
)
_NOT_SPECIFIED = (
    r"(?! (?:of|that|which|who|whose|where|with|from|between|behind|at|by|near|called|named|known"
    r"|founded|titled|entitled)\b)"
)
_PARTICIPLE = (
    r"(?:\w+ed|built|known|made|led|run|held|set|sold|bought|found|won|lost|born|begun|fought"
    r"|written|shown|sunk|struck|put|taken|given|drawn|now|still|originally|first|finally)"
)
_WHEN = r"(?:1\d\d\d|20\d\d|January|February|March|April|May|June|July|August|September|October)"
_SPECIFIED = re.compile(r" (?:of|that|which|who|whose|where|between|called|named|known)\b")
_NAMELESS = re.compile(
    rf"\b(?:did|does|do|has|have|had|will|would|can|could) the {_THING}{_NOT_GENERIC}"
    rf"{_NOT_SPECIFIED} (?-i:[a-z])"
    rf"|\b(?:is|are|was|were) the {_THING}(?= {_PARTICIPLE}\b)"
    r"(?! (?:\w+ed|known|built|made|led) (?:by|after|as) )"
    rf"|\bthe {_THING}(?=[?,;]|['’]s\b| (?:is|are|was|were|has|had|did)\b"
    rf"| (?:in|on|since|by) {_WHEN}\b| in (?-i:[a-z]+)\?)"
    r"|\bthe (?:participants|respondents|researchers|scientists) \w+ed\b(?! (?:by|after)\b)",
    re.IGNORECASE,
)

_INTRODUCED = re.compile(r"\b(?:an?|any|every|each|one|another) [a-z]", re.IGNORECASE)
_INTRODUCED_PERSON = re.compile(
    r"\b(?:who|whom|whose|someone|somebody|anyone|everyone|nobody)\b"
    rf"|\b(?:which|what) (?!{_AUXILIARY}\b|(?:year|date|day|city|country|name)\b)[a-z]"
    rf"|\bthe (?!{_ATTRIBUTE}\b)[a-z]",
    re.IGNORECASE,
)
# "In which year after his election did Abraham Lincoln ...": the name comes as the subject.
_SUBJECT_AHEAD = re.compile(rf"[^,?]*\b{_AUXILIARY} (?:the )?(?-i:[A-Z])", re.IGNORECASE)
# What "these" and "this statement" point at may follow: "which of these is prime: 4 or 9?"
_SHOWN_AHEAD = re.compile(r":\s|[\"“]|\([A-Ea-e1]\)")
_CLAUSE = re.compile(
    r"(?:after|before|when|while|as|until|since|though|although|despite|during|in|at|with|for|by|on"
    r"|from|following|upon|under|if)\b([^,?]*),\s*",
    re.IGNORECASE,
)
# When and where something happened is asked of a particular: with nothing named, only its text
# knows of which. "What was the abacus used for?" is about a kind.
_PAST_SUBJECT = re.compile(
    r"^(?:when|where|how (?:many|much|long|often|far)(?: [a-z-]+){0,2}?"
    r"|(?:in|on|at|by) (?:which|what) (?:year|month|day|date|place|town|city|country))"
    r" (?:was|were|did|had) the (?!(?:[a-z-]+ )?[a-z]+s\b)[a-z-]+"
)
# "Who invented the wheel?": what is asked about is the kind, which the whole world has one of.
_OF_KINDS = re.compile(
    r"\b(?:invent|discover|coin|develop|patent|introduc|domesticat|extinct|evol|originat|cultivat"
    r"|pioneer|first|only|last|earliest|ancient|medieval|prehistoric|middle ages|sun|moon|earth"
    r"|dinosaur|univers)|\b[a-z]{3,}est\b|\bmost\b|\bcent(?:ury|uries)\b|\bdie out\b"
)
_SOMEBODY = re.compile(
    r"^(?:who is|what is the name of) the (?:person|man|woman|individual) (?:who|that) is\b"
    r"|^who is the (?:person|man|woman|individual) (?:who|that) [a-z]+s\b"
    r"|^who (?:says?|said|claims?|claimed|thinks?|thought|believes?|believed|argues?|argued|told"
    r"|explains?|explained|suggests?|suggested|mentions?|mentioned)\b"
)
# Names, figures, quotations and code.
_ANCHOR = re.compile(r"[A-Z0-9\"“”‘`_(){}\[\]/\\:=<>%$€£*+]|'\w[^']*'")
_SENTENCE = re.compile(r"[^.?!:]+[.:]\s")
_TIME_WORDS = frozenset(
    "the of early late mid year years and to from until in century january february march april may"
    " june july august september october november december summer winter spring autumn".split()
)

# Capitals that make no name: those of a question's first word, and these.
_FIRST_WORDS = frozenset(
    "a an the in on at of for to by from with under during after before since until and but so then"
    " if what when where why how who whom which whose is are was were did does do has have had can"
    " could will would should name list give state find compute calculate determine evaluate solve"
    " express identify convert complete fill according besides apart despite between among within"
    " through as following upon while though although".split()
)
_NOT_NAMES = frozenset(
    "i january february march april may june july august september october november december monday"
    " tuesday wednesday thursday friday saturday sunday am pm ad bc".split()
)
_CAPITALISED = re.compile(r"[^\W\d_a-z][\w'’-]*")
_AFTER_STOP = re.compile(r"[.!?:]\s+[\"“'‘]?\Z")
_NEAR = 8
_POSSESSIVE = re.compile(r"['’]s\Z")


def dangling_reference(question: str) -> str | None:
    """The words of a question that stand for something it does not name; none if it has none."""
    rules = (_without_subject, _personal, _pointing, _nameless, _unanchored)
    return next((found for rule in rules if (found := rule(question))), None)


def _without_subject(question: str) -> str | None:
    clause = None if _sets_scene(question) else _CLAUSE.match(question)
    asked = question[clause.end() :] if clause else question
    found = _BEGINS_WITHOUT_SUBJECT.search(asked) or _ATTRIBUTE_OF_PRONOUN.search(asked)
    return None if found is None or _shows(found.group(), asked[found.end() :]) else found.group()


def _personal(question: str) -> str | None:
    """A personal pronoun with nobody before it, nor as the subject after it."""
    for found in _PERSONAL.finditer(question):
        before, after = question[: found.start()], question[found.end() :]
        if _has_name(before) or _INTRODUCED.search(before) or _INTRODUCED_PERSON.search(before):
            continue
        if not _names_ahead(question, found) and not _SUBJECT_AHEAD.match(after):
            return found.group()
    return None


def _pointing(question: str) -> str | None:
    found = _POINTING.search(question)
    if found is None or _is_set_before(question[: found.start()]):
        return None
    return None if _shows(found.group(), question[found.end() :]) else found.group()


def _nameless(question: str) -> str | None:
    for found in _NAMELESS.finditer(question):
        if not _is_set_before(question[: found.start()]) and not _names_ahead(question, found):
            return found.group()
    return None


def _unanchored(question: str) -> str | None:
    """A particular of which nothing says which: "When was the anthem adopted?"."""
    asked = question[:1].lower() + question[1:]
    if _ANCHOR.search(asked) or _INTRODUCED.search(asked) or _sets_scene(question):
        return None
    if found := _SOMEBODY.match(asked):
        return question[: found.end()]
    found = _PAST_SUBJECT.match(asked)
    if found is None or _OF_KINDS.search(asked) or _SPECIFIED.match(asked, found.end()):
        return None
    return question[: found.end()]


def _is_set_before(before: str) -> bool:
    """Whether what comes before says what is talked about: a name, "a startup", a scene."""
    return _has_name(before) or _sets_scene(before) or _INTRODUCED.search(before) is not None


def _sets_scene(text: str) -> bool:
    """Whether a text begins with a sentence or with more than a date: "In bookkeeping, "."""
    if _SENTENCE.match(text):
        return True
    clause = _CLAUSE.match(text)
    words = re.findall(r"\w+", clause[1].lower()) if clause else []
    return any(word not in _TIME_WORDS and not word[0].isdigit() for word in words)


def _names_ahead(question: str, found: re.Match[str]) -> bool:
    """Whether the words stand in an opening clause, before the name that they are for."""
    clause = _CLAUSE.match(question)
    return bool(clause and found.end() <= clause.end() and _has_name(question[clause.end() :]))


def _shows(pointer: str, after: str) -> bool:
    """Whether "this" or "these" point at what follows."""
    words = pointer.lower().split()
    return ("this" in words or "these" in words) and _SHOWN_AHEAD.search(after) is not None


def _has_name(text: str) -> bool:
    """Whether a name stands in the text: a capital that is neither a first word's nor a month's."""
    for found in _CAPITALISED.finditer(text):
        word = _POSSESSIVE.sub("", found.group()).lower()
        before = text[max(0, found.start() - _NEAR) : found.start()]
        first = not before or _AFTER_STOP.search(before)
        if word not in _NOT_NAMES and not (first and word in _FIRST_WORDS):
            return True
    return False
