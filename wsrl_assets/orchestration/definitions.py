"""The one Definitions object: gathers, decides nothing."""

from collections.abc import Mapping

import dagster as dg

from wsrl_assets.orchestration import assets
from wsrl_assets.orchestration.automation import (
    ADVANCE_DOMAIN,
    READ_SHARD,
    advance_arrivals,
    alert_failures,
    automated,
    jobs,
    keep_up,
    top_ups,
    watch_inbox,
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
    """All assets, jobs, sensors and resources; `overrides` replaces resources by name, for tests.

    Raises:
        SettingsError: a setting of the inbox or the schedule cannot be used.
    """
    settings = load_automation()
    by_name = jobs()
    read_shard, advance_domain = by_name[READ_SHARD], by_name[ADVANCE_DOMAIN]
    resources = {**default_resources(), **(overrides or {})}
    return dg.Definitions(
        assets=automated(versioned(ASSETS), settings),
        jobs=[*by_name.values(), forget],
        sensors=[
            watch_inbox(settings),
            advance_arrivals(settings, advance_domain),
            keep_up(settings),
            alert_failures(settings),
        ],
        schedules=top_ups(settings, read_shard, advance_domain),
        resources=resources,
        executor=_EXECUTORS[settings.executor],
    )


defs = build_definitions()


def job_named(name: str) -> dg.JobDefinition:
    """A job of ours, for another process to find by this module, this function and its name."""
    return defs.resolve_job_def(name)
