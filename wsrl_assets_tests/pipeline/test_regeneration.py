"""Rows are regenerated when asked, beside the old ones, which stay until those are verified."""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulator import (
    Fault,
    FaultPlan,
    Simulator,
    running_simulator,
    schema_name,
)
from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.llm.roles import Role
from wsrl_assets.pipeline import questions, regeneration, triage
from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.pending import has_work
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.settings import Roles
from wsrl_assets.storage import Partition, Store, catalog
from wsrl_assets.storage.tables import (
    FilteredDocument,
    FinalSplit,
    LLMCall,
    Outcome,
    PassRate,
    Personas,
    QADraft,
    Status,
    TriagedDocument,
    VerifiedPair,
)
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import QUESTION_STAGES
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    IN_SHARD,
    SHARD,
    WHEN,
    balances,
    documents,
    honest_reply,
    ids,
    job,
    plant_domain,
    plant_shard,
    quick,
    rows,
)
from wsrl_assets_tests.processes import Said, elsewhere

COUNT = 5
NEXT = Partition.next(DOMAIN)
OLD = Partition.superseded(DOMAIN)


async def made(sim: Simulator, home: Path, **others: Any) -> Job:
    """A domain of which everything was made, and placed."""
    work = job(home, sim.base_url, **{"personas": 2, **others})
    plant_domain(work.store, documents(COUNT))
    await asyncio.wait_for(questions.advance_domain(work, DOMAIN), 60)
    place(work)
    return work


def place(work: Job) -> None:
    split_domain(work.store, DOMAIN, work.run_id, SplitSettings(0.0, 0.0, 0))


def asking(work: Job, stage: str | None, **others: Any) -> Job:
    """The same job with a stage to regenerate, by another recipe."""
    roles = with_temperature(work, 0.9)
    settings = work.settings.model_copy(update={"regenerate": stage, **others})
    return replace(work, roles=roles, settings=settings, run_id="again")


def with_temperature(work: Job, temperature: float) -> Roles:
    return Roles({r: replace(work.roles[r], temperature=temperature) for r in Role})


async def regenerate(sim: Simulator, work: Job) -> dict[str, int]:
    """The calls that it made, by step."""
    sim.reset_stats()
    await asyncio.wait_for(regeneration.regenerate_domain(work, DOMAIN), 60)
    return {name: counts.received for name, counts in sim.stats.stages.items() if counts.received}


def stale(work: Job) -> dict[str, int]:
    with catalog(work.store) as connection:
        return regeneration.stale_rows(connection, work)


def assert_balanced(store: Store) -> None:
    # What was planted in a domain has no triage behind it.
    found = [a for a in balances(store) if a.stage not in ("filtered_documents", "rl_dataset")]
    assert [a for a in found if not a.balanced] == []


STAGE_TABLES: tuple[type[Outcome], ...] = (Personas, QADraft, VerifiedPair)
VERIFYING = dict.fromkeys(("judge_question", "judge_supported", "round_trip"), 2 * COUNT)
CALLS = {
    "personas": {"personas": COUNT, "open": 2 * COUNT, **VERIFYING},
    "qa_drafts": {"open": 2 * COUNT, **VERIFYING},
    "verified_pairs": VERIFYING,
}


@pytest.mark.parametrize("stage", CALLS)
async def test_a_stage_is_made_anew_with_what_hangs_on_it(tmp_path: Path, stage: str) -> None:
    async with running_simulator(quick()) as sim:
        work = await made(sim, tmp_path)
        before = {row.draft_id for row in rows(work.store, QADraft, IN_DOMAIN)}
        asked = asking(work, stage)
        assert await regenerate(sim, asked) == CALLS[stage]
        assert await regenerate(sim, asked) == {}
    after = {row.draft_id for row in rows(work.store, QADraft, IN_DOMAIN)}
    assert (before & after == set()) is (stage != "verified_pairs")
    assert len(after) == 2 * COUNT
    for table in STAGE_TABLES:
        name = table.TABLE
        made_by = {row.run_id for row in rows(work.store, table, IN_DOMAIN)}
        hangs = QUESTION_STAGES.index(name) >= QUESTION_STAGES.index(stage)
        assert made_by == ({"again"} if hangs else {"run"})
    assert not regeneration.is_under_way(work.store, DOMAIN)
    assert_balanced(work.store)
    place(work)
    assert {row.pair_id for row in rows(work.store, FinalSplit, IN_DOMAIN)} == after
    assert_balanced(work.store)


