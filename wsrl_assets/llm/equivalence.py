"""The reward's second opinion from an endpoint: are these two answers the same?"""

import hashlib

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.llm.engine import ChatModel, ChatRequest
from wsrl_assets.llm.prompting import load_prompt
from wsrl_assets.llm.roles import Role

PROMPT = load_prompt("same_answer")
_MAX_TOKENS = 160


class SameAnswer(BaseModel):
    """The verdict, after its reason."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=140)
    same: bool


class EndpointJudge:
    """A `wsrl_assets.reward.AsyncJudge` that asks the judge's endpoint.

    Args:
        engine: asks; retries and concurrency are its own.
        recipe: hash that goes into the ledger with each call.
    """

    def __init__(self, engine: ChatModel, recipe: str = "") -> None:
        self._engine = engine
        self._recipe = recipe

    async def __call__(self, question: str, first: str, second: str, /) -> bool:
        """Whether the model holds the two for one answer; the texts are JSON string literals.

        Raises:
            RowError: this call failed for good.
            EndpointError: no call can succeed now.
        """
        text = PROMPT.render(question=question, first=first, second=second)
        reply = await self._engine.ask(
            ChatRequest(
                stage="score",
                step="same_answer",
                role=Role.JUDGE,
                row_id=hashlib.blake2b(text.encode(), digest_size=16).hexdigest(),
                recipe=self._recipe,
                messages=[{"role": "user", "content": text}],
                reply_type=SameAnswer,
                max_tokens=_MAX_TOKENS,
            )
        )
        return reply.same
