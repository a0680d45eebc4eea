"""Cloze questions: a part of a sentence is blanked out and asked for.

Candidates (dates, numbers, quantities, names) are mined from the document by rule, so a question
made of one is grounded by construction; a model only picks among them, which the smallest can.
Fill-in tasks over plain text are known to train well (Golden Goose, arXiv 2601.22975; RLPT,
arXiv 2509.19249).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wsrl_assets.generation.sentences import Sentence, prose_sentences
from wsrl_assets.reward import AnswerType, parse_gold, self_test
from wsrl_assets.text import words

VERSION = "1"
BLANK = "____"
CANDIDATES_PER_DRAFT = 5
_MIN_WORDS, _MAX_WORDS = 8, 45

_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_UNIT = (
    "km/h|km2|km|kilomet(?:er|re)s?|square kilomet(?:er|re)s?|met(?:er|re)s?|cm|centimet(?:er|re)s?"
    "|mm|millimet(?:er|re)s?|miles?|feet|foot|inch(?:es)?|kg|kilograms?|grams?|mg|milligrams?"
    "|tonnes?|pounds?|ounces?|lit(?:er|re)s?|ml|millilit(?:er|re)s?|gallons?"
    "|degrees Celsius|degrees Fahrenheit|°C|°F|kelvins?|volts?|watts?|kilowatts?|hertz|joules?"
    "|pascals?|hectares?|acres?|seconds?|minutes?|hours?|days?|weeks?"
)
# In order: an earlier kind claims its characters, a later one takes what is left.
_PATTERNS: tuple[tuple[AnswerType, re.Pattern[str]], ...] = (
    (AnswerType.TIME, re.compile(r"\b\d{1,2}:\d{2}\s?(?:AM|PM|a\.m\.|p\.m\.)?(?!\w|:)")),
    (
        AnswerType.DATE,
        re.compile(
            rf"\b(?:(?:{_MONTH}) \d{{1,2}}, \d{{4}}|\d{{1,2}} (?:{_MONTH}) \d{{4}}"
            rf"|(?:{_MONTH}) \d{{4}})\b"
        ),
    ),
    (
        AnswerType.DATE,
        re.compile(
            r"(?:(?<=\b[Ii]n )|(?<=\b[Oo]f )|(?<=\b[Bb]y )|(?<=\b[Ss]ince )|(?<=\b[Uu]ntil ))"
            r"(?:1[0-9]|20)\d{2}(?=[.,;:)]? (?![a-z]+s\b)|[.,;)]|$)"
        ),
    ),
    (AnswerType.PERCENT, re.compile(rf"(?<![\w.,-])(?:{_NUMBER})\s?(?:%|percent\b|per cent\b)")),
    (
        AnswerType.MONEY,
        re.compile(rf"(?<![\w.])[$€£](?:{_NUMBER})(?: (?:thousand|million|billion|trillion))?\b"),
    ),
    (
        AnswerType.QUANTITY,
        re.compile(rf"(?<![\w.,-])(?:{_NUMBER})[ \u00a0]?(?:{_UNIT})(?![\w/])"),
    ),
    (AnswerType.DECIMAL, re.compile(r"(?<![\w.,/^-])\d+\.\d+(?![\w%/^]|\.\d)")),
    # A count: what is counted follows, or the sentence pauses. "12 V" and "n = 3" are no counts.
    (
        AnswerType.INTEGER,
        re.compile(
            r"(?<![\w.,/^$€£:([=+*×-])(?<![=+*×<>] )(?:\d{1,3}(?:,\d{3})+|\d+)"
            r"(?=[.;)]?$|[.,;)] | [a-z]{3})"
        ),
    ),
    (
        AnswerType.ENTITY,
        re.compile(
            r"(?<![.!?:] )(?<=\s)[A-Z][\w'’-]+"
            r"(?: (?:(?:of|the|de|van|von|di|da) )?[A-Z][\w'’-]+){1,3}"
        ),
    ),
)
_MONEY_UNIT = {"$": "USD", "€": "EUR", "£": "GBP"}
_YEAR = re.compile(r"\d{4}")
# Numbers that are part of a name or a pointer say nothing about the world.
_POINTER_BEFORE = re.compile(
    r"\b(?:chapter|section|figure|table|page|step|version|part|volume|no|number|python|type|grade"
    r"|class|level|stage|group|channel|route|highway|line|item|article|rule)\.?\s$",
    re.IGNORECASE,
)
_HEDGE_BEFORE = re.compile(
    r"\b(?:about|around|roughly|approximately|nearly|almost|over|under|more than|less than|at least"
    r"|at most|up to|some|between|from|to|or|and)\s$",
    re.IGNORECASE,
)
_RANGE_AFTER = re.compile(r"^\s?(?:to|or|and|-|–)\s?\d", re.IGNORECASE)
# A sentence that leans on what came before does not stand alone.
_DANGLING_START = re.compile(
    r"^(?:(?:he|she|it|they|this|that|these|those|his|her|its|their|such|here|there|then|thus"
    r"|however|but|and|so|also|another|both|the former|the latter|for example|for instance"
    r"|in addition|as a result|therefore|instead|otherwise|similarly|meanwhile|later|afterwards"
    r"|one|some|most|many|each|every|we|you|i|if|when|after that|since then|by then|at that)\b)",
    re.IGNORECASE,
)
_DANGLING = re.compile(
    r"\b(?:above|below|following|previous|earlier|as shown|see|aforementioned|this|these|those"
    r"|here|he|she|his|her|they|their|it|its|we|our|us|you|your|i|my)\b",
    re.IGNORECASE,
)
_DANGLING_EXCEPT = re.compile(r"\b(?:it is|that it)\b", re.IGNORECASE)
_ASKED_FOR = {
    AnswerType.TIME: "time of day",
    AnswerType.PERCENT: "percentage",
    AnswerType.MONEY: "amount of money",
    AnswerType.QUANTITY: "quantity, with its unit,",
    AnswerType.DECIMAL: "number",
    AnswerType.INTEGER: "number",
    AnswerType.ENTITY: "name or term",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A part of a sentence that can be asked for.

    Attributes:
        answer: the part, as it stands.
        answer_type: its type; `unit` goes with it where the type has one.
        sentence: where it stands; also the evidence.
        blanked: the sentence with a blank in its place.
    """

    answer: str
    answer_type: AnswerType
    unit: str | None
    sentence: Sentence
    blanked: str

    def question(self, title: str | None) -> str:
        """The question, with the document's title as context unless that holds the answer."""
        about = f" about {title}" if title and not _mentions(title, self.answer) else ""
        return (
            f'Fill in the blank in this statement{about}: "{self.blanked}" '
            f"Which {self._asked_for()} belongs in the blank?"
        )

    def _asked_for(self) -> str:
        if self.answer_type is AnswerType.DATE:
            return "year" if _YEAR.fullmatch(self.answer) else "date"
        return _ASKED_FOR[self.answer_type]


