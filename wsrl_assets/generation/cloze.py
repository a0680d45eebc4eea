"""Cloze questions: a part of a sentence is blanked out and asked for.

Candidates (dates, numbers, quantities, names) are mined from the document by rule, so a question
made of one is grounded by construction; a model only picks among them, which the smallest can.
Fill-in tasks over plain text are known to train well (Golden Goose, arXiv 2601.22975; RLPT,
arXiv 2509.19249).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wsrl_assets.generation.inline_markup import as_read
from wsrl_assets.generation.sentences import Sentence, prose_paragraphs
from wsrl_assets.generation.spans import NUMBER, Span, is_year, spans
from wsrl_assets.generation.standalone import (
    bare_subject,
    fault,
    is_undated_statistic,
    is_unfinished,
    leans,
    names_something,
    tells_of_the_past,
)
from wsrl_assets.generation.transcripts import executed
from wsrl_assets.reward import AnswerType, parse_gold, self_test
from wsrl_assets.text.language import ENGLISH, language_of
from wsrl_assets.text.normalisation import words
from wsrl_assets.text.python_values import Session

VERSION = "4"
BLANK = "____"
CANDIDATES_PER_DRAFT = 5
# A name that this many sentences are about is what the document is about.
_SUBJECT_SENTENCES = 3
_MIN_TELLING_LETTERS = 4
# Words that begin alike are of one stem: "Albania" and "Albanian".
_STEM_LETTERS = 5
# What is said before a sentence: so many sentences at most, and so many words with it.
_SENTENCES_BEFORE = 2
_MAX_WORDS = 85
_MIN_WORDS_BEFORE = 3
# A sentence with another before it may be shorter than one that stands alone.
_MIN_WORDS_AFTER = 6

_MONEY_UNIT = {"$": "USD", "€": "EUR", "£": "GBP"}
_LEADING_NUMBER = re.compile(rf"(?:{NUMBER})[ \u00a0]?")
_HEADING = re.compile(r"\s*# +(\S[^\n]{0,118}?)[ #]*(?:\n|\Z)")
_ASKED_FOR = {
    AnswerType.TIME: "time of day",
    AnswerType.PERCENT: "percentage",
    AnswerType.MONEY: "amount of money",
    AnswerType.QUANTITY: "quantity, with its unit",
    AnswerType.DECIMAL: "number",
    AnswerType.INTEGER: "number",
    AnswerType.ENTITY: "name or term",
    AnswerType.CODE: "code",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A part of a sentence that can be asked for.

    Attributes:
        answer: the part, as it stands.
        answer_type: its type; `unit` goes with it where the type has one.
        sentence: where it stands; also the evidence.
        blanked: the sentence with a blank in its place, after the ones that it leans on.
        session: what is typed at Python's prompt, if the answer is what Python shows.
    """

    answer: str
    answer_type: AnswerType
    unit: str | None
    sentence: Sentence
    blanked: str
    session: Session | None = None

    def question(self, title: str | None) -> str:
        """The question, with the document's title as context unless that holds the answer.

        Any title can be given: one that `mine` did not know may hold it.
        """
        if self.session is not None:
            return _asked_of_python(self.session)
        told = self.about(title)
        about = f" about {told}" if told else ""
        kind = self.asked_for
        comma = "," if "," in kind else ""
        return (
            f'Fill in the blank in this statement{about}: "{self.blanked}" '
            f"Which {kind}{comma} belongs in the blank?"
        )

    def about(self, title: str | None) -> str | None:
        """The title, unless there is none or it holds the answer."""
        if not title or _mentions(title, self.answer) or shares_a_word(self.answer, title):
            return None
        return title

    @property
    def asked_for(self) -> str:
        """What kind of answer it is; see the function of this name."""
        return asked_for(self.answer, self.answer_type)


def asked_for(answer: str, answer_type: AnswerType) -> str:
    """What kind of answer, and how precise a date: "May 1924" is asked for with its month."""
    if answer_type is not AnswerType.DATE:
        return _ASKED_FOR[answer_type]
    if is_year(answer):
        return "year"
    return "month, with its year" if len(answer.split()) == 2 else "date"


@dataclass(frozen=True, slots=True)
class Examined:
    """What became of a sentence.

    Attributes:
        sentence: of the document's prose.
        candidates: what can be asked of it.
        fault: in a word, why that is nothing: those of `standalone.fault`; `no_context`: it leans
            on sentences that cannot be quoted with it; `no_span`: no date, figure, name or term;
            `given_away`, `is_subject`, `not_anchored`, `year_or_count`, `unfinished`, and
            `not_verifiable`: of all its parts, of which the last one's is given.
    """

    sentence: Sentence
    candidates: tuple[Candidate, ...] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class _Statement:
    """A sentence as it is read, with what has to be read before it, and its parts."""

    sentence: Sentence
    text: str
    before: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _About:
    """What a document is about: its title, and names by their words, in a row."""

    title: str | None
    subjects: frozenset[str]


def mine(document: str, title: str | None = None) -> list[Candidate]:
    """All candidates of a document, in order; linear in its length.

    A sentence qualifies if it is prose that does not lean on its neighbours, or only on one or two
    before it in its paragraph, which are then part of the statement. A part qualifies if
    the reward recognises it as its type and its context determines it: see `standalone` and
    `spans`. A name that the title holds, or that three sentences have, is left out: a statement
    without its own subject can be true of many things. So can one that names nothing, unless a
    title, or a heading in its place, says what it is about. Nor does a question ask for what
    its title holds, but where the sentence says what the title means. What a transcript of Python
    shows is a candidate too, where Python's rules give the same (see `transcripts`). All of these
    rules know English; a document in another language has none.
    """
    if not knows(language_of(document)):
        return []
    told = [found for one in examine(document, title) for found in one.candidates]
    return [*told, *_shown_by_python(document)]


