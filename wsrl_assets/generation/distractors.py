"""Distractors: the wrong options of a multiple-choice question, taken from other documents.

The statement, its blank and the right answer are those of a cloze (see `cloze`), so the question
is grounded by construction. Its three wrong options are answers that the same rules mine from other
documents of the domain. Two things can go wrong with options, and each has a rule:

*A wrong option is right as well.* Two answers stand beside each other only if they are strangers:
the reward takes neither for the other; neither stands anywhere in the other's document, so that
the statement's document cannot give a wrong option for the same blank (no rule can tell that it
does not, and so none is taken from that document); and neither statement names what the other
names.

*The right option can be guessed without knowing.* It cannot if each option of a set was as likely
to be the one that is asked for. So answers are put in sets of four strangers first, each answer in
one set, and then one of the four is drawn to be asked for: the other three are its distractors, and
are right nowhere. What shows of an answer (its type, unit or currency, precision, number of digits
or half-century; of a name the number of words and what leads up to the blank) is its `kind`, and a
set is of one kind, written in one style, for the question to be worth asking. The price is that
of four answers one is asked for. Drawing distractors for every answer would ask for them all, but
then a reader who remembers an answer from elsewhere knows that it is wrong here; and a fixed
sample to draw from would be known for being wrong. `python -m benchmarks.multiple_choice` measures
what can be guessed.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from wsrl_assets.generation import cloze
from wsrl_assets.generation.cloze import BLANK, Candidate
from wsrl_assets.generation.spans import FUNCTION_WORDS, NUMBER, names_in
from wsrl_assets.reward import AnswerType, Gold, matches, parse_gold
from wsrl_assets.text.normalisation import stable_hash, words

VERSION = "2"
OPTIONS = 4
# A pool of so many documents takes about a second to mine and some megabytes to hold.
POOL_DOCUMENTS = 256
# Answers of a kind that are looked at to fill one set; most are strangers.
_MAX_LOOKS = 200
_YEARS_OF_A_KIND = 50
_MAX_WORDS_APART = 4

_NUMBER = re.compile(NUMBER)
_SMALL_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen twenty"
).split()
# What leads up to a name says whether it is of a place or of somebody who did something.
_LEADS = {
    "by": "by",
    **dict.fromkeys("in at near from to into towards through across around".split(), "in"),
}

Kind = tuple[str, ...]


@dataclass(frozen=True)
class PoolDocument:
    """A document that answers are taken from. `parent_id` is shared by the passages of a source."""

    doc_id: str
    parent_id: str
    title: str | None
    text: str

    @cached_property
    def about(self) -> str | None:
        """Its title, or the heading that stands in for one."""
        return self.title or cloze.heading(self.text)

    @cached_property
    def words(self) -> str:
        """The words of title and text, in a row, with spaces at both ends."""
        return _row(f"{self.title or ''} {self.text}")

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers in title and text, without their commas; small ones also as words."""
        both = f"{self.title or ''} {self.text}"
        in_digits = {number.replace(",", "") for number in _NUMBER.findall(both)}
        in_words = {str(n) for n, word in enumerate(_SMALL_NUMBERS) if f" {word} " in self.words}
        return frozenset(in_digits | in_words)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names in what it is about."""
        return names_in(self.about or "")


@dataclass(frozen=True)
class Answer:
    """An answer where its document gives it: a candidate for being asked, and for being an option.

    Attributes:
        candidate: the statement with its blank.
        document: where it stands.
    """

    candidate: Candidate
    document: PoolDocument

    @cached_property
    def draw_order(self) -> str:
        """A number drawn for it, the same in every run."""
        return stable_hash(self.document.doc_id, self.candidate.blanked, self.candidate.answer)

    @cached_property
    def kind(self) -> Kind:
        """All that shows of it. Answers of different kinds never stand beside each other."""
        answer_type, rest = self.candidate.answer_type, self.candidate.answer
        if answer_type is AnswerType.ENTITY:
            return (answer_type, *_shape_of_name(self.candidate))
        if answer_type is AnswerType.DATE:
            half_century = int(rest[-4:]) // _YEARS_OF_A_KIND
            return answer_type, str(len(rest.split())), str(half_century)
        if answer_type is AnswerType.TIME:
            return answer_type, rest.lstrip("0123456789:").strip().replace(".", "").casefold()
        number = _number_in(rest)
        whole, _, fraction = number.replace(",", "").partition(".")
        digits = "one" if number == "1" else str(len(whole))  # "1 day" is not of "5 days"
        return answer_type, _measure(self.candidate, number), digits, str(len(fraction))

    @cached_property
    def names(self) -> frozenset[str]:
        """The names in its statement."""
        return names_in(self.candidate.blanked)

    @cached_property
    def gold(self) -> Gold | None:
        try:
            return parse_gold(
                self.candidate.answer, self.candidate.answer_type, unit=self.candidate.unit
            )
        except ValueError:
            return None

    @cached_property
    def figure(self) -> str | None:
        """What to look for among a document's numbers: its number, of a date the year."""
        if self.candidate.answer_type in (AnswerType.ENTITY, AnswerType.TIME):
            return None
        if self.candidate.answer_type is AnswerType.DATE:
            return self.candidate.answer[-4:]
        return _number_in(self.candidate.answer).replace(",", "")

    def stands_in(self, document: PoolDocument) -> bool:
        """Whether a document gives it too, for whatever: a figure with any unit, a date's year."""
        if self.figure is not None:
            return self.figure in document.numbers
        return _row(self.candidate.answer) in document.words


