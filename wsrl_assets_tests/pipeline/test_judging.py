"""A judge by probability in a run: calibrated once, kept, and named by the recipe."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulator import Simulator, running_simulator
from wsrl_assets.errors import UserError
from wsrl_assets.generation.library import load_library
from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.llm.roles import Role
from wsrl_assets.pipeline import judging, questions
from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.preview import preview
from wsrl_assets.storage.tables import Status, VerifiedPair
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    delivered,
    documents,
    honest_reply,
    job,
    ledger,
    plant_domain,
    plant_shard,
    quick,
    rows,
    tokens_of,
    until,
)
from wsrl_assets_tests.hosts import Hosts

COUNT = 4
KNOWN = {pair.pair_id for pair in judging.known_pairs(list(load_library().values()))}
STEPS = {"judge_meaning", "judge_given_away", "judge_stated"}


def by_probability(folder: Path, sim: Simulator, **settings: Any) -> Job:
    return job(folder, sim.base_url, personas=1, judge_by="probability", **settings)


async def advance(work: Job, domain: Domain = DOMAIN) -> None:
    await asyncio.wait_for(questions.advance_domain(work, domain), 60)


def asked_of(work: Job) -> Counter[str]:
    """Calls of the judge, by step and whether the pair is a known one."""
    calls = [call for call in ledger(work.store) if call.step.startswith("judge")]
    return Counter(f"{call.step} {'known' if call.row_id in KNOWN else 'own'}" for call in calls)


async def test_thresholds_are_calibrated_once_and_pairs_are_judged_by_them(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=honest_reply)) as sim:
        work = by_probability(tmp_path, sim)
        plant_domain(work.store, documents(COUNT))
        await advance(work)
        assert tokens_of(ledger(work.store)) == delivered(sim.stats)
        first = asked_of(work)
        plant_domain(work.store, documents(COUNT + 2))
        await advance(by_probability(tmp_path, sim))
    assert first == {
        **{f"{step} known": len(KNOWN) for step in STEPS},
        **{f"{step} own": COUNT for step in STEPS},
    }
    assert asked_of(work) - first == {f"{step} own": 2 for step in STEPS}
    pairs = rows(work.store, VerifiedPair, IN_DOMAIN)
    assert [pair.status for pair in pairs] == [Status.KEPT] * (COUNT + 2)
    details = {v.detail for pair in pairs for v in pair.verdicts if v.check == "judge_supported"}
    assert details == {"what its quote says: 0.8, threshold 0.8"}


async def test_a_pair_below_the_line_is_refused(tmp_path: Path) -> None:
    def doubting(body: dict[str, Any], rng: Random) -> str:
        is_own = body.get("logprobs") and "were counted at the" in str(body["messages"])
        return "0.7" if is_own else honest_reply(body, rng)

    async with running_simulator(quick(reply=doubting)) as sim:
        work = by_probability(tmp_path, sim)
        plant_domain(work.store, documents(COUNT))
        await advance(work)
    reasons = {pair.reason for pair in rows(work.store, VerifiedPair, IN_DOMAIN)}
    assert reasons == {"not_self_contained"}


async def test_domains_that_begin_at_once_calibrate_once(tmp_path: Path) -> None:
    other = next(domain for domain in Domain if domain != DOMAIN)
    async with running_simulator(quick(reply=honest_reply)) as sim:
        work = by_probability(tmp_path, sim)
        for domain in (DOMAIN, other):
            plant_domain(work.store, documents(COUNT), domain)
        await asyncio.gather(advance(work), advance(work, other))
        received = sim.stats.stages["text"].received
    assert received == len(STEPS) * (len(KNOWN) + 2 * COUNT)


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[1]",
        '{"judge_supported": "x"}',
        '{"other": 0.5}',
        '{"judge_supported": 0.5}',
        '{"judge_stands_alone": {"a": NaN}, "judge_not_leaked": {}, "judge_supported": {}}',
    ],
)
async def test_what_cannot_be_read_is_asked_again(tmp_path: Path, damage: str) -> None:
    async with running_simulator(quick(reply=honest_reply)) as sim:
        work = by_probability(tmp_path, sim)
        plant_domain(work.store, documents(1))
        await advance(work)
        (kept,) = (work.store.home / "judges").glob("*.json")
        whole = kept.read_text()
        kept.write_text(damage)
        plant_domain(work.store, documents(2))
        await advance(work)
    assert json.loads(kept.read_text()) == json.loads(whole)
    assert asked_of(work)["judge_stated known"] == 2 * len(KNOWN)


async def test_a_server_without_probabilities_stops_the_run_with_a_remedy(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=honest_reply, logprobs=False)) as sim:
        work = by_probability(tmp_path, sim)
        plant_domain(work.store, documents(COUNT))
        with pytest.raises(EndpointError, match="WSRL_JUDGE_BY=words"):
            await advance(work)


async def test_hosts_of_one_home_calibrate_once(tmp_path: Path) -> None:
    hosts = Hosts(tmp_path)
    received = []
    async with running_simulator(quick(reply=honest_reply)) as sim:
        for name, domain in zip("ab", Domain, strict=False):
            work = replace(by_probability(tmp_path, sim), store=hosts.store(name))
            plant_domain(work.store, documents(1), domain)
            sim.reset_stats()
            await advance(work, domain)
            received.append(sim.stats.stages["text"].received)
    assert received == [len(STEPS) * (len(KNOWN) + 1), len(STEPS)]


async def test_a_calibration_that_ended_early_goes_on_where_it_was(tmp_path: Path) -> None:
    asked: list[str] = []

    def counting(body: dict[str, Any], rng: Random) -> str:
        asked.extend(["judge"] * bool(body.get("logprobs")))
        return honest_reply(body, rng)

    async with running_simulator(quick(reply=counting)) as sim:
        work = by_probability(tmp_path, sim, max_in_flight=1)
        plant_domain(work.store, documents(1))
        running = asyncio.create_task(advance(work))
        await until(lambda: len(asked) >= 60)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await advance(by_probability(tmp_path, sim))
    of_known = asked_of(work)
    repeated = sum(of_known[f"{step} known"] for step in STEPS) - len(STEPS) * len(KNOWN)
    assert 0 <= repeated <= 1, "at most the call in flight"


@pytest.mark.parametrize("forms", ["cloze", "multiple_choice"])
async def test_only_a_pair_that_needs_thresholds_calibrates(tmp_path: Path, forms: str) -> None:
    async with running_simulator(quick(reply=honest_reply)) as sim:
        work = by_probability(tmp_path, sim, forms=forms)
        plant_domain(work.store, documents(COUNT))
        await advance(work)
    assert bool(asked_of(work)) == (forms == "cloze")


async def test_previews_use_what_is_calibrated(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=honest_reply)) as sim:
        work = by_probability(tmp_path, sim)
        plant_shard(work.store, documents(COUNT))
        received = []
        for _ in range(2):
            sim.reset_stats()
            assert (await asyncio.wait_for(preview(work, COUNT), 60)).spending.accepted == COUNT
            received.append(sim.stats.stages["text"].received)
    assert received == [len(STEPS) * (len(KNOWN) + COUNT), len(STEPS) * COUNT]


async def test_without_demonstrations_nothing_can_be_calibrated(tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    folder.mkdir()
    for domain in Domain:
        path = folder / f"{domain}.yaml"
        path.write_text(f"version: 1\ndomain: {domain}\ndemonstrations: []\n")
    async with running_simulator(quick(reply=honest_reply)) as sim:
        work = by_probability(tmp_path, sim, demonstrations=folder)
        plant_domain(work.store, documents(1))
        with pytest.raises(UserError, match="WSRL_DEMONSTRATIONS"):
            await advance(work)


def test_what_calibrates_is_in_the_recipe(tmp_path: Path) -> None:
    models = dict.fromkeys(Role, "m")

    def recipe(**settings: Any) -> str:
        work = job(tmp_path, "http://h/v1", **settings)
        return questions.domain_recipes(work, models, DOMAIN)["verified_pairs"].hash

    words = recipe()
    assert recipe(judge_by="words") == words, "pairs that were judged before are not stale"
    assert recipe(judge_by="probability") != words
    off = recipe(judge=False)
    assert recipe(judge=False, judge_by="probability") == off


def test_only_what_the_judge_is_asked_of_demonstrations_decides() -> None:
    library = list(load_library().values())
    same = judging.recipe_of(library)
    assert judging.recipe_of(library[::-1]) == same
    assert judging.recipe_of([*library, library[0]]) == same
    first, *others = library[0].demonstrations
    renamed = first.model_copy(update={"id": "other", "persona": "a nurse", "passage": "x"})
    changed = library[0].model_copy(update={"demonstrations": (renamed, *others)})
    assert judging.recipe_of([changed, *library[1:]]) == same
    reworded = first.model_copy(update={"question": "Which other one?"})
    changed = library[0].model_copy(update={"demonstrations": (reworded, *others)})
    assert judging.recipe_of([changed, *library[1:]]) != same
