"""The form `rubric`: a question for an explanation, with facts and mistakes of the document."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.generation.form_examples import rubric_examples
from wsrl_assets.generation.layouts import QUESTION_SCHEMA
from wsrl_assets.generation.sentences import Sentence, all_sentences, with_numbers
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.prompting import Message, document_first, for_persona, load_prompt
from wsrl_assets.llm.schemas import Schema, closed, list_of, number_up_to, text
from wsrl_assets.reward.rubric import (
    BESIDE,
    CENTRAL,
    MAX_FACT_CHARS,
    MAX_FACTS,
    MIN_MUST,
    MIN_MUST_NOT,
)
from wsrl_assets.storage.basis import GradedFact, GradedFacts
from wsrl_assets.text.normalisation import one_line

PROMPT = load_prompt("rubric")
MAX_TOKENS = 900
ANSWER_TYPE = "rubric"
_MAX_ANSWER_CHARS = 1_500
_MAX_MISTAKES = 2


class _Graded(BaseModel):
    model_config = ConfigDict(extra="forbid")

    fact: str = Field(min_length=1, max_length=MAX_FACT_CHARS)
    sentence: int


class _Must(_Graded):
    central: bool


class RubricReply(BaseModel):
    """What the model returns: first the facts, then an answer of them, last the question."""

    model_config = ConfigDict(extra="forbid")

    must: list[_Must] = Field(max_length=MAX_FACTS)
    must_not: list[_Graded] = Field(max_length=MAX_FACTS)
    answer: str = Field(max_length=_MAX_ANSWER_CHARS)
    question: str = Field(max_length=400)


@dataclass(frozen=True, slots=True)
class RubricCall:
    """A call for one question for an explanation: what is sent, and how to read what comes back."""

    messages: list[Message]
    schema: Schema
    document: str
    sentences: Sequence[Sentence]

    def facts(self, reply: RubricReply) -> GradedFacts:
        """The rubric of a reply, with places in the document.

        Raises:
            RowError: a number is of no sentence.
        """
        return GradedFacts(
            must=tuple(self._graded(one, CENTRAL if one.central else BESIDE) for one in reply.must),
            must_not=tuple(self._graded(one, None) for one in reply.must_not),
        )

    def evidence(self, facts: GradedFacts) -> str:
        """The document from the first sentence that a fact rests on to the last; empty for none."""
        places = [(one.start, one.end) for one in facts.must]
        return (
            self.document[min(p[0] for p in places) : max(p[1] for p in places)] if places else ""
        )

    def _graded(self, one: _Graded, weight: int | None) -> GradedFact:
        if not 1 <= one.sentence <= len(self.sentences):
            raise RowError("invalid_reply", f"{one.sentence} is no sentence of the document")
        found = self.sentences[one.sentence - 1]
        fact = one_line(one.fact) or one.fact
        return GradedFact(fact=fact, weight=weight, start=found.start, end=found.end)


def rubric_call(document: str, persona: str | None) -> RubricCall:
    """The call for one question for an explanation, asked by `persona` if there is one."""
    sentences = all_sentences(document)
    instruction = for_persona(PROMPT, persona, examples=rubric_examples())
    messages = document_first(with_numbers(sentences), instruction)
    return RubricCall(messages, _schema(len(sentences)), document, sentences)


def _schema(sentences: int) -> Schema:
    fact, number = text(MAX_FACT_CHARS, 1), number_up_to(sentences)
    must = closed({"fact": fact, "sentence": number, "central": {"type": "boolean"}})
    mistake = closed({"fact": fact, "sentence": number})
    return closed(
        {
            "must": list_of(must, MIN_MUST, MAX_FACTS - _MAX_MISTAKES),
            "must_not": list_of(mistake, MIN_MUST_NOT, _MAX_MISTAKES),
            "answer": text(_MAX_ANSWER_CHARS, 1),
            "question": QUESTION_SCHEMA,
        }
    )
