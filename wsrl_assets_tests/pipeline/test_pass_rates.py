"""Pass rates top up: each rollout of each pair is paid for once, also after a kill."""

import asyncio
import functools
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulator import (
    Fault,
    FaultPlan,
    Simulator,
    running_simulator,
    simulator_process,
)
from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.llm.roles import Role
from wsrl_assets.pipeline import pass_rates
from wsrl_assets.pipeline.job import Job
from wsrl_assets.settings import Roles
from wsrl_assets.storage import GroupWriter, Partition, Store, StoreBusyError, catalog
from wsrl_assets.storage.accounting import Account, accounts
from wsrl_assets.storage.tables import LLMCall, PassRate, Recipe, Rollout, Status
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.taxonomy.wanted import Wanted
from wsrl_assets_tests.factories import (
    delivered,
    ids,
    job,
    ledger,
    quick,
    rows,
    tokens_of,
)
from wsrl_assets_tests.processes import Said, elsewhere
from wsrl_assets_tests.release.pairs import Pair, plant

MATH = Partition.domain(Domain.MATH)
PAIRS = [Pair(f"When was hall number {n} opened?", source=f"source {n}") for n in range(6)]
K = 4
IN_FLIGHT = 4
COMMIT_ROWS = 10


def policy_reply(body: dict[str, Any], rng: Random) -> str:
    """Right about half the time, by the sample's seed."""
    assert "response_format" not in body
    return f"Answer: {1869 if body['seed'] % 2 else 1900}"


def rating(home: Path, base_url: str, **others: Any) -> Job:
    """A job with pass rates switched on."""
    return job(home, base_url, **{"pass_rate_rollouts": K, "rollout_tokens": 64, **others})


def policy(**others: Any) -> Any:
    return quick(**{"reply": policy_reply, **others})


async def rate(work: Job) -> int:
    return await asyncio.wait_for(pass_rates.rate_domain(work, Domain.MATH), 60)


async def asked(sim: Simulator, work: Job) -> int:
    """The calls that rating made."""
    before = sim.stats.requests_received
    await rate(work)
    return sim.stats.requests_received - before


def rated(store: Store) -> dict[str, PassRate]:
    return {row.pair_id: row for row in rows(store, PassRate, MATH)}


def account(store: Store, switched_on: bool = True) -> Account | None:
    with catalog(store) as connection:
        optional = frozenset([Stage.PASS_RATES] if switched_on else [])
        found = accounts(connection, Wanted(("open",), optional))
    return next((a for a in found if a.stage == "pass_rates"), None)


# --- topping up ---------------------------------------------------------------------------------


async def test_each_verified_pair_gets_a_rate_and_a_second_run_makes_no_call(
    tmp_path: Path,
) -> None:
    async with running_simulator(policy()) as sim:
        work = rating(tmp_path, sim.base_url)
        plant(work.store, [*PAIRS, Pair("What was rejected?", status=Status.REJECTED)])
        assert await asked(sim, work) == K * len(PAIRS)
        assert tokens_of(ledger(work.store)) == delivered(sim.stats)
        assert await asked(sim, work) == 0
    found = rated(work.store)
    assert sorted(found) == sorted(pair.pair_id for pair in PAIRS)
    assert len({row.pass_rate for row in found.values()}) > 1, "samples of a pair do not differ"
    made = rows(work.store, Rollout, MATH)
    assert len(made) == K * len(PAIRS)
    for row in found.values():
        own = [r for r in made if r.pair_id == row.pair_id]
        assert (row.rollouts, row.passed) == (K, sum(r.score for r in own))


async def test_stopping_early_pays_for_fewer_rollouts_and_the_rest_when_it_is_off_again(
    tmp_path: Path,
) -> None:
    early = {"pass_rate_stops_early": True, "pass_rate_above": 0, "pass_rate_below": 1}
    async with running_simulator(policy()) as sim:
        work = rating(tmp_path, sim.base_url, **early)
        plant(work.store, PAIRS)
        paid = await asked(sim, work)
        assert 2 * len(PAIRS) <= paid < K * len(PAIRS)
        for row in rated(work.store).values():
            assert row.rollouts == K or 0 < row.passed < row.rollouts
        whole = rating(tmp_path, sim.base_url, regenerate="pass_rates")
        assert paid + await asked(sim, whole) == K * len(PAIRS)
    assert {row.rollouts for row in rated(work.store).values()} == {K}


async def test_switched_off_it_does_nothing_and_asks_for_no_endpoint(tmp_path: Path) -> None:
    work = job(tmp_path, "http://127.0.0.1:9/v1")
    plant(work.store, PAIRS)
    assert await rate(work) == 0
    assert account(work.store, switched_on=False) is None


