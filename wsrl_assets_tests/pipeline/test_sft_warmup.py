"""The warm-up set tops up, holds out for good and from train alone, and is in no release."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import Fault, FaultPlan, running_simulator
from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.pipeline import sft_warmup
from wsrl_assets.pipeline.job import Job
from wsrl_assets.release.dataset import (
    HELD_OUT,
    RELEASE,
    ReleaseError,
    build_release,
    read_release,
)
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.release.warmup import write_warmup
from wsrl_assets.reward import parse_gold, score
from wsrl_assets.reward.instruction import rollout_messages
from wsrl_assets.settings import Roles
from wsrl_assets.storage import Partition, Store, catalog
from wsrl_assets.storage.accounting import Account, accounts
from wsrl_assets.storage.tables import FinalSplit, ReleasedPair, SftWarmup, Status
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.taxonomy.wanted import Wanted
from wsrl_assets_tests.factories import WHEN, delivered, job, ledger, quick, rows, tokens_of
from wsrl_assets_tests.release.pairs import HALVES, Pair, plant

MATH = Partition.domain(Domain.MATH)
PAIRS = [Pair(f"When was hall number {n} opened?", source=f"source {n}") for n in range(40)]
N = 4
MOST_IN_TRAIN = SplitSettings(0.1, 0)


def reply(body: dict[str, Any], rng: Random) -> str:
    """Right, but for the pairs whose number ends in 7."""
    right = "7 opened" not in body["messages"][-1]["content"]
    return json.dumps({"reasoning": "Halls open late.", "answer": "1869" if right else "1900"})


def warming(home: Path, base_url: str = "http://127.0.0.1:9/v1", **others: Any) -> Job:
    return job(home, base_url, **{"sft_pairs": N, **others})


def placed(store: Store, pairs: list[Pair], shares: SplitSettings = HALVES) -> None:
    plant(store, pairs)
    split_domain(store, Domain.MATH, "run", shares)


async def warm_up(work: Job) -> int:
    return await asyncio.wait_for(sft_warmup.warm_up_domain(work, Domain.MATH), 60)


def held(store: Store) -> dict[str, SftWarmup]:
    return {row.pair_id: row for row in rows(store, SftWarmup, MATH)}


def account(store: Store, wanted: int = N) -> Account | None:
    with catalog(store) as connection:
        optional = frozenset([Stage.SFT_WARMUP] if wanted else [])
        found = accounts(connection, Wanted(("open",), optional, wanted))
    return next((a for a in found if a.stage == "sft_warmup"), None)


# --- topping up ---------------------------------------------------------------------------------


async def test_n_pairs_of_train_are_held_out_and_a_second_run_makes_no_call(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=reply)) as sim:
        work = warming(tmp_path, sim.base_url)
        placed(work.store, PAIRS)
        before = account(work.store)
        assert before is not None
        assert (before.rows_in, before.pending) == (N, N)
        assert await warm_up(work) == N
        assert tokens_of(ledger(work.store)) == delivered(sim.stats)
        assert await warm_up(work) == 0
    assert len(ledger(work.store)) == N
    splits = {row.pair_id: row.split for row in rows(work.store, FinalSplit, MATH)}
    assert {splits[pair_id] for pair_id in held(work.store)} == {"train"}
    after = account(work.store)
    assert after is not None
    assert after.balanced
    assert (after.rows_in, after.pending) == (N, 0)


async def test_added_data_gives_nothing_back_and_takes_no_more(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=reply)) as sim:
        work = warming(tmp_path, sim.base_url)
        placed(work.store, PAIRS[:30], MOST_IN_TRAIN)
        await warm_up(work)
        before = held(work.store)
        placed(work.store, PAIRS, MOST_IN_TRAIN)
        assert await warm_up(work) == 0
        assert held(work.store) == before
        more = warming(tmp_path, sim.base_url, sft_pairs=N + 1)
        assert await warm_up(more) == 1
    assert before.items() <= held(work.store).items()


async def test_a_small_domain_keeps_three_quarters_of_its_train_split(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=reply)) as sim:
        work = warming(tmp_path, sim.base_url, sft_pairs=1000)
        placed(work.store, PAIRS[:9], SplitSettings(0, 0))
        assert await warm_up(work) == 2


async def test_a_failed_pair_is_tried_again_only_when_asked(tmp_path: Path) -> None:
    broken = FaultPlan(fault_for_marker={"hall number": Fault.CONTEXT_TOO_LONG})
    async with running_simulator(quick(reply=reply, faults=broken)) as sim:
        work = warming(tmp_path, sim.base_url, sft_pairs=1)
        placed(work.store, PAIRS)
        await warm_up(work)
        assert [row.status for row in held(work.store).values()] == [Status.FAILED]
        assert await warm_up(work) == 0
    async with running_simulator(quick(reply=reply)) as sim:
        again = warming(tmp_path, sim.base_url, sft_pairs=1, retry_failed=True)
        assert await warm_up(again) == 1
    (row,) = held(work.store).values()
    assert row.status is not Status.FAILED


async def test_switched_off_it_asks_for_no_endpoint_and_on_it_needs_one(tmp_path: Path) -> None:
    placed(Store(tmp_path), PAIRS)
    assert await warm_up(warming(tmp_path, sft_pairs=0)) == 0
    assert account(Store(tmp_path), wanted=0) is None
    with pytest.raises(EndpointError):
        await warm_up(replace(warming(tmp_path), roles=Roles({})))


# --- the release, and the file ------------------------------------------------------------------


async def test_what_is_held_out_is_in_no_release_and_is_written_as_chat(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=reply)) as sim:
        work = warming(tmp_path, sim.base_url, sft_pairs=8)
        placed(work.store, PAIRS, SplitSettings(0.1, 0))
        await warm_up(work)
    out = held(work.store)
    kept = {pair_id for pair_id, row in out.items() if row.status is Status.KEPT}
    released = read_release(build_release(work.store, "run").folder)
    assert not out.keys() & set(released["pair_id"])
    assert released.height == len(PAIRS) - len(out)
    booked = rows(work.store, ReleasedPair, RELEASE)
    assert {r.pair_id for r in booked if r.reason == HELD_OUT} == set(out)
    path = tmp_path / "out" / "train.jsonl"
    assert write_warmup(work.store, path) == len(kept)
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert {line["pair_id"] for line in lines} == kept
    questions = {pair.pair_id: pair.question for pair in PAIRS}
    for line in lines:
        *asked, said = line["messages"]
        assert asked == rollout_messages(questions[line["pair_id"]])
        assert said["role"] == "assistant"
        assert score(said["content"], parse_gold("1869", "date")).value == 1


def row_of(pair: Pair, **others: Any) -> SftWarmup:
    given = {"response": "Answer: 1869", "recipe": "r", "run_id": "planted", "created_at": WHEN}
    return SftWarmup(pair_id=pair.pair_id, **{**given, **others})


def test_a_pair_that_moved_out_of_train_is_neither_released_nor_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    placed(store, PAIRS[:6], SplitSettings(0, 0))
    with store.transaction(MATH) as transaction:
        transaction.merge([row_of(PAIRS[0]), row_of(PAIRS[1])])
        transaction.connection.execute(
            "UPDATE final_splits SET split = 'test' WHERE pair_id = ?", [PAIRS[0].pair_id]
        )
    path = tmp_path / "train.jsonl"
    assert write_warmup(store, path) == 1
    assert PAIRS[1].pair_id in path.read_text("utf-8")
    assert build_release(store, "run").total == 4


def test_without_a_warm_up_set_the_way_to_one_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="WSRL_SFT_PAIRS"):
        write_warmup(Store(tmp_path), tmp_path / "train.jsonl")


# --- properties ---------------------------------------------------------------------------------


@settings(max_examples=15)
@given(st.lists(st.integers(0, 39), unique=True), st.integers(0, 12), st.data())
def test_every_row_is_accounted_for(numbers: list[int], wanted: int, data: st.DataObject) -> None:
    """For any pairs, of which any have a row of any status."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        pairs = [PAIRS[n] for n in numbers]
        placed(store, pairs)
        statuses = st.sampled_from([None, *Status])
        chosen = {pair: data.draw(statuses) for pair in pairs}
        with store.transaction(MATH) as transaction:
            transaction.merge([row_of(p, status=s) for p, s in chosen.items() if s is not None])
        store.publish(MATH)
        found = account(store, wanted)
        if found is not None:
            assert found.balanced
            assert found.pending <= wanted
            with store.transaction(MATH) as transaction:
                todo = transaction.query(
                    "pending_warmup", pairs=wanted, max_share=0.25, retry_failed=False
                )
            assert todo.height == found.pending
