"""Personas: who would care about a document, and why (paper, section 3, stage 2).

A model names them, or a file of the user's has them, or there are none.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.generation.persona_files import (
    MAX_CHARS,
    PersonaFacts,
    draw,
    personas_digest,
)
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.prompting import document_first, load_prompt
from wsrl_assets.llm.recipes import ProvenanceColumns, StageRecipe, rule_recipe
from wsrl_assets.llm.schemas import Schema, closed
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.storage.tables import Personas, Status
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.text.normalisation import one_line

STAGE = Stage.PERSONAS
PROMPT = load_prompt("personas")
MAX_PERSONAS = 3
GIVEN_VERSION = "1"
"""Version of the rules by which personas are given without a model."""
_MAX_TOKENS_EACH = 80
# A person with a want. Backends of structured output take no `.` that leaves quotes out; xgrammar
# refuses a length beside a pattern, so the pattern bounds it.
_ARTICLE = re.compile(r"an? ", re.IGNORECASE)
_MAX_WANT_CHARS = 61
_WANTS = " who wants to "
_PERSON = (
    f"^an? [a-z][a-zA-Z0-9 ,'-]{{2,40}}{_WANTS}[a-z][a-zA-Z0-9 ,'-]{{4,{_MAX_WANT_CHARS - 1}}}$"
)
# For servers that do not hold replies to the schema: a persona goes into every drafting prompt.
_Phrase = Annotated[str, Field(max_length=2 * MAX_CHARS)]


class PersonasReply(BaseModel):
    """What the model returns."""

    model_config = ConfigDict(extra="forbid")

    personas: list[_Phrase] = Field(min_length=1, max_length=MAX_PERSONAS)


async def name_personas(doc_id: str, text: str, count: int, model: StageModel) -> Personas:
    """The personas row of one document, of up to `count` different readers.

    The schema asks for a person with a want. A fault of the call makes a failed row. Readers that
    the model repeats count once, and a bare phrase that stands in the document is a thing of it
    and no reader; a reply with none left is rejected as `no_persona`.
    """
    try:
        reply = await model.ask(
            "personas",
            doc_id,
            document_first(text, PROMPT.render(count=count)),
            PersonasReply,
            schema=_schema(count),
            max_tokens=_MAX_TOKENS_EACH * count + 16,
        )
    except RowError as fault:
        return Personas(
            doc_id=doc_id,
            personas=(),
            status=Status.FAILED,
            reason=fault.reason,
            detail=fault.detail,
            **model.columns(),
        )
    personas = _distinct(reply.personas, text)[:count]
    if not personas:
        return Personas(
            doc_id=doc_id,
            personas=(),
            status=Status.REJECTED,
            reason="no_persona",
            **model.columns(),
        )
    return Personas(doc_id=doc_id, personas=personas, **model.columns())


@dataclass(frozen=True, slots=True)
class GivenPersonas:
    """Personas that no model is asked for.

    Attributes:
        count: how many a document gets, at most.
        facts: what they are drawn from; empty personas if there are none.
    """

    count: int
    facts: tuple[PersonaFacts, ...] = ()

    @property
    def recipe(self) -> StageRecipe:
        """The recipe of their rows."""
        if not self.facts:
            return rule_recipe(STAGE, GIVEN_VERSION, source="none", personas=self.count)
        digest = personas_digest(self.facts)
        return rule_recipe(STAGE, GIVEN_VERSION, source="file", personas=self.count, file=digest)

    def row(self, doc_id: str, provenance: ProvenanceColumns) -> Personas:
        """The personas row of one document, the same each time."""
        named = draw(self.facts, doc_id, self.count) if self.facts else ("",) * self.count
        return Personas(doc_id=doc_id, personas=named, **provenance)


def _schema(count: int) -> Schema:
    """The reply's schema with the number asked for, and the form of a person with a want."""
    person = {"type": "string", "pattern": _PERSON}
    return closed(
        {"personas": {"type": "array", "items": person, "minItems": count, "maxItems": count}}
    )


def _without_cut_word(persona: str) -> str:
    """Without the last word of a want that is as long as it may be: it was cut off there."""
    want = persona.partition(_WANTS)[2]
    is_cut = len(want) == _MAX_WANT_CHARS and " " in want
    return persona.rpartition(" ")[0] if is_cut else persona


def _distinct(personas: list[str], document: str) -> tuple[str, ...]:
    seen: dict[str, str] = {}
    read = one_line(document).casefold()
    for persona in personas:
        phrase = _without_cut_word(one_line(persona).strip(" .,"))
        if phrase and not (phrase.casefold() in read and not _ARTICLE.match(phrase)):
            seen.setdefault(phrase.casefold(), phrase)
    return tuple(seen.values())