def _shown_by_python(document: str) -> Iterator[Candidate]:
    """What Python shows in the document's transcripts, where it was worked out again."""
    for found in executed(document):
        place = Sentence(found.start, found.end, as_read(document[found.start : found.end]))
        blanked = f">>> {found.session.expression} {BLANK}"
        candidate = Candidate(
            found.output, AnswerType.CODE, None, place, blanked, session=found.session
        )
        gives = found.output in candidate.question(None)
        if not gives and _is_verifiable(found.output, AnswerType.CODE, None):
            yield candidate


def _asked_of_python(session: Session) -> str:
    entered = " and ".join(f"`{statement}`" for statement in session.statements)
    after = f" after {entered}" if entered else ""
    return f"What does the Python interpreter show for `{session.expression}`{after}?"


def examine(document: str, title: str | None = None) -> list[Examined]:
    """Every sentence of a document's prose, with its candidates or why it has none; see `mine`."""
    if not knows(language_of(document)):
        return []
    title = title or heading(document)
    read = [
        statement
        for paragraph in prose_paragraphs(document)
        for statement in _statements(paragraph, title)
    ]
    about = _About(title, _subjects(read, title or ""))
    return [_examined(one, about) if isinstance(one, _Statement) else one for one in read]


def _statements(paragraph: list[Sentence], title: str | None) -> Iterator[_Statement | Examined]:
    texts = [as_read(sentence.text) for sentence in paragraph]
    leaning = [leans(text) for text in texts]
    for at, (sentence, text) in enumerate(zip(paragraph, texts, strict=True)):
        needy, before = leaning[at], None
        first = max(0, at - _SENTENCES_BEFORE)
        if needy or not _is_anchored(text, title):
            before = _said_before(texts[first:at], leaning[first:at])
        wrong = fault(text, _MIN_WORDS_AFTER) if before else fault(text)
        if wrong is None and needy and before is None:
            wrong = "no_context"
        if wrong is None and before and len(f"{before} {text}".split()) > _MAX_WORDS:
            wrong = "length"
        if wrong is not None:
            yield Examined(sentence, fault=wrong)
            continue
        found = tuple(spans(text))
        yield _Statement(sentence, text, f"{before} " if before else "", found)


def _said_before(texts: Sequence[str], leaning: Sequence[bool]) -> str | None:
    """The sentences just before one, from the last that leans on nothing; none if none is left."""
    for at in range(len(texts) - 1, -1, -1):
        if fault(texts[at], _MIN_WORDS_BEFORE):
            return None
        if not leaning[at]:
            return " ".join(texts[at:])
    return None


def _examined(statement: _Statement, about: _About) -> Examined:
    found = [_candidate(statement, span, about) for span in statement.spans]
    candidates = tuple(one for one in found if isinstance(one, Candidate))
    if candidates:
        return Examined(statement.sentence, candidates)
    reasons = [one for one in found if isinstance(one, str)]
    return Examined(statement.sentence, fault=reasons[-1] if reasons else "no_span")


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


def _subjects(read: Iterable[_Statement | Examined], title: str) -> frozenset[str]:
    """The words, in a row, of the names that a document is about."""
    names = Counter(
        _key(one.text[span.start : span.end])
        for one in read
        if isinstance(one, _Statement)
        for span in one.spans
        if span.answer_type is AnswerType.ENTITY
    )
    often = {name for name, count in names.items() if count >= _SUBJECT_SENTENCES}
    return frozenset(often | {name for name in names if shares_a_word(name, title)})


def _candidate(statement: _Statement, span: Span, about: _About) -> Candidate | str:
    """The candidate that a part makes, or in a word why it makes none."""
    text, kind = statement.text, span.answer_type
    answer = text[span.start : span.end]
    blanked = f"{statement.before}{text[: span.start]}{BLANK}{text[span.end :]}"
    is_name = kind is AnswerType.ENTITY
    if _mentions(blanked, answer) or (is_name and _shares_a_stem(answer, blanked)):
        return "given_away"
    if not span.is_term and (
        (is_name and _key(answer) in about.subjects) or _mentions(about.title or "", answer)
    ):
        return "is_subject"
    if not span.is_term and not _is_anchored(blanked, about.title):
        return "not_anchored"
    if kind is AnswerType.INTEGER and is_year(answer):
        return "year_or_count"  # the reader could not tell which is asked for
    is_figure = kind not in (AnswerType.ENTITY, AnswerType.DATE, AnswerType.CODE)
    if is_figure and (is_unfinished(text) or is_undated_statistic(text)):
        return "unfinished"
    unit = _unit(kind, answer)
    stands_there = answer in statement.sentence.text  # and is not broken by markup
    if not stands_there or not _is_verifiable(answer, kind, unit):
        return "not_verifiable"
    return Candidate(answer, kind, unit, statement.sentence, blanked)


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
    return not telling_words(name).isdisjoint(words(text))


def telling_words(text: str) -> set[str]:
    """The words of a text that are long enough to tell it from another."""
    return {word for word in words(text) if len(word) >= _MIN_TELLING_LETTERS}


def _shares_a_stem(name: str, text: str) -> bool:
    """Whether a telling word of a name begins as a word of the text does: "Albanian"."""
    return not _stems(name).isdisjoint(_stems(text))


def _stems(text: str) -> set[str]:
    return {word[:_STEM_LETTERS] for word in telling_words(text)}
