"""Launches runs as local processes, and knows whether the process of a run still lives.

Dagster's own launcher starts such processes, but cannot tell whether one is there. If a machine
restarts, or `wsrl run` is killed, the run would stay "started" for good, and in the queue all later
runs of its partition would wait behind it.
"""

import psutil
from dagster import DagsterEventType, DagsterRun, DagsterRunStatus
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._core.storage.tags import WILL_RETRY_TAG

# A process of the same number that began later is another one: numbers are used again, and in a
# restarted container at once. The event is written after its process began; clocks are coarse.
_TOLERANCE_S = 2.0


class LocalRunLauncher(DefaultRunLauncher):
    """`DefaultRunLauncher` for `dagster.yaml`, by which run monitoring finds runs that died.

    Processes are looked for on this machine: the daemon must see those of all runs, also of the
    ones that `wsrl run` and `dagster asset materialize` started.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process that a run named in its events last is there."""
        named = self.named_process(run.run_id)
        if named is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "it has not named its process yet")
        pid, at = named
        if process_lives(pid, at):
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"process {pid} is running")
        self._announce_retry(run.run_id)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"its process, {pid}, is gone")

    def _announce_retry(self, run_id: str) -> None:
        """Marks a run whose process is gone as one that is tried again, before it is failed.

        Dagster marks it itself, an instant after it failed; a backfill that looks in between ends,
        and its runs are not tried again. After a restart of the machine both daemons look at once.
        Dagster corrects the mark where the run has used up its retries.
        """
        if not self._instance.run_retries_enabled:
            return
        run = self._instance.get_run_by_id(run_id)
        if run is not None and run.status is DagsterRunStatus.STARTED:
            self._instance.add_run_tags(run_id, {WILL_RETRY_TAG: "true"})

    def named_process(self, run_id: str) -> tuple[int, float] | None:
        """The number of the run's process, and when (Unix seconds) it was recorded; None if not
        yet."""
        entries = self._instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)
        for entry in reversed(entries):
            event = entry.dagster_event
            pid = event.engine_event_data.metadata.get("pid") if event is not None else None
            if pid is not None:
                return int(str(pid.value)), entry.timestamp
        return None


def process_lives(pid: int, seen_at: float) -> bool:
    """Whether the process that had a number at a time (Unix seconds) is still running."""
    try:
        process = psutil.Process(pid)
        # One that nobody has waited for is dead, though it keeps its number.
        is_dead = process.status() == psutil.STATUS_ZOMBIE
        return not is_dead and bool(process.create_time() <= seen_at + _TOLERANCE_S)
    except psutil.NoSuchProcess:
        return False