def mine(document: str) -> list[Candidate]:
    """All candidates of a document, in order; linear in its length.

    A sentence qualifies if it is prose of 8 to 45 words that does not lean on its neighbours. A
    part qualifies if the reward recognises it as its type, it stands in the sentence once, and it
    is neither hedged ("about 40"), nor an end of a range, nor a pointer ("chapter 3").
    """
    return [
        candidate
        for sentence in prose_sentences(document)
        if _stands_alone(sentence.text)
        for candidate in _of_sentence(sentence)
    ]


def share_out(candidates: Iterable[Candidate], drafts: int) -> list[list[Candidate]]:
    """Candidates for each of a document's drafts: at most five, and no sentence in two drafts.

    Each draft gets one part a sentence, of answer types as different as the document allows, and
    no two of the same answer, since the model names its choice by the answer.
    """
    by_sentence: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        by_sentence.setdefault(candidate.sentence.start, []).append(candidate)
    shares: list[list[Candidate]] = [[] for _ in range(drafts)]
    seen: Counter[AnswerType] = Counter()
    for number, options in enumerate(by_sentence.values()):
        share = shares[number % drafts]
        taken = {candidate.answer for candidate in share}
        fresh = [option for option in options if option.answer not in taken]
        if not fresh or len(share) >= CANDIDATES_PER_DRAFT:
            continue
        pick = min(fresh, key=lambda option: _preference(option, seen))
        seen[pick.answer_type] += 1
        share.append(pick)
    return shares


def _preference(candidate: Candidate, seen: Counter[AnswerType]) -> tuple[bool, int]:
    """Figures before names, which more often have several right forms; then the rarer type."""
    return candidate.answer_type is AnswerType.ENTITY, seen[candidate.answer_type]


def _stands_alone(text: str) -> bool:
    count = len(text.split())
    if not _MIN_WORDS <= count <= _MAX_WORDS or not text.endswith((".", "!", '."')):
        return False
    if not text[0].isupper() or _DANGLING_START.match(text) or text.count('"') % 2:
        return False
    return not _DANGLING.search(_DANGLING_EXCEPT.sub("", text))


def _of_sentence(sentence: Sentence) -> Iterator[Candidate]:
    text = sentence.text
    claimed: list[tuple[int, int]] = []
    for answer_type, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span()
            if any(start < other_end and other_start < end for other_start, other_end in claimed):
                continue
            claimed.append((start, end))
            candidate = _candidate(sentence, answer_type, match)
            if candidate is not None:
                yield candidate


def _candidate(
    sentence: Sentence, answer_type: AnswerType, match: re.Match[str]
) -> Candidate | None:
    text, answer = sentence.text, match.group()
    before, after = text[: match.start()], text[match.end() :]
    if _POINTER_BEFORE.search(before) or _RANGE_AFTER.match(after):
        return None
    if answer_type is not AnswerType.ENTITY and _HEDGE_BEFORE.search(before):
        return None
    if _mentions(before + BLANK + after, answer):
        return None
    if answer_type is AnswerType.INTEGER and _YEAR.fullmatch(answer):
        return None  # a year or a count: the reader could not tell which is asked for
    unit = _unit(answer_type, answer)
    if not _is_verifiable(answer, answer_type, unit):
        return None
    return Candidate(answer, answer_type, unit, sentence, f"{before}{BLANK}{after}")


def _unit(answer_type: AnswerType, answer: str) -> str | None:
    if answer_type is AnswerType.MONEY:
        return _MONEY_UNIT[answer[0]]
    if answer_type is AnswerType.QUANTITY:
        return re.sub(rf"^(?:{_NUMBER})[ \u00a0]?", "", answer)
    return None


def _is_verifiable(answer: str, answer_type: AnswerType, unit: str | None) -> bool:
    try:
        gold = parse_gold(answer, answer_type, unit=unit)
    except ValueError:
        return False
    return self_test(gold).ok


def _mentions(text: str, answer: str) -> bool:
    """Whether the words of the answer stand in the text, in a row."""
    haystack, needle = f" {' '.join(words(text))} ", f" {' '.join(words(answer))} "
    return needle in haystack