@dataclass(frozen=True, slots=True)
class Choice:
    """A candidate that is asked for, and its options in their order, the right one among them."""

    candidate: Candidate
    options: tuple[str, ...]


class Pool:
    """The questions that some documents make of each other's answers.

    A hash of what documents say decides everything, so the same documents always make the same.
    """

    def __init__(self, answers: Iterable[Answer] = ()) -> None:
        by_kind: dict[Kind, list[Answer]] = defaultdict(list)
        for answer in answers:
            by_kind[answer.kind].append(answer)
        self._choices: dict[str, list[Choice]] = defaultdict(list)
        for same in by_kind.values():
            for options in _sets_of_strangers(same):
                right = _drawn(options)
                choice = Choice(right.candidate, _arranged(right, options))
                self._choices[right.document.doc_id].append(choice)

    @classmethod
    def of(cls, documents: Iterable[PoolDocument]) -> "Pool":
        """The pool of some documents. Takes milliseconds a document."""
        return cls(answer for document in documents for answer in answers_of(document))

    def choices(self, doc_id: str) -> list[Choice]:
        """What can be asked of a document, as it stands there."""
        found = self._choices.get(doc_id, [])
        return sorted(found, key=lambda one: (one.candidate.sentence.start, one.candidate.blanked))


def answers_of(document: PoolDocument) -> Iterator[Answer]:
    """The answers that can be mined from a document."""
    for candidate in cloze.mine(document.text, document.title):
        if _can_have_options(candidate):
            yield Answer(candidate, document)


def _can_have_options(candidate: Candidate) -> bool:
    """Whether what shows of an answer tells its kind.

    A name of one word may be of anything, so its options would be of other kinds. Whether another
    document has a number in words, or code, is not known by rule.
    """
    if candidate.answer_type is AnswerType.ENTITY:
        return " " in candidate.answer
    if candidate.answer_type is AnswerType.TIME:
        return True
    return candidate.answer_type is not AnswerType.CODE and bool(_number_in(candidate.answer))


def _sets_of_strangers(answers: Iterable[Answer]) -> Iterator[list[Answer]]:
    """Sets of four answers, any two of them strangers; each answer is in one set at most."""
    waiting = sorted(answers, key=lambda answer: answer.draw_order)
    while len(waiting) >= OPTIONS:
        found = waiting[:1]
        for other in waiting[1:_MAX_LOOKS]:
            if all(are_strangers(other, taken) for taken in found):
                found.append(other)
            if len(found) == OPTIONS:
                yield found
                break
        spent = found if len(found) == OPTIONS else found[:1]
        waiting = [answer for answer in waiting if not any(answer is other for other in spent)]


