"""What is materialized together, and what asks for it by itself."""

from wsrl_assets.orchestration.automation.alerts import alert_failures
from wsrl_assets.orchestration.automation.arrivals import advance_arrivals, watch_inbox
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
from wsrl_assets.orchestration.automation.top_up import top_ups

__all__ = [
    "ADVANCE_DOMAIN",
    "DOMAIN_ASSETS",
    "LIBRARY_ASSETS",
    "READ_SHARD",
    "RELEASE_ASSETS",
    "SHARD_ASSETS",
    "advance_arrivals",
    "alert_failures",
    "automated",
    "jobs",
    "keep_up",
    "top_ups",
    "watch_inbox",
]