async def test_new_pairs_are_rated_and_old_ones_left_alone(tmp_path: Path) -> None:
    async with running_simulator(policy()) as sim:
        work = rating(tmp_path, sim.base_url)
        plant(work.store, PAIRS[:4])
        await rate(work)
        before = rated(work.store)
        plant(work.store, PAIRS)
        assert await asked(sim, work) == 2 * K
    after = rated(work.store)
    assert {key: after[key] for key in before} == before
    assert len(after) == len(PAIRS)


async def test_another_policy_rates_again_only_when_asked(tmp_path: Path) -> None:
    async with running_simulator(policy()) as sim:
        first = rating(tmp_path, sim.base_url)
        plant(first.store, PAIRS)
        await rate(first)
    async with running_simulator(policy(model="a later checkpoint")) as sim:
        assert await asked(sim, rating(tmp_path, sim.base_url)) == 0
        again = rating(tmp_path, sim.base_url, regenerate="pass_rates")
        assert await asked(sim, again) == K * len(PAIRS)
        assert await asked(sim, again) == 0
    assert {row.model for row in rated(first.store).values()} == {"a later checkpoint"}
    made = rows(first.store, Rollout, MATH)
    assert {r.model for r in made} == {"simulated", "a later checkpoint"}, "old rollouts are kept"


async def test_more_rollouts_cost_the_difference_and_fewer_nothing(tmp_path: Path) -> None:
    async with running_simulator(policy()) as sim:
        plant(rating(tmp_path, sim.base_url).store, PAIRS)
        await rate(rating(tmp_path, sim.base_url))
        more = rating(tmp_path, sim.base_url, pass_rate_rollouts=K + 2, regenerate="pass_rates")
        assert await asked(sim, more) == 2 * len(PAIRS)
        assert {row.rollouts for row in rated(more.store).values()} == {K + 2}
        fewer = rating(tmp_path, sim.base_url, pass_rate_rollouts=2, regenerate="pass_rates")
        assert await asked(sim, fewer) == 0
        assert {row.rollouts for row in rated(more.store).values()} == {2}


async def test_pages_of_pairs_are_all_rated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsrl_assets.pipeline.job._PAGE", 4)
    async with running_simulator(policy()) as sim:
        work = rating(tmp_path, sim.base_url)
        plant(work.store, PAIRS)
        await rate(work)
    assert len(rated(work.store)) == len(PAIRS)


async def test_every_row_says_where_it_came_from(tmp_path: Path) -> None:
    async with running_simulator(policy()) as sim:
        work = rating(tmp_path, sim.base_url, run_id="run-7")
        plant(work.store, PAIRS[:1])
        await rate(work)
    recipes = {row.recipe: row for row in rows(work.store, Recipe, MATH)}
    (row,) = rated(work.store).values()
    assert (row.run_id, row.model) == ("run-7", "simulated")
    assert '"rollouts": 4' in recipes[row.recipe].body
    assert "rollouts" not in recipes[row.rollout_recipe].body
    calls = rows(work.store, LLMCall, MATH)
    assert {(c.stage, c.step, c.role, c.row_id) for c in calls} == {
        ("pass_rates", "rollout", "policy", row.pair_id)
    }
    assert {c.recipe for c in calls} == {row.rollout_recipe}


# --- what gets in the way -----------------------------------------------------------------------


async def test_a_cut_off_rollout_is_paid_for_once_and_failed(tmp_path: Path) -> None:
    plan = FaultPlan(fault_for_marker={"hall number": Fault.LENGTH})
    async with running_simulator(policy(faults=plan)) as sim:
        work = rating(tmp_path, sim.base_url)
        plant(work.store, PAIRS)
        assert await asked(sim, work) == K * len(PAIRS)
    found = rated(work.store).values()
    assert {(row.status, row.pass_rate, row.truncated) for row in found} == {(Status.KEPT, 0.0, K)}
    assert {call.finish_reason for call in ledger(work.store)} == {"length"}


async def test_failed_pairs_are_left_alone_until_asked_for_and_then_pay_the_rest(
    tmp_path: Path,
) -> None:
    plan = FaultPlan(fault_for_marker={"hall number 3": Fault.CONTEXT_TOO_LONG})
    async with running_simulator(policy(faults=plan)) as sim:
        work = rating(tmp_path, sim.base_url)
        plant(work.store, PAIRS)
        await rate(work)
        assert await asked(sim, work) == 0
    (failed,) = [row for row in rated(work.store).values() if row.status is Status.FAILED]
    assert (failed.pass_rate, failed.reason) == (None, "context_too_long")
    found = account(work.store)
    assert found is not None
    assert (found.failed, found.balanced) == (1, True)
    async with running_simulator(policy()) as sim:
        assert await asked(sim, rating(tmp_path, sim.base_url, retry_failed=True)) == K
    assert {row.status for row in rated(work.store).values()} == {Status.KEPT}


