"""The model of a stage: its calls and its rows carry the same stage, recipe and run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wsrl_assets.llm.engine import ChatModel, ChatRequest, Reply
from wsrl_assets.llm.prompting import Message
from wsrl_assets.llm.recipes import Provenance, ProvenanceColumns
from wsrl_assets.llm.roles import Role
from wsrl_assets.taxonomy.stages import STAGES, Stage


@dataclass(frozen=True, slots=True)
class StageModel:
    """A model at work for one stage.

    Attributes:
        model: answers; retries and concurrency are its own.
        provenance: of the stage's rows in this run.
    """

    model: ChatModel
    provenance: Provenance

    async def ask(
        self,
        step: str,
        row_id: str,
        messages: list[Message],
        reply_type: type[Reply],
        *,
        max_tokens: int,
        schema: Mapping[str, Any] | None = None,
        sample: int = 0,
        temperature: float | None = None,
    ) -> Reply:
        """The reply to one request; see `ChatRequest` for the arguments.

        Raises:
            RowError: the call failed for good.
            EndpointError: no call can succeed now.
        """
        stage = Stage(self.provenance.recipe.stage)
        request = ChatRequest(
            stage=stage,
            step=step,
            role=_role_of(stage),
            row_id=row_id,
            recipe=self.provenance.recipe.hash,
            messages=messages,
            reply_type=reply_type,
            max_tokens=max_tokens,
            schema=schema,
            sample=sample,
            temperature=temperature,
        )
        return await self.model.ask(request)

    def columns(self) -> ProvenanceColumns:
        """The provenance columns of a row that is made now."""
        return self.provenance.columns()


def _role_of(stage: Stage) -> Role:
    role = STAGES[stage].role
    assert role is not None, f"{stage} asks no model"
    return role
