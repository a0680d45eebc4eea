"""Claims about what asks for work by itself; the daemon runs it in integration/ui/test_inbox."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import dagster as dg
import pytest
from pydantic import SecretStr

from wsrl_assets.orchestration.automation.alerts import failure_text, post
from wsrl_assets.orchestration.definitions import build_definitions
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import Shard
from wsrl_assets_tests.factories import SHARD, documents, plant_shard


def running(name: str) -> bool:
    sensor = build_definitions().resolve_sensor_def(name)
    return sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_nothing_that_costs_money_begins_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not running("keep_up")
    assert not running("alert_failures")
    monkeypatch.setenv("WSRL_INBOX", "inbox")
    assert running("keep_up")
    assert not running("alert_failures")


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
