"""The ceiling finds by itself how many calls an endpoint bears."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import FaultPlan, SimulatorStats, running_simulator
from wsrl_assets.llm.ceiling import (
    MAX_CEILING,
    AdditiveIncrease,
    QueueDepth,
    ceiling_for_queue,
    parse_queue_depth,
)
from wsrl_assets.llm.slots import SharedSlots
from wsrl_assets_tests.factories import ask, engine, quick, stream

VLLM = """
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 12.0
vllm:num_requests_running{engine="1",model_name="m"} 3.0
vllm:num_requests_waiting{engine="0",model_name="m"} 4.0
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 99.0
"""
LLAMA = "llamacpp:requests_processing 2\nllamacpp:requests_deferred 7\n"


@pytest.mark.parametrize(
    ("metrics", "depth"),
    [
        (VLLM, QueueDepth(running=15, waiting=4)),
        (LLAMA, QueueDepth(running=2, waiting=7)),
        ("vllm:num_requests_running 1e2\nvllm:num_requests_waiting 0\n", QueueDepth(100, 0)),
        ("", None),
        ("<html>not found</html>", None),
        ("process_cpu_seconds_total 3.0\n", None),
    ],
)
def test_the_queue_is_read_from_the_metrics_of_vllm_and_llama(
    metrics: str, depth: QueueDepth | None
) -> None:
    assert parse_queue_depth(metrics) == depth


counts = st.integers(0, 3000)


@given(st.integers(1, MAX_CEILING), counts, counts, counts, st.booleans())
def test_the_ceiling_stays_within_its_bounds_and_moves_with_the_queue(
    ceiling: int, running: int, waiting: int, occupied: int, settled: bool
) -> None:
    depth = QueueDepth(running, waiting)
    following = ceiling_for_queue(ceiling, depth, occupied, settled=settled)
    assert 1 <= following <= MAX_CEILING
    if waiting > max(8, running // 2):
        assert following <= ceiling, "raised over a long queue"
    if occupied < ceiling * 0.8:
        assert following <= ceiling, "raised though nobody filled it"
    if waiting == 0:
        assert following >= ceiling, "lowered without a queue"
    if waiting >= max(2, running // 5):
        assert following <= ceiling, "raised though a fifth of what runs is waiting already"


def test_a_filled_ceiling_over_an_empty_queue_is_raised() -> None:
    assert ceiling_for_queue(32, QueueDepth(32, 0), 32, settled=False) > 32


async def _load(home: Path, plan: FaultPlan, slots: int, calls: int) -> SimulatorStats:
    server = quick(slots=slots, faults=plan, decode_tokens_per_s=300.0)
    async with running_simulator(server) as sim, engine(sim.base_url, home, lambda call: None) as e:

        async def work(number: int) -> None:
            await e.ask(ask(number))

        await asyncio.wait_for(e.for_each(stream(range(calls)), work), 60)
        return sim.stats


@pytest.mark.timing  # a hundred calls at once: on a busy machine some are late
@pytest.mark.parametrize("slots", [4, 100])
async def test_a_server_that_queues_is_filled_and_hardly_more(tmp_path: Path, slots: int) -> None:
    stats = await _load(tmp_path, FaultPlan(), slots, calls=12 * slots)
    assert stats.peak_running == slots
    assert stats.peak_waiting <= max(60, slots)


async def test_a_server_that_refuses_is_asked_for_about_what_it_bears(tmp_path: Path) -> None:
    stats = await _load(tmp_path, FaultPlan(max_concurrent=12, retry_after_s=0.1), 64, calls=200)
    assert stats.requests_completed == 200
    assert stats.peak_running >= 10
    assert stats.rejected[429] < 200, "went on asking for more than the server bears"


def test_refusals_lower_the_ceiling_and_successes_raise_it_again(tmp_path: Path) -> None:
    slots = SharedSlots(tmp_path / "x.slots", 100)
    rule = AdditiveIncrease(slots)
    for _ in range(100):
        rule.after_rate_limit()
    low = slots.ceiling
    assert 1 <= low < 100
    for _ in range(1000):
        rule.after_success(waiting=5)
    assert low < slots.ceiling <= 256


def test_the_refusals_of_one_burst_count_once(tmp_path: Path) -> None:
    once, burst = (SharedSlots(tmp_path / name, 100) for name in ("once", "burst"))
    AdditiveIncrease(once).after_rate_limit()
    rule = AdditiveIncrease(burst)
    for _ in range(500):
        rule.after_rate_limit()
    assert burst.ceiling == once.ceiling


def test_nothing_is_raised_while_no_call_waits(tmp_path: Path) -> None:
    slots = SharedSlots(tmp_path / "x.slots", 10)
    rule = AdditiveIncrease(slots)
    for _ in range(1000):
        rule.after_success(waiting=0)
    assert slots.ceiling == 10
