"""Check 5, the round trip: answered from the document by another call, would the reward agree?

A pair that our own reward cannot recognise, when the document lies open, is not verifiable.
"""

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.llm import (
    Prompt,
    StageModel,
    document_first,
    load_prompt,
)
from wsrl_assets.reward import Gold, score
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.text.language import AS_ENGLISH, Writing
from wsrl_assets.verification.completion import BlankCompletion

PROMPT = load_prompt("round_trip")
COMPLETION_PROMPT = load_prompt("complete")
_MAX_TOKENS = 96
_MAX_ANSWER_CHARS = 120


class RoundTripReply(BaseModel):
    """The open-book answer; to a fill-in question, with the words that lead up to it."""

    model_config = ConfigDict(extra="forbid")

    answer: str = Field(max_length=400)


async def round_trip(
    pair_id: str,
    question: str,
    gold: Gold,
    document: str,
    model: StageModel,
    writing: Writing = AS_ENGLISH,
) -> tuple[str, Verdict]:
    """The open-book answer and the verdict on it; reason `round_trip_disagrees`.

    Its numbers are read as the document writes them.

    Raises:
        RowError: the call failed.
    """
    completion = BlankCompletion.of(question, gold.type, gold.choices)
    prompt: Prompt = PROMPT if completion is None else COMPLETION_PROMPT
    reply = await model.ask(
        "round_trip",
        pair_id,
        document_first(document, prompt.render(question=question)),
        RoundTripReply,
        schema=_schema(completion),
        max_tokens=_MAX_TOKENS,
    )
    answer = reply.answer if completion is None else completion.answer(reply.answer)
    scored = score(f"Answer: {writing.with_decimal_point(answer)}", gold)
    passed = scored.value == 1
    return answer, Verdict(
        "round_trip",
        passed,
        None if passed else "round_trip_disagrees",
        f"answered {answer!r}: {scored.reason}",
    )


def _schema(completion: BlankCompletion | None) -> dict[str, object]:
    answer: dict[str, object] = {"type": "string", "maxLength": _MAX_ANSWER_CHARS}
    if completion is not None:
        answer = completion.schema
    return {
        "type": "object",
        "properties": {"answer": answer},
        "required": ["answer"],
        "additionalProperties": False,
    }