def _drawn(options: Sequence[Answer]) -> Answer:
    """The one that is asked for: each is as likely."""
    return options[int(stable_hash(*(option.draw_order for option in options)), 16) % len(options)]


def _arranged(right: Answer, options: Iterable[Answer]) -> tuple[str, ...]:
    """The options in the right one's style, in an order by draw_order."""
    texts = (_in_style(option.candidate, right.candidate.answer) for option in options)
    return tuple(sorted(texts, key=lambda text: stable_hash(right.candidate.blanked, text)))


def are_strangers(one: Answer, other: Answer) -> bool:
    """Whether two answers can be options of one question; see the top of this module. Mutual."""
    if one.document.parent_id == other.document.parent_id:
        return False
    if one.stands_in(other.document) or other.stands_in(one.document):
        return False
    if _name_the_same(one, other) or _share_words(one, other) or _share_words(other, one):
        return False
    return not _is_same_answer(one, other)


def _name_the_same(one: Answer, other: Answer) -> bool:
    """Whether both statements name something, or one what the other's document is about.

    Two titles may have a name in common: that of their site or series.
    """
    return not (
        one.names.isdisjoint(other.names)
        and one.names.isdisjoint(other.document.names)
        and other.names.isdisjoint(one.document.names)
    )


def _share_words(one: Answer, other: Answer) -> bool:
    """Whether a name has a word of the other, which may be the same by another form of its name.

    Or a word of the other's statement or title, which a right answer never has.
    """
    if one.candidate.answer_type is not AnswerType.ENTITY:
        return False
    theirs = (other.candidate.answer, other.candidate.blanked, other.document.about or "")
    return cloze.shares_a_word(one.candidate.answer, " ".join(theirs))


def _is_same_answer(one: Answer, other: Answer) -> bool:
    """Whether the reward takes one for the other, as what they are or as options."""
    if one.gold is None or other.gold is None or matches(one.gold, other.gold):
        return True
    as_options = (Gold(AnswerType.ENTITY, answer.candidate.answer) for answer in (one, other))
    return matches(*as_options)


def _row(text: str) -> str:
    return f" {' '.join(words(text))} "


def _shape_of_name(candidate: Candidate) -> Kind:
    """How many words a name has, and what leads up to it: an article, a preposition."""
    before = candidate.blanked.partition(BLANK)[0].split()
    last = before.pop().casefold() if before else ""
    count = str(min(len(candidate.answer.split()), _MAX_WORDS_APART))
    if last == "the":
        return count, "the", _LEADS.get(before[-1].casefold(), "") if before else ""
    is_told = last.isalpha() and last not in FUNCTION_WORDS  # "the poet ____", "beating ____"
    return count, "", _LEADS.get(last, "told" if is_told else "")


def _measure(candidate: Candidate, number: str) -> str:
    """What a number counts: its unit, or currency and magnitude; percent however it is written."""
    if candidate.answer_type is AnswerType.PERCENT:
        return "%"
    return candidate.answer.replace(number, "", 1).strip()


def _number_in(answer: str) -> str:
    found = _NUMBER.search(answer)
    return found.group() if found else ""


def _in_style(candidate: Candidate, right: str) -> str:
    """An answer written as the right one of its kind is: its commas, its sign, its date order."""
    if candidate.answer_type is AnswerType.DATE and len(right.split()) == 3:
        return _dated(candidate.answer, month_first=right[0].isalpha())
    if candidate.answer_type in (AnswerType.DATE, AnswerType.TIME, AnswerType.ENTITY):
        return candidate.answer
    theirs = _number_in(right)
    whole, point, fraction = _number_in(candidate.answer).replace(",", "").partition(".")
    grouped = f"{int(whole):,}" if "," in theirs else whole
    return right.replace(theirs, f"{grouped}{point}{fraction}", 1)


def _dated(date: str, *, month_first: bool) -> str:
    first, second, year = date.replace(",", "").split()
    day, month = (second, first) if first[0].isalpha() else (first, second)
    return f"{month} {day}, {year}" if month_first else f"{day} {month} {year}"
