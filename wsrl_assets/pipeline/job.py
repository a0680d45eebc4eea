"""What the streamed stages share: the job of a run, pages of pending rows, and models by role."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wsrl_assets.llm import Engine, Prompt, Role, load_prompt
from wsrl_assets.pipeline.progress import NoProgress, Progress
from wsrl_assets.settings import Roles, Settings
from wsrl_assets.storage import GroupWriter, Partition, Store

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
    job: Job, partition: Partition, query: str, key: str = "doc_id", **parameters: Any
) -> AsyncIterator[dict[str, Any]]:
    """The rows of a paged query; see `batches`."""
    async for page in batches(job, partition, query, key, **parameters):
        for row in page:
            yield row


async def batches(
    job: Job, partition: Partition, query: str, key: str = "doc_id", **parameters: Any
) -> AsyncIterator[list[dict[str, Any]]]:
    """The pages of a query's rows, so that memory does not grow with the table.

    The query gives its rows in order of `key`, beginning after `$after`. A page is read from the
    live file, where this run is the only writer; rows that the run itself adds meanwhile lie
    behind the cursor.
    """
    after = ""

    def read() -> list[dict[str, Any]]:
        with job.store.transaction(partition) as transaction:
            return transaction.query(
                query,
                after=after,
                page=_PAGE,
                retry_failed=job.settings.retry_failed,
                **parameters,
            ).to_dicts()

    while page := await asyncio.to_thread(read):
        yield page
        after = page[-1][key]


def count(job: Job, partition: Partition, query: str, **parameters: Any) -> dict[str, Any]:
    """The one row of a counting query, by column."""
    with job.store.transaction(partition) as transaction:
        frame = transaction.query(query, retry_failed=job.settings.retry_failed, **parameters)
        return frame.to_dicts()[0]


def with_system(*prompts: Prompt) -> list[Prompt]:
    """The prompts of a stage, the system prompt first."""
    return [load_prompt("system"), *prompts]
