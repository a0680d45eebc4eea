"""A judge by probability in a run: lines are drawn once, kept, and drawn by what decides them."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulator import Simulator, running_simulator
from wsrl_assets.errors import UserError
from wsrl_assets.generation.library import load_library
from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.llm.roles import Role
from wsrl_assets.pipeline import questions
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
)

COUNT = 4
KNOWN = {
    one.id for file in load_library().values() for one in file.demonstrations if not one.choices
}
STEPS = {"judge_meaning", "judge_given_away", "judge_stated"}


def by_probability(folder: Path, sim: Simulator, **settings: Any) -> Job:
    return job(folder, sim.base_url, personas=1, judge_by="probability", **settings)


async def advance(work: Job, domain: Domain = DOMAIN) -> None:
    await asyncio.wait_for(questions.advance_domain(work, domain), 60)


def asked_of(work: Job) -> Counter[str]:
    """Calls of the judge, by step and whether the pair is a known one."""
    calls = [call for call in ledger(work.store) if call.step.startswith("judge")]
    return Counter(f"{call.step} {'known' if call.row_id in KNOWN else 'own'}" for call in calls)


async def test_lines_are_drawn_once_and_pairs_are_judged_by_them(tmp_path: Path) -> None:
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
    assert details == {"what its quote says: 0.800, from 0.800 on it passes"}
    (kept,) = (work.store.home / "judges").glob("*.json")
    assert list(json.loads(kept.read_text()).values()) == pytest.approx([0.8] * len(STEPS))


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


async def test_domains_that_begin_at_once_draw_them_once(tmp_path: Path) -> None:
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
        '{"judge_stands_alone": NaN, "judge_not_leaked": 0.5, "judge_supported": 0.5}',
    ],
)
async def test_lines_that_cannot_be_read_are_drawn_again(tmp_path: Path, damage: str) -> None:
    async with running_simulator(quick(reply=honest_reply)) as sim:
        work = by_probability(tmp_path, sim)
        plant_domain(work.store, documents(1))
        await advance(work)
        (kept,) = (work.store.home / "judges").glob("*.json")
        whole = kept.read_text()
        kept.write_text(damage)
        plant_domain(work.store, documents(2))
        await advance(work)
    assert kept.read_text() == whole
    assert asked_of(work)["judge_stated known"] == 2 * len(KNOWN)


async def test_a_server_without_probabilities_stops_the_run_with_a_remedy(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=honest_reply, logprobs=False)) as sim:
        work = by_probability(tmp_path, sim)
        plant_domain(work.store, documents(COUNT))
        with pytest.raises(EndpointError, match="WSRL_JUDGE_BY=words"):
            await advance(work)
    assert not list((work.store.home / "judges").glob("*.json"))


async def test_previews_and_runs_use_the_lines_of_each_other(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=honest_reply)) as sim:
        work = by_probability(tmp_path, sim)
        plant_shard(work.store, documents(COUNT))
        received = []
        for _ in range(2):
            sim.reset_stats()
            assert (await asyncio.wait_for(preview(work, COUNT), 60)).spending.accepted == COUNT
            received.append(sim.stats.stages["text"].received)
    assert received == [len(STEPS) * (len(KNOWN) + COUNT), len(STEPS) * COUNT]


async def test_without_demonstrations_no_lines_can_be_drawn(tmp_path: Path) -> None:
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


def test_what_draws_the_lines_is_in_the_recipe(tmp_path: Path) -> None:
    models = dict.fromkeys(Role, "m")

    def recipe(**settings: Any) -> str:
        work = job(tmp_path, "http://h/v1", **settings)
        return questions.domain_recipes(work, models, DOMAIN)["verified_pairs"].hash

    words = recipe()
    assert recipe(judge_by="words") == words, "pairs that were judged before are not stale"
    assert recipe(judge_by="probability") != words
    off = recipe(judge=False)
    assert recipe(judge=False, judge_by="probability") == off
