"""What is materialized together, and what asks for it by itself."""

from wsrl_assets.orchestration.automation.alerts import alert_failures
from wsrl_assets.orchestration.automation.jobs import (
    ADVANCE_DOMAIN,
    DOMAIN_ASSETS,
    LIBRARY_ASSETS,
    READ_SHARD,
    RELEASE_ASSETS,
    SHARD_ASSETS,
    jobs,
)
from wsrl_assets.orchestration.automation.keeping_up import automated, keep_up

__all__ = [
    "ADVANCE_DOMAIN",
    "DOMAIN_ASSETS",
    "LIBRARY_ASSETS",
    "READ_SHARD",
    "RELEASE_ASSETS",
    "SHARD_ASSETS",
    "alert_failures",
    "automated",
    "jobs",
    "keep_up",
]
