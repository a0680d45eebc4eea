"""The ceiling of an endpoint holds over all hosts of a home."""

import asyncio
import time
from pathlib import Path
from random import Random

import pytest

from simulator import FaultPlan, running_simulator
from wsrl_assets.llm import host_share
from wsrl_assets.llm.host_share import HostShare, fair_parts, whole_slots
from wsrl_assets.llm.slots import SharedSlots
from wsrl_assets.storage.host_table import HostTable
from wsrl_assets.storage.tables import LLMCall
from wsrl_assets_tests.factories import ask, engine, quick, stream
from wsrl_assets_tests.hosts import Hosts

URL = "http://gpu-1:8000/v1"
CEILING = 20


def ignore(call: LLMCall) -> None:
    """No ledger."""


class Host:
    """One that fills its part with calls, or as much of it as it has."""

    def __init__(self, hosts: Hosts, folder: Path, name: str, ceiling: int = CEILING) -> None:
        self.slots = SharedSlots(folder / name / "slots", ceiling)
        self.share = HostShare.of(hosts.shared(name), URL, folder / name, self.slots)
        self.wanted = 0
        self.renew()

    @property
    def held(self) -> int:
        return self.slots.held

    def renew(self) -> None:
        self.share.renew()

    def fill(self) -> None:
        while self.held < self.wanted and self.slots.try_take():
            pass
        self.slots.tell_waiting(max(0, self.wanted - self.held))

    def end(self, calls: int) -> None:
        for _ in range(min(calls, self.held)):
            self.slots.give_back()


def test_calls_of_all_hosts_stay_within_the_ceiling_whatever_they_do(tmp_path: Path) -> None:
    rng = Random(11)
    for trial in range(12):
        hosts = Hosts(tmp_path / str(trial))
        alive: list[Host] = []
        for step in range(120):
            what = rng.random()
            if what < 0.08 and len(alive) < 5:
                alive.append(Host(hosts, tmp_path / str(trial), f"{step}"))
            if not alive:
                continue
            host = rng.choice(alive)
            if what < 0.3:
                host.wanted = rng.choice((0, 1, 4, 50))
            elif what < 0.6:
                host.end(rng.randint(0, 12))
            elif what < 0.9:
                host.renew()
            for one in alive:
                one.fill()
            # A host without a whole slot makes one call all the same.
            beyond = sum(host.held for host in alive if host.slots.ceiling * host.slots.part < 1)
            assert sum(host.held for host in alive) - beyond <= CEILING
            assert beyond <= len(alive)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_hosts_that_want_more_share_the_whole_ceiling_evenly(tmp_path: Path, count: int) -> None:
    hosts = Hosts(tmp_path)
    working = [Host(hosts, tmp_path, str(number)) for number in range(count)]
    for host in working:
        host.wanted = 50
    for _ in range(4):
        for host in working:
            host.fill()
            host.renew()
            host.end(host.held)
    held = [host.slots.ceiling_here for host in working]
    assert sum(held) == CEILING
    assert max(held) - min(held) <= 1


def test_a_host_that_wants_little_leaves_the_rest_to_the_others(tmp_path: Path) -> None:
    hosts = Hosts(tmp_path)
    small, large = Host(hosts, tmp_path, "small"), Host(hosts, tmp_path, "large")
    small.wanted, large.wanted = 4, 50
    for _ in range(3):
        for host in (small, large):
            host.fill()
            host.renew()
    assert small.held == 4
    assert large.slots.ceiling_here == CEILING - 5


def test_the_part_of_a_dead_host_comes_back_when_its_row_expires(tmp_path: Path) -> None:
    hosts = Hosts(tmp_path, expires_s=0.4)
    dead, lives = Host(hosts, tmp_path, "dead"), Host(hosts, tmp_path, "lives")
    dead.wanted = lives.wanted = 50
    dead.fill()
    lives.fill()
    lives.renew()
    assert lives.held <= 1, "a newcomer takes nothing that another has"
    deadline = time.monotonic() + 10
    while lives.slots.ceiling_here < CEILING and time.monotonic() < deadline:
        time.sleep(0.05)
        lives.renew()
    assert lives.slots.ceiling_here == CEILING
    # As if it had only been asleep: what it believed to have does not hold for so long.
    assert dead.slots.ceiling_here == 1


