"""The stages that ask models top up: they do what is pending, once, and leave the rest alone."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulator import Fault, FaultPlan, Simulator, running_simulator, schema_name
from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.llm.roles import Role
from wsrl_assets.pipeline import job as pipeline_job
from wsrl_assets.pipeline import questions, triage
from wsrl_assets.pipeline.job import Job
from wsrl_assets.release.dataset import build_release, read_release
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.release.trainers.verl import to_rows
from wsrl_assets.reward import Gold, score
from wsrl_assets.settings import Roles
from wsrl_assets.storage import Store, StoreBusyError, catalog
from wsrl_assets.storage.tables import (
    LLMCall,
    Personas,
    QADraft,
    Recipe,
    Status,
    TriagedDocument,
    VerifiedPair,
)
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.stages import QUESTION_STAGES
from wsrl_assets.text.normalisation import content_id
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    IN_SHARD,
    SHARD,
    balances,
    delivered,
    document_text,
    documents,
    honest_reply,
    ids,
    job,
    ledger,
    plant_domain,
    plant_shard,
    quick,
    role,
    rows,
    tokens_of,
)
from wsrl_assets_tests.processes import Said, elsewhere

COUNT = 6
VERIFYING = ("judge_question", "judge_supported", "round_trip")
ALL = QUESTION_STAGES


async def advance(work: Job, *stages: str) -> int:
    return await asyncio.wait_for(questions.advance_domain(work, DOMAIN, stages or ALL), 60)


async def asked(sim: Simulator, work: Job, *stages: str) -> dict[str, int]:
    """The calls that advancing made, by step."""
    sim.reset_stats()
    await advance(work, *stages)
    return {name: counts.received for name, counts in sim.stats.stages.items() if counts.received}


def counts(store: Store) -> tuple[int, int, int]:
    """Rows of personas, drafts and verified pairs."""
    return (
        len(rows(store, Personas, IN_DOMAIN)),
        len(rows(store, QADraft, IN_DOMAIN)),
        len(rows(store, VerifiedPair, IN_DOMAIN)),
    )


def assert_balanced(store: Store, *forms: Form) -> None:
    found = balances(store, forms or (Form.OPEN,))
    # What was planted in a domain has no triage behind it.
    assert [a for a in found if not a.balanced and a.stage != "filtered_documents"] == []


# --- topping up ---------------------------------------------------------------------------------


async def test_a_second_run_makes_no_call(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url, personas=2, forms="open,cloze")
        plant_shard(work.store, documents(COUNT))
        assert await triage.triage_shard(work, SHARD) == COUNT
        filter_domain(work.store, DOMAIN, "run")
        assert await advance(work) == COUNT
        assert tokens_of(ledger(work.store)) == delivered(sim.stats)
        before = sim.stats.requests_received
        assert await triage.triage_shard(work, SHARD) == 0
        assert filter_domain(work.store, DOMAIN, "again") == 0
        assert await advance(work) == 0
        assert sim.stats.requests_received == before
    assert counts(work.store) == (COUNT, 4 * COUNT, 4 * COUNT)
    assert all(account.balanced for account in balances(work.store, (Form.OPEN, Form.CLOZE)))


async def test_a_finished_stage_needs_no_endpoint(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url, personas=1)
        plant_domain(work.store, documents(COUNT))
        await advance(work)
    assert await advance(job(tmp_path, "http://127.0.0.1:9/v1", personas=1)) == 0
    assert await advance(Job(work.store, work.settings, Roles({}), "run")) == 0


async def test_new_documents_are_done_and_old_ones_left_alone(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url, personas=1)
        plant_domain(work.store, documents(COUNT))
        await advance(work)
        before = {row.draft_id: row for row in rows(work.store, QADraft, IN_DOMAIN)}
        plant_domain(work.store, documents(COUNT + 2))
        calls = await asked(sim, work)
    assert calls == dict.fromkeys(("personas", "open", *VERIFYING), 2)
    after = {row.draft_id: row for row in rows(work.store, QADraft, IN_DOMAIN)}
    assert {key: after[key] for key in before} == before
    assert len(after) == COUNT + 2


@pytest.mark.parametrize(
    ("settings", "calls"),
    [
        ({}, dict.fromkeys(VERIFYING[:2], COUNT)),
        ({"judge_votes": 3}, dict.fromkeys(VERIFYING[:2], 2 * COUNT)),
        ({"judge": False}, {}),
    ],
)
async def test_the_judge_is_asked_as_the_settings_say(
    tmp_path: Path, settings: dict[str, Any], calls: dict[str, int]
) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url, personas=1, **settings)
        plant_domain(work.store, documents(COUNT))
        made = await asked(sim, work)
    assert {step: n for step, n in made.items() if step.startswith("judge")} == calls
    assert {row.status for row in rows(work.store, VerifiedPair, IN_DOMAIN)} == {Status.KEPT}
    assert_balanced(work.store)


def test_a_changed_judge_is_another_recipe_of_the_pairs_alone(tmp_path: Path) -> None:
    models = dict.fromkeys(Role, "m")
    ways: list[dict[str, Any]] = [
        {},
        {"judge_votes": 3},
        {"judge_votes": 5},
        {"judge": False},
    ]
    recipes = [
        questions.domain_recipes(job(tmp_path, "http://h/v1", **way), models, DOMAIN)
        for way in ways
    ]
    assert len({found["verified_pairs"].hash for found in recipes}) == len(ways)
    assert len({found[Form.OPEN].hash for found in recipes}) == 1
    off = job(tmp_path, "http://h/v1", judge=False, judge_votes=3)
    assert questions.domain_recipes(off, models, DOMAIN) == recipes[-1], "no judge has no votes"


@pytest.mark.parametrize(
    ("settings", "stages", "warned"),
    [
        ({}, ALL, 1),
        ({"judge": False}, ALL, 0),
        ({}, ALL[:2], 0),
    ],
)
async def test_a_model_that_would_judge_its_own_questions_is_told_of(
    tmp_path: Path, settings: dict[str, Any], stages: tuple[str, ...], warned: int
) -> None:
    told: list[str] = []
    async with running_simulator(quick()) as sim:
        work = replace(job(tmp_path, sim.base_url, personas=1, **settings), warn=told.append)
        plant_domain(work.store, documents(1))
        await advance(work, *stages)
        await advance(work, *stages)  # nothing is pending any more
    assert len(told) == warned
    assert all("simulated" in text and "WSRL_LLM_JUDGE_MODEL" in text for text in told)


async def test_a_judge_of_another_name_is_not_told_of(tmp_path: Path) -> None:
    told: list[str] = []
    async with (
        running_simulator(quick(model="writer")) as sim,
        running_simulator(quick(model="judge")) as bench,
    ):
        work = job(tmp_path, sim.base_url, personas=1)
        roles = Roles({**dict.fromkeys(Role, role(sim.base_url)), Role.JUDGE: role(bench.base_url)})
        plant_domain(work.store, documents(1))
        await advance(replace(work, roles=roles, warn=told.append))
    assert told == []
    assert {row.status for row in rows(work.store, VerifiedPair, IN_DOMAIN)} == {Status.KEPT}


async def test_every_row_says_where_it_came_from(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url, run_id="run-7", personas=1)
        plant_domain(work.store, documents(2))
        await advance(work)
    recipes = {row.recipe: row for row in rows(work.store, Recipe, IN_DOMAIN)}
    for table, stage in ((Personas, ALL[0]), (QADraft, ALL[1]), (VerifiedPair, ALL[2])):
        for row in rows(work.store, table, IN_DOMAIN):
            assert (row.run_id, row.model) == ("run-7", "simulated")
            assert recipes[row.recipe].stage == stage
    assert {call.recipe for call in rows(work.store, LLMCall, IN_DOMAIN)} <= set(recipes)


# --- some of the stages -------------------------------------------------------------------------


async def test_stages_can_be_done_one_by_one_and_give_the_same_rows(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        apart = job(tmp_path / "apart", sim.base_url, personas=2)
        together = job(tmp_path / "together", sim.base_url, personas=2)
        for work in (apart, together):
            plant_domain(work.store, documents(COUNT))
        assert await asked(sim, apart, "personas") == {"personas": COUNT}
        assert counts(apart.store) == (COUNT, 0, 0)
        assert await asked(sim, apart, "qa_drafts") == {"open": 2 * COUNT}
        assert counts(apart.store) == (COUNT, 2 * COUNT, 0)
        verdicts = dict.fromkeys(VERIFYING, 2 * COUNT)
        assert await asked(sim, apart, "verified_pairs") == verdicts
        assert_balanced(apart.store)
        await advance(together)
    for table in (Personas, QADraft, VerifiedPair):
        assert ids(rows(apart.store, table, IN_DOMAIN)) == ids(
            rows(together.store, table, IN_DOMAIN)
        )


@pytest.mark.parametrize("stage", ["qa_drafts", "verified_pairs"])
async def test_a_stage_whose_upstream_is_missing_has_nothing_to_do(
    tmp_path: Path, stage: str
) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url)
        plant_domain(work.store, documents(COUNT))
        assert await asked(sim, work, stage) == {}
    assert counts(work.store) == (0, 0, 0)


async def test_a_stage_asks_only_the_endpoints_that_it_needs(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url, personas=1)
        only = replace(work, roles=Roles({Role.TRIAGE: role(sim.base_url)}))
        plant_domain(work.store, documents(2))
        await advance(only, "personas")
        with pytest.raises(EndpointError, match=r"role generator.*WSRL_LLM_BASE_URL"):
            await advance(only, "qa_drafts")


async def test_another_form_can_be_added_later(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        first = job(tmp_path, sim.base_url, personas=1, forms="open")
        plant_domain(first.store, documents(COUNT))
        await advance(first)
        both = job(tmp_path, sim.base_url, personas=1, forms="open,cloze")
        calls = await asked(sim, both)
    assert calls.get("personas", 0) == 0
    assert calls["cloze"] == COUNT
    assert "open" not in calls
    drafts = rows(both.store, QADraft, IN_DOMAIN)
    assert sorted(draft.form for draft in drafts) == ["cloze"] * COUNT + ["open"] * COUNT
    assert_balanced(both.store, Form.OPEN, Form.CLOZE)


def harbour_texts(count: int) -> list[str]:
    """Texts of which each makes two statements, about nothing that another is about."""
    letters = [chr(ord("a") + n // 26) + chr(ord("a") + n % 26) for n in range(count)]
    return [
        f"The harbour of Kel{name}mar in Vor{name}land took in {20_000 + 113 * n} barrels in one "
        f"year. The brewery of Sun{name}ford near Tol{name}wick sold {60_000 + 117 * n} crates in "
        "one year."
        for n, name in enumerate(letters)
    ]


async def test_multiple_choice_goes_through_all_stages_and_tops_up(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url, personas=1, forms="multiple_choice")
        plant_domain(work.store, harbour_texts(24))
        await advance(work)
        before = {row.draft_id: row for row in rows(work.store, QADraft, IN_DOMAIN)}
        assert await asked(sim, work) == {}
        plant_domain(work.store, harbour_texts(30))
        calls = await asked(sim, work)
    assert calls["personas"] == 6
    after = {row.draft_id: row for row in rows(work.store, QADraft, IN_DOMAIN)}
    assert {key: after[key] for key in before} == before, "a draft is made once"
    assert len(after) == 30
    kept = {row.draft_id for row in after.values() if row.status is Status.KEPT}
    assert len(kept) >= 6
    pairs = rows(work.store, VerifiedPair, IN_DOMAIN)
    assert {pair.pair_id for pair in pairs if pair.status is Status.KEPT} == kept
    assert {after[key].reason for key in after.keys() - kept} == {"too_few_distractors"}
    assert_balanced(work.store, Form.MULTIPLE_CHOICE)


async def test_a_choice_is_released_with_its_options_and_told_by_the_trace(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url, personas=1, forms="multiple_choice")
        plant_domain(work.store, harbour_texts(24))
        await advance(work)
    assert split_domain(work.store, DOMAIN, "run", SplitSettings()) > 0
    pairs = read_release(build_release(work.store, "run").folder)
    for pair, row in zip(pairs.to_dicts(), to_rows(pairs).to_dicts(), strict=True):
        gold = Gold.from_json(pair["gold"])
        assert pair["form"] == "multiple_choice"
        assert pair["answer"] == gold.choices["ABCD".index(gold.value)]
        prompt = row["prompt"][0]["content"]
        assert all(
            f"\n{a}) {text}\n" in prompt for a, text in zip("ABCD", gold.choices, strict=True)
        )
        told = [score(f"Answer: {letter}", Gold.from_json(pair["gold"])).value for letter in "ABCD"]
        assert sum(told) == 1
    with catalog(work.store) as connection:
        (traced,) = frame(connection, "trace_pair", prefix=pairs["pair_id"][0] + "%").to_dicts()
    assert (traced["form"], len(traced["choices"])) == ("multiple_choice", 4)


async def test_checks_that_are_switched_off_ask_nothing(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url, personas=1, judge=False, round_trip=False)
        plant_domain(work.store, documents(2))
        assert await asked(sim, work) == {"personas": 2, "open": 2}
    assert {row.status for row in rows(work.store, VerifiedPair, IN_DOMAIN)} == {Status.KEPT}


# --- rows that failed ---------------------------------------------------------------------------


def failing(marker: str = "poison") -> FaultPlan:
    return FaultPlan(fault_for_marker={marker: Fault.MALFORMED})


async def test_failed_documents_are_left_alone_until_they_are_asked_for(tmp_path: Path) -> None:
    texts = [*documents(COUNT), document_text(COUNT, "poison")]
    async with running_simulator(quick(faults=failing())) as sim:
        work = job(tmp_path, sim.base_url)
        plant_shard(work.store, texts)
        await triage.triage_shard(work, SHARD)
        received = sim.stats.requests_received
        assert await triage.triage_shard(work, SHARD) == 0
        assert sim.stats.requests_received == received
    failed = [r for r in rows(work.store, TriagedDocument, IN_SHARD) if r.status is Status.FAILED]
    assert ids(failed) == [content_id(texts[-1])]
    async with running_simulator(quick()) as sim:
        assert await triage.triage_shard(job(tmp_path, sim.base_url, retry_failed=True), SHARD) == 1
    again = rows(work.store, TriagedDocument, IN_SHARD)
    assert {row.status for row in again} == {Status.KEPT}
    assert len(again) == COUNT + 1


STEPS = {
    "personas": "Name 1 different",
    "qa_drafts": "Write one question",
    "verified_pairs": "Check a question",
}


@pytest.mark.parametrize("stage", STEPS)
async def test_failed_rows_of_each_stage_are_left_alone_and_retried_when_asked_for(
    tmp_path: Path, stage: str
) -> None:
    async with running_simulator(quick(faults=failing(STEPS[stage]))) as sim:
        work = job(tmp_path, sim.base_url, personas=1)
        plant_domain(work.store, documents(COUNT))
        await advance(work)
        account = next(a for a in balances(work.store) if a.stage == stage)
        assert (account.failed, account.reasons) == (COUNT, {"invalid_reply": COUNT})
        assert await asked(sim, work) == {}
    async with running_simulator(quick()) as sim:
        await advance(job(tmp_path, sim.base_url, personas=1, retry_failed=True))
    assert counts(work.store) == (COUNT, COUNT, COUNT)
    assert {row.status for row in rows(work.store, VerifiedPair, IN_DOMAIN)} == {Status.KEPT}
    assert_balanced(work.store)


async def test_a_draft_that_another_model_retries_takes_the_failed_ones_place(
    tmp_path: Path,
) -> None:
    """Its id is another, since the recipe is; yet there is one draft a persona and form."""
    async with running_simulator(quick(faults=failing(STEPS["qa_drafts"]))) as sim:
        work = job(tmp_path, sim.base_url, personas=2)
        plant_domain(work.store, documents(COUNT))
        await advance(work)
    async with running_simulator(quick(model="a better one")) as sim:
        again = job(tmp_path, sim.base_url, personas=2, retry_failed=True)
        await advance(again)
        assert await asked(sim, again) == {}
    drafts = rows(work.store, QADraft, IN_DOMAIN)
    assert {(draft.status, draft.model) for draft in drafts} == {(Status.KEPT, "a better one")}
    assert len(drafts) == 2 * COUNT
    assert_balanced(work.store)


# --- what gets in the way -----------------------------------------------------------------------


def _hold_partition(say: Said, home: Path, shard: bool) -> None:
    with Store(home).transaction(IN_SHARD if shard else IN_DOMAIN):
        say("held")
        asyncio.run(asyncio.sleep(60))


async def test_a_database_that_is_locked_ends_the_run_with_its_error_and_no_hang(
    tmp_path: Path,
) -> None:
    """In the middle of the run, so that the commits fail and not the first look."""
    slow = quick(slots=4, decode_tokens_per_s=100.0)
    async with running_simulator(slow) as sim:
        work = job(tmp_path, sim.base_url, lock_timeout_s=0.5)
        plant_shard(work.store, documents(200))
        run = asyncio.create_task(triage.triage_shard(work, SHARD))
        while not rows(work.store, TriagedDocument, IN_SHARD):
            assert not run.done(), "the run was over before it could be disturbed"
            await asyncio.sleep(0.05)
        with elsewhere(_hold_partition, tmp_path, True) as holder:
            await asyncio.to_thread(holder.hear)
            with pytest.raises(StoreBusyError, match=f"process {holder.pid}"):
                await asyncio.wait_for(run, 30)
        assert sim.stats.requests_open == 0
    kept = rows(work.store, TriagedDocument, IN_SHARD)
    assert 0 < len(kept) < 200
    assert {call.row_id for call in ledger(work.store)} >= {row.doc_id for row in kept}
    async with running_simulator(quick()) as sim:
        await triage.triage_shard(job(tmp_path, sim.base_url), SHARD)
    assert len(rows(work.store, TriagedDocument, IN_SHARD)) == 200


async def test_a_second_run_on_a_partition_is_refused_before_it_pays(tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url)
        plant_shard(work.store, documents(COUNT))
        plant_domain(work.store, documents(COUNT))
        with work.store.exclusive_run(IN_SHARD), pytest.raises(StoreBusyError):
            await triage.triage_shard(work, SHARD)
        with work.store.exclusive_run(IN_DOMAIN), pytest.raises(StoreBusyError):
            await advance(work)
        assert sim.stats.requests_received == 0


async def test_pages_of_documents_are_all_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_job, "_PAGE", 3)
    async with running_simulator(quick()) as sim:
        work = job(tmp_path, sim.base_url, personas=1, judge=False, round_trip=False)
        plant_shard(work.store, documents(10))
        plant_domain(work.store, documents(10))
        assert await triage.triage_shard(work, SHARD) == 10
        await advance(work)
    assert len(rows(work.store, TriagedDocument, IN_SHARD)) == 10
    assert counts(work.store) == (10, 10, 10)


async def test_a_question_that_all_personas_ask_is_judged_once_a_document(tmp_path: Path) -> None:
    def same(body: dict[str, Any], rng: Random) -> str:
        reply = honest_reply(body, rng)
        if schema_name(body) != "personas":
            return reply
        return json.dumps({"personas": ["a planner of trips", "a planner of tours"]})

    async with running_simulator(quick(reply=same)) as sim:
        work = job(tmp_path, sim.base_url, personas=2)
        plant_domain(work.store, documents(COUNT))
        calls = await asked(sim, work)
        assert {step: calls[step] for step in VERIFYING} == dict.fromkeys(VERIFYING, COUNT)
        kept = rows(work.store, VerifiedPair, IN_DOMAIN)
        reasons = Counter(row.reason for row in kept)
        assert reasons == {None: COUNT, "duplicate_in_document": COUNT}
        # A draft that comes later is compared with what an earlier run kept.
        first = rows(work.store, QADraft, IN_DOMAIN)[0]
        with work.store.transaction(IN_DOMAIN) as transaction:
            transaction.merge([replace(first, draft_id="later", persona_index=2)])
        assert await asked(sim, work, "verified_pairs") == {}
    later = [row for row in rows(work.store, VerifiedPair, IN_DOMAIN) if row.pair_id == "later"]
    assert [row.reason for row in later] == ["duplicate_in_document"]
