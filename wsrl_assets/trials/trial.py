"""A trial from its arms to its page, and where trials of a home are kept.

A trial lies in `HOME/trials/NAME`: a home for each arm, `trial.json` with what the arms set and the
comparison, and `trial.html`. The name ends in a fingerprint of the documents and of all that
decides what arms make of them: the same trial goes on where it was, and a changed one is another.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.trials import (
    FOLDER,
    ArmRows,
    arm_home,
    draw,
    fingerprint,
    read_arm,
    read_labels,
    run_trial,
)
from wsrl_assets.release.folder import write_whole
from wsrl_assets.storage import Store
from wsrl_assets.storage.tables import utc_now
from wsrl_assets.trials.arms import Arm, TrialError
from wsrl_assets.trials.comparison import ArmResult, Comparison, compare
from wsrl_assets.trials.page import render

_RECORD = "trial.json"
PAGE = "trial.html"


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial that was run to its end.

    Attributes:
        name: of its folder.
        page: the HTML page.
        comparison: what it shows.
        paid_tokens, paid_cost: of all calls of all its runs, those that arms share once.
    """

    name: str
    page: Path
    comparison: Comparison
    paid_tokens: int
    paid_cost: float

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "trial": self.name,
            "page": str(self.page),
            "paid_tokens": self.paid_tokens,
            "paid_cost": self.paid_cost,
            **self.comparison.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Record:
    """What a home keeps of a trial.

    Attributes:
        name: of its folder.
        finished_at: when it ended (UTC, ISO 8601).
        arms: what the file of each arm sets.
    """

    name: str
    finished_at: str
    arms: Mapping[str, Mapping[str, str]]


async def run(
    store: Store,
    arms: Sequence[Arm],
    documents: int,
    *,
    run_id: str,
    warn: Callable[[str], None],
    told: Callable[[str], None],
) -> Trial:
    """Runs a trial, or what is left of it, and writes its page.

    Args:
        store: of the home whose documents are taken.
        arms: two or more; the first is what the others are compared with.
        documents: how many to take, at most.
        run_id: written on every row.
        warn: receives what a user should know, though the trial goes on.
        told: receives the name of the arm that is at work, in a sentence.

    Raises:
        TrialError: the home has read no document.
        EndpointError: an endpoint cannot be used; what is done is kept.
        StoreBusyError: another process runs this trial.
    """
    seed = arms[0].settings.seed
    sample = draw(store, seed, documents)
    if not sample.documents:
        raise TrialError(
            "no document has been read yet: `wsrl ingest PATH`, then "
            "`wsrl run --to source_documents`, which asks no model"
        )
    apart = {
        arm.name: Job(Store(store.home), arm.settings, arm.roles, run_id, warn=warn) for arm in arms
    }
    name = _name(arms, await fingerprint(apart, sample))
    jobs = {
        arm.name: Job(
            Store(arm_home(store.home, name, arm.name)),
            arm.settings,
            arm.roles,
            run_id,
            warn=warn,
        )
        for arm in arms
    }
    await run_trial(jobs, sample, told)
    made = {arm: read_arm(job.store, job.settings.wanted) for arm, job in jobs.items()}
    found = compare(
        [_result(arm, rows) for arm, rows in made.items()],
        sample.sources,
        seed,
        read_labels(store),
    )
    calls = pl.concat([rows.calls for rows in made.values()]).unique("call_id")
    folder = store.home / FOLDER / name
    trial = Trial(
        name, folder / PAGE, found, int(calls["tokens"].sum()), float(calls["cost"].sum())
    )
    values = {arm.name: dict(arm.values) for arm in arms}
    write_whole(trial.page, render(name, found, values, sample.strata))
    record = {**trial.to_dict(), "arms": values, "finished_at": utc_now().isoformat()}
    write_whole(folder / _RECORD, json.dumps(record, ensure_ascii=False, indent=1))
    return trial


def finished(store: Store) -> list[Record]:
    """The trials of a home that were run to their end, the newest first."""
    found = []
    for path in (store.home / FOLDER).glob(f"*/{_RECORD}"):
        body = json.loads(path.read_text("utf-8"))
        found.append(Record(path.parent.name, body["finished_at"], body["arms"]))
    return sorted(found, key=lambda record: (record.finished_at, record.name), reverse=True)


def find_arm(store: Store, arm: str, trial: str | None = None) -> tuple[Record, Mapping[str, str]]:
    """The newest finished trial that has an arm, and what the arm sets.

    Raises:
        TrialError: there is none; the message says what there is.
    """
    records = finished(store)
    if not records:
        raise TrialError("no trial of this home was run to its end: run `wsrl trial A.yaml B.yaml`")
    for record in records:
        if trial in (None, record.name) and arm in record.arms:
            return record, record.arms[arm]
    known = "; ".join(f"{record.name} has {', '.join(record.arms)}" for record in records[:5])
    where = f"the trial {trial}" if trial else "any trial"
    raise TrialError(f"there is no arm {arm!r} in {where} of this home: {known}")


def _name(arms: Sequence[Arm], digest: str) -> str:
    return f"{'-'.join(arm.name for arm in arms)[:60]}-{digest[:8]}"


def _result(name: str, rows: ArmRows) -> ArmResult:
    return ArmResult(name, rows.accounts, rows.drafts, rows.spent, rows.labels)