def test_a_host_that_has_ended_leaves_its_part_at_once(tmp_path: Path) -> None:
    hosts = Hosts(tmp_path)
    first, second = Host(hosts, tmp_path, "first"), Host(hosts, tmp_path, "second")
    assert second.slots.ceiling_here == 1
    first.share.leave()
    second.renew()
    assert second.slots.ceiling_here == CEILING
    assert first.slots.ceiling_here == 1


def test_a_newcomer_begins_with_what_the_others_know(tmp_path: Path) -> None:
    hosts = Hosts(tmp_path)
    first = Host(hosts, tmp_path, "first")
    first.slots.settled, first.slots.ceiling, first.slots.limit = True, 7, 6
    first.renew()
    second = Host(hosts, tmp_path, "second", ceiling=32)
    assert (second.slots.settled, second.slots.ceiling, second.slots.limit) == (True, 7, 6)


def test_an_address_on_this_machine_is_another_endpoint_on_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = Hosts(tmp_path)
    found: list[int] = []
    for machine in ("one", "two", "two"):
        monkeypatch.setattr(host_share, "_network", lambda machine=machine: machine)
        slots = SharedSlots(tmp_path / str(len(found)), CEILING)
        share = HostShare.of(hosts.shared("h"), "http://127.0.0.1:8000/v1", slots._path, slots)
        share.renew()
        found.append(slots.ceiling_here)
    assert found == [CEILING, CEILING, 1]


def test_a_table_with_many_members_is_renewed_less_often(tmp_path: Path) -> None:
    objects = Hosts(tmp_path).objects
    table = HostTable(objects, "any", "me")
    assert table.period_s == 2.5
    for number in range(30):
        HostTable(objects, "any", str(number)).renew(lambda others: {})
    table.renew(lambda others: {})
    assert table.period_s == pytest.approx(31 / 5)


def test_parts_sum_to_the_whole_and_nobody_gets_less_than_it_wants_and_is_equal() -> None:
    rng = Random(3)
    for _ in range(500):
        wants = [rng.choice((0.0, 0.05, 0.3, 1.0, rng.random())) for _ in range(rng.randint(1, 9))]
        parts = fair_parts(wants)
        assert sum(parts) == pytest.approx(1.0)
        least = min(1 / len(wants), 1.0)
        assert all(part >= min(want, least) - 1e-9 for part, want in zip(parts, wants, strict=True))
        ceiling = rng.randint(1, 100)
        assert sum(whole_slots(ceiling, parts)) == ceiling


async def test_engines_of_two_hosts_never_send_more_than_an_endpoint_bears(tmp_path: Path) -> None:
    """Each would fill a fixed ceiling by itself, and the endpoint refuses what is beyond it."""
    hosts = Hosts(tmp_path)
    bears = 6
    plan = FaultPlan(max_concurrent=bears)
    async with running_simulator(quick(slots=16, metrics=False, faults=plan)) as sim:

        async def host(name: str, first: int) -> None:
            shared, fixed = hosts.shared(name), {"max_in_flight": bears}
            folder = tmp_path / name
            async with engine(sim.base_url, folder, ignore, shared=shared, **fixed) as asking:

                async def work(number: int) -> None:
                    await asking.ask(ask(number))

                await asking.for_each(stream(range(first, first + 80)), work)

        await asyncio.wait_for(asyncio.gather(host("a", 0), host("b", 1000)), 60)
    assert sim.stats.requests_completed == 160
    # One host has all of it until the other has come, which makes one call until then.
    assert sim.stats.requests_rejected <= 20
