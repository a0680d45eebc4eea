"""A model in place of the engine: it gives the replies a test says, and keeps the questions."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic import ValidationError

from wsrl_assets.llm.engine import ChatRequest, Reply
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.recipes import Provenance, StageRecipe
from wsrl_assets.llm.stage_model import StageModel

Said = Mapping[str, Any] | Exception


class FakeChatModel:
    """Answers by the ask's step. A reply is a mapping, a fault to raise, or a function of the ask.

    As the engine does, it turns a reply that breaks the reply type into the fault `invalid_reply`.
    """

    def __init__(self, **by_step: Said | Callable[[ChatRequest[Any]], Said]) -> None:
        self._by_step = by_step
        self.asked: list[ChatRequest[Any]] = []

    async def ask(self, ask: ChatRequest[Reply]) -> Reply:
        self.asked.append(ask)
        said = self._by_step[ask.step]
        reply = said(ask) if callable(said) else said
        if isinstance(reply, Exception):
            raise reply
        try:
            return ask.reply_type.model_validate(reply)
        except ValidationError as error:
            raise RowError("invalid_reply", str(error)[:200]) from None

    @property
    def steps(self) -> list[str]:
        return [ask.step for ask in self.asked]


def provenance(stage: str, body: str = "test") -> Provenance:
    return Provenance(StageRecipe(stage, body, "a-model"), "run-1")


def stage_model(model: FakeChatModel, stage: str, body: str = "test") -> StageModel:
    return StageModel(model, provenance(stage, body))


def prompt_of(ask: ChatRequest[Any]) -> str:
    """All that the model reads."""
    return "\n".join(message["content"] for message in ask.messages)


def offered(ask: ChatRequest[Any], name: str) -> list[str]:
    """The values that the reply's schema lists for a field."""
    properties = cast(dict[str, Any], (ask.schema or {})["properties"])
    return list(properties[name]["enum"])
