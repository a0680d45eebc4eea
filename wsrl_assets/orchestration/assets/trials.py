"""The asset `recipe_trial`: recipes compared on a sample, each materialization one trial."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from wsrl_assets.orchestration.cancellation import run_interruptibly
from wsrl_assets.orchestration.failures import as_failures
from wsrl_assets.orchestration.metadata import OWNERS
from wsrl_assets.orchestration.resources import SettingsResource, StoreResource
from wsrl_assets.orchestration.stage_job import POOL
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.text.markdown import cell
from wsrl_assets.trials.arms import load_arms
from wsrl_assets.trials.comparison import Comparison
from wsrl_assets.trials.page import said_difference, said_value
from wsrl_assets.trials.trial import run

NAME = "recipe_trial"


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


def measures_table(found: Comparison) -> str:
    """The measures as a markdown table, differences to the first arm with their intervals."""
    heads = ["measure", found.arms[0]]
    for arm in found.arms[1:]:
        heads += [arm, f"less {found.arms[0]}"]
    lines = [heads, ["---"] * len(heads)]
    for measured in found.measures:
        line = [measured.name, said_value(measured, measured.values[0])]
        for value, difference in zip(measured.values[1:], measured.differences, strict=True):
            line += [said_value(measured, value), said_difference(measured, difference)]
        lines.append(line)
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)
