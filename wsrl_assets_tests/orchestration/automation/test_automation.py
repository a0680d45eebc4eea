"""Claims about what asks for work by itself; the daemon runs it in integration/ui/test_inbox."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.utils import make_new_run_id
from pydantic import SecretStr

from wsrl_assets.orchestration.automation.alerts import failure_text, post
from wsrl_assets.orchestration.automation.arrivals import ORIGIN_TAG
from wsrl_assets.orchestration.definitions import build_definitions
from wsrl_assets.orchestration.resources import StoreResource
from wsrl_assets.settings import SettingsError
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import Shard
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import SHARD, documents, plant_shard
from wsrl_assets_tests.release.pairs import Pair, plant
from wsrl_assets_tests.release.test_finalise import question

AUTOMATIC = ("WSRL_INBOX", "WSRL_SCHEDULE", "WSRL_TIMEZONE", "WSRL_ALERT_WEBHOOK")
CODE = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "repository")
NIGHT = datetime(2026, 1, 2, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in AUTOMATIC:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WSRL_HOME", str(tmp_path / "home"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def evaluate_top_up(home: Path, instance: dg.DagsterInstance) -> object:
    schedule = build_definitions().resolve_schedule_def("top_up")
    with dg.build_schedule_context(
        instance_ref=instance.get_ref(),
        scheduled_execution_time=NIGHT,
        resources={"store": StoreResource(home=str(home))},
    ) as context:
        return schedule(context)


def evaluate_shard_top_up(home: Path, instance: dg.DagsterInstance) -> object:
    schedule = build_definitions().resolve_schedule_def("top_up_shards")
    with dg.build_schedule_context(
        instance_ref=instance.get_ref(),
        scheduled_execution_time=NIGHT,
        resources={"store": StoreResource(home=str(home))},
    ) as context:
        return schedule(context)


def evaluate_arrivals(
    home: Path, instance: dg.DagsterInstance, ended: dg.DagsterRun
) -> list[str | None] | str:
    """The domains that the sensor asks for after a run, or why it asks for none."""
    sensor = build_definitions().resolve_sensor_def("inbox_domains")
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.RUN_SUCCESS.value, job_name=ended.job_name
    )
    context = dg.build_run_status_sensor_context(
        sensor_name="inbox_domains",
        dagster_instance=instance,
        dagster_run=ended,
        dagster_event=event,
        resources={"store": StoreResource(home=str(home))},
    )
    found: Any = sensor(context)
    if isinstance(found, dg.SkipReason):
        return str(found.skip_message)
    return [request.partition_key for request in found]


def add_run(
    instance: dg.DagsterInstance, job: str, status: dg.DagsterRunStatus, **tags: str
) -> dg.DagsterRun:
    """A run of an instance; a tag `partition` or `origin` stands for its whole name."""
    names = {"partition": "dagster/partition", "origin": ORIGIN_TAG}
    run = dg.DagsterRun(
        job_name=job,
        run_id=make_new_run_id(),
        status=status,
        tags={names[name]: value for name, value in tags.items()},
        remote_job_origin=RemoteJobOrigin(CODE, job),  # Dagster refuses to queue a run without
    )
    return instance.add_run(run)


def report(instance: dg.DagsterInstance, run: dg.DagsterRun, event: dg.DagsterEventType) -> None:
    """An event of a run, by which its status and its times change."""
    instance.report_dagster_event(dg.DagsterEvent(event.value, run.job_name), run.run_id)


ACTIVE = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
ENDED = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
)


def running(name: str) -> bool:
    sensor = build_definitions().resolve_sensor_def(name)
    return sensor.default_status is dg.DefaultSensorStatus.RUNNING


class TestSchedule:
    def test_it_asks_for_the_domains_with_rows_to_do_and_for_no_other(
        self, store: Store, instance: dg.DagsterInstance
    ) -> None:
        plant(store, [Pair(question(1))], Domain.MATH)
        plant(store, [Pair(question(2))], Domain.CODING)
        asked = evaluate_top_up(store.home, instance)
        assert isinstance(asked, list)
        assert [request.partition_key for request in asked] == ["coding", "math"]
        assert len({request.run_key for request in asked}) == 2

    def test_it_asks_for_nothing_where_nothing_is_pending(
        self, store: Store, instance: dg.DagsterInstance
    ) -> None:
        skipped = evaluate_top_up(store.home, instance)
        assert isinstance(skipped, dg.SkipReason)
        assert "nothing is pending" in str(skipped.skip_message)

    def test_a_second_look_on_the_same_night_asks_for_the_same_runs(
        self, store: Store, instance: dg.DagsterInstance
    ) -> None:
        plant(store, [Pair(question(1))], Domain.MATH)
        first, again = (evaluate_top_up(store.home, instance) for _ in range(2))
        assert isinstance(first, list)
        assert isinstance(again, list)
        assert [r.run_key for r in first] == [r.run_key for r in again]

    @pytest.mark.parametrize("status", [*ACTIVE, *ENDED])
    @pytest.mark.parametrize("job", ["advance_domain", "__ASSET_JOB"])
    def test_it_asks_for_no_domain_with_a_run_that_has_not_ended(
        self, store: Store, instance: dg.DagsterInstance, job: str, status: dg.DagsterRunStatus
    ) -> None:
        plant(store, [Pair(question(1))], Domain.MATH)
        add_run(instance, job, status, partition="math")
        asked = evaluate_top_up(store.home, instance)
        assert isinstance(asked, dg.SkipReason if status in ACTIVE else list)

    def test_the_run_of_one_domain_does_not_hold_up_another(
        self, store: Store, instance: dg.DagsterInstance
    ) -> None:
        plant(store, [Pair(question(1))], Domain.MATH)
        plant(store, [Pair(question(2))], Domain.CODING)
        add_run(instance, "advance_domain", dg.DagsterRunStatus.STARTED, partition="math")
        asked = evaluate_top_up(store.home, instance)
        assert isinstance(asked, list)
        assert [request.partition_key for request in asked] == ["coding"]

    @pytest.mark.parametrize(
        ("name", "value"), [("WSRL_SCHEDULE", "nightly"), ("WSRL_TIMEZONE", "Mars/Olympus")]
    )
    def test_one_that_dagster_cannot_go_by_is_one_sentence(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError, match=name):
            build_definitions()


class TestArrivals:
    """What the inbox brought is asked for once, and nothing of it is forgotten."""

    def arrive(self, instance: dg.DagsterInstance) -> dg.DagsterRun:
        waiting = dg.DagsterRunStatus.NOT_STARTED
        read = add_run(instance, "read_shard", waiting, partition="news-1", origin="inbox")
        report(instance, read, dg.DagsterEventType.RUN_START)
        report(instance, read, dg.DagsterEventType.RUN_SUCCESS)
        return read

    def begin(self, instance: dg.DagsterInstance) -> dg.DagsterRun:
        waiting = dg.DagsterRunStatus.NOT_STARTED
        run = add_run(instance, "advance_domain", waiting, partition="math")
        report(instance, run, dg.DagsterEventType.RUN_START)
        return run

    def test_a_triaged_shard_has_the_domains_with_rows_to_do_asked_for(
        self, store: Store, instance: dg.DagsterInstance
    ) -> None:
        plant(store, [Pair(question(1))], Domain.MATH)
        assert evaluate_arrivals(store.home, instance, self.arrive(instance)) == ["math"]

    @pytest.mark.parametrize("status", ACTIVE)
    def test_a_domain_with_a_run_that_has_not_ended_is_not_asked_for(
        self, store: Store, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
    ) -> None:
        plant(store, [Pair(question(1))], Domain.MATH)
        add_run(instance, "advance_domain", status, partition="math")
        skipped = evaluate_arrivals(store.home, instance, self.arrive(instance))
        assert "queued or running" in skipped

    def test_rows_that_came_while_a_run_was_at_their_domain_are_asked_for_when_it_ends(
        self, store: Store, instance: dg.DagsterInstance
    ) -> None:
        plant(store, [Pair(question(1))], Domain.MATH)
        running = self.begin(instance)
        read = self.arrive(instance)
        assert "queued or running" in evaluate_arrivals(store.home, instance, read)
        report(instance, running, dg.DagsterEventType.RUN_SUCCESS)
        assert evaluate_arrivals(store.home, instance, running) == ["math"]

    def test_the_end_of_a_run_asks_for_nothing_where_nothing_came_meanwhile(
        self, store: Store, instance: dg.DagsterInstance
    ) -> None:
        """So rows that stay pending cannot make a domain run for ever."""
        plant(store, [Pair(question(1))], Domain.MATH)
        self.arrive(instance)
        ended = self.begin(instance)
        report(instance, ended, dg.DagsterEventType.RUN_SUCCESS)
        assert "none came meanwhile" in evaluate_arrivals(store.home, instance, ended)

    def test_a_shard_that_somebody_reads_by_hand_starts_nothing(
        self, store: Store, instance: dg.DagsterInstance
    ) -> None:
        plant(store, [Pair(question(1))], Domain.MATH)
        by_hand = add_run(instance, "read_shard", dg.DagsterRunStatus.SUCCESS, partition="news-1")
        assert "no shard of the inbox" in evaluate_arrivals(store.home, instance, by_hand)


class TestDefaults:
    def test_nothing_that_costs_money_begins_unasked(self) -> None:
        definitions = build_definitions()
        schedule = definitions.resolve_schedule_def("top_up")
        assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
        sensors = ("inbox", "inbox_domains", "keep_up", "alert_failures")
        assert [name for name in sensors if running(name)] == []

    def test_to_set_it_is_to_start_it(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("WSRL_INBOX", str(tmp_path))
        assert [running(name) for name in ("inbox", "inbox_domains", "keep_up")] == [True] * 3
        assert not running("alert_failures")

    def test_without_an_inbox_the_sensor_says_what_to_set(self, store: Store) -> None:
        sensor = build_definitions().resolve_sensor_def("inbox")
        context = dg.build_sensor_context(
            resources={"store": StoreResource(home=str(store.home))}, definitions=None
        )
        skipped = sensor(context)
        assert isinstance(skipped, dg.SkipReason)
        assert "WSRL_INBOX" in str(skipped.skip_message)


class TestAlerts:
    @pytest.fixture
    def posted(self) -> Iterator[tuple[str, list[bytes]]]:
        bodies: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token", bodies
        server.shutdown()
        thread.join()
        server.server_close()

    def test_a_failure_is_posted_as_text(self, posted: tuple[str, list[bytes]]) -> None:
        url, bodies = posted
        assert post(SecretStr(url), "advance_domain (math) failed")
        assert json.loads(bodies[0]) == {"text": "advance_domain (math) failed"}

    @pytest.mark.parametrize(("will_retry", "expected"), [("true", True), ("false", False)])
    def test_a_failure_is_told_with_its_reason_and_whether_it_is_begun_again(
        self, will_retry: str, expected: bool
    ) -> None:
        @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["math"]))
        def pairs() -> None:
            raise dg.Failure("the endpoint is down")

        with dg.DagsterInstance.ephemeral() as instance:
            result = dg.materialize(
                [pairs],
                partition_key="math",
                instance=instance,
                tags={"dagster/will_retry": will_retry},
                raise_on_error=False,
            )
            context = dg.build_run_status_sensor_context(
                sensor_name="alert_failures",
                dagster_event=result.get_run_failure_event(),
                dagster_instance=instance,
                dagster_run=result.dagster_run,
            )
            text = failure_text(context.for_run_failure())
        assert "(math) failed: the endpoint is down" in text
        assert text.endswith("retried automatically.") is expected

    @pytest.mark.parametrize("url", ["http://127.0.0.1:9/secret", "not a url", "ftp:/x"])
    def test_an_address_that_does_not_work_raises_nothing(self, url: str) -> None:
        assert not post(SecretStr(url), "failed")


def test_the_top_up_asks_for_shards_that_were_not_read_or_triaged(
    store: Store, instance: dg.DagsterInstance
) -> None:
    plant_shard(store, documents(2))
    (request,) = cast(list[dg.RunRequest], evaluate_shard_top_up(store.home, instance))
    assert request.partition_key == SHARD


def test_a_takedown_by_the_job_withdraws_the_shard(store: Store) -> None:
    plant_shard(store, documents(2))
    job = build_definitions().resolve_job_def("forget")
    config = {
        "ops": {"forget_documents": {"config": {"shards": [SHARD]}}},
        "resources": {"store": {"config": {"home": str(store.home)}}},
    }
    assert job.execute_in_process(config).success
    with store.transaction(Partition.shard(SHARD)) as transaction:
        assert transaction.rows(Shard)[0].forgotten_at is not None
