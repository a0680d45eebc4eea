"""The form `computed`: the model names facts and writes a query, and DuckDB makes the gold.

The answer is executed, never written. Each fact names the sentence or line that gives it, so every
row behind an answer can be held against the document.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.generation.form_examples import computed_examples
from wsrl_assets.generation.layouts import QUESTION_SCHEMA, UNIT_SCHEMA
from wsrl_assets.generation.sentences import Sentence, all_sentences, with_numbers
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.prompting import Message, document_first, for_persona, load_prompt
from wsrl_assets.llm.schemas import Schema, closed, number_up_to, one_of, text
from wsrl_assets.reward import AnswerType
from wsrl_assets.storage.basis import MAX_FACTS, MAX_QUERY_CHARS, Computation, Fact
from wsrl_assets.storage.calculation import Calculated, calculate
from wsrl_assets.text.normalisation import one_line

PROMPT = load_prompt("computed")
MAX_TOKENS = 1_200
RESULT_TYPES = (
    AnswerType.INTEGER,
    AnswerType.DECIMAL,
    AnswerType.PERCENT,
    AnswerType.QUANTITY,
    AnswerType.MONEY,
    AnswerType.ENTITY,
)
_OF_UNIT = (AnswerType.QUANTITY, AnswerType.MONEY)


class FactReply(BaseModel):
    """A figure, and the number of the sentence or line that gives it."""

    model_config = ConfigDict(extra="forbid")

    sentence: int
    entity: str = Field(min_length=1, max_length=80)
    attribute: str = Field(max_length=80)
    value: float = Field(ge=-1e15, le=1e15, allow_inf_nan=False)


class ComputedReply(BaseModel):
    """What the model returns: everything but the answer."""

    model_config = ConfigDict(extra="forbid")

    facts: list[FactReply] = Field(min_length=2, max_length=MAX_FACTS)
    unit: str | None = Field(default=None, max_length=24)
    query: str = Field(min_length=1, max_length=MAX_QUERY_CHARS)
    answer_type: AnswerType
    question: str = Field(max_length=400)


@dataclass(frozen=True, slots=True)
class ComputedCall:
    """A call for one computed question: what is sent, and how to read what comes back."""

    messages: list[Message]
    schema: Schema
    document: str
    sentences: Sequence[Sentence]

    def draft(self, reply: ComputedReply) -> "ComputedDraft":
        """The draft of a reply, its answer executed.

        Raises:
            RowError: a fact names a sentence that the document does not have.
            CalculationError: the query has no gold; see `calculate`.
        """
        facts = tuple(self._fact(fact) for fact in reply.facts)
        computation = Computation(facts=facts, unit=reply.unit, query=reply.query)
        found = calculate(computation)
        start, end = min(f.start for f in found.used), max(f.end for f in found.used)
        return ComputedDraft(reply, computation, found, self.document[start:end])

    def _fact(self, fact: FactReply) -> Fact:
        if not 1 <= fact.sentence <= len(self.sentences):
            raise RowError("invalid_reply", f"there is no sentence {fact.sentence}")
        place = self.sentences[fact.sentence - 1]
        return Fact(
            entity=one_line(fact.entity) or fact.entity,
            attribute=one_line(fact.attribute),
            value=fact.value,
            start=place.start,
            end=place.end,
        )


@dataclass(frozen=True, slots=True)
class ComputedDraft:
    """A question with its executed answer.

    Attributes:
        reply: what the model wrote.
        computation: facts and query.
        found: what the query gave.
        evidence: the document from the first to the last fact that the result depends on.
    """

    reply: ComputedReply
    computation: Computation
    found: Calculated
    evidence: str

    @property
    def unit(self) -> str | None:
        """The unit of the answer: that of the values, where the answer has one."""
        return self.computation.unit if self.reply.answer_type in _OF_UNIT else None

    @property
    def answer(self) -> str:
        """The result as an answer is written."""
        percent = "%" if self.reply.answer_type is AnswerType.PERCENT else ""
        return f"{self.found.result}{percent if self.found.is_number else ''}"


def computed_call(document: str, persona: str | None) -> ComputedCall:
    """The call for one computed question, asked by `persona` if there is one."""
    sentences = all_sentences(document)
    instruction = for_persona(PROMPT, persona, examples=computed_examples())
    messages = document_first(with_numbers(sentences), instruction)
    return ComputedCall(messages, _schema(len(sentences)), document, sentences)


def _schema(sentences: int) -> Schema:
    name = text(80, 1)
    fact = {
        "sentence": number_up_to(sentences),
        "entity": name,
        "attribute": name,
        "value": {"type": "number"},
    }
    return closed(
        {
            "facts": {
                "type": "array",
                "items": closed(fact),
                "minItems": 2,
                "maxItems": MAX_FACTS,
            },
            "unit": UNIT_SCHEMA,
            "query": text(MAX_QUERY_CHARS, 10),
            "answer_type": one_of(RESULT_TYPES),
            "question": QUESTION_SCHEMA,
        }
    )
