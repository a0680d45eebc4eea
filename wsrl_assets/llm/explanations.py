"""Explanations heard by an endpoint: the judge that `reward.score_rubric_async` asks."""

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.llm.engine import ChatModel
from wsrl_assets.llm.equivalence import JUDGE_TOKENS, ask_judge
from wsrl_assets.llm.prompting import load_prompt, without_document
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.reward import Asked, Rubric, RubricScore, hear_rubric

PROMPT = load_prompt("says_fact")
STEP = "says_fact"


class SaysFact(BaseModel):
    """The verdict, after its reason."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=140)
    says: bool


class FactAsker:
    """Asks the model of a stage on behalf of one row."""

    def __init__(self, model: StageModel, row_id: str) -> None:
        self._model = model
        self._row_id = row_id
        self._fault: Exception | None = None

    async def hear(self, answer: str, rubric: Rubric) -> RubricScore:
        """The score of an answer.

        Raises:
            RowError: a call failed for good.
            EndpointError: no call can succeed now.
        """
        heard = await hear_rubric(f"Answer: {answer}", rubric, self._says)
        # The reward takes a judge's fault for no verdict; here it is the row's.
        if self._fault is not None:
            raise self._fault
        return heard

    async def _says(self, asked: Asked) -> bool:
        messages = without_document(PROMPT.render(task=asked.task))
        try:
            reply = await self._model.ask(
                STEP, self._row_id, messages, SaysFact, max_tokens=JUDGE_TOKENS
            )
        except Exception as fault:
            self._fault = fault
            raise
        return reply.says


class EndpointFactJudge:
    """A judge of explanations that asks the judge's endpoint, outside of all stages.

    Args:
        engine: asks; retries and concurrency are its own.
        recipe: hash that goes into the ledger with each call.
    """

    def __init__(self, engine: ChatModel, recipe: str = "") -> None:
        self._engine = engine
        self._recipe = recipe

    async def __call__(self, asked: Asked, /) -> bool:
        """Whether the model holds the fact for said.

        Raises:
            RowError: this call failed for good.
            EndpointError: no call can succeed now.
        """
        text = PROMPT.render(task=asked.task)
        return (await ask_judge(self._engine, STEP, text, SaysFact, self._recipe)).says
