"""Two hosts work on one home in an S3 store, and one of them is killed at twenty random moments.

A host is a process with a folder of its own, which knows of the other by the store alone: nobody
tells it that the other's process is gone. After some of its deaths its disk is gone, too.
"""

import asyncio
import contextlib
import functools
import itertools
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from simulator import FaultPlan, SimulatorProcess, SimulatorStats, simulator_process
from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.pipeline import questions, triage
from wsrl_assets.pipeline.job import Job
from wsrl_assets.storage import ElsewhereError, GroupWriter, Store, host_claims
from wsrl_assets.storage.shared_home import shared_home
from wsrl_assets.text.home_names import home_folder
from wsrl_assets_tests.factories import (
    DOMAIN,
    ask,
    delivered,
    documents,
    engine,
    job,
    ledger,
    plant_shard,
    quick,
    stream,
    tokens_of,
)
from wsrl_assets_tests.integration.object_store import BUCKET, object_store, program
from wsrl_assets_tests.llm.test_kill import (  # noqa: F401 - what holds after kills holds here too
    COMMIT_ROWS,
    IN_FLIGHT,
    KILLS,
    Home,
    test_a_kill_repeats_no_more_than_what_was_in_flight_and_one_commit,
    test_every_stage_balances_with_nothing_left,
    test_no_ledger_entry_is_doubled,
)
from wsrl_assets_tests.processes import Elsewhere, Said, elsewhere

pytestmark = pytest.mark.skipif(program() is None, reason="SeaweedFS is not installed")

SHARDS = ("sample-0001", "sample-0002")
DOCUMENTS = 24
EXPIRES_S = 1.5


def _host(say: Said, name: str, home: str, base_url: str, environment: dict[str, str]) -> None:
    """A host that does what is pending in a home, also what the other began."""
    os.environ.update(environment)
    host_claims.EXPIRES_S = EXPIRES_S
    own = host_claims.Owner.this()
    host_claims.Owner.this = lambda: replace(own, host=name, numbered_in="")  # type: ignore[method-assign]
    small = functools.partial(GroupWriter, rows=COMMIT_ROWS, seconds=0.2)
    questions.GroupWriter = small  # type: ignore[assignment, attr-defined]
    triage.GroupWriter = small  # type: ignore[assignment, attr-defined]
    todo = job(home_folder(home), base_url, max_in_flight=IN_FLIGHT, personas=2)
    say("begun")
    _work(todo)
    say("done")


def _work(todo: Job) -> None:
    shards = list(SHARDS)
    while shards:
        for shard in list(shards):
            try:
                asyncio.run(triage.triage_shard(todo, shard))
                shards.remove(shard)
            except ElsewhereError:
                time.sleep(0.1)
    while True:
        try:
            filter_domain(todo.store, DOMAIN, todo.run_id)
            if asyncio.run(questions.advance_domain(todo, DOMAIN)) == 0:
                return
        except ElsewhereError:
            time.sleep(0.1)


def _planted(store: Store) -> Store:
    texts = documents(DOCUMENTS)
    half = DOCUMENTS // len(SHARDS)
    for number, shard in enumerate(SHARDS):
        plant_shard(store, texts[number * half : (number + 1) * half], shard)
    return store


def _checked(sim: SimulatorProcess, store: Store, kills: int) -> Home:
    spent, paid = tokens_of(ledger(store)), delivered(sim.stats())
    assert spent.completion <= paid.completion
    return Home(store, kills, sim.stats().requests_received)


def _in_peace(sim: SimulatorProcess, folder: Path) -> Home:
    """By one process, in a plain folder."""
    todo = job(folder, sim.base_url, max_in_flight=IN_FLIGHT, personas=2)
    _planted(todo.store)
    sim.reset_stats()
    _work(todo)
    return _checked(sim, todo.store, 0)


def _by_hosts(
    sim: SimulatorProcess,
    home: str,
    environment: dict[str, str],
    folder: Path,
    kills: int,
    moments: Random,
) -> Home:
    """By two hosts, of which one is killed up to so many times."""
    _planted(Store(home_folder(home)))
    sim.reset_stats()
    killed = 0
    with _at_work("steady", sim, home, environment, folder) as steady:
        while killed < kills and not steady.said.poll(0):
            with _at_work("mortal", sim, home, environment, folder) as mortal:
                if mortal.said.poll(moments.uniform(0.0, 1.5)):
                    break
            killed += 1
            if moments.random() < 0.3:
                shutil.rmtree(folder / "mortal", ignore_errors=True)
        assert steady.hear(120.0) == "done"
    return _checked(sim, Store(home_folder(home)), killed)


