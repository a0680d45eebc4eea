"""Answers judged by an endpoint: the reward's second opinion, and a judge with the reference.

The first is shown two short answers, after a rule said no. The second is shown the whole response,
as judges are that score without rules: it is here to be compared with.
"""

import hashlib
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.llm.engine import ChatModel, ChatRequest
from wsrl_assets.llm.prompting import load_prompt
from wsrl_assets.llm.roles import Role
from wsrl_assets.reward import Gold, Rubric, render
from wsrl_assets.reward.judging import MAX_QUESTION_CHARS, quoted

STAGE = "score"
PROMPT = load_prompt("same_answer")
REFERENCE_PROMPT = load_prompt("reference_answer")
MAX_RESPONSE_CHARS = 4_000
"""Of a response, its end: there the answer stands."""
JUDGE_TOKENS = 160
"""The longest reply of a judge: a verdict and its reason."""

Judged = TypeVar("Judged", bound=BaseModel)


class SameAnswer(BaseModel):
    """The verdict, after its reason."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=140)
    same: bool


class MarkedResponse(BaseModel):
    """The verdict on a response, after its reason."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=140)
    correct: bool


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
        reply = await ask_judge(self._engine, "same_answer", text, SameAnswer, self._recipe)
        return reply.same


async def is_marked_correct(
    engine: ChatModel, recipe: str, question: str, gold: Gold | Rubric, response: str
) -> bool:
    """Whether the model holds a whole response for correct, beside the gold answer in words.

    Nothing in the response can end its quotation, but all of it can plead: scores for training are
    `wsrl_assets.reward.score_with_judge`, which shows a judge no more than the answer.

    Args:
        engine: asks; retries and concurrency are its own.
        recipe: hash that goes into the ledger with each call.
        question, gold, response: as the policy was asked, what counts, and what it wrote.

    Raises:
        RowError: this call failed for good.
        EndpointError: no call can succeed now.
    """
    right = " or ".join(right_answers(gold))
    text = REFERENCE_PROMPT.render(
        question=quoted(question, MAX_QUESTION_CHARS),
        reference=quoted(right, MAX_QUESTION_CHARS),
        response=quoted(response[-MAX_RESPONSE_CHARS:], MAX_RESPONSE_CHARS),
    )
    return (await ask_judge(engine, "reference_answer", text, MarkedResponse, recipe)).correct


def right_answers(gold: Gold | Rubric) -> list[str]:
    """The gold as people write it, with its aliases; of a rubric, its reference answer."""
    if isinstance(gold, Rubric):
        return [gold.reference]
    return [gold_in_words(gold), *gold.aliases]


def gold_in_words(gold: Gold) -> str:
    """The gold as people write it; its value as it stands where it is not of its type."""
    try:
        return render(gold)
    except ValueError:
        return gold.value


async def ask_judge(
    engine: ChatModel, step: str, text: str, reply_type: type[Judged], recipe: str
) -> Judged:
    """The judge's reply to a prompt, outside of all stages; the same prompt is the same row.

    Raises:
        RowError: this call failed for good.
        EndpointError: no call can succeed now.
    """
    return await engine.ask(
        ChatRequest(
            stage=STAGE,
            step=step,
            role=Role.JUDGE,
            row_id=hashlib.blake2b(text.encode(), digest_size=16).hexdigest(),
            recipe=recipe,
            messages=[{"role": "user", "content": text}],
            reply_type=reply_type,
            max_tokens=JUDGE_TOKENS,
        )
    )