async def test_what_was_replaced_is_kept_apart(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = await made(sim, tmp_path)
        before = {t: rows(work.store, t, IN_DOMAIN) for t in (QADraft, VerifiedPair, FinalSplit)}
        await regenerate(sim, asking(work, "qa_drafts"))
    for table, old in before.items():
        assert ids(rows(work.store, table, OLD)) == ids(old)
    with catalog(work.store) as connection:
        counted = connection.sql("SELECT count(*) FROM qa_drafts").fetchall()
    assert counted == [(2 * COUNT,)]


async def test_staleness_shows_before_and_is_gone_after(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = await made(sim, tmp_path)
        assert stale(work) == {}
        asked = asking(work, "personas")
        assert stale(asked) == {
            "personas": COUNT,
            "qa_drafts": 2 * COUNT,
            "verified_pairs": 2 * COUNT,
        }
        await regenerate(sim, asked)
    assert stale(asked) == {}


async def test_nothing_is_made_anew_under_the_same_recipe(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = await made(sim, tmp_path)
        same = replace(work, settings=work.settings.model_copy(update={"regenerate": "personas"}))
        assert await regenerate(sim, same) == {}
    assert not work.store.exists(OLD)


async def test_rows_of_the_new_recipe_are_not_paid_for_again(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = await made(sim, tmp_path)
        asked = asking(work, "qa_drafts")
        plant_domain(work.store, documents(COUNT + 1))
        await questions.advance_domain(asked, DOMAIN)
        assert (await regenerate(sim, asked))["open"] == 2 * COUNT
    assert len(rows(work.store, QADraft, IN_DOMAIN)) == 2 * (COUNT + 1)


async def test_forms_that_are_not_asked_for_stay(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = await made(sim, tmp_path, forms="open,cloze")
        before = {
            row.draft_id for row in rows(work.store, QADraft, IN_DOMAIN) if row.form == "cloze"
        }
        only = asking(work, "qa_drafts", forms=("open",))
        calls = await regenerate(sim, only)
    assert "cloze" not in calls
    after = {row.draft_id for row in rows(work.store, QADraft, IN_DOMAIN) if row.form == "cloze"}
    assert after == before


async def test_old_rows_stay_whole_while_new_ones_fail(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = await made(sim, tmp_path)
        before = {t: rows(work.store, t, IN_DOMAIN) for t in (Personas, QADraft, VerifiedPair)}
    plan = FaultPlan(probabilities={Fault.MALFORMED: 1.0})
    async with running_simulator(quick(faults=plan)) as sim:
        bad = replace(work, roles=job(tmp_path, sim.base_url).roles)
        assert await regenerate(sim, asking(bad, "qa_drafts"))
    assert {t: rows(work.store, t, IN_DOMAIN) for t in before} == before
    assert regeneration.is_under_way(work.store, DOMAIN)
    assert rows(work.store, LLMCall, NEXT) == []  # what it cost is in the domain's own ledger
    async with running_simulator(quick()) as sim:
        good = replace(work, roles=job(tmp_path, sim.base_url).roles)
        await regenerate(sim, asking(good, "qa_drafts"))
    assert not regeneration.is_under_way(work.store, DOMAIN)
    assert {row.run_id for row in rows(work.store, QADraft, IN_DOMAIN)} == {"again"}
    assert_balanced(work.store)


async def test_what_was_begun_goes_on_in_a_run_that_does_not_ask(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = await made(sim, tmp_path)
        asked = asking(work, "qa_drafts")
        await regeneration.regenerate_domain(asked, DOMAIN, ["qa_drafts"])
        assert regeneration.is_under_way(work.store, DOMAIN)
        assert {row.run_id for row in rows(work.store, QADraft, IN_DOMAIN)} == {"run"}
        calls = await regenerate(sim, replace(asked, settings=work.settings))
    assert "open" not in calls
    assert {row.run_id for row in rows(work.store, QADraft, IN_DOMAIN)} == {"again"}


async def test_a_pair_that_a_new_judge_rejects_leaves_its_split(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = await made(sim, tmp_path)
        kept = {r.pair_id for r in rows(work.store, VerifiedPair, IN_DOMAIN) if r.status == "kept"}
        assert kept
        rate = PassRate(
            pair_id=min(kept),
            rollouts=1,
            passed=1,
            pass_rate=1.0,
            truncated=0,
            completion_tokens_mean=1.0,
            completion_tokens_max=1,
            misses=(),
            rollout_recipe="r",
            recipe="r",
            run_id="run",
            created_at=WHEN,
        )
        with work.store.transaction(IN_DOMAIN) as transaction:
            transaction.merge([rate])
    async with running_simulator(quick(reply=strict_reply)) as sim:
        strict = replace(work, roles=job(tmp_path, sim.base_url).roles)
        await regenerate(sim, asking(strict, "verified_pairs"))
    assert {r.status for r in rows(work.store, VerifiedPair, IN_DOMAIN)} == {Status.REJECTED}
    assert rows(work.store, PassRate, IN_DOMAIN) == []
    assert [r for r in rows(work.store, FinalSplit, IN_DOMAIN) if r.status == "kept"] == []
    assert_balanced(work.store)


def strict_reply(body: dict[str, Any], rng: Random) -> str:
    """A model that finds fault with every pair."""
    reply = json.loads(honest_reply(body, rng))
    if schema_name(body) == "judge_question":
        reply = {k: False if isinstance(v, bool) else v for k, v in reply.items()}
    return json.dumps(reply)


def _regenerate_slowly(say: Said, home: str, base_url: str) -> None:
    work = asking(job(Path(home), base_url, personas=2, max_in_flight=2), "qa_drafts")
    say("begun")
    asyncio.run(regeneration.regenerate_domain(work, DOMAIN))
    say("done")


async def test_a_regeneration_killed_half_way_loses_nothing_and_is_finished(tmp_path: Path) -> None:
    async with running_simulator(quick(slots=1, decode_tokens_per_s=400.0)) as sim:
        work = await made(sim, tmp_path)
        before = {t: rows(work.store, t, IN_DOMAIN) for t in (QADraft, VerifiedPair)}
        with elsewhere(_regenerate_slowly, str(tmp_path), sim.base_url) as other:
            assert other.hear() == "begun"
            for _ in range(600):
                if work.store.exists(NEXT) and rows(work.store, QADraft, NEXT):
                    break
                await asyncio.sleep(0.05)
            other.kill()
        assert {t: rows(work.store, t, IN_DOMAIN) for t in before} == before
        done = len(rows(work.store, QADraft, NEXT))
        assert 0 < done < 2 * COUNT
        calls = await regenerate(sim, asking(work, None))
    assert calls["open"] <= 2 * COUNT - done
    assert {row.run_id for row in rows(work.store, QADraft, IN_DOMAIN)} == {"again"}
    assert len(rows(work.store, QADraft, IN_DOMAIN)) == 2 * COUNT
    assert_balanced(work.store)


# --- triage -------------------------------------------------------------------------------------


def elsewhere_reply(body: dict[str, Any], rng: Random) -> str:
    """A model that gives every document of an even number of visitors to Coding."""
    reply = json.loads(honest_reply(body, rng))
    prompt = str(body["messages"])
    if schema_name(body) == "triage" and re.search(r"welcomed \d*[02468] visitors", prompt):
        reply["domain"] = Domain.CODING.label
    return json.dumps(reply)


async def test_triage_anew_moves_documents_with_all_that_hangs_on_them(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url, personas=1)
        plant_shard(work.store, documents(COUNT))
        await triage.triage_shard(work, SHARD)
        filter_domain(work.store, DOMAIN, "run")
        await questions.advance_domain(work, DOMAIN)
        place(work)
    async with running_simulator(quick(reply=elsewhere_reply)) as sim:
        other = replace(work, roles=job(tmp_path, sim.base_url).roles)
        asked = asking(other, "triaged_documents")
        assert stale(asked)["triaged_documents"] == COUNT
        assert await triage.triage_shard(asked, SHARD) == COUNT
        assert await triage.triage_shard(asked, SHARD) == 0
        moved = (COUNT + 1) // 2
        filtered = next(a for a in balances(work.store) if a.stage == "filtered_documents")
        assert has_work(filtered, asked.settings)
        filter_domain(work.store, DOMAIN, "again")
        filter_domain(work.store, Domain.CODING, "again")
    for table in (FilteredDocument, Personas, QADraft, VerifiedPair, FinalSplit):
        assert len(rows(work.store, table, IN_DOMAIN)) == COUNT - moved
        assert len(rows(work.store, table, OLD)) == moved
    assert len(rows(work.store, FilteredDocument, Partition.domain(Domain.CODING))) == moved
    assert [a for a in balances(work.store) if not a.balanced and a.stage != "rl_dataset"] == []


async def test_a_verdict_of_triage_is_not_replaced_by_a_failure(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url)
        plant_shard(work.store, documents(COUNT))
        await triage.triage_shard(work, SHARD)
        before = rows(work.store, TriagedDocument, IN_SHARD)
    async with running_simulator(
        quick(faults=FaultPlan(probabilities={Fault.MALFORMED: 1.0}))
    ) as sim:
        bad = replace(work, roles=job(tmp_path, sim.base_url).roles)
        await triage.triage_shard(asking(bad, "triaged_documents"), SHARD)
    assert rows(work.store, TriagedDocument, IN_SHARD) == before


def test_documents_whose_shard_is_not_here_stay(tmp_path: Path) -> None:
    store = Store(tmp_path)
    plant_domain(store, documents(COUNT))
    filter_domain(store, DOMAIN, "run")
    assert len(rows(store, FilteredDocument, IN_DOMAIN)) == COUNT
