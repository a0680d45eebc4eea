"""Warm-up: a short chain of thought to a held-out pair, written by a model that knows the gold.

Supervised training on a few of these teaches a base model the form of a response before GRPO
. What is shown has to be worth imitating: the reward scores it 1, and it does not
speak of a document or a given answer, which no policy will have.
"""

import asyncio
import re

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.prompting import document_first, load_prompt
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.reward import Gold, score
from wsrl_assets.storage.tables import SftWarmup, Status
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.text.normalisation import one_line

STAGE = Stage.SFT_WARMUP
PROMPT = load_prompt("warmup")
VERSION = "1"
"""Bump with the rules below."""

REFERS = "refers_to_document"
BACKSTAGE = "tells_of_given_answer"
_MAX_TOKENS = 512
_REFERS = re.compile(
    r"\b(?:the|this|that|given|provided) (?:\w+ )?"
    r"(?:document|passage|text|article|excerpt|context|statement above)\b",
    re.IGNORECASE,
)
_BACKSTAGE = re.compile(
    r"\b(?:right|correct|given|provided|gold|expected) answer (?:is|was) (?:given|provided|known)"
    r"|\b(?:given|provided|gold|expected|reference) answer\b"
    r"|\b(?:was|were|been|am|are) (?:told|given) (?:that )?the answer\b",
    re.IGNORECASE,
)


class WarmupReply(BaseModel):
    """The reasoning, and the answer that it comes to."""

    model_config = ConfigDict(extra="forbid")

    reasoning: str = Field(min_length=1, max_length=1600)
    answer: str = Field(min_length=1, max_length=300)


class HeldOut(BaseModel):
    """A pair that is held out, with its document."""

    model_config = ConfigDict(frozen=True)

    pair_id: str
    question: str
    answer: str
    gold: str
    text: str


async def think_aloud(pair: HeldOut, model: StageModel) -> SftWarmup:
    """The pair's row: kept with a response to imitate, or rejected, or failed if there was none.

    Reasons of rejection: `refers_to_document`, `tells_of_given_answer`, and the reward's own, after
    `answer_`, where it does not score the response 1.
    """
    messages = document_first(pair.text, PROMPT.render(question=pair.question, answer=pair.answer))
    try:
        reply = await model.ask(
            "warmup", pair.pair_id, messages, WarmupReply, max_tokens=_MAX_TOKENS
        )
    except RowError as fault:
        return SftWarmup(
            pair_id=pair.pair_id,
            status=Status.FAILED,
            reason=fault.reason,
            detail=fault.detail,
            **model.columns(),
        )
    response = response_of(reply)
    why_not = await asyncio.to_thread(fault_of, response, Gold.from_json(pair.gold))
    reason, detail = why_not or (None, None)
    return SftWarmup(
        pair_id=pair.pair_id,
        response=response,
        status=Status.KEPT if reason is None else Status.REJECTED,
        reason=reason,
        detail=detail,
        **model.columns(),
    )


def response_of(reply: WarmupReply) -> str:
    """The turn to imitate, in the form that `rollout.INSTRUCTION` asks a policy for."""
    answer = one_line(reply.answer)
    return f"{reply.reasoning.strip()}\nAnswer: {answer.removeprefix('Answer:').strip()}"


def fault_of(response: str, gold: Gold) -> tuple[str, str] | None:
    """Why a response is not worth imitating, as reason and detail; none if it is."""
    for reason, pattern in ((REFERS, _REFERS), (BACKSTAGE, _BACKSTAGE)):
        if found := pattern.search(response):
            return reason, found.group()
    scored = score(response, gold)
    if scored.value == 1:
        return None
    return f"answer_{scored.reason}", f"answered {(scored.extracted or '')[:200]!r}"
