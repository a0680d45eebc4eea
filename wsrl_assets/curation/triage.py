"""Triage: one reading of a document says whether it qualifies, and which domain it is of.

The paper reads each document twice for this (its stages 1 and 2); one call answers both.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.domains import Domain
from wsrl_assets.llm import Ask, Asks, Role, RowFault, Stamp, document_first, load_prompt
from wsrl_assets.storage.tables import Status, TriagedDocument

STAGE = "triaged_documents"
PROMPT = load_prompt("triage")
MAX_TOKENS = 96


class Verdict(StrEnum):
    """What the paper's filter may say: only these two kinds of text are dropped (section 3)."""

    QUALIFIED = "qualified"
    BOILERPLATE = "boilerplate"
    FRAGMENT = "fragment"


class TriageReply(BaseModel):
    """What the model returns. The reason comes first, so that the verdict can follow from it."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=120)
    verdict: Verdict
    domain: Literal[
        "Math",
        "Technology & Engineering",
        "Coding",
        "Social Science",
        "Natural Science",
        "Travel & Lifestyle",
        "Commerce & Economics",
        "Medicine & Health",
        "Education",
        "Other",
    ]


@dataclass(frozen=True, slots=True)
class Document:
    """What triage reads of a document."""

    doc_id: str
    text: str


async def triage(document: Document, engine: Asks, stamp: Stamp, priority: int) -> TriagedDocument:
    """The triage row of one document; a fault of its call makes it a failed row."""
    instruction = PROMPT.render(domains=[domain.label for domain in Domain])
    try:
        reply = await engine.ask(
            Ask(
                stage=STAGE,
                step="triage",
                role=Role.TRIAGE,
                row_id=document.doc_id,
                recipe=stamp.recipe.hash,
                messages=document_first(document.text, instruction),
                reply_type=TriageReply,
                max_tokens=MAX_TOKENS,
                priority=priority,
            )
        )
    except RowFault as fault:
        return TriagedDocument(
            doc_id=document.doc_id,
            status=Status.FAILED,
            reason=fault.reason,
            detail=fault.detail,
            **stamp(),
        )
    return _row(document, reply, stamp)


def _row(document: Document, reply: TriageReply, stamp: Stamp) -> TriagedDocument:
    qualified = reply.verdict is Verdict.QUALIFIED
    return TriagedDocument(
        doc_id=document.doc_id,
        status=Status.KEPT if qualified else Status.REJECTED,
        reason=None if qualified else str(reply.verdict),
        detail=None if qualified else reply.reason,
        qualified=qualified,
        domain=Domain.from_label(reply.domain),
        explanation=reply.reason,
        **stamp(),
    )
