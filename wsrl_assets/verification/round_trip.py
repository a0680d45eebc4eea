"""Check 5, the round trip: answered from the document by another call, would the reward agree?

A pair that our own reward cannot recognise, when the document lies open, is not verifiable.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.llm.prompting import Prompt, document_first, load_prompt
from wsrl_assets.llm.schemas import closed, text
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.reward import Gold, score
from wsrl_assets.reward.abstention import ABSTENTION
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.text.language import AS_ENGLISH, Writing
from wsrl_assets.verification.completion import BlankCompletion

PROMPT = load_prompt("round_trip")
COMPLETION_PROMPT = load_prompt("complete")
COMPUTED_PROMPT = load_prompt("round_trip_computed")
ABSTAIN_PROMPT = load_prompt("round_trip_abstain")
PROMPTS = (PROMPT, COMPLETION_PROMPT, COMPUTED_PROMPT, ABSTAIN_PROMPT)
_MAX_TOKENS = 96
_WORKING_TOKENS = 160
_MAX_WORKING_CHARS = 400
_MAX_ANSWER_CHARS = 120


class RoundTripReply(BaseModel):
    """The open-book answer; to a fill-in question, with the words that lead up to it."""

    model_config = ConfigDict(extra="forbid")

    answer: str = Field(max_length=400)


class WorkedReply(RoundTripReply):
    """The open-book answer to a computed question, after the way there."""

    working: str = Field(max_length=2 * _MAX_WORKING_CHARS)


@dataclass(frozen=True, slots=True)
class _Asked:
    """How a question is asked: prompt, reply and schema."""

    prompt: Prompt
    schema: dict[str, object]
    reply_type: type[RoundTripReply] = RoundTripReply
    max_tokens: int = _MAX_TOKENS


async def round_trip(
    pair_id: str,
    question: str,
    gold: Gold,
    document: str,
    model: StageModel,
    writing: Writing = AS_ENGLISH,
    form: str = Form.OPEN,
) -> tuple[str, Verdict]:
    """The open-book answer and the verdict on it; reason `round_trip_disagrees`.

    Its numbers are read as the document writes them. A computed question may be worked out first,
    and an unanswerable one may be given up.

    Raises:
        RowError: the call failed.
    """
    completion = BlankCompletion.of(question, gold.type, gold.choices)
    asked = _asked(form, completion)
    instruction = asked.prompt.render(question=question, abstention=ABSTENTION.value)
    reply = await model.ask(
        "round_trip",
        pair_id,
        document_first(document, instruction),
        asked.reply_type,
        schema=asked.schema,
        max_tokens=asked.max_tokens,
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


def _asked(form: str, completion: BlankCompletion | None) -> _Asked:
    answer = text(_MAX_ANSWER_CHARS)
    if completion is not None:
        return _Asked(COMPLETION_PROMPT, closed({"answer": completion.schema}))
    if form == Form.UNANSWERABLE:
        return _Asked(ABSTAIN_PROMPT, closed({"answer": answer}))
    if form == Form.COMPUTED:
        schema = closed({"working": text(_MAX_WORKING_CHARS), "answer": answer})
        return _Asked(COMPUTED_PROMPT, schema, WorkedReply, _MAX_TOKENS + _WORKING_TOKENS)
    return _Asked(PROMPT, closed({"answer": answer}))