@contextmanager
def _at_work(
    name: str, sim: SimulatorProcess, home: str, environment: dict[str, str], folder: Path
) -> Iterator[Elsewhere]:
    """A host that has begun; killed at the end."""
    own = {**environment, "XDG_CACHE_HOME": str(folder / name)}
    with elsewhere(_host, name, home, sim.base_url, own) as host:
        assert host.hear() == "begun"
        yield host


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Home]]:
    """The first is a plain folder that was left in peace; over the others, twenty kills."""
    folder = tmp_path_factory.mktemp("homes")
    (folder / "server").mkdir()
    moments = Random(7)
    settings = quick(slots=64, decode_tokens_per_s=400.0)
    with (
        object_store(folder / "server") as environment,
        simulator_process(settings) as sim,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in {**environment, "XDG_CACHE_HOME": str(folder / "looking on")}.items():
            patch.setenv(name, value)
        found = [_in_peace(sim, folder / "plain")]
        for number in itertools.count(1):
            left = KILLS - sum(home.kills for home in found)
            if left == 0:
                break
            home = f"s3://{BUCKET}/home-{number}"
            hosts = folder / f"hosts-{number}"
            found.append(_by_hosts(sim, home, environment, hosts, left, moments))
        yield found


BEARS, CALLS = 6, 200


def _caller(say: Said, first: int, home: str, base_url: str, environment: dict[str, str]) -> None:
    """A host that makes calls, and would fill the endpoint by itself."""
    os.environ.update(environment)
    host_claims.EXPIRES_S = 3 * EXPIRES_S  # a busy machine may let a host wait for a second
    shared, fixed = shared_home(home), {"max_in_flight": BEARS}

    async def call() -> None:
        async with engine(
            base_url, home_folder(home), lambda entry: None, shared=shared, **fixed
        ) as asking:

            async def work(number: int) -> None:
                await asking.ask(ask(number))

            say("begun")
            await asking.for_each(stream(range(first, first + CALLS)), work)

    asyncio.run(call())
    say("done")


def _shared_out(sim: SimulatorProcess) -> SimulatorStats:
    """What the endpoint has counted when each host has its part.

    Before that, a newcomer makes one call at a time, which is refused and tried again as soon as
    the endpoint allows.
    """
    for _ in range(20):
        before = sim.stats()
        time.sleep(EXPIRES_S)
        now = sim.stats()
        answered = now.requests_completed - before.requests_completed
        if answered and now.requests_rejected == before.requests_rejected:
            return now
    raise AssertionError(f"calls are refused all the time: {now}")


def test_the_ceiling_of_an_endpoint_holds_over_hosts_also_when_one_is_killed(
    tmp_path: Path,
) -> None:
    (tmp_path / "server").mkdir()
    plan = FaultPlan(max_concurrent=BEARS)
    settings = quick(slots=64, decode_tokens_per_s=200.0, metrics=False, faults=plan)
    with (
        object_store(tmp_path / "server") as environment,
        simulator_process(settings) as sim,
        contextlib.ExitStack() as stack,
    ):
        hosts = []
        for number in range(3):
            own = {**environment, "XDG_CACHE_HOME": str(tmp_path / str(number))}
            arguments = (1000 * number, f"s3://{BUCKET}/shared", sim.base_url, own)
            hosts.append(stack.enter_context(elsewhere(_caller, *arguments)))
        for host in hosts:
            assert host.hear() == "begun"
        before = _shared_out(sim)
        assert not any(host.said.poll(0) for host in hosts), "all are at work"
        hosts[0].kill()
        for host in hosts[1:]:
            assert host.hear(120.0) == "done"
        after = sim.stats()
    assert after.peak_running == BEARS, "the dead host's part came back"
    # Of hosts that do not know of one another, most calls are refused.
    assert after.requests_rejected - before.requests_rejected < BEARS
    assert after.requests_completed - before.requests_completed > 20 * BEARS


def test_hosts_make_what_one_process_makes_in_a_plain_folder(homes: list[Home]) -> None:
    in_peace = homes[0].ids()
    assert in_peace["verified_pairs"], "nothing was verified, so the test shows nothing"
    for home in homes[1:]:
        assert home.ids() == in_peace
