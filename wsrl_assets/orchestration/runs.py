"""Materializing what is pending, by Dagster's own execution, from a command.

Each partition is a Dagster run of its own, several at a time in threads of this process: one
domain's tail is filled by another's work, and a failed partition leaves the others alone. The runs
show in the UI like any other.

A run takes seconds before its first call and after its last one. So more domains are begun than it
takes to fill the endpoint, and while triage comes to its end, domains are begun with the documents
that it has found so far; what it finds later is done by a second run of the domain.
"""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from wsrl_assets.orchestration import definitions
from wsrl_assets.orchestration.automation import DOMAIN_ASSETS, SHARD_ASSETS
from wsrl_assets.orchestration.cancellation import interrupt_all
from wsrl_assets.orchestration.event_log import event_log_kept_open
from wsrl_assets.orchestration.failures import is_elsewhere, is_fatal
from wsrl_assets.orchestration.lookahead import Lookahead, RunProgress, later
from wsrl_assets.orchestration.partitions import SHARDS
from wsrl_assets.orchestration.resources import EndpointResource, SettingsResource, StoreResource
from wsrl_assets.pipeline.domains import bring_up_to_date, let_leave
from wsrl_assets.pipeline.goal import Budget, accepted_pairs
from wsrl_assets.pipeline.pending import pending_partitions
from wsrl_assets.pipeline.progress import NoProgress, Progress
from wsrl_assets.settings import Executor, Settings, load_automation
from wsrl_assets.storage import PartitionKind, Store, StoreBusyError
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import LAST_STAGE, STAGES, Stage, stages_up_to
from wsrl_assets.text.minhash import load_datasketch
from wsrl_assets.text.normalisation import stable_hash

T = TypeVar("T")

PARALLEL_PARTITIONS = 4
# Two of three may be reading their documents or placing their pairs while the others ask.
_PARALLEL_DOMAINS = 3 * PARALLEL_PARTITIONS
_AHEAD_TO = Stage.VERIFIED_PAIRS
STOP_WITHIN_S = 10.0
_LOOK_EVERY_S = 0.2
# A run that asks no model has done so much by then that the next one may begin.
_APART_AT_MOST_S = 5.0
_LOOK_AT_HOSTS_S = 3.0
_PARTITION_TAG = "dagster/partition"
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, slots=True)
class PartitionFailure:
    """A partition whose run failed, with the one sentence that says why.

    Attributes:
        is_fatal: whether the cause would fail all other partitions too.
        is_elsewhere: whether another host works on it.
    """

    job: str
    partition: str | None
    message: str
    is_fatal: bool = False
    is_elsewhere: bool = False


