"""Check 4, the judge: another model reads document, question and answer (paper, stage 4)."""

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.llm import Ask, Asks, Role, Stamp, document_first, load_prompt
from wsrl_assets.storage.tables import Verdict

PROMPT = load_prompt("judge")
_MAX_TOKENS = 256
_REASON_CHARS = 140


class JudgeReply(BaseModel):
    """Three verdicts, each after its reason."""

    model_config = ConfigDict(extra="forbid")

    supported_reason: str = Field(max_length=_REASON_CHARS)
    supported: bool
    not_leaked_reason: str = Field(max_length=_REASON_CHARS)
    not_leaked: bool
    stands_alone_reason: str = Field(max_length=_REASON_CHARS)
    stands_alone: bool


async def judge(
    pair_id: str,
    question: str,
    answer: str,
    document: str,
    engine: Asks,
    stamp: Stamp,
    priority: int,
) -> tuple[Verdict, ...]:
    """The judge's three verdicts: reasons `not_supported`, `leaked`, `not_self_contained`.

    Raises:
        RowFault: the call failed.
    """
    reply = await engine.ask(
        Ask(
            stage="verified_pairs",
            step="judge",
            role=Role.JUDGE,
            row_id=pair_id,
            recipe=stamp.recipe.hash,
            messages=document_first(document, PROMPT.render(question=question, answer=answer)),
            reply_type=JudgeReply,
            max_tokens=_MAX_TOKENS,
            priority=priority,
        )
    )
    return (
        _verdict("judge_supported", reply.supported, "not_supported", reply.supported_reason),
        _verdict("judge_not_leaked", reply.not_leaked, "leaked", reply.not_leaked_reason),
        _verdict(
            "judge_stands_alone",
            reply.stands_alone,
            "not_self_contained",
            reply.stands_alone_reason,
        ),
    )


def _verdict(check: str, passed: bool, reason: str, said: str) -> Verdict:
    return Verdict(check, passed, None if passed else reason, said)
