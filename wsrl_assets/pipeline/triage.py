"""Triage, streamed over a shard: one call per document. Rows are committed as they come."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from wsrl_assets.curation import triage
from wsrl_assets.llm.recipes import Provenance, StageRecipe, model_recipe
from wsrl_assets.llm.roles import Role
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.pipeline.domains import let_leave
from wsrl_assets.pipeline.goal import Goal
from wsrl_assets.pipeline.job import Job, count_pending, model_names, pages, with_system
from wsrl_assets.storage import GroupWriter, Partition
from wsrl_assets.storage.domains import open_moves
from wsrl_assets.storage.tables import Status
from wsrl_assets.storage.work import TRIAGE
from wsrl_assets.taxonomy.domains import Domain, domains_in_use, shipped_domains


async def triage_shard(job: Job, shard: str) -> int:
    """Triages a shard's pending documents; returns how many there were.

    Raises:
        EndpointError: the endpoint cannot be used; finished rows are kept.
        StoreBusyError: another run is at this shard.
    """
    partition = Partition.shard(shard)
    with job.store.exclusive_run(partition):
        recipe = await _recipe_to_regenerate(job, partition)
        moves = open_moves(job.store, list(Domain))
        pending = count_pending(job, partition, TRIAGE, recipe=recipe, **moves)
        if pending == 0:
            return 0
        goal = Goal.of(job, partition)
        job.progress.expect(triage.STAGE, pending)
        async with (
            GroupWriter(job.store, partition) as writer,
            job.engine(writer, [Role.TRIAGE], goal.noting(writer.add)) as engine,
        ):
            used = triage_recipe(job, engine.model(Role.TRIAGE))
            writer.add(used.row())
            model = StageModel(engine, Provenance(used, job.run_id))

            async def work(document: triage.Document) -> None:
                row = await triage.triage(document, model)
                # A verdict is replaced by another one, and not by a failure to give one.
                if row.status is not Status.FAILED or not document.is_triaged:
                    await writer.put(row)
                job.progress.advance(triage.STAGE)

            await engine.for_each(
                goal.until_reached(_pending_triage(job, partition, recipe, moves)),
                work,
                key=lambda document: document.doc_id,
            )
        job.store.publish(partition)
        let_leave(job.store)
        return pending


def triage_recipe(job: Job, model: str) -> StageRecipe:
    """The recipe of triage under this job's settings."""
    prompts = with_system(triage.PROMPT)
    return model_recipe(triage.STAGE, job.roles[Role.TRIAGE], model, prompts, **_offered())


def is_recipe_but_for_domains(body: str, current: StageRecipe) -> bool:
    """Whether a recipe of triage differs from the current one at most by what domains it offered.

    Documents that could move because of those are triaged again as it is.
    """
    used, wanted = json.loads(body), json.loads(current.body)
    return bool({**used, "domains": None} == {**wanted, "domains": None})


def _offered() -> dict[str, Any]:
    """What of the domains is a part of the recipe: labels and definitions, if not the paper's."""
    if domains_in_use() == shipped_domains():
        return {}
    return {"domains": [[domain.label, domain.definition] for domain in Domain]}


async def _recipe_to_regenerate(job: Job, partition: Partition) -> str | None:
    """The recipe that triage is regenerated for; none if that is not asked for."""
    if job.settings.regenerate != triage.STAGE:
        return None
    models = await model_names(job, partition, [Role.TRIAGE])
    return triage_recipe(job, models[Role.TRIAGE]).hash


async def _pending_triage(
    job: Job, partition: Partition, recipe: str | None, moves: Mapping[str, Any]
) -> AsyncIterator[triage.Document]:
    async for row in pages(job, partition, TRIAGE, recipe=recipe, **moves):
        yield triage.Document(row["doc_id"], row["text"], row["is_triaged"])
