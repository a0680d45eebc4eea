"""`kill -9` at any moment: after a rerun every row is there once, and hardly a call was repeated.

A process triages a shard, filters a domain and advances it, and is killed at 20 random moments;
then it may finish.
"""

import asyncio
import functools
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from simulator import SimulatorProcess, simulator_process
from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.pipeline import questions, triage
from wsrl_assets.storage import GroupWriter, Store, catalog
from wsrl_assets.storage.tables import (
    FilteredDocument,
    LLMCall,
    Personas,
    QADraft,
    TriagedDocument,
    VerifiedPair,
)
from wsrl_assets.taxonomy.stages import QUESTION_STAGES
from wsrl_assets_tests.factories import (
    DOMAIN,
    SHARD,
    balances,
    delivered,
    documents,
    job,
    ledger,
    plant_shard,
    quick,
    tokens_of,
)
from wsrl_assets_tests.processes import Said, elsewhere

KILLS = 20
DOCUMENTS = 20
IN_FLIGHT = 8
# At most so many rows and ledger entries uncommitted: few, so that a short run commits often.
COMMIT_ROWS = 20
TABLES = (TriagedDocument, FilteredDocument, Personas, QADraft, VerifiedPair, LLMCall)


def _work(say: Said, home: Path, base_url: str) -> None:
    """Does all that is pending in a home."""
    small = functools.partial(GroupWriter, rows=COMMIT_ROWS, seconds=0.2)
    questions.GroupWriter = small  # type: ignore[assignment, attr-defined]
    todo = job(home, base_url, max_in_flight=IN_FLIGHT, personas=2)
    say("begun")
    asyncio.run(triage.triage_shard(todo, SHARD))
    filter_domain(todo.store, DOMAIN, todo.run_id)
    asyncio.run(questions.advance_domain(todo, DOMAIN))
    say("done")


@dataclass(frozen=True, slots=True)
class Home:
    """A home whose work was done in the end, and what that took."""

    store: Store
    kills: int
    calls: int

    def ids(self) -> dict[str, list[str]]:
        """All ids by table, and with them every double; calls are counted, for their ids differ."""
        with catalog(self.store) as connection:
            return {
                table.TABLE: sorted(
                    str(row)
                    for row in connection.sql(
                        f'SELECT {", ".join(table.KEY)} FROM "{table.TABLE}"'
                    ).fetchall()
                )
                for table in TABLES
                if table is not LLMCall
            }


def _live(sim: SimulatorProcess, home: Path, life_s: float) -> bool:
    """Works for so long, then kills; whether the work was done before."""
    with elsewhere(_work, home, sim.base_url) as worker:
        assert worker.hear() == "begun"
        done = worker.said.poll(life_s)
        if done:
            assert worker.hear() == "done"
            assert worker.join() == 0
        return done


def _finished(sim: SimulatorProcess, home: Path, kills: int, moments: Random) -> Home:
    """Kills a home's worker up to `kills` times, then lets it finish."""
    store = job(home, sim.base_url).store
    plant_shard(store, documents(DOCUMENTS))
    sim.reset_stats()
    killed = 0
    while killed < kills and not _live(sim, home, moments.uniform(0.0, 0.8)):
        killed += 1
    assert _live(sim, home, 60.0), "the last life should have had time enough"
    stats = sim.stats()
    spent, paid = tokens_of(ledger(store)), delivered(stats)
    assert spent.completion <= paid.completion
    assert spent.prompt <= paid.prompt
    if killed == 0:
        assert spent == paid
    return Home(store, killed, stats.requests_received)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> list[Home]:
    """The first was left in peace; over the others, twenty kills."""
    folder = tmp_path_factory.mktemp("homes")
    moments = Random(20)
    with simulator_process(quick(slots=64, decode_tokens_per_s=2000.0)) as sim:
        found = [_finished(sim, folder / "0", 0, moments)]
        while (left := KILLS - sum(home.kills for home in found)) > 0:
            found.append(_finished(sim, folder / str(len(found)), left, moments))
    return found


def test_every_row_is_there_exactly_once(homes: list[Home]) -> None:
    in_peace = homes[0].ids()
    assert in_peace["verified_pairs"], "nothing was verified, so the test shows nothing"
    for home in homes[1:]:
        assert home.ids() == in_peace


def test_every_stage_balances_with_nothing_left(homes: list[Home]) -> None:
    for home in homes:
        found = {account.stage: account for account in balances(home.store)}
        assert all(account.balanced for account in found.values())
        for stage in ("triaged_documents", "filtered_documents", *QUESTION_STAGES):
            assert (found[stage].pending, found[stage].failed) == (0, 0)


def test_a_kill_repeats_no_more_than_what_was_in_flight_and_one_commit(homes: list[Home]) -> None:
    needed = homes[0].calls
    assert sum(home.kills for home in homes) == KILLS
    for home in homes[1:]:
        assert home.calls >= needed
        assert home.calls - needed <= home.kills * (IN_FLIGHT + COMMIT_ROWS)


def test_no_ledger_entry_is_doubled(homes: list[Home]) -> None:
    for home in homes:
        calls = [call.call_id for call in ledger(home.store)]
        assert len(set(calls)) == len(calls)
        assert len(calls) <= home.calls
