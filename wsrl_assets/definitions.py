"""The code location that `workspace.yaml` and `dagster -m` name: gathers, decides nothing.

What runs use (`orchestration.definitions`), and what makes such runs.
"""

import dagster as dg

from wsrl_assets.orchestration.definitions import build_definitions, job_named
from wsrl_assets.orchestration.inbox import watch_inbox
from wsrl_assets.orchestration.top_up import top_up, top_up_schedule
from wsrl_assets.settings import load_automation

__all__ = ["defs", "job_named"]


def code_location() -> dg.Definitions:
    """All definitions.

    Raises:
        SettingsError: a setting of the inbox or the schedule cannot be used.
    """
    settings = load_automation()
    top_ups = dg.Definitions(
        jobs=[top_up], schedules=[top_up_schedule(settings)], sensors=[watch_inbox(settings)]
    )
    return dg.Definitions.merge(build_definitions(), top_ups)


defs = code_location()
