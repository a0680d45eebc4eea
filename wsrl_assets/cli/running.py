"""Running what is pending, with bars, and how such a command ends."""

import logging
import re
from collections.abc import Sequence
from typing import Any

import typer

from wsrl_assets.cli.bars import Watched
from wsrl_assets.cli.interrupts import stops_on_signals
from wsrl_assets.cli.terminal import errors, say_error
from wsrl_assets.orchestration.resources import EndpointResource
from wsrl_assets.orchestration.runs import materialize_pending
from wsrl_assets.settings import Settings
from wsrl_assets.storage import Store
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import Stage

_FIGURES = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")


def materialize(
    store: Store,
    settings: Settings,
    domains: Sequence[Domain],
    to: Stage,
    *,
    quiet: bool = False,
    base_url: str | None = None,
    load_libraries: bool = True,
) -> Any:
    """Runs what is pending, with bars unless `quiet`; all roles at `base_url` if one is given."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    endpoint = EndpointResource(base_url=base_url, use_environment=False) if base_url else None
    watched = Watched(None if quiet else errors)
    try:
        with stops_on_signals(), watched:
            return materialize_pending(
                store,
                settings,
                domains=domains,
                to=to,
                endpoint=endpoint,
                progress=watched,
                load_libraries=load_libraries,
            )
    except KeyboardInterrupt:
        _say_interrupted(watched)
        raise


def _say_interrupted(watched: Watched) -> None:
    kept = ", ".join(f"{rows:,} {stage}" for stage, rows in watched.done.items())
    errors.print(
        f"interrupted; rows of this run that are kept: {kept or 'none'}. Run the same command "
        "again to continue.",
        highlight=False,
        soft_wrap=True,
    )


def say_failures(failures: Sequence[Any]) -> None:
    """Prints why runs failed, each cause once, with the jobs and partitions that it hit.

    What no partition can survive is one cause, though a server's words may differ in an id.
    """
    by_cause: dict[str, list[Any]] = {}
    for failure in failures:
        cause = _FIGURES.sub("#", failure.message) if failure.is_fatal else failure.message
        by_cause.setdefault(cause, []).append(failure)
    for same in by_cause.values():
        jobs: dict[str, list[str]] = {}
        for failure in same:
            jobs.setdefault(failure.job, []).append(failure.partition or "")
        hit = [
            f"{job} ({', '.join(sorted(where))})" if any(where) else job
            for job, where in jobs.items()
        ]
        say_error(f"{', '.join(hit)}: {same[0].message}")


def exit_for(
    failures: Sequence[Any], failed: dict[str, int], before: dict[str, int] | None = None
) -> None:
    """Ends a command: code 2 if a run failed, 1 if more rows failed than before it, else 0."""
    say_failures(failures)
    if failures:
        raise typer.Exit(2)
    new = {stage: rows - (before or {}).get(stage, 0) for stage, rows in failed.items()}
    new = {stage: rows for stage, rows in new.items() if rows > 0}
    if new:
        said = ", ".join(f"{rows} at {stage}" for stage, rows in new.items())
        errors.print(f"rows failed: {said}; the table above says why", style="yellow")
        raise typer.Exit(1)
