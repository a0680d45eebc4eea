"""Two runs on one partition: the second waits, or is refused with a reason; neither pays twice."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

import dagster as dg
import pytest

from simulator import simulator_process
from wsrl_assets.storage import Partition
from wsrl_assets.storage.tables import LLMCall, VerifiedPair
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import QUESTION_STAGES
from wsrl_assets_tests.curation.test_filter import plant
from wsrl_assets_tests.factories import document_text, quick, rows
from wsrl_assets_tests.integration.ui.live import Live, dagster_on, until
from wsrl_assets_tests.integration.ui.orders import (
    PATIENCE_S,
    calls_of,
    ended,
    launch,
    run,
    why,
)

DOCUMENTS = 60
# Half a minute of work: long enough to be met by a command that takes ten seconds to begin.
SLOW = quick(slots=4, decode_tokens_per_s=80.0)
ENVIRONMENT = {"WSRL_PERSONAS": "1", "WSRL_MAX_IN_FLIGHT": "4"}
FAILURE, SUCCESS = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS
QUEUED, STARTED = dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One Dagster for all; each test has a domain of its own."""
    folder = tmp_path_factory.mktemp("live")
    with (
        simulator_process(SLOW) as endpoint,
        dagster_on(folder, endpoint, ENVIRONMENT) as live,
    ):
        yield live


def wsrl_run(domain: Domain) -> Sequence[str]:
    command = (sys.executable, "-c", "from wsrl_assets.cli import main; main()", "run")
    return (*command, "--domain", str(domain), "--to", "verified_pairs")


def materialize(domain: Domain) -> Sequence[str]:
    command = (sys.executable, "-m", "dagster", "asset", "materialize")
    selected = ("--partition", str(domain), "--select", ",".join(QUESTION_STAGES))
    return (*command, "-m", "wsrl_assets.definitions", *selected)


def calls(live: Live, domain: Domain) -> list[LLMCall]:
    return rows(live.store, LLMCall, Partition.domain(domain))


def plant_documents(live: Live, domain: Domain) -> None:
    """Documents that triage found to be of a domain, and of which no other has the like."""
    first = 1000 * list(Domain).index(domain)
    plant(live.store, str(domain), [document_text(first + n) for n in range(DOCUMENTS)], domain)


def begun(live: Live, domain: Domain) -> str:
    """A run that is in the middle of its domain."""
    run_id = launch(live, str(domain))
    until(lambda: calls(live, domain), PATIENCE_S, live.explain)
    assert run(live, run_id).status is STARTED, "the run was over before it could be met"
    return run_id


def assert_done_once(live: Live, domain: Domain) -> None:
    found = rows(live.store, VerifiedPair, Partition.domain(domain))
    assert Counter(row.status for row in found) == {"kept": DOCUMENTS}
    paid = Counter((call.stage, call.step, call.row_id) for call in calls(live, domain))
    assert set(paid.values()) == {1}


def test_of_two_runs_in_the_queue_the_second_waits_and_then_calls_nobody(live: Live) -> None:
    domain = Domain.MATH
    plant_documents(live, domain)
    first = begun(live, domain)
    second = launch(live, str(domain))
    seen = set()

    def first_is_over() -> bool:
        seen.add(run(live, second).status)
        return run(live, first).is_finished

    until(first_is_over, PATIENCE_S, live.explain)
    assert seen == {QUEUED}
    before = live.endpoint.stats().requests_received
    assert [ended(live, run_id).status for run_id in (first, second)] == [SUCCESS, SUCCESS]
    assert calls_of(live, second) == []
    assert live.endpoint.stats().requests_received == before
    assert_done_once(live, domain)


@pytest.mark.parametrize(
    ("command", "domain"),
    [(wsrl_run, Domain.CODING), (materialize, Domain.EDUCATION)],
    ids=["wsrl run", "dagster asset materialize"],
)
def test_a_command_beside_a_run_is_refused_with_a_reason(
    live: Live, command: object, domain: Domain
) -> None:
    assert callable(command)
    plant_documents(live, domain)
    first = begun(live, domain)
    beside = subprocess.run(
        command(domain), env=live.environment, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert not run(live, first).is_finished, "the run was over before the command was refused"
    assert beside.returncode != 0
    refused = live.runs(tags={"dagster/partition": str(domain)})[0]
    assert refused.run_id != first
    assert refused.status is FAILURE
    sentence = "is being worked on by another run by process"
    assert sentence in why(live, refused.run_id)
    assert sentence in " ".join((beside.stdout + beside.stderr).split())
    assert calls_of(live, refused.run_id) == []
    assert ended(live, first).status is SUCCESS
    assert_done_once(live, domain)


def test_a_run_waits_for_a_command_and_not_for_one_that_died(live: Live) -> None:
    """Else a `wsrl run` that was killed would hold up its domain in the queue for good."""
    domain = Domain.OTHER
    plant_documents(live, domain)
    with subprocess.Popen(
        wsrl_run(domain), env=live.environment, stdout=subprocess.DEVNULL, start_new_session=True
    ) as command:
        until(lambda: calls(live, domain), PATIENCE_S, live.explain)
        waiting = launch(live, str(domain))
        until(lambda: run(live, waiting).status is QUEUED, PATIENCE_S, live.explain)
        os.killpg(command.pid, signal.SIGKILL)
    assert ended(live, waiting).status is SUCCESS
    died = live.runs(tags={"dagster/partition": str(domain)})[1]
    assert died.status is FAILURE
    found = rows(live.store, VerifiedPair, Partition.domain(domain))
    assert Counter(row.status for row in found) == {"kept": DOCUMENTS}
    print(f"{len(calls_of(live, died.run_id))} calls of the command were not made again")
    assert calls_of(live, died.run_id)
