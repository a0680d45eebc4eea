"""Demonstrations of the forms that need more than a passage and a question, as versioned files.

`form_examples/<form>.yaml` is one file for all domains: what these forms ask for looks alike in all
of them. Tests hold each example to the checks that drafts must pass.
"""

import hashlib
import json
from functools import cache
from importlib import resources
from typing import Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.generation.sentences import all_sentences, with_numbers
from wsrl_assets.reward import AnswerType
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.layouts import Layout
from wsrl_assets.text.yaml_files import load_yaml


class _Example(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def _reply(self, *names: str) -> str:
        shown = self.model_dump(mode="json", include=set(names))
        return json.dumps({name: shown[name] for name in names}, ensure_ascii=False)


Example = TypeVar("Example", bound=_Example)


class _NumberedExample(_Example):
    """A document whose sentences have numbers in the prompt."""

    document: str

    @property
    def numbered(self) -> str:
        """The document with its sentences numbered."""
        return with_numbers(all_sentences(self.document))


class FactExample(_Example):
    """A fact as a reply gives it: the number of its sentence, and a row of the table."""

    sentence: int
    entity: str
    attribute: str
    value: float


class ComputedExample(_NumberedExample):
    """A document, and facts and query of a question about it."""

    persona: str
    question: str
    unit: str | None
    answer_type: AnswerType
    query: str
    facts: tuple[FactExample, ...] = Field(min_length=2)

    @property
    def reply(self) -> str:
        """The reply that the prompt shows, as JSON."""
        return self._reply("facts", "unit", "query", "answer_type", "question")


class UnanswerableExample(_Example):
    """Two texts that are akin, and a question that the second answers."""

    document: str
    second: str
    persona: str
    shared: str
    evidence: str
    answer: str
    answer_type: AnswerType
    unit: str | None
    question: str

    @property
    def reply(self) -> str:
        """The reply that the prompt shows, as JSON."""
        return self._reply("shared", "evidence", "answer", "answer_type", "unit", "question")


class MultiHopExample(_NumberedExample):
    """A document, and a question that takes two of its sentences."""

    persona: str
    bridge: str
    first: int
    second: int
    answer: str
    answer_type: AnswerType
    unit: str | None
    question: str

    @property
    def reply(self) -> str:
        """The reply that the prompt shows, as JSON."""
        return self._reply("bridge", "first", "second", "answer", "answer_type", "unit", "question")


class CrossDocumentExample(MultiHopExample):
    """Two documents, and a question that takes a sentence of each."""

    second_text: str

    @property
    def second_numbered(self) -> str:
        """The second text as the prompt shows it."""
        return with_numbers(all_sentences(self.second_text))

    @property
    def reply(self) -> str:
        """The reply that the prompt shows, as JSON."""
        return self._reply("first", "second", "answer", "answer_type", "unit", "question")


class AnswerFirstExample(_Example):
    """A statement with a blank, what stands in it, and the question for it."""

    statement: str
    title: str | None
    answer: str
    answer_type: AnswerType
    question: str

    @property
    def reply(self) -> str:
        """The reply that the prompt shows, as JSON."""
        return self._reply("question")


class GradedExample(_Example):
    """A fact or mistake as a reply gives it, with the number of its sentence."""

    fact: str
    sentence: int


class MustExample(GradedExample):
    """A fact that an answer must say."""

    central: bool


class RubricExample(_NumberedExample):
    """A document, and a question for an explanation with what it must and must not say."""

    persona: str
    must: tuple[MustExample, ...]
    must_not: tuple[GradedExample, ...]
    answer: str
    question: str

    @property
    def reply(self) -> str:
        """The reply that the prompt shows, as JSON."""
        return self._reply("must", "must_not", "answer", "question")


class FormExamples(BaseModel, Generic[Example]):
    """The file of a form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    examples: tuple[Example, ...]

    @classmethod
    def load(cls, name: Form | Layout) -> Self:
        """The file that is shipped for a form, or for a layout with examples of its own."""
        return cls.model_validate(load_yaml(_text(name)))


@cache
def answer_first_examples() -> tuple[AnswerFirstExample, ...]:
    """The demonstrations of questions for an answer that is given."""
    return FormExamples[AnswerFirstExample].load(Layout.ANSWER_FIRST).examples


@cache
def multi_hop_examples() -> tuple[MultiHopExample, ...]:
    """The demonstrations of questions of two facts."""
    return FormExamples[MultiHopExample].load(Form.MULTI_HOP).examples


@cache
def cross_document_examples() -> tuple[CrossDocumentExample, ...]:
    """The demonstrations of questions of two documents."""
    return FormExamples[CrossDocumentExample].load(Form.CROSS_DOCUMENT).examples


@cache
def computed_examples() -> tuple[ComputedExample, ...]:
    """The demonstrations of computed questions."""
    return FormExamples[ComputedExample].load(Form.COMPUTED).examples


@cache
def rubric_examples() -> tuple[RubricExample, ...]:
    """The demonstrations of questions for an explanation."""
    return FormExamples[RubricExample].load(Form.RUBRIC).examples


@cache
def unanswerable_examples() -> tuple[UnanswerableExample, ...]:
    """The demonstrations of unanswerable questions."""
    return FormExamples[UnanswerableExample].load(Form.UNANSWERABLE).examples


def examples_digest(name: Form | Layout) -> str:
    """12 hex characters for the content of such a file; part of the drafting recipe."""
    return hashlib.blake2b(_text(name).encode(), digest_size=6).hexdigest()


def _text(name: Form | Layout) -> str:
    folder = resources.files("wsrl_assets.generation").joinpath("form_examples")
    return folder.joinpath(f"{name}.yaml").read_text("utf-8")
