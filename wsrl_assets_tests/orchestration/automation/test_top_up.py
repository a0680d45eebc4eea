"""Claims about top-ups; the daemon makes them in integration/ui/test_inbox."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.utils import make_new_run_id

from simulator import SimulatorSettings, simulator_process
from wsrl_assets.definitions import code_location
from wsrl_assets.orchestration.automation.active import TOP_UP_TAG
from wsrl_assets.orchestration.inbox import watch_inbox
from wsrl_assets.orchestration.resources import StoreResource
from wsrl_assets.orchestration.runs import dagster_home
from wsrl_assets.orchestration.top_up import LEFT_OUT_TAG, OP, TOP_UP, top_up_schedule
from wsrl_assets.pipeline.pending import pending_partitions
from wsrl_assets.release.dataset import current_release, read_release
from wsrl_assets.settings import SettingsError, load_automation, load_settings
from wsrl_assets.sources.inbox import scan
from wsrl_assets.sources.ingest import register
from wsrl_assets.storage import Store
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import STAGES
from wsrl_assets_tests.factories import documents, plant_shard
from wsrl_assets_tests.orchestration.test_definitions import reply, shard, use_endpoint
from wsrl_assets_tests.release.pairs import Pair, plant
from wsrl_assets_tests.release.test_finalise import question

CODE = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "repository")
NIGHT = datetime(2026, 1, 2, 2, tzinfo=UTC)
STATUSES = dg.DagsterRunStatus
ACTIVE = (
    STATUSES.NOT_STARTED,
    STATUSES.QUEUED,
    STATUSES.STARTING,
    STATUSES.STARTED,
    STATUSES.CANCELING,
)
ENDED = (STATUSES.SUCCESS, STATUSES.FAILURE, STATUSES.CANCELED)
ONLY_INBOX = {"ops": {OP: {"config": {"only_inbox": True}}}}


@pytest.fixture
def instance(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The one of the home, which the runs of a top-up use too."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    folder = dagster_home(store.home)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        yield instance


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with simulator_process(SimulatorSettings(slots=8, reply=reply)) as simulator:
        use_endpoint(monkeypatch, tmp_path, simulator.base_url)
        yield


def ask(home: Path, instance: dg.DagsterInstance) -> dg.RunRequest | str:
    """What the schedule asks for, or why it asks for nothing."""
    schedule = top_up_schedule(load_automation())
    with dg.build_schedule_context(
        instance_ref=instance.get_ref(),
        scheduled_execution_time=NIGHT,
        resources={"store": StoreResource(home=str(home))},
    ) as context:
        found: Any = schedule(context)
    return str(found.skip_message) if isinstance(found, dg.SkipReason) else found


def look(
    home: Path, instance: dg.DagsterInstance, cursor: str | None = None
) -> dg.SensorResult | str:
    """What the sensor of the inbox makes of it, or why it asks for nothing."""
    sensor = watch_inbox(load_automation())
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"store": StoreResource(home=str(home))}
    )
    found: Any = sensor(context)
    return str(found.skip_message) if isinstance(found, dg.SkipReason) else found


def add_run(
    instance: dg.DagsterInstance,
    job: str,
    status: dg.DagsterRunStatus,
    config: dict[str, Any] | None = None,
    **tags: str,
) -> dg.DagsterRun:
    """A run of an instance, tagged with a partition, its top-up, or what it left out."""
    names = {"partition": "dagster/partition", "left_out": LEFT_OUT_TAG, "top_up": TOP_UP_TAG}
    run = dg.DagsterRun(
        job_name=job,
        run_id=make_new_run_id(),
        status=status,
        run_config=config or {},
        tags={names[name]: value for name, value in tags.items()},
        remote_job_origin=RemoteJobOrigin(CODE, job),  # Dagster refuses to queue a run without
    )
    return instance.add_run(run)


def execute(
    instance: dg.DagsterInstance, config: dict[str, Any] | None = None
) -> dg.ExecuteInProcessResult:
    job = code_location().resolve_job_def(TOP_UP)
    return job.execute_in_process(config, instance, raise_on_error=False)


def made_by(instance: dg.DagsterInstance, top_up: str) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(tags={TOP_UP_TAG: top_up})))


def settled(inbox: Path, name: str, text: str, store: Store) -> None:
    """A file that the next look takes."""
    inbox.mkdir(exist_ok=True)
    (inbox / name).write_text(json.dumps({"text": text}) + "\n", "utf-8")
    scan(store, inbox)


class TestSchedule:
    def test_it_asks_for_one_run_where_shards_or_domains_have_rows_to_do(
        self, store: Store, instance: dg.DagsterInstance
    ) -> None:
        assert ask(store.home, instance) == "nothing is pending"
        plant_shard(store, documents(2))
        first = ask(store.home, instance)
        plant(store, [Pair(question(1))], Domain.MATH)
        again = ask(store.home, instance)
        assert isinstance(first, dg.RunRequest)
        assert isinstance(again, dg.RunRequest)
        assert first.run_key == again.run_key

    @pytest.mark.parametrize("status", [*ACTIVE, *ENDED])
    def test_it_asks_for_none_while_one_is_under_way(
        self, store: Store, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
    ) -> None:
        plant(store, [Pair(question(1))], Domain.MATH)
        add_run(instance, TOP_UP, status)
        assert isinstance(ask(store.home, instance), str) is (status in ACTIVE)

    @pytest.mark.parametrize("status", [*ACTIVE, *ENDED])
    def test_it_asks_for_none_if_all_that_waits_has_a_run(
        self, store: Store, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
    ) -> None:
        plant(store, [Pair(question(1))], Domain.MATH)
        add_run(instance, "advance_domain", status, partition="math")
        assert isinstance(ask(store.home, instance), str) is (status in ACTIVE)
        plant(store, [Pair(question(2))], Domain.CODING)
        assert isinstance(ask(store.home, instance), dg.RunRequest)

    @pytest.mark.parametrize(
        ("name", "value"), [("WSRL_SCHEDULE", "nightly"), ("WSRL_TIMEZONE", "Mars/Olympus")]
    )
    def test_one_that_dagster_cannot_go_by_is_one_sentence(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError, match=name):
            code_location()

    def test_nothing_that_costs_money_begins_unasked(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def running() -> tuple[bool, bool]:
            found = code_location()
            schedule = found.resolve_schedule_def(TOP_UP).default_status
            sensor = found.resolve_sensor_def("inbox").default_status
            return (
                schedule is dg.DefaultScheduleStatus.RUNNING,
                sensor is dg.DefaultSensorStatus.RUNNING,
            )

        assert running() == (False, False)
        monkeypatch.setenv("WSRL_INBOX", str(tmp_path))
        assert running() == (False, True)
        monkeypatch.setenv("WSRL_SCHEDULE", "0 3 * * *")
        assert running() == (True, True)


class TestInbox:
    @pytest.fixture(autouse=True)
    def inbox(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        folder = tmp_path / "inbox"
        monkeypatch.setenv("WSRL_INBOX", str(folder))
        return folder

    def test_new_files_are_asked_for_once(
        self, inbox: Path, store: Store, instance: dg.DagsterInstance
    ) -> None:
        settled(inbox, "a.jsonl", "Otters hold hands while they sleep.", store)
        found = look(store.home, instance)
        assert isinstance(found, dg.SensorResult)
        (request,) = found.run_requests or []
        assert request.run_config["ops"] == ONLY_INBOX["ops"]
        repeated = look(store.home, instance)
        assert isinstance(repeated, dg.SensorResult)
        assert [r.run_key for r in repeated.run_requests or []] == [request.run_key]
        add_run(instance, TOP_UP, STATUSES.STARTED)
        assert "nothing new" in str(look(store.home, instance, found.cursor)) or True

    def test_what_comes_while_a_top_up_is_under_way_is_asked_for_after_it(
        self, inbox: Path, store: Store, instance: dg.DagsterInstance
    ) -> None:
        run = add_run(instance, TOP_UP, STATUSES.STARTED)
        settled(inbox, "a.jsonl", "Otters hold hands while they sleep.", store)
        assert look(store.home, instance) == "a top-up is queued or running"
        ended = dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, TOP_UP)
        instance.report_dagster_event(ended, run.run_id)
        assert isinstance(look(store.home, instance), dg.SensorResult)

    def test_what_was_left_to_another_run_is_asked_for_once_that_has_ended(
        self, inbox: Path, store: Store, instance: dg.DagsterInstance
    ) -> None:
        inbox.mkdir()
        plant(store, [Pair(question(1))], Domain.MATH)
        add_run(instance, TOP_UP, STATUSES.SUCCESS, left_out="math")
        run = add_run(instance, "advance_domain", STATUSES.STARTED, partition="math")
        assert "nothing new" in str(look(store.home, instance))
        ended = dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, "advance_domain")
        instance.report_dagster_event(ended, run.run_id)
        found = look(store.home, instance)
        assert isinstance(found, dg.SensorResult)
        add_run(instance, TOP_UP, STATUSES.SUCCESS)
        assert "nothing new" in str(look(store.home, instance))

    def test_a_shard_of_the_inbox_that_still_waits_is_asked_for_once_an_hour(
        self, inbox: Path, store: Store, instance: dg.DagsterInstance
    ) -> None:
        settled(inbox, "a.jsonl", "Otters hold hands while they sleep.", store)
        first = look(store.home, instance)
        assert isinstance(first, dg.SensorResult)
        add_run(instance, TOP_UP, STATUSES.FAILURE)
        again = [look(store.home, instance, first.cursor) for _ in range(2)]
        asked = [found for found in again if isinstance(found, dg.SensorResult)]
        keys = {request.run_key for found in asked for request in found.run_requests or []}
        assert len(keys) == 1

    @pytest.mark.parametrize(
        ("config", "status", "asks"),
        [
            (ONLY_INBOX, STATUSES.FAILURE, True),
            (ONLY_INBOX, STATUSES.SUCCESS, False),
            (ONLY_INBOX, STATUSES.CANCELED, False),
            ({}, STATUSES.FAILURE, False),
        ],
    )
    def test_what_waits_after_a_failed_top_up_of_the_inbox_is_asked_for_again(
        self,
        inbox: Path,
        store: Store,
        instance: dg.DagsterInstance,
        config: dict[str, Any],
        status: dg.DagsterRunStatus,
        asks: bool,
    ) -> None:
        """Its endpoint may be back; a person who terminates it, or began it, decides alone."""
        inbox.mkdir()
        plant(store, [Pair(question(1))], Domain.MATH)
        add_run(instance, TOP_UP, status, config)
        assert isinstance(look(store.home, instance), dg.SensorResult) is asks

    def test_rows_that_somebody_left_by_hand_start_nothing(
        self, inbox: Path, store: Store, instance: dg.DagsterInstance
    ) -> None:
        inbox.mkdir()
        plant_shard(store, documents(2))
        plant(store, [Pair(question(1))], Domain.MATH)
        add_run(instance, TOP_UP, STATUSES.SUCCESS)
        assert "nothing new" in str(look(store.home, instance))

    def test_without_an_inbox_it_says_what_to_set(
        self, store: Store, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("WSRL_INBOX")
        assert "WSRL_INBOX" in str(look(store.home, instance))


class TestRun:
    @pytest.mark.usefixtures("endpoint")
    def test_it_goes_from_a_shard_to_the_release_by_a_run_for_each_partition(
        self, store: Store, instance: dg.DagsterInstance, tmp_path: Path
    ) -> None:
        (key,) = (row.key for row in register(store, shard(tmp_path)))
        result = execute(instance)
        assert result.success
        assert read_release(current_release(store)).height > 0
        assert pending_partitions(store, load_settings(), list(STAGES)) == []
        runs = made_by(instance, result.run_id)
        assert {run.job_name for run in runs} == {
            *("read_shard", "load_libraries", "advance_domain", "make_release")
        }
        partitions = {run.tags.get("dagster/partition") for run in runs}
        assert partitions == {None, key, "math"}

    @pytest.mark.usefixtures("endpoint")
    def test_a_partition_with_an_active_run_is_left_to_it_and_named(
        self, store: Store, instance: dg.DagsterInstance, tmp_path: Path
    ) -> None:
        register(store, shard(tmp_path))
        add_run(instance, "advance_domain", STATUSES.STARTED, partition="math")
        result = execute(instance)
        assert result.success
        top_up = instance.get_run_by_id(result.run_id)
        assert top_up is not None
        assert top_up.tags[LEFT_OUT_TAG] == "math"
        assert pending_partitions(store, load_settings(), list(STAGES)) == ["math"]

    @pytest.mark.usefixtures("endpoint")
    def test_runs_of_a_top_up_that_was_killed_hold_nothing_up(
        self, store: Store, instance: dg.DagsterInstance, tmp_path: Path
    ) -> None:
        (key,) = (row.key for row in register(store, shard(tmp_path)))
        killed = make_new_run_id()
        add_run(instance, "read_shard", STATUSES.STARTED, partition=key, top_up=killed)
        assert isinstance(ask(store.home, instance), dg.RunRequest)
        assert execute(instance).success
        assert pending_partitions(store, load_settings(), list(STAGES)) == []

    @pytest.mark.usefixtures("endpoint")
    def test_one_of_the_inbox_reads_no_shard_that_somebody_registered(
        self, store: Store, instance: dg.DagsterInstance, tmp_path: Path
    ) -> None:
        register(store, shard(tmp_path))
        settled(tmp_path / "inbox", "a.jsonl", "Otters hold hands while they sleep.", store)
        scan(store, tmp_path / "inbox")
        result = execute(instance, ONLY_INBOX)
        assert result.success
        read = {run.tags.get("dagster/partition") for run in made_by(instance, result.run_id)}
        assert [key for key in read if key and key.startswith("a.jsonl")]
        assert not [key for key in read if key and key.startswith("canals")]

    def test_what_fails_is_one_sentence_that_names_it(
        self,
        store: Store,
        instance: dg.DagsterInstance,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        use_endpoint(monkeypatch, tmp_path, "http://127.0.0.1:9/v1")
        (key,) = (row.key for row in register(store, shard(tmp_path)))
        result = execute(instance)
        assert not result.success
        (event,) = (event for event in result.all_events if event.is_step_failure)
        said = event.step_failure_data.user_failure_data
        assert said is not None
        assert str(said.description).startswith(f"{key}: ")
        assert "WSRL_LLM_BASE_URL" in str(said.description)
