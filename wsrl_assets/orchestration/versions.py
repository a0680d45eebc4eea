"""Code versions of the assets, by which Dagster shows staleness."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from wsrl_assets.settings import Roles, SettingsError, load_roles
from wsrl_assets.taxonomy.stages import REGENERABLE, STAGES, Stage


def versioned(assets: Sequence[Any]) -> Sequence[Any]:
    """The assets, with the models that the environment names as part of their code versions.

    So another judge, like another prompt, shows as staleness in the UI before anything has run. A
    model that only its server knows cannot.
    """
    try:
        roles = load_roles()
    except SettingsError:
        return assets  # a materialization says what is wrong
    return list(dg.map_asset_specs(lambda spec: _versioned(spec, roles), assets))


def _versioned(spec: dg.AssetSpec, roles: Roles) -> dg.AssetSpec:
    name = spec.key.to_user_string()
    role = STAGES[Stage(name)].role if name in REGENERABLE else None
    model = roles.model(role) if role else None
    if model is None:
        return spec
    return spec.replace_attributes(code_version=f"{spec.code_version}.{model}")