@dataclass
class RunSummary:
    """What a command's runs came to.

    Attributes:
        failures: partitions whose runs failed.
        steps: seconds by step, in order.
        runs: Dagster runs that were started.
    """

    failures: list[PartitionFailure] = field(default_factory=list)
    steps: dict[str, float] = field(default_factory=dict)
    runs: int = 0

    @contextmanager
    def timed(self, step: str) -> Any:
        """Adds the time of a block to `steps`."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.steps[step] = self.steps.get(step, 0.0) + time.monotonic() - began


def dagster_home(home: Path) -> Path:
    """The folder of the Dagster instance: `DAGSTER_HOME`, or one under `home`, made if missing.

    A new folder gets our `dagster.yaml`.
    """
    folder = Path(os.environ.get("DAGSTER_HOME") or (home / "dagster")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "dagster.yaml"
    if not config.exists():
        packaged = resources.files("wsrl_assets").joinpath("dagster.yaml")
        config.write_text(packaged.read_text("utf-8"), "utf-8")
    return folder


def register_partitions(instance: dg.DagsterInstance, shards: Iterable[str]) -> None:
    """Makes shards known to Dagster as dynamic partitions."""
    assert SHARDS.name is not None
    instance.add_dynamic_partitions(SHARDS.name, list(shards))


def register_shards(home: Path, shards: Iterable[str]) -> None:
    """Makes shards known to the Dagster instance of a home."""
    with dg.DagsterInstance.from_config(str(dagster_home(home))) as instance:
        register_partitions(instance, shards)


def materialize_pending(
    store: Store,
    settings: Settings,
    *,
    domains: Sequence[Domain] = (),
    to: Stage = LAST_STAGE,
    endpoint: EndpointResource | None = None,
    progress: Progress | None = None,
    load_libraries: bool = True,
    leave_out: Collection[str] = (),
    tags: Mapping[str, str] | None = None,
) -> RunSummary:
    """Materializes everything that is pending, up to the asset `to`.

    Args:
        store: the databases.
        settings: of all runs; the page of each run shows them.
        domains: only these; all if none are named.
        to: the last asset to bring up to date.
        endpoint: the models; those of the environment if not given.
        progress: receives finished rows.
        load_libraries: whether demonstrations and benchmarks are read first; else as they are.
        leave_out: shards and domains that are left to others.
        tags: of the Dagster runs.

    A partition that fails is reported in the outcome. After a failure that would hit all others
    too, such as an endpoint that is gone, those that have not begun are not tried.

    Raises:
        KeyboardInterrupt: interrupted. Runs under way have had `STOP_WITHIN_S` to commit what came
            back.
    """
    outcome = RunSummary()
    bring_up_to_date(store)
    with instance_for_threads(dagster_home(store.home)) as instance:
        configure_logging_once(instance)
        watched = RunProgress(progress or NoProgress())
        models = endpoint or EndpointResource()
        runner = _Runner(instance, store, settings, models, watched, outcome, leave_out, tags)
        register_partitions(
            instance, (shard.key for shard in store.partitions(PartitionKind.SHARD))
        )
        try:
            _materialize(runner, _stages_up_to(to, settings), domains, load_libraries)
        except BaseException:
            runner.stop()
            raise
    return outcome


def _materialize(
    runner: "_Runner", wanted: Sequence[Stage], domains: Sequence[Domain], load_libraries: bool
) -> None:
    outcome = runner.outcome
    in_shards = [stage for stage in wanted if stage in SHARD_ASSETS]
    in_domains = [stage for stage in wanted if stage in DOMAIN_ASSETS]
    if runner.settings.has_goal:
        with outcome.timed("read, triage, questions and checks"):
            runner.towards_goal(in_shards, in_domains, domains)
    else:
        with outcome.timed("read and triage"):
            with_libraries = load_libraries and bool(in_domains)
            runner.shards(in_shards, in_domains, domains, with_libraries=with_libraries)
        if runner.may_go_on and in_domains:
            with outcome.timed("questions and checks"):
                runner.domains(in_domains, domains)
    runner.end()
    if runner.may_go_on and LAST_STAGE in wanted:
        with outcome.timed("release"):
            runner.release()


def _stages_up_to(last: Stage, settings: Settings) -> tuple[Stage, ...]:
    wanted = settings.wanted.optional
    return tuple(s for s in stages_up_to(last) if s in wanted or not STAGES[s].is_optional)


@contextmanager
def instance_for_threads(folder: Path) -> Iterator[dg.DagsterInstance]:
    """The instance of a Dagster home, for runs in several threads of this process.

    Its log of events stays open (see `event_log`), and it does not capture what steps print.

    Dagster captures by pointing the process's own stdout elsewhere while a step runs. Here steps
    run in several threads, whose saving and restoring would cross, and the terminal be lost.
    """
    overrides = {
        "compute_logs": {
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        }
    }
    ref = InstanceRef.from_dir(str(folder), overrides=overrides)
    with dg.DagsterInstance.from_ref(ref) as instance, event_log_kept_open(instance):
        yield instance


def configure_logging_once(instance: dg.DagsterInstance) -> None:
    """Lets runs begin in several threads at once.

    Dagster configures the handlers of `dagster.yaml` again as each run begins, by a call that takes
    logging's own locks in the opposite order to any thread that happens to log: with other runs
    at work in this process, that is a deadlock. The handlers are the same each time, so once will
    do.
    """
    handlers = instance.get_yaml_python_handlers()
    instance.get_yaml_python_handlers = lambda: handlers  # type: ignore[method-assign]


def execute(
    instance: dg.DagsterInstance,
    executor: Executor,
    job: str,
    partition: str | None,
    stages: Sequence[str] = (),
    *,
    resources: Mapping[str, dg.ConfigurableResource[Any]] | None = None,
    built: dg.Definitions | None = None,
    tags: Mapping[str, str] | None = None,
    module: str = definitions.__name__,
) -> dg.ExecuteInProcessResult | dg.JobExecutionResult:
    """One Dagster run of a job, to its end. A failure is in the result.

    Args:
        instance: see `instance_for_threads`.
        executor: of its steps.
        job, partition: what is run.
        stages: these assets of the job; all if none are named.
        resources: configured resources of the run, by name, in place of the default ones.
        built: has the job for the in-process executor, if other objects than those of `module` are
            to be its resources.
        module: has the job, by its `job_named`.
    """
    selection = [dg.AssetKey(str(stage)) for stage in stages] or None
    config = {**_QUIET, "resources": {name: _config(r) for name, r in (resources or {}).items()}}
    found = dg.build_reconstructable_job(module, "job_named", (job,))
    if executor is Executor.IN_PROCESS:
        defined = built.resolve_job_def(job) if built is not None else found.get_definition()
        return defined.execute_in_process(
            config, instance, partition, raise_on_error=False, asset_selection=selection, tags=tags
        )
    of_partition = {_PARTITION_TAG: partition} if partition is not None else {}
    all_tags = {**(tags or {}), **of_partition}
    with dg.execute_job(found, instance, config, all_tags, asset_selection=selection) as result:
        return result


def _config(resource: dg.ConfigurableResource[Any]) -> dict[str, Any]:
    return {"config": resource.model_dump(mode="json", exclude_none=True)}


@dataclass(frozen=True, slots=True)
class _Run:
    """A run to make: a job, of a partition, of some of its assets or all.

    Attributes:
        is_ahead: whether it is begun while there is more to come for the partition.
    """

    job: str
    settings: Settings
    partition: str | None = None
    stages: Sequence[str] = ()
    is_ahead: bool = False


class _Runner:
    """Runs jobs for partitions, several at a time."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        store: Store,
        settings: Settings,
        endpoint: EndpointResource,
        progress: RunProgress,
        outcome: RunSummary,
        leave_out: Collection[str],
        tags: Mapping[str, str] | None,
    ) -> None:
        self._leave_out = frozenset(leave_out)
        self._tags = tags
        self._instance = instance
        self._store = store
        self.settings = settings
        self._progress = progress
        self.outcome = outcome
        self._executor = load_automation().executor
        self._endpoint = endpoint
        self._built = definitions.build_definitions({"progress": progress})
        self._mutex = threading.Lock()
        self._elsewhere: list[PartitionFailure] = []
        self._begun: list[Future[None]] = []
        self._ahead_pool = ThreadPoolExecutor(PARALLEL_PARTITIONS, thread_name_prefix="wsrl-ahead")
        self._ahead: dict[str, Future[None]] = {}
        self.may_go_on = True

    def _resources(self, settings: Settings) -> dict[str, dg.ConfigurableResource[Any]]:
        return {
            "store": StoreResource(home=str(self._store.home.resolve())),
            "settings": SettingsResource.of(settings),
            "endpoint": self._endpoint,
        }

    def shards(
        self,
        stages: Sequence[Stage],
        in_domains: Sequence[Stage],
        only: Sequence[Domain],
        *,
        with_libraries: bool,
    ) -> None:
        """Reads and triages the shards that have something pending.

        Libraries are loaded meanwhile, and domains begun as triage ends, so that the endpoint need
        not wait for them.
        """
        libraries = [_Run("load_libraries", self.settings)] if with_libraries else []

        def runs() -> list[_Run]:
            pending = self._pending(stages, self.settings)
            shards = [_Run("read_shard", self.settings, key, stages) for key in pending]
            return [*shards[:1], *libraries, *shards[1:]]

        look = self._looking_ahead(in_domains, only) if self._may_look_ahead(in_domains) else None
        self._run_all(runs(), meanwhile=look)
        libraries.clear()
        self._wait_for_hosts(runs)
        let_leave(self._store)

    def _may_look_ahead(self, stages: Sequence[Stage]) -> bool:
        """Not where runs do again what is done: the second run of a domain would, too."""
        repeats = self.settings.retry_failed or self.settings.regenerate is not None
        return _AHEAD_TO in stages and not repeats

    def _looking_ahead(self, stages: Sequence[Stage], only: Sequence[Domain]) -> Callable[[], None]:
        """What begins domains once triage comes to its end."""
        wanted = [stage for stage in stages if stage in stages_up_to(_AHEAD_TO)]

        def waiting() -> Sequence[str]:
            if self.may_go_on:
                with suppress(StoreBusyError):  # another process is at work on the home
                    found = self._pending_domains([Stage.FILTERED_DOCUMENTS], only, self.settings)
                    return self._in_order(found)
            return []

        def begin(domain: str) -> Future[None]:
            run = _Run("advance_domain", self.settings, domain, wanted, is_ahead=True)
            return self._submit(self._ahead_pool, run)[0]

        # What the first filter would wait for.
        self._begun.append(self._ahead_pool.submit(load_datasketch))
        lookahead = Lookahead(self._progress, waiting, begin, PARALLEL_PARTITIONS)
        self._ahead = lookahead.begun
        return lookahead.look

    def domains(self, stages: Sequence[Stage], only: Sequence[Domain]) -> None:
        """Advances the domains that have something pending, or places of another recipe."""
        self._advance(stages, only, self.settings)
        if self.settings.regenerate is not None:
            # Regenerated rows may have let in, in domains that were done, what they stood in the
            # way of; that alone is left to do.
            waiting = {"regenerate": None, "retry_failed": False}
            self._advance(stages, only, self.settings.model_copy(update=waiting))

    def _advance(self, stages: Sequence[Stage], only: Sequence[Domain], settings: Settings) -> None:
        def runs() -> list[_Run]:
            pending = {*self._pending_domains(stages, only, settings), *self._ahead}
            chosen = sorted(pending, key=lambda key: (key in self._ahead, key))
            return [_Run("advance_domain", settings, key, stages) for key in chosen]

        self._run_all(runs(), threads=_PARALLEL_DOMAINS)
        self._ahead.clear()
        self._wait_for_hosts(runs)

    def _pending_domains(
        self, stages: Sequence[Stage], only: Sequence[Domain], settings: Settings
    ) -> list[str]:
        pending = self._pending(stages, settings)
        return [key for key in pending if not only or Domain(key) in only]

    def _pending(self, stages: Sequence[Stage], settings: Settings) -> list[str]:
        pending = pending_partitions(self._store, settings, stages)
        return [key for key in pending if key not in self._leave_out]

    def _wait_for_hosts(self, runs: Callable[[], list[_Run]]) -> None:
        """Takes up what other hosts worked on, once they are done with it or gone.

        Args:
            runs: those that are left to make.
        """
        while self._elsewhere and self.may_go_on:
            failed = {failure.partition for failure in self.outcome.failures}
            self._elsewhere.clear()
            time.sleep(_LOOK_AT_HOSTS_S)
            self._run_all([run for run in runs() if run.partition not in failed])

    def towards_goal(
        self, in_shards: Sequence[Stage], in_domains: Sequence[Stage], only: Sequence[Domain]
    ) -> None:
        """Shard by shard, until so many pairs are accepted, or the budget is spent.

        One shard after another, since a corpus may hold far more than is asked for.
        """
        budget = Budget.of(self._store, self.settings)
        if in_domains:
            self._run_all([_Run("load_libraries", self.settings)])
        shards = self._pending(in_shards, self.settings)
        with budget.over_hosts(self._store):
            for shard in (*shards, None):  # last, what waits in domains
                if not self.may_go_on or budget.is_reached(self._store):
                    return
                if shard is not None:
                    settings = budget.for_triage(self._store)
                    self._run_all([_Run("read_shard", settings, shard, in_shards)])
                self._rounds(budget, in_domains, only)

    def _rounds(self, budget: Budget, stages: Sequence[Stage], only: Sequence[Domain]) -> None:
        """Domains in rounds: what one cannot give, the others are asked for in the next."""
        found = -1
        while self.may_go_on and not budget.is_reached(self._store):
            accepted = sum(accepted_pairs(self._store).values())
            failed = {failure.partition for failure in self.outcome.failures}
            pending = self._pending_domains(stages, only, self.settings)
            chosen = [key for key in pending if key not in failed]
            if not chosen or (accepted == found and not self._elsewhere):
                return
            if self._elsewhere:  # other hosts are at work towards the same goal
                self._elsewhere.clear()
                time.sleep(_LOOK_AT_HOSTS_S)
            found = accepted
            settings = budget.shared_among(self._store, len(chosen))
            self._run_all([_Run("advance_domain", settings, key, stages) for key in chosen])

    def release(self) -> None:
        """Makes the release and its report."""
        self._run_all([_Run("make_release", self.settings)])

    def _run(self, run: _Run) -> None:
        """One Dagster run; a failure goes to the outcome."""
        if not self.may_go_on:
            return
        result = execute(
            self._instance,
            self._executor,
            run.job,
            run.partition,
            run.stages,
            resources=self._resources(run.settings),
            built=self._built,
            tags=self._tags,
        )
        with self._mutex:
            self.outcome.runs += 1
            if not result.success:
                failure = why_failed(result, run.job, run.partition)
                kept = self._elsewhere if failure.is_elsewhere else self.outcome.failures
                kept.append(failure)
                self.may_go_on = self.may_go_on and not failure.is_fatal

    def _in_order(self, work: Sequence[T]) -> Sequence[T]:
        """Each host of a shared home begins at another place, so that they seldom meet."""
        if self._store.shared is None or not work:
            return work
        first = int(stable_hash(str(self._store.shared.claims.owner)), 16) % len(work)
        return [*work[first:], *work[:first]]

    def _submit(
        self, pool: ThreadPoolExecutor, run: _Run
    ) -> tuple[Future[None], Callable[[], bool]]:
        """Begins a run; also what tells whether it has come to its calls, or will make none."""
        asking, has_had_time = self._progress.asking, later(_APART_AT_MOST_S)
        future = pool.submit(self._run_after_ahead, run)
        self._begun.append(future)

        def is_ready() -> bool:
            return future.done() or self._progress.asking > asking or has_had_time()

        return future, is_ready

    def _run_after_ahead(self, run: _Run) -> None:
        """Waits for the partition's run that was begun ahead; if that failed, it has failed."""
        ahead = self._ahead.get(run.partition or "")
        if ahead is not None and not run.is_ahead:
            ahead.result()
        if run.partition not in {f.partition for f in self.outcome.failures if f.partition}:
            self._run(run)

    def _run_all(
        self,
        runs: Sequence[_Run],
        *,
        threads: int = PARALLEL_PARTITIONS,
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        """Makes all these runs, so many at a time.

        Args:
            meanwhile: called now and then once all have begun.
        """
        pool = ThreadPoolExecutor(threads, thread_name_prefix="wsrl-run")
        begun: list[Future[None]] = []
        is_ready: Callable[[], bool] = lambda: True  # noqa: E731
        try:
            for run in self._in_order(runs):
                # Begun at once, all would read or filter at once, and the endpoint wait for all.
                while len(begun) < threads and not is_ready():
                    wait(begun[-1:], _LOOK_EVERY_S)
                future, is_ready = self._submit(pool, run)
                begun.append(future)
            _wait_interruptibly(begun, meanwhile)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()
        for future in begun:
            future.result()

    def end(self) -> None:
        """Waits for what was begun ahead, and has had no second run after a failure."""
        _wait_interruptibly([*self._ahead.values()])
        self._ahead_pool.shutdown()

    def stop(self) -> None:
        """Ends all runs within `STOP_WITHIN_S`.

        Ctrl-C reaches the main thread alone: the runs in the others are stopped from there.
        """
        self.may_go_on = False
        self._progress.is_stopping = True
        interrupt_all()
        self._ahead_pool.shutdown(wait=False, cancel_futures=True)
        wait(self._begun, STOP_WITHIN_S)


def _wait_interruptibly(
    futures: Sequence[Future[None]], meanwhile: Callable[[], None] | None = None
) -> None:
    """Waits for all in timed steps: with Polars loaded, Ctrl-C does not end an untimed wait."""
    while wait(futures, _LOOK_EVERY_S).not_done:
        if meanwhile and all(future.running() or future.done() for future in futures):
            meanwhile()


def why_failed(result: Any, job: str, partition: str | None = None) -> PartitionFailure:
    """The reason of a failed run in one sentence, and whether all others would fail of it too."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            user = data.user_failure_data
            if user is not None and user.description:
                said = user.description, is_fatal(user), is_elsewhere(user)
                return PartitionFailure(job, partition, *said)
            if data.error is not None:
                cause = data.error.cause or data.error
                message = f"unexpected: {cause.message.strip()} (the run's page has the trace)"
                return PartitionFailure(job, partition, message)
    return PartitionFailure(job, partition, "the run failed; see it in the Dagster UI")
