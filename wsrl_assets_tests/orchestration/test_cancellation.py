"""A cancelled run stops within ten seconds, keeps what came back and hangs up."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from types import FrameType

import pytest

from simulator import Fault, FaultPlan, Simulator, running_simulator
from wsrl_assets.orchestration import cancellation
from wsrl_assets.orchestration.cancellation import interrupt_all, run_interruptibly
from wsrl_assets.pipeline import triage
from wsrl_assets.storage import Store
from wsrl_assets.storage.tables import TriagedDocument
from wsrl_assets_tests.factories import (
    IN_SHARD,
    SHARD,
    documents,
    job,
    ledger,
    plant_shard,
    quick,
    rows,
    until,
)
from wsrl_assets_tests.processes import Said, elsewhere

pytestmark = pytest.mark.timing

STOPS_WITHIN_S = 10.0
DOCUMENTS = 500
# Four calls at a time, a few tenths of a second each: nothing here is done in ten seconds.
SLOW = quick(slots=4, decode_tokens_per_s=100.0)


def _triage(say: Said, home: Path, base_url: str) -> None:
    work = job(home, base_url, max_in_flight=8, timeout_s=300, lock_timeout_s=60)
    say("begun")
    run_interruptibly(lambda: triage.triage_shard(work, SHARD))


class Terminated(BaseException):
    """What Dagster raises in the main thread of a run that is terminated."""


def _triage_until_terminated(say: Said, home: Path, base_url: str) -> None:
    def terminate(number: int, frame: FrameType | None) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)
    _triage(say, home, base_url)


def stored(home: Path) -> list[TriagedDocument]:
    return rows(Store(home), TriagedDocument, IN_SHARD)


async def assert_hung_up(sim: Simulator) -> None:
    """Nobody is waiting for an answer, and nobody asks any more."""
    await until(lambda: sim.stats.requests_open == 0, 5)
    received = sim.stats.requests_received
    await asyncio.sleep(0.3)
    assert sim.stats.requests_received == received
    assert sim.stats.requests_aborted > 0


def assert_kept(home: Path, sim: Simulator) -> None:
    """What came back is committed, but for what was in flight at that moment."""
    done, calls = stored(home), ledger(Store(home))
    assert {row.doc_id for row in done} == {call.row_id for call in calls}
    assert len(done) < DOCUMENTS, "the run was over before it was stopped"
    assert 0 <= sim.stats.requests_completed - len(done) <= 8


WAYS: dict[str, tuple[Callable[..., None], signal.Signals]] = {
    "Ctrl-C": (_triage, signal.SIGINT),
    "Dagster's terminate": (_triage_until_terminated, signal.SIGTERM),
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_run_that_is_stopped_keeps_what_came_back_and_hangs_up(
    tmp_path: Path, way: str
) -> None:
    target, number = WAYS[way]
    plant_shard(Store(tmp_path), documents(DOCUMENTS))
    async with running_simulator(SLOW) as sim:
        with elsewhere(target, tmp_path, sim.base_url) as process:
            await until(lambda: sim.stats.requests_completed >= 12, 60)
            began = time.monotonic()
            os.kill(process.pid, number)
            assert await asyncio.to_thread(process.join, 30) != 0
            assert time.monotonic() - began < STOPS_WITHIN_S
        await assert_hung_up(sim)
        assert_kept(tmp_path, sim)


SCRIPT = """
from pathlib import Path
from wsrl_assets_tests.orchestration.test_cancellation import _triage
_triage(print, Path({home!r}), {base_url!r})
"""


def interpreter(home: Path, base_url: str) -> subprocess.Popen[bytes]:
    script = SCRIPT.format(home=str(home), base_url=base_url)
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)


async def test_an_interpreter_of_its_own_is_gone_within_ten_seconds_of_ctrl_c(
    tmp_path: Path,
) -> None:
    """Interpreters wait for threads as they leave: none may be left that waits for something."""
    plant_shard(Store(tmp_path), documents(DOCUMENTS))
    async with running_simulator(SLOW) as sim:
        process = interpreter(tmp_path, sim.base_url)
        try:
            await until(lambda: sim.stats.requests_completed >= 12, 90)
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(process.wait, 60) != 0
            assert time.monotonic() - began < STOPS_WITHIN_S
        finally:
            process.kill()
        await assert_hung_up(sim)
        assert_kept(tmp_path, sim)


async def test_a_run_whose_endpoint_hangs_stops_in_time(tmp_path: Path) -> None:
    plant_shard(Store(tmp_path), documents(20))
    plan = FaultPlan(probabilities={Fault.HANG: 1.0})
    async with running_simulator(quick(faults=plan)) as sim:
        with elsewhere(_triage, tmp_path, sim.base_url) as process:
            await until(lambda: sim.stats.requests_open >= 8, 60)
            began = time.monotonic()
            process.interrupt()
            assert await asyncio.to_thread(process.join, 30) != 0
            assert time.monotonic() - began < STOPS_WITHIN_S
        await assert_hung_up(sim)
    assert stored(tmp_path) == []


def _hold(say: Said, home: Path) -> None:
    with Store(home).transaction(IN_SHARD):
        say("held")
        time.sleep(60)


async def test_a_run_that_waits_for_a_lock_stops_in_time(tmp_path: Path) -> None:
    """Its last rows cannot be committed: somebody else has the file."""
    plant_shard(Store(tmp_path), documents(DOCUMENTS))
    async with running_simulator(SLOW) as sim:
        process = interpreter(tmp_path, sim.base_url)
        try:
            await until(lambda: sim.stats.requests_completed >= 12, 90)
            with elsewhere(_hold, tmp_path) as holder:
                await asyncio.to_thread(holder.hear)
                began = time.monotonic()
                process.send_signal(signal.SIGINT)
                assert await asyncio.to_thread(process.wait, 60) != 0
                assert time.monotonic() - began < STOPS_WITHIN_S
        finally:
            process.kill()
        await assert_hung_up(sim)


# --- the wrapper itself -------------------------------------------------------------------------


def test_a_result_comes_through() -> None:
    async def main() -> str:
        await asyncio.sleep(0)
        return "done"

    assert run_interruptibly(main) == "done"


def test_an_error_comes_through_as_it_was_raised() -> None:
    async def main() -> None:
        raise KeyError("of the coroutine")

    with pytest.raises(KeyError, match="of the coroutine"):
        run_interruptibly(main)


def test_it_runs_beside_an_event_loop_of_the_callers_thread() -> None:
    async def inner() -> int:
        return threading.get_ident()

    async def outer() -> int:
        return run_interruptibly(inner)

    assert asyncio.run(outer()) != threading.get_ident()


def _clean_up_slowly(say: Said) -> None:
    async def main() -> None:
        say("begun")
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(1.0)
            say("cleaned up")

    run_interruptibly(main)


def test_an_interrupted_coroutine_may_finish_its_clean_up() -> None:
    with elsewhere(_clean_up_slowly) as process:
        assert process.hear() == "begun"
        process.interrupt()
        assert process.hear() == "cleaned up"
        assert process.join() != 0


def _never_clean_up(say: Said) -> None:
    cancellation.GRACE_S = 1.0

    async def main() -> None:
        say("begun")
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                say("ignored")

    run_interruptibly(main)


def test_a_coroutine_that_will_not_end_does_not_keep_the_process() -> None:
    assert cancellation.GRACE_S < STOPS_WITHIN_S
    with elsewhere(_never_clean_up) as process:
        assert process.hear() == "begun"
        process.interrupt()
        assert process.hear() == "ignored"
        assert process.join(STOPS_WITHIN_S) != 0


def _run_in_threads(say: Said) -> None:
    """As `wsrl run` does, with a thread for each partition."""
    one_at_a_time = threading.Lock()  # a pipe is not made for several threads

    def tell(word: str) -> None:
        with one_at_a_time:
            say(word)

    async def main() -> None:
        tell("begun")
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.5)
            tell("cleaned up")

    def run() -> None:
        with suppress(KeyboardInterrupt):
            run_interruptibly(main)
            tell("went on")

    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(run) for _ in range(3)]
        try:
            # The signal may reach another thread, which does not end an untimed wait of this one.
            while wait(runs, 0.1).not_done:
                pass
        except KeyboardInterrupt:
            interrupt_all()
            raise


def test_ctrl_c_can_be_passed_on_to_runs_in_other_threads() -> None:
    with elsewhere(_run_in_threads) as process:
        assert [process.hear() for _ in range(3)] == ["begun"] * 3
        process.interrupt()
        assert [process.hear() for _ in range(3)] == ["cleaned up"] * 3
        assert process.join() != 0
