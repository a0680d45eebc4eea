"""The address that `dagster.yaml` of existing homes names; see `orchestration.launcher`."""

from wsrl_assets.orchestration.launcher import LocalRunLauncher

__all__ = ["LocalRunLauncher"]
