"""Pass rates, streamed: a policy's closed-book rollouts over a domain's verified pairs.

Optional, since it costs more than all other stages together: the setting `pass_rate_rollouts`
switches it on. Rollouts are committed as they come, so a run that stops anywhere goes on from
there.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from wsrl_assets.llm.recipes import Provenance, StageRecipe, model_recipe
from wsrl_assets.llm.roles import Role
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.pipeline.goal import Goal
from wsrl_assets.pipeline.job import Job, count_pending, pages
from wsrl_assets.release.pass_rates import PassRateRange
from wsrl_assets.release.spec import load_spec
from wsrl_assets.reward import Gold
from wsrl_assets.reward.instruction import INSTRUCTION, VERSION
from wsrl_assets.storage import GroupWriter, Partition
from wsrl_assets.storage.tables import Rollout
from wsrl_assets.storage.work import RATES
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.verification.pass_rates import STAGE, Band, Pair, Rater


async def rate_domain(job: Job, domain: Domain) -> int:
    """Takes the pass rates that a domain's verified pairs lack; returns how many those were.

    Does nothing while pass rates are switched off. When they are regenerated, all pairs are rated
    again: by today's policy, sampling, number of rollouts and reward, of which only what no stored
    rollout answers is asked for.

    Raises:
        EndpointError: the policy's endpoint cannot be used; finished rollouts are kept.
        StoreBusyError: another run is at this domain.
    """
    if not job.settings.rates_pairs:
        return 0
    partition = Partition.domain(domain)
    with job.store.exclusive_run(partition):
        pending = count_pending(job, partition, RATES, regenerate=_regenerates(job))
        if pending == 0:
            return 0
        goal = Goal.of(job, partition)
        job.progress.expect(STAGE, pending)
        async with (
            GroupWriter(job.store, partition) as writer,
            job.engine(writer, [Role.POLICY], goal.noting(writer.add)) as engine,
        ):
            of_rates, of_rollouts = rate_recipes(job, engine.model(Role.POLICY))
            writer.add(of_rates.row(), of_rollouts.row())
            rater = Rater(
                StageModel(engine, Provenance(of_rollouts, job.run_id)),
                Provenance(of_rates, job.run_id),
                writer.put,
                job.settings.pass_rate_rollouts,
                job.settings.rollout_tokens,
                _band(job),
            )

            async def work(pair: Pair) -> None:
                await writer.put(await rater.rate(pair))
                job.progress.advance(STAGE)

            await engine.for_each(
                goal.until_reached(_pending_pairs(job, partition, of_rollouts.hash)),
                work,
                calls_at_once=job.settings.pass_rate_rollouts,
                key=lambda pair: pair.pair_id,
            )
        job.store.publish(partition)
        return pending


def rate_recipes(job: Job, policy: str) -> tuple[StageRecipe, StageRecipe]:
    """The recipe of pass rates, and that of their rollouts, which leaves their number out."""
    settings: dict[str, Any] = {
        "instruction": INSTRUCTION,
        "version": VERSION,
        "max_tokens": job.settings.rollout_tokens,
    }
    role = job.roles[Role.POLICY]
    of_rollouts = model_recipe(STAGE, role, policy, [], **settings)
    settings["rollouts"] = job.settings.pass_rate_rollouts
    band = _band(job)
    if not band.is_open:
        settings["band"] = [band.above, band.below]
    return model_recipe(STAGE, role, policy, [], **settings), of_rollouts


def _band(job: Job) -> Band:
    """Where pairs are left early: the rates that the release takes, if that was asked for."""
    settings = job.settings
    if not settings.pass_rate_stops_early:
        return Band()
    bounds = PassRateRange(settings.pass_rate_above, settings.pass_rate_below)
    rates = load_spec(settings.release_spec).bounded_by(bounds).rates
    return Band(rates.above, rates.below)


def _regenerates(job: Job) -> bool:
    return job.settings.regenerate is Stage.PASS_RATES


async def _pending_pairs(job: Job, partition: Partition, recipe: str) -> AsyncIterator[Pair]:
    found = pages(
        job,
        partition,
        RATES,
        regenerate=_regenerates(job),
        recipe=recipe,
        rollouts=job.settings.pass_rate_rollouts,
    )
    async for row in found:
        yield Pair(
            row["pair_id"], row["question"], Gold.from_json(row["gold"]), _made(row["rollouts"])
        )


def _made(rows: Sequence[dict[str, Any]]) -> tuple[Rollout, ...]:
    return tuple(Rollout(**row) for row in rows)
