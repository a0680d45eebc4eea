"""A run stops at its pairs or its budget, and leaves the rest pending."""

import asyncio
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from simulator import running_simulator
from wsrl_assets.pipeline import questions
from wsrl_assets.pipeline.goal import Budget, accepted_pairs, shared_out
from wsrl_assets.pipeline.job import Job
from wsrl_assets.storage.tables import Status, VerifiedPair
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import QUESTION_STAGES
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    documents,
    job,
    ledger,
    plant_domain,
    rows,
    tokens_of,
)
from wsrl_assets_tests.factories import quick as settings_of
from wsrl_assets_tests.hosts import Hosts

COUNT = 40
A, B, C = Domain.MATH, Domain.CODING, Domain.EDUCATION
EVEN = dict.fromkeys(Domain, 1.0)


async def advance(work: Job) -> int:
    return await asyncio.wait_for(questions.advance_domain(work, DOMAIN, QUESTION_STAGES), 60)


def accepted(work: Job) -> int:
    found = rows(work.store, VerifiedPair, IN_DOMAIN)
    return sum(row.status is Status.KEPT for row in found)


async def test_a_run_stops_at_its_pairs_and_the_next_goes_on(tmp_path: Path) -> None:
    async with running_simulator(settings_of()) as sim:
        work = job(tmp_path, sim.base_url, personas=1, until_pairs=5, max_in_flight=2)
        plant_domain(work.store, documents(COUNT))
        await advance(work)
        first = accepted(work)
        assert 5 <= first < COUNT / 2
        before = sim.stats.requests_received
        await advance(work)
        assert sim.stats.requests_received == before, "what is reached costs nothing"
        more = replace(work, settings=work.settings.model_copy(update={"until_pairs": COUNT}))
        await advance(more)
    assert accepted(work) == COUNT


async def test_a_run_stops_when_its_tokens_are_spent(tmp_path: Path) -> None:
    async with running_simulator(settings_of()) as sim:
        whole = job(tmp_path / "whole", sim.base_url, personas=1, max_in_flight=2)
        plant_domain(whole.store, documents(COUNT))
        await advance(whole)
        spent = tokens_of(ledger(whole.store))
        budget = (spent.prompt + spent.completion) // 4
        work = job(
            tmp_path / "part", sim.base_url, personas=1, max_in_flight=2, budget_tokens=budget
        )
        plant_domain(work.store, documents(COUNT))
        await advance(work)
        used = tokens_of(ledger(work.store))
        assert budget <= used.prompt + used.completion < 2 * budget
        before = sim.stats.requests_received
        await advance(work)
        assert sim.stats.requests_received == before, "the same run has no more to spend"
        await advance(replace(work, run_id="another"))
    assert sim.stats.requests_received > before
    assert 0 < accepted(work) < COUNT


@pytest.mark.parametrize("by", ["pairs", "tokens"])
async def test_hosts_of_a_home_stop_together_when_they_have_done_enough(
    tmp_path: Path, by: str
) -> None:
    """Each has begun when there was nothing but its own domain, so it is to do all by itself."""
    hosts, wanted = Hosts(tmp_path, expires_s=1.2), 30  # rows are renewed every 0.1 s
    async with running_simulator(settings_of(decode_tokens_per_s=200.0)) as sim:
        goal = {"until_pairs": wanted} if by == "pairs" else {"budget_tokens": 30_000}
        begun: list[tuple[Budget, Job, Domain]] = []
        for name, domain, texts in (("a", A, documents(60)), ("b", B, documents(120)[60:])):
            work = job(tmp_path / name, sim.base_url, name, personas=1, max_in_flight=4, **goal)
            work = replace(work, store=hosts.store(name))
            budget = Budget.of(work.store, work.settings)
            plant_domain(work.store, texts, domain)
            work = replace(work, settings=budget.shared_among(work.store, 1))
            begun.append((budget, work, domain))
        for budget, work, _ in begun:
            budget.shared_among(work.store, 1)
        await asyncio.wait_for(
            asyncio.gather(*(questions.advance_domain(job, domain) for _, job, domain in begun)), 60
        )
    last = begun[0][1].store
    found = accepted_pairs(last)
    assert min(found[A], found[B]) > 0, "both were at work"
    if by == "pairs":
        assert wanted - 4 <= sum(found.values()) <= wanted + 14
    else:
        spent = tokens_of(ledger(last))
        assert 28_000 <= spent.prompt + spent.completion <= 43_000


@pytest.mark.parametrize(
    ("wanted", "have", "unfinished", "weights", "shares"),
    [
        (9, {}, {A, B, C}, EVEN, {A: 3, B: 3, C: 3}),
        (10, {}, {A, B, C}, EVEN, {A: 3, B: 3, C: 4}),
        (10, {A: 2}, {B, C}, EVEN, {A: 2, B: 4, C: 4}),
        (10, {A: 8}, {A, B}, EVEN, {A: 8, B: 2}),
        (9, {}, {A, B}, {A: 2.0, B: 1.0}, {A: 6, B: 3}),
        (9, {}, {A, B}, {A: 1.0}, {A: 9}),
        (5, {A: 9}, {A, B}, EVEN, {A: 9, B: 0}),
    ],
)
def test_domains_fill_up_to_one_level(
    wanted: int,
    have: dict[Domain, int],
    unfinished: set[Domain],
    weights: dict[Domain, float],
    shares: dict[Domain, int],
) -> None:
    assert shared_out(wanted, have, unfinished, weights) == shares


def test_shares_sum_to_what_is_wanted() -> None:
    rng = Random(7)
    for _ in range(300):
        have = {domain: rng.randint(0, 9) for domain in Domain if rng.random() < 0.5}
        unfinished = {domain for domain in Domain if rng.random() < 0.7}
        weights = {domain: rng.choice((0.5, 1.0, 3.0)) for domain in Domain}
        wanted = rng.randint(1, 60)
        shares = shared_out(wanted, have, unfinished, weights)
        assert all(shares[domain] >= n for domain, n in have.items())
        if unfinished:
            assert sum(shares.values()) >= wanted
        if any(shares[domain] > have.get(domain, 0) for domain in shares):
            assert sum(shares.values()) == wanted
