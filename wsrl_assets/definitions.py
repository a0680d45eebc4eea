"""The address that `workspace.yaml` and `dagster -m` name; see `orchestration.definitions`."""

from wsrl_assets.orchestration.definitions import build_definitions, defs, job_named

__all__ = ["build_definitions", "defs", "job_named"]
