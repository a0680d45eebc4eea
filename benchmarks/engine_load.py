"""The engine under a plain load: one call a row, nothing of the pipeline around it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, Field

from simulator import SimulatorSettings
from wsrl_assets.llm.engine import ChatRequest, Engine
from wsrl_assets.llm.prompting import document_first
from wsrl_assets.llm.roles import Role, RoleSettings
from wsrl_assets.storage.objects import Objects
from wsrl_assets.storage.shared_home import SharedHome
from wsrl_assets.storage.tables import LLMCall

PROMPT_CHARS = 2048
_DOCUMENT = "The harbour of this town was dug in 1731 by forty men. "


class PlainReply(BaseModel):
    """A reply of about the size that a round trip has."""

    answer: str = Field(max_length=120)


@dataclass(frozen=True, slots=True)
class Load:
    """What `put_load` sends.

    Attributes:
        base_url: of the server.
        folder: where processes that share the server meet.
        calls: how many.
        max_in_flight: a fixed ceiling, or none for the adaptive one.
        label: sets the prompts apart from those of other loads.
        home: the address of a home whose hosts share the ceiling; none where they do not.
    """

    base_url: str
    folder: Path
    calls: int
    max_in_flight: int | None = None
    label: str = ""
    home: str | None = None


def fast_server(reply_ms: float, *, slots: int = 64) -> SimulatorSettings:
    """A server whose replies take so long, and whose prefill takes next to nothing."""
    return SimulatorSettings(
        slots=slots,
        prefill_tokens_per_s=1e8,
        decode_tokens_per_s=20 / reply_ms * 1000,
        output_tokens_mean=20,
        output_tokens_sigma=0.2,
    )


async def put_load(
    load: Load,
    record: Callable[[LLMCall], None] = lambda call: None,
    on_row: Callable[[int], None] = lambda number: None,
) -> None:
    """One call for each row, through `Engine.for_each`."""
    roles = {Role.TRIAGE: RoleSettings(load.base_url)}
    async with Engine(
        roles,
        record=record,
        run_id="benchmark",
        limiter_folder=load.folder,
        max_in_flight=load.max_in_flight,
        home=None if load.home is None else SharedHome(Objects.at(load.home)),
    ) as engine:

        async def work(row_id: str) -> None:
            await engine.ask(ask_of(row_id))
            on_row(int(row_id.removeprefix(load.label)))

        await engine.for_each(rows(load), work)


async def rows(load: Load) -> AsyncIterator[str]:
    """The ids of the rows, made as they are asked for."""
    for number in range(load.calls):
        yield f"{load.label}{number}"


def ask_of(row_id: str) -> ChatRequest[PlainReply]:
    """A call with a prompt of 2 KB."""
    document = f"{row_id} {_DOCUMENT * (PROMPT_CHARS // len(_DOCUMENT))}"[: PROMPT_CHARS - 300]
    return ChatRequest(
        stage="benchmark",
        step="plain",
        role=Role.TRIAGE,
        row_id=row_id,
        recipe="benchmark",
        messages=document_first(document, "Say when it was dug."),
        reply_type=PlainReply,
        max_tokens=64,
    )
