"""Assets, jobs, sensors and resources, as runs use them: gathers, decides nothing."""

from collections.abc import Mapping

import dagster as dg

from wsrl_assets.orchestration import assets
from wsrl_assets.orchestration.automation import (
    alert_failures,
    automated,
    jobs,
    keep_up,
)
from wsrl_assets.orchestration.automation.forget import forget
from wsrl_assets.orchestration.resources import default_resources
from wsrl_assets.orchestration.versions import versioned
from wsrl_assets.settings import Executor, load_automation

ASSETS = [
    found
    for found in dg.load_assets_from_package_module(assets)
    if isinstance(found, dg.AssetsDefinition)
]


# In one process by default: a run is a handful of short steps around one long wait for the
# endpoint, and a process for each costs more than it isolates. Forked, since a spawned process
# imports for seconds before each step.
_EXECUTORS = {
    Executor.IN_PROCESS: dg.in_process_executor,
    Executor.MULTIPROCESS: dg.multiprocess_executor.configured(
        {"start_method": {"forkserver": {"preload_modules": [__name__]}}}
    ),
}


def build_definitions(overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """All but what asks for top-ups; `overrides` replaces resources by name, for tests."""
    settings = load_automation()
    resources = {**default_resources(), **(overrides or {})}
    return dg.Definitions(
        assets=automated(versioned(ASSETS), settings),
        jobs=[*jobs().values(), forget],
        sensors=[
            keep_up(settings),
            alert_failures(settings),
        ],
        resources=resources,
        executor=_EXECUTORS[settings.executor],
    )


defs = build_definitions()


def job_named(name: str) -> dg.JobDefinition:
    """A job of ours, for another process to find by this module, this function and its name."""
    return defs.resolve_job_def(name)
