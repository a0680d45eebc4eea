"""Triage, streamed over a shard: one call per document. Rows are committed as they come."""

from collections.abc import AsyncIterator

from wsrl_assets.curation import triage
from wsrl_assets.llm import Provenance, Role, StageModel, StageRecipe, model_recipe
from wsrl_assets.pipeline.job import Job, count, model_names, pages, with_system
from wsrl_assets.storage import GroupWriter, Partition
from wsrl_assets.storage.tables import Status


async def triage_shard(job: Job, shard: str) -> int:
    """Triages a shard's pending documents; returns how many there were.

    Raises:
        EndpointError: the endpoint cannot be used; finished rows are kept.
        StoreBusyError: another run is at this shard.
    """
    partition = Partition.shard(shard)
    with job.store.exclusive_run(partition):
        recipe = await _recipe_to_regenerate(job, partition)
        pending = count(job, partition, "count_pending_triage", recipe=recipe)["n"]
        if pending == 0:
            return 0
        job.progress.expect(triage.STAGE, pending)
        async with (
            GroupWriter(job.store, partition) as writer,
            job.engine(writer, [Role.TRIAGE]) as engine,
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

            await engine.for_each(_pending_triage(job, partition, recipe), work)
        job.store.publish(partition)
        return int(pending)


def triage_recipe(job: Job, model: str) -> StageRecipe:
    """The recipe of triage under this job's settings."""
    prompts = with_system(triage.PROMPT)
    return model_recipe(triage.STAGE, job.roles[Role.TRIAGE], model, prompts)


async def _recipe_to_regenerate(job: Job, partition: Partition) -> str | None:
    """The recipe that triage is regenerated for; none if that is not asked for."""
    if job.settings.regenerate != triage.STAGE:
        return None
    models = await model_names(job, partition, [Role.TRIAGE])
    return triage_recipe(job, models[Role.TRIAGE]).hash


async def _pending_triage(
    job: Job, partition: Partition, recipe: str | None
) -> AsyncIterator[triage.Document]:
    async for row in pages(job, partition, "pending_triage", recipe=recipe):
        yield triage.Document(row["doc_id"], row["text"], row["is_triaged"])
