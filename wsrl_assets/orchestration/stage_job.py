"""What the assets that ask models share: the job of a run, its warnings, its recipe checks."""

import logging
import threading
from collections.abc import Sequence

import dagster as dg

from wsrl_assets.orchestration.metadata import recipe_result
from wsrl_assets.orchestration.resources import EndpointResource, StoreResource
from wsrl_assets.pipeline import regeneration
from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.progress import Progress
from wsrl_assets.settings import Settings
from wsrl_assets.storage import Partition
from wsrl_assets.storage.catalog import brief_catalog

_log = logging.getLogger(__name__)
POOL = "llm"


class _Warnings:
    """Warnings of this process: each goes to the log of its run, and is printed once."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._mutex = threading.Lock()

    def tell(self, context: dg.AssetExecutionContext, text: str) -> None:
        context.log.warning(text)
        with self._mutex:
            new = text not in self._said
            self._said.add(text)
        if new:
            _log.warning("warning: %s", text)


_warnings = _Warnings()


def stage_job(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    endpoint: EndpointResource,
    settings: Settings,
    progress: Progress,
) -> Job:
    """What a stage works with in this run."""
    if endpoint.max_in_flight is not None:
        settings = settings.model_copy(update={"max_in_flight": endpoint.max_in_flight})
    return Job(
        store.open(),
        settings,
        endpoint.roles(),
        context.run.run_id,
        progress,
        lambda text: _warnings.tell(context, text),
    )


def recipe_checks(
    job: Job, partition: Partition, stages: Sequence[str]
) -> list[dg.AssetCheckResult]:
    """Whether all rows of these stages use the current recipe, a result a stage."""
    with brief_catalog(job.store, [partition]) as connection:
        stale = regeneration.stale_rows(connection, job)
    return [recipe_result(stage, stale.get(stage, 0)) for stage in stages]
