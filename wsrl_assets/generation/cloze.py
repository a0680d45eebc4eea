"""Cloze questions: a part of a sentence is blanked out and asked for.

Candidates (dates, numbers, quantities, names) are mined from the document by rule, so a question
made of one is grounded by construction; a model only picks among them, which the smallest can.
Fill-in tasks over plain text are known to train well (Golden Goose, arXiv 2601.22975; RLPT,
arXiv 2509.19249).
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from wsrl_assets.generation.sentences import Sentence, prose_sentences
from wsrl_assets.generation.spans import NUMBER, Span, is_year, spans
from wsrl_assets.generation.standalone import (
    bare_subject,
    names_something,
    stands_alone,
    tells_of_the_past,
)
from wsrl_assets.reward import AnswerType, parse_gold, self_test
from wsrl_assets.text.language import ENGLISH, language_of
from wsrl_assets.text.normalisation import words

VERSION = "3"
BLANK = "____"
CANDIDATES_PER_DRAFT = 5
# A name that this many sentences are about is what the document is about.
_SUBJECT_SENTENCES = 3
_MIN_TELLING_LETTERS = 4

_MONEY_UNIT = {"$": "USD", "€": "EUR", "£": "GBP"}
_LEADING_NUMBER = re.compile(rf"(?:{NUMBER})[ \u00a0]?")
_HEADING = re.compile(r"\s*# +(\S[^\n]{0,118}?)[ #]*(?:\n|\Z)")
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
        """The question, with the document's title as context unless that holds the answer.

        Any title can be given: one that `mine` did not know may hold it.
        """
        about = f" about {title}" if title and not _mentions(title, self.answer) else ""
        return (
            f'Fill in the blank in this statement{about}: "{self.blanked}" '
            f"Which {self._asked_for()} belongs in the blank?"
        )

    def _asked_for(self) -> str:
        """What kind of answer, and how precise a date: "May 1924" is asked for with its month."""
        if self.answer_type is not AnswerType.DATE:
            return _ASKED_FOR[self.answer_type]
        if is_year(self.answer):
            return "year"
        return "month, with its year," if len(self.answer.split()) == 2 else "date"


def mine(document: str, title: str | None = None) -> list[Candidate]:
    """All candidates of a document, in order; linear in its length.

    A sentence qualifies if it is prose that does not lean on its neighbours. A part qualifies if
    the reward recognises it as its type and its context determines it: see `standalone` and
    `spans`. A name that the title holds, or that three sentences have, is left out: a statement
    without its own subject can be true of many things. So can one that names nothing, unless a
    title, or a heading in its place, says what it is about. Nor does a question ask for what
    its title holds. All of these rules know English; a document in another language has none.
    """
    if not knows(language_of(document)):
        return []
    found = [
        (sentence, span)
        for sentence in prose_sentences(document)
        if stands_alone(sentence)
        for span in spans(sentence.text)
    ]
    title = title or heading(document)
    subjects = _subjects(found, title or "")
    candidates = (_candidate(sentence, span, subjects) for sentence, span in found)
    return [
        candidate
        for candidate in candidates
        if candidate is not None
        and _is_anchored(candidate.blanked, title)
        and not _mentions(title or "", candidate.answer)
    ]


def knows(language: str | None) -> bool:
    """Whether the rules hold for a language. One that is not known is taken for English."""
    return language in (ENGLISH, None)


def heading(document: str) -> str | None:
    """The first line of a document where that is a markdown heading: its title, if it has none."""
    found = _HEADING.match(document)
    return found.group(1) if found else None


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


def _is_anchored(blanked: str, title: str | None) -> bool:
    """Whether a statement says what it is about, by itself or with its title.

    A statement about the past needs a name: "the old man paid ____ dollars" is in many stories.
    """
    subject = bare_subject(blanked)
    if subject and subject not in words(title or ""):
        return False
    if names_something(blanked):
        return True
    if not title:
        return False
    return shares_a_word(title, blanked) or not tells_of_the_past(blanked)


def _subjects(found: list[tuple[Sentence, Span]], title: str) -> frozenset[str]:
    """The words, in a row, of the names that a document is about."""
    names = Counter(
        _key(sentence.text[span.start : span.end])
        for sentence, span in found
        if span.answer_type is AnswerType.ENTITY
    )
    often = {name for name, count in names.items() if count >= _SUBJECT_SENTENCES}
    return frozenset(often | {name for name in names if shares_a_word(name, title)})


def _candidate(sentence: Sentence, span: Span, subjects: frozenset[str]) -> Candidate | None:
    text, answer, kind = sentence.text, sentence.text[span.start : span.end], span.answer_type
    blanked = f"{text[: span.start]}{BLANK}{text[span.end :]}"
    if _mentions(blanked, answer):
        return None
    if kind is AnswerType.ENTITY and (_key(answer) in subjects or shares_a_word(answer, blanked)):
        return None
    if kind is AnswerType.INTEGER and is_year(answer):
        return None  # a year or a count: the reader could not tell which is asked for
    unit = _unit(kind, answer)
    if not _is_verifiable(answer, kind, unit):
        return None
    return Candidate(answer, kind, unit, sentence, blanked)


def _unit(answer_type: AnswerType, answer: str) -> str | None:
    if answer_type is AnswerType.MONEY:
        return _MONEY_UNIT[answer[0]]
    if answer_type is AnswerType.QUANTITY:
        return _LEADING_NUMBER.sub("", answer, count=1)
    return None


def _is_verifiable(answer: str, answer_type: AnswerType, unit: str | None) -> bool:
    try:
        gold = parse_gold(answer, answer_type, unit=unit)
    except ValueError:
        return False
    return self_test(gold).ok


def _key(name: str) -> str:
    return " ".join(words(name))


def _mentions(text: str, answer: str) -> bool:
    """Whether the words of the answer stand in the text, in a row."""
    return f" {_key(answer)} " in f" {_key(text)} "


def shares_a_word(name: str, text: str) -> bool:
    """Whether a telling word of a name stands in the text: "James Watt" and "the watt"."""
    telling = {word for word in words(name) if len(word) >= _MIN_TELLING_LETTERS}
    return not telling.isdisjoint(words(text))
