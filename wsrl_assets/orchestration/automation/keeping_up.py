"""What follows by itself when its upstream has changed, as Dagster's declarative automation."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from wsrl_assets.orchestration.automation.defaults import on_if
from wsrl_assets.orchestration.automation.jobs import LIBRARY_ASSETS, RELEASE_ASSETS
from wsrl_assets.settings import AutomationSettings

_Condition = dg.AutomationCondition
# By data version: a run that finds nothing to do changes no row, and so asks for no release.
_CHANGED = _Condition.any_deps_match(
    _Condition.data_version_changed() | _Condition.will_be_requested()
)


def _follows(changed: dg.AutomationCondition[Any]) -> dg.AutomationCondition[Any]:
    return (
        changed.since_last_handled().with_label("upstream rows changed")
        # A domain that has never had a document is missing for good, so that is no reason to wait.
        & ~_Condition.any_deps_in_progress()
        & ~_Condition.in_progress()
    )


_FOLLOWS = _follows(_CHANGED)
# It reads documents, and is made with the release, not as each domain takes documents in.
_FOLLOWS_RELEASE = _follows(_CHANGED.allow(dg.AssetSelection.assets(RELEASE_ASSETS[0])))
# Files whose names are settings: there before the first draft and the first split.
_IS_THERE = _Condition.missing().newly_true().with_label("never loaded") & ~_Condition.in_progress()


def keep_up(settings: AutomationSettings) -> dg.AutomationConditionSensorDefinition:
    """The sensor that has libraries loaded and releases made. On with the inbox or the schedule."""
    return dg.AutomationConditionSensorDefinition(
        "keep_up",
        target=dg.AssetSelection.assets(*LIBRARY_ASSETS, *RELEASE_ASSETS),
        minimum_interval_seconds=settings.inbox_interval_s,
        default_status=on_if(settings.inbox or settings.schedule),
        description="Loads the libraries once, and makes a release when splits have changed.",
    )


def automated(assets: Sequence[Any], settings: AutomationSettings) -> Sequence[Any]:
    """The assets, with the conditions under which they follow, and how old they may get."""
    return list(dg.map_asset_specs(lambda spec: _automated(spec, settings), assets))


def _automated(spec: dg.AssetSpec, settings: AutomationSettings) -> dg.AssetSpec:
    name = spec.key.to_user_string()
    if name in LIBRARY_ASSETS:
        spec = spec.replace_attributes(automation_condition=_IS_THERE)
    if name in RELEASE_ASSETS:
        follows = _FOLLOWS_RELEASE if name == "domain_coverage" else _FOLLOWS
        spec = spec.replace_attributes(automation_condition=follows)
    if name == RELEASE_ASSETS[0] and settings.fresh_hours is not None:
        window = timedelta(hours=settings.fresh_hours)
        policy = dg.FreshnessPolicy.time_window(fail_window=window)
        spec = spec.replace_attributes(freshness_policy=policy)
    return spec
