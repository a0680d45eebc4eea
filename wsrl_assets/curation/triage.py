"""Triage: one reading of a document says whether it qualifies, and which domain it is of.

The paper reads each document twice for this (its stages 1 and 2); one call answers both.
"""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.prompting import document_first, load_prompt
from wsrl_assets.llm.schemas import Schema, closed, one_of
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.storage.tables import Status, TriagedDocument
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.text.normalisation import stable_hash

STAGE = Stage.TRIAGED_DOCUMENTS
PROMPT = load_prompt("triage")
MAX_TOKENS = 64


class Fault(StrEnum):
    """What the paper's filter drops, and nothing else (section 3)."""

    NONE = "none"
    BOILERPLATE = "boilerplate"
    FRAGMENT = "fragment"


class TriageReply(BaseModel):
    """What the model returns."""

    model_config = ConfigDict(extra="forbid")

    domain: str
    qualified: bool
    fault: Fault


@dataclass(frozen=True, slots=True)
class Document:
    """What triage reads of a document, and whether it has a verdict already."""

    doc_id: str
    text: str
    is_triaged: bool = False


async def triage(document: Document, model: StageModel) -> TriagedDocument:
    """The triage row of one document; a fault of its call makes it a failed row."""
    domains = _shuffled_domains(document.doc_id)
    labels = [domain.label for domain in domains]
    try:
        reply = await model.ask(
            "triage",
            document.doc_id,
            document_first(document.text, PROMPT.render(domains=domains)),
            TriageReply,
            schema=_schema(labels),
            max_tokens=MAX_TOKENS,
        )
    except RowError as fault:
        return TriagedDocument(
            doc_id=document.doc_id,
            status=Status.FAILED,
            reason=fault.reason,
            detail=fault.detail,
            **model.columns(),
        )
    if reply.domain not in labels:  # a server that does not hold replies to the schema
        return TriagedDocument(
            doc_id=document.doc_id,
            status=Status.FAILED,
            reason="invalid_reply",
            detail=f"{reply.domain[:80]!r} is none of the domains",
            **model.columns(),
        )
    return _row(document, reply, model)


def _row(document: Document, reply: TriageReply, model: StageModel) -> TriagedDocument:
    fault = "unqualified" if reply.fault is Fault.NONE else str(reply.fault)
    return TriagedDocument(
        doc_id=document.doc_id,
        status=Status.KEPT if reply.qualified else Status.REJECTED,
        reason=None if reply.qualified else fault,
        qualified=reply.qualified,
        domain=Domain.from_label(reply.domain),
        **model.columns(),
    )


def _shuffled_domains(doc_id: str) -> list[Domain]:
    """The domains in an order of the document's own.

    Models, small ones above all, lean to what a list names first; in one fixed order the lean
    would pile the corpus up in one domain.
    """
    return sorted(Domain, key=lambda domain: stable_hash(doc_id, domain.label))


def _schema(labels: list[str]) -> Schema:
    return closed(
        {"domain": one_of(labels), "qualified": {"type": "boolean"}, "fault": one_of(Fault)}
    )
