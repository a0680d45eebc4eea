"""What the streamed stages share: the job of a run, pages of pending rows, and models by role."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wsrl_assets.llm.engine import Engine
from wsrl_assets.llm.prompting import Prompt, load_prompt
from wsrl_assets.llm.roles import Role
from wsrl_assets.pipeline.progress import NoProgress, Progress
from wsrl_assets.settings import Roles, Settings
from wsrl_assets.storage import GroupWriter, Partition, Store
from wsrl_assets.storage.transaction import query_text, used
from wsrl_assets.storage.work import WorkList, counted, listed

_log = logging.getLogger(__name__)
_PAGE = 256


@dataclass(frozen=True, slots=True)
class Job:
    """What a run works with.

    Attributes:
        store: the databases.
        settings: see `Settings`.
        roles: the endpoints; a missing one matters only once something is pending for it.
        run_id: written on every row.
        progress: told of finished rows.
        warn: told what a user should know, though the run goes on.
    """

    store: Store
    settings: Settings
    roles: Roles
    run_id: str
    progress: Progress = field(default_factory=NoProgress)
    warn: Callable[[str], None] = _log.warning

    def engine(
        self,
        writer: GroupWriter,
        roles: Sequence[Role],
        record: Callable[..., None] | None = None,
    ) -> Engine:
        """An engine whose ledger goes to `writer`, together with the rows.

        `record` takes the calls in place of `writer`, and hands them on to it.
        """
        return Engine(
            {role: self.roles[role] for role in roles},
            record=record or writer.add,
            backlog=writer,
            run_id=self.run_id,
            limiter_folder=self.store.home / "locks" / "endpoints",
            home=self.store.shared,
            max_in_flight=self.settings.max_in_flight,
        )


async def model_names(job: Job, partition: Partition, roles: Sequence[Role]) -> dict[Role, str]:
    """The models behind roles: as they are set, or as their servers say."""
    async with (
        GroupWriter(job.store, partition) as writer,
        job.engine(writer, roles) as engine,
    ):
        return {role: engine.model(role) for role in roles}


async def pages(
    job: Job, partition: Partition, work: WorkList, **parameters: Any
) -> AsyncIterator[dict[str, Any]]:
    """The rows of a list of work; see `batches`."""
    async for page in batches(job, partition, work, **parameters):
        for row in page:
            yield row


async def batches(
    job: Job, partition: Partition, work: WorkList, **parameters: Any
) -> AsyncIterator[list[dict[str, Any]]]:
    """The pages of a list of work, which is made once, so that a page costs what it holds.

    The caller holds the partition's `exclusive_run`.
    """
    parameters["retry_failed"] = job.settings.retry_failed
    with contextlib.ExitStack() as stack:
        listing = listed(job.store, partition, work, **parameters)
        read = await asyncio.to_thread(stack.enter_context, listing)
        for first in itertools.count(1, _PAGE):
            page = await asyncio.to_thread(read, first, first + _PAGE - 1)
            if page.is_empty():
                return
            yield page.to_dicts()


def count_pending(job: Job, partition: Partition, work: WorkList, **parameters: Any) -> int:
    """How many rows a list of work has."""
    parameters["retry_failed"] = job.settings.retry_failed
    return counted(job.store, partition, work, **parameters)


def count(job: Job, partition: Partition, query: str, **parameters: Any) -> dict[str, Any]:
    """The one row of a counting query, by column; it takes the parameters that it names."""
    parameters["retry_failed"] = job.settings.retry_failed
    named = used(query_text(query), parameters) or {}
    with job.store.transaction(partition) as transaction:
        frame = transaction.query(query, **named)
        return frame.to_dicts()[0]


def with_system(*prompts: Prompt) -> list[Prompt]:
    """The prompts of a stage, the system prompt first."""
    return [load_prompt("system"), *prompts]