async def test_without_a_policy_the_way_to_one_is_said(tmp_path: Path) -> None:
    work = rating(tmp_path, "http://127.0.0.1:9/v1")
    plant(work.store, PAIRS)
    others = Roles({role: work.roles[role] for role in Role if role is not Role.POLICY})
    bare = Job(work.store, work.settings, others, "run")
    with pytest.raises(EndpointError, match="WSRL_LLM_POLICY_BASE_URL"):
        await rate(bare)
    assert rated(work.store) == {}


async def test_a_second_run_on_a_domain_is_refused_before_it_pays(tmp_path: Path) -> None:
    async with running_simulator(policy()) as sim:
        work = rating(tmp_path, sim.base_url)
        plant(work.store, PAIRS)
        with work.store.exclusive_run(MATH), pytest.raises(StoreBusyError):
            await rate(work)
        assert sim.stats.requests_received == 0


def _work(say: Said, home: Path, base_url: str) -> None:
    """Rates all that is pending in a home, with small commits."""
    small = functools.partial(GroupWriter, rows=COMMIT_ROWS, seconds=0.1)
    pass_rates.GroupWriter = small  # type: ignore[assignment, attr-defined]
    say("begun")
    asyncio.run(rate(rating(home, base_url, max_in_flight=IN_FLIGHT)))
    say("done")


def test_a_kill_repeats_no_more_than_what_was_in_flight_and_one_commit(tmp_path: Path) -> None:
    slow = policy(slots=IN_FLIGHT, decode_tokens_per_s=10.0)
    with simulator_process(slow) as sim:
        store = rating(tmp_path, sim.base_url).store
        plant(store, PAIRS)
        with elsewhere(_work, tmp_path, sim.base_url) as worker:
            assert worker.hear() == "begun"
            while not rows(store, Rollout, MATH):
                assert not worker.said.poll(0.05), "the run was over before it could be killed"
        kept = len(rows(store, Rollout, MATH))
        with elsewhere(_work, tmp_path, sim.base_url) as worker:
            assert (worker.hear(), worker.hear()) == ("begun", "done")
        received = sim.stats().requests_received
    needed = K * len(PAIRS)
    assert 0 < kept < needed, "the kill did not come in the middle, so the test shows nothing"
    assert needed <= received <= needed + IN_FLIGHT + COMMIT_ROWS
    assert ids(rows(store, PassRate, MATH)) == sorted(pair.pair_id for pair in PAIRS)
    samples = [(r.pair_id, r.sample) for r in rows(store, Rollout, MATH)]
    assert len(samples) == len(set(samples)) == needed


# --- accounting ---------------------------------------------------------------------------------


async def test_pairs_wait_for_a_rate_only_where_rates_are_wanted(tmp_path: Path) -> None:
    async with running_simulator(policy()) as sim:
        work = rating(tmp_path, sim.base_url)
        plant(work.store, PAIRS[:2])
        await rate(work)
        plant(work.store, PAIRS)
    wanted, unwanted = account(work.store), account(work.store, switched_on=False)
    assert wanted is not None
    assert unwanted is not None
    assert (wanted.rows_in, wanted.kept, wanted.pending, wanted.balanced) == (6, 2, 4, True)
    assert (unwanted.rows_in, unwanted.kept, unwanted.pending) == (2, 2, 0)
    assert unwanted.balanced


@pytest.mark.parametrize("switched_on", [True, False])
@pytest.mark.parametrize(
    "damage",
    [
        "INSERT INTO pass_rates FROM pass_rates LIMIT 1",
        "DELETE FROM verified_pairs",
        "UPDATE pass_rates SET pair_id = 'nobody' || pair_id",
    ],
)
async def test_a_doubled_row_or_one_without_its_pair_is_found(
    tmp_path: Path, damage: str, switched_on: bool
) -> None:
    async with running_simulator(policy()) as sim:
        work = rating(tmp_path, sim.base_url)
        plant(work.store, PAIRS[:2])
        await rate(work)
    with work.store.transaction(MATH) as transaction:
        transaction.connection.execute(damage)
    found = account(work.store, switched_on)
    assert found is not None
    assert not found.balanced
