"""What the gold of some forms rests on besides one quote: the JSON in `qa_drafts.basis`."""

import json
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.text.python_values import MAX_SOURCE_CHARS, MAX_STATEMENTS, Session

MAX_FACTS = 12
MAX_QUERY_CHARS = 600
_MAX_NAME_CHARS = 80


class _Basis(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_json(self) -> str:
        """One line of JSON."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads what `to_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        return cls.model_validate_json(text)


class Fact(_Basis):
    """A figure that a document gives.

    Attributes:
        entity, attribute: of what it is a figure, and which.
        value: the figure, in the unit of the computation.
        start, end: where the document says so, characters, end exclusive.
    """

    entity: str = Field(min_length=1, max_length=_MAX_NAME_CHARS)
    attribute: str = Field(max_length=_MAX_NAME_CHARS)
    value: float = Field(ge=-1e15, le=1e15, allow_inf_nan=False)
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class Computation(_Basis):
    """Facts of a document and the query over them whose result is the gold.

    Attributes:
        facts: rows of the table `facts(entity, attribute, value)`.
        unit: of all values: a unit of measure, a currency or %; none for bare numbers.
        query: one SELECT of one value.
    """

    facts: tuple[Fact, ...] = Field(min_length=2, max_length=MAX_FACTS)
    unit: str | None = Field(default=None, max_length=24)
    query: str = Field(max_length=MAX_QUERY_CHARS)


class KinAnswer(_Basis):
    """What another document of the domain answers to a question that a document does not.

    Attributes:
        kin: id of the other document.
        shared: a name that stands in both.
        answer, answer_type, unit: what the kin answers.
        quote: where it says so.
    """

    kin: str
    shared: str = Field(min_length=1, max_length=_MAX_NAME_CHARS)
    answer: str
    answer_type: str
    unit: str | None = None
    quote: str


class Hops(_Basis):
    """Two facts of a document, and what joins them.

    Attributes:
        bridge: a name that stands in both, and not in the question.
        first: where the fact stands that leads to the bridge, characters, end exclusive.
        second: where the fact stands that gives the answer.
    """

    bridge: str = Field(min_length=1, max_length=_MAX_NAME_CHARS)
    first: tuple[int, int]
    second: tuple[int, int]


class CrossHops(Hops):
    """Two facts of two documents. Places are in both texts, one after the other (see `joined`).

    Attributes:
        kin: id of the document that leads to the bridge; the other one gives the answer.
    """

    kin: str


_BETWEEN = "\n\n"


def joined(document: str, partner: str) -> str:
    """The texts of a question of two documents: that of the answer, then its partner's."""
    return document + _BETWEEN + partner


def partner_start(document: str) -> int:
    """Where the partner's text begins in `joined`, characters."""
    return len(document) + len(_BETWEEN)


def cross_hops(basis: str | None) -> CrossHops | None:
    """The facts of a question of two documents; none where the basis is of another form."""
    try:
        return CrossHops.from_json(basis or "")
    except ValueError:
        return None


class GradedFact(_Basis):
    """A fact or mistake of a rubric.

    Attributes:
        fact: what an answer says.
        weight: of a fact that it must say; none for a mistake.
        start, end: the sentence that says it, or contradicts it, characters, end exclusive.
    """

    fact: str = Field(min_length=1, max_length=240)
    weight: int | None = Field(default=None, ge=1)
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class GradedFacts(_Basis):
    """What an explanation must and must not say."""

    must: tuple[GradedFact, ...]
    must_not: tuple[GradedFact, ...]


def graded_facts(basis: str | None) -> GradedFacts | None:
    """The facts of a rubric; none where the basis is of another form, or damaged."""
    try:
        return GradedFacts.from_json(basis or "")
    except ValueError:
        return None


class Execution(_Basis):
    """What was typed at Python's prompt; the gold is what Python shows.

    Attributes:
        statements: what was entered before.
        expression: what is shown.
    """

    statements: tuple[str, ...] = Field(max_length=MAX_STATEMENTS)
    expression: str = Field(min_length=1, max_length=MAX_SOURCE_CHARS)

    @property
    def session(self) -> Session:
        return Session(self.statements, self.expression)


def kin_id(basis: str | None) -> str | None:
    """The id of the document that an unanswerable question is asked of; none for other forms."""
    found = json.loads(basis).get("kin") if basis else None
    return str(found) if found else None
