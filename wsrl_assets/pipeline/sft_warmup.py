"""The warm-up set, streamed: held-out pairs of a domain, each with a chain of thought to imitate.

Optional: the setting `sft_pairs` switches it on. Which pairs are held out is decided by a hash of
the pair id, and for good: a pair that has a row here is in no release, also when documents are
added later.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from wsrl_assets.llm.prompting import load_prompt
from wsrl_assets.llm.recipes import Provenance, StageRecipe, model_recipe
from wsrl_assets.llm.roles import Role
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.pipeline.goal import Goal
from wsrl_assets.pipeline.job import Job
from wsrl_assets.storage import GroupWriter, Partition
from wsrl_assets.storage.accounting import MAX_SFT_SHARE
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.verification.warmup import (
    PROMPT,
    STAGE,
    VERSION,
    HeldOut,
    think_aloud,
)

_PAGE = 256


async def warm_up_domain(job: Job, domain: Domain) -> int:
    """Holds out the pairs that the domain's warm-up set lacks; returns how many those were.

    They come from the train split, so that nothing of an evaluated source is ever trained on.

    Raises:
        EndpointError: the generator's endpoint cannot be used; finished rows are kept.
        StoreBusyError: another run is at this domain.
    """
    if not job.settings.warms_up:
        return 0
    partition = Partition.domain(domain)
    with job.store.exclusive_run(partition):
        pending = _pending(job, partition)
        if not pending:
            return 0
        goal = Goal.of(job, partition)
        job.progress.expect(STAGE, len(pending))
        async with (
            GroupWriter(job.store, partition) as writer,
            job.engine(writer, [Role.GENERATOR], goal.noting(writer.add)) as engine,
        ):
            recipe = warmup_recipe(job, engine.model(Role.GENERATOR))
            writer.add(recipe.row())
            model = StageModel(engine, Provenance(recipe, job.run_id))

            async def work(pair: HeldOut) -> None:
                await writer.put(await think_aloud(pair, model))
                job.progress.advance(STAGE)

            await engine.for_each(goal.until_reached(_held_out(job, partition, pending)), work)
        job.store.publish(partition)
        return len(pending)


def warmup_recipe(job: Job, model: str) -> StageRecipe:
    """The recipe of the warm-up set. How many pairs are asked for is no part of it."""
    prompts = [load_prompt("system"), PROMPT]
    return model_recipe(STAGE, job.roles[Role.GENERATOR], model, prompts, rules=VERSION)


def _pending(job: Job, partition: Partition) -> list[str]:
    """The pairs to hold out next, in order of their hash, and those that are tried again."""
    with job.store.transaction(partition) as transaction:
        found = transaction.query(
            "pending_warmup",
            pairs=job.settings.sft_pairs,
            max_share=MAX_SFT_SHARE,
            retry_failed=job.settings.retry_failed,
        )
    return found["pair_id"].to_list()


async def _held_out(job: Job, partition: Partition, pair_ids: list[str]) -> AsyncIterator[HeldOut]:
    def read(page: list[str]) -> list[dict[str, Any]]:
        with job.store.transaction(partition) as transaction:
            return transaction.query("held_out_pairs", pair_ids=page).to_dicts()

    for first in range(0, len(pair_ids), _PAGE):
        for row in await asyncio.to_thread(read, pair_ids[first : first + _PAGE]):
            yield HeldOut(**row)
