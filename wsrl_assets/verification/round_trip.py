"""Check 5, the round trip: answered from the document by another call, would the reward agree?

A pair that our own reward cannot recognise, when the document lies open, is not verifiable.
"""

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.llm import Ask, Asks, Role, Stamp, document_first, load_prompt
from wsrl_assets.reward import Gold, score
from wsrl_assets.storage.tables import Verdict

PROMPT = load_prompt("round_trip")
_MAX_TOKENS = 64


class RoundTripReply(BaseModel):
    """The open-book answer."""

    model_config = ConfigDict(extra="forbid")

    answer: str = Field(max_length=120)


async def round_trip(
    pair_id: str,
    question: str,
    gold: Gold,
    document: str,
    engine: Asks,
    stamp: Stamp,
    priority: int,
) -> tuple[str, Verdict]:
    """The open-book answer and the verdict on it; reason `round_trip_disagrees`.

    Raises:
        RowFault: the call failed.
    """
    reply = await engine.ask(
        Ask(
            stage="verified_pairs",
            step="round_trip",
            role=Role.JUDGE,
            row_id=pair_id,
            recipe=stamp.recipe.hash,
            messages=document_first(document, PROMPT.render(question=question)),
            reply_type=RoundTripReply,
            max_tokens=_MAX_TOKENS,
            priority=priority,
        )
    )
    scored = score(f"Answer: {reply.answer}", gold)
    passed = scored.value == 1
    said = f"answered {reply.answer!r}: {scored.reason}"
    return reply.answer, Verdict(
        "round_trip", passed, None if passed else "round_trip_disagrees", said
    )
