"""The assets `recipe_trial` and `reward_trial`: recipes compared on a sample of the documents, and
rewards on the same rollouts; each materialization is one trial."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from wsrl_assets.orchestration.cancellation import run_interruptibly
from wsrl_assets.orchestration.failures import as_failures
from wsrl_assets.orchestration.metadata import OWNERS
from wsrl_assets.orchestration.resources import EndpointResource, SettingsResource, StoreResource
from wsrl_assets.orchestration.stage_job import POOL
from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.rewards import RewardName, stored_cases
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.text.markdown import table
from wsrl_assets.trials.agreement import RewardComparison
from wsrl_assets.trials.arms import load_arms
from wsrl_assets.trials.comparison import Comparison
from wsrl_assets.trials.page import said_difference, said_value
from wsrl_assets.trials.reward_page import said_figure, said_kappa, said_share
from wsrl_assets.trials.reward_trial import chosen, run_reward_trial
from wsrl_assets.trials.trial import run

NAME = "recipe_trial"
REWARDS = "reward_trial"


class TrialConfig(dg.Config):
    """The arms of a trial. The launchpad shows the descriptions."""

    arms: list[str] = Field(
        [],
        description="PAID, default none: YAML files of settings, two or more; the others are "
        "compared with the first, and each makes calls to the model. None: nothing is done.",
    )
    documents: int = Field(200, ge=1, description="Documents of the sample.")


@dg.asset(
    name=NAME,
    deps=[dg.AssetDep(str(Stage.SOURCE_DOCUMENTS), partition_mapping=dg.AllPartitionMapping())],
    group_name="trials",
    kinds={"html", "openai", "optional"},
    owners=OWNERS,
    pool=POOL,
)
def recipe_trial(
    context: dg.AssetExecutionContext,
    config: TrialConfig,
    store: StoreResource,
    settings: SettingsResource,
) -> dg.MaterializeResult:
    """Recipes compared on one sample of the documents, as `wsrl trial` does it.

    Optional: give the files of the arms in the launchpad. Nothing runs this by itself, and a trial
    that was stopped goes on when it is materialized again. Endpoints are those of the environment.
    """
    if not config.arms:
        context.log.info("no arms were given: name two files of settings in the launchpad")
        return dg.MaterializeResult(metadata={"trial": "none"})
    with as_failures():
        home = settings.load().home
        arms = load_arms([Path(arm) for arm in config.arms], {"home": home})
        found = run_interruptibly(
            lambda: run(
                store.open(),
                arms,
                config.documents,
                run_id=context.run.run_id,
                warn=context.log.warning,
                told=context.log.info,
            )
        )
    for arm, failed in found.comparison.failed.items():
        if failed:
            context.log.warning(f"rows failed in arm {arm}, by stage: {failed}")
    return dg.MaterializeResult(
        metadata={
            "trial": found.name,
            "page": dg.MetadataValue.path(str(found.page)),
            "measures": dg.MetadataValue.md(measures_table(found.comparison)),
            "documents": found.comparison.documents,
            "paid_tokens": found.paid_tokens,
            "paid_cost": found.paid_cost,
        }
    )


class RewardTrialConfig(dg.Config):
    """What a trial of rewards scores. The launchpad shows the descriptions."""

    rollouts: int = Field(
        0,
        ge=0,
        description="PAID where a judge is set, default 0: rollouts to take of those that pass "
        "rates have kept. 0: nothing is done.",
    )
    rewards: list[RewardName] = Field(
        [], description=f"Of {', '.join(RewardName)}. None of them: all that can be run."
    )


@dg.asset(
    name=REWARDS,
    deps=[dg.AssetDep(str(Stage.PASS_RATES), partition_mapping=dg.AllPartitionMapping())],
    group_name="trials",
    kinds={"html", "openai", "optional"},
    owners=OWNERS,
    pool=POOL,
)
def reward_trial(
    context: dg.AssetExecutionContext,
    config: RewardTrialConfig,
    store: StoreResource,
    settings: SettingsResource,
    endpoint: EndpointResource,
) -> dg.MaterializeResult:
    """Rewards compared on the same rollouts, as `wsrl trial rewards` does it.

    Optional: give the number of rollouts in the launchpad. Nothing runs this by itself; replies of
    judges are kept, so no call is paid twice.
    """
    if not config.rollouts:
        context.log.info("no rollouts were asked for: give their number in the launchpad")
        return dg.MaterializeResult(metadata={"trial": "none"})
    with as_failures():
        loaded, database = settings.load(), store.open()
        job = Job(database, loaded, endpoint.roles(), context.run.run_id)
        names = chosen(job, config.rewards, context.log.warning)
        cases = stored_cases(database, loaded.seed, config.rollouts)
        found = run_interruptibly(lambda: run_reward_trial(job, cases, names))
    for name, rows in found.failed.items():
        context.log.warning(f"{rows} rollouts have no verdict by {name}: its calls failed")
    return dg.MaterializeResult(
        metadata={
            "trial": found.name,
            "page": dg.MetadataValue.path(str(found.page)),
            "rewards": dg.MetadataValue.md(rewards_table(found.comparison)),
            "agreement": dg.MetadataValue.md(agreement_table(found.comparison)),
            "rollouts": found.comparison.rollouts,
            "paid_tokens": found.paid_tokens,
            "paid_cost": found.paid_cost,
        }
    )


def rewards_table(found: RewardComparison) -> str:
    """What rewards say, and what they take for 1,000 rollouts, as a markdown table."""
    lines = [["reward", "accepted share", "undecided", "calls", "tokens", "processor seconds"]]
    for one in found.rewards:
        figures = map(said_figure, (one.calls, one.tokens, one.seconds))
        lines.append([one.name, said_share(one.accepted_share), str(one.undecided), *figures])
    return table(lines[0], lines[1:])


def agreement_table(found: RewardComparison) -> str:
    """Every two rewards on the rollouts that both decide, as a markdown table."""
    lines = [["first", "second", "both accept", "only first", "only second", "neither", "kappa"]]
    for pair in found.pairs:
        counts = (pair.both, pair.only_first, pair.only_second, pair.neither)
        lines.append([pair.first, pair.second, *map(str, counts), said_kappa(pair.kappa)])
    return table(lines[0], lines[1:])


def measures_table(found: Comparison) -> str:
    """The measures as a markdown table, differences to the first arm with their intervals."""
    heads = ["measure", found.arms[0]]
    for arm in found.arms[1:]:
        heads += [arm, f"less {found.arms[0]}"]
    lines = [heads]
    for measured in found.measures:
        line = [measured.name, said_value(measured, measured.values[0])]
        for value, difference in zip(measured.values[1:], measured.differences, strict=True):
            line += [said_value(measured, value), said_difference(measured, difference)]
        lines.append(line)
    return table(lines[0], lines[1:])
