"""Domains that are added, renamed, split or retired: what moves, what stays, and what is paid."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulator import Simulator, render, running_simulator, schema_name, schema_of
from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.pipeline import questions, triage
from wsrl_assets.pipeline.domains import DomainChanges, bring_up_to_date, retired_domains
from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.pending import pending_partitions
from wsrl_assets.pipeline.regeneration import stale_rows
from wsrl_assets.release.dataset import build_release, read_release
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.storage import Partition, Store, StoreError, catalog
from wsrl_assets.storage.domains import recorded_domains
from wsrl_assets.storage.tables import (
    FilteredDocument,
    LLMCall,
    QADraft,
    TriagedDocument,
    VerifiedPair,
)
from wsrl_assets.taxonomy.domain_files import DomainFacts, DomainsError
from wsrl_assets.taxonomy.domains import Domain, shipped_domains, use_domains
from wsrl_assets.taxonomy.stages import STAGES, Stage
from wsrl_assets_tests.factories import (
    IN_SHARD,
    SHARD,
    balances,
    document_text,
    honest_reply,
    job,
    ledger,
    plant_shard,
    quick,
    rows,
)

# What a document is about, and the labels that fit it, best first.
_FITS = {
    "trial": ("Law", "Other"),
    "loom": ("Crafts", "Education"),
    "lesson": ("Education",),
    "match": ("Other",),
    "script": ("Scripts", "Coding", "Technology & Engineering"),
    "sum": ("Sums", "Math"),
}
TOPICS = ("trial", "trial", "trial", "loom", "loom", "lesson", "match", "script", "script", "sum")
SPLITS = SplitSettings(0.0, 0.0, 0)


@pytest.fixture(autouse=True)
def _back_to_the_ten() -> Iterator[None]:
    yield
    use_domains(None)


def fits(body: dict[str, Any], rng: Random) -> str:
    """The honest model, which gives a document the best domain that it is offered."""
    said = json.loads(honest_reply(body, rng))
    if schema_name(body) == "triage":
        offered = (schema_of(body) or {})["properties"]["domain"]["enum"]
        text = render(body["messages"])
        topic = next(topic for topic in _FITS if f"topic-{topic}" in text)
        said["domain"] = next(label for label in _FITS[topic] if label in offered)
    return json.dumps(said)


def facts(slug: str, **others: Any) -> DomainFacts:
    return DomainFacts(
        slug=slug, label=slug.capitalize(), definition=f"what {slug} is about", **others
    )


def without(*slugs: str) -> list[DomainFacts]:
    return [domain for domain in shipped_domains() if domain.slug not in slugs]


async def advance(work: Job) -> None:
    """All that is pending, as `wsrl run` does it."""
    bring_up_to_date(work.store)
    if SHARD in pending_partitions(work.store, work.settings, ["triaged_documents"]):
        await asyncio.wait_for(triage.triage_shard(work, SHARD), 60)
    stages = [stage for stage in STAGES if stage is not Stage.TRIAGED_DOCUMENTS]
    for key in pending_partitions(work.store, work.settings, stages):
        if key in Domain:
            filter_domain(work.store, Domain(key), work.run_id)
            await asyncio.wait_for(questions.advance_domain(work, Domain(key)), 60)
            split_domain(work.store, Domain(key), work.run_id, SPLITS)


async def made(sim: Simulator, home: Path) -> Job:
    """A home of the ten domains in which everything was made."""
    shares: dict[str, Any] = {"validation_share": 0.0, "test_share": 0.0}
    work = job(home, sim.base_url, personas=2, forms=("open",), **shares)
    texts = [document_text(n, f"topic-{topic}") for n, topic in enumerate(TOPICS)]
    plant_shard(work.store, texts)
    await advance(work)
    return work


def held(store: Store) -> dict[str, tuple[int, int]]:
    """By domain with documents: how many, and how many verified pairs."""
    found = {}
    for partition in store.partitions(Partition.domain("other").kind):
        documents = len(rows(store, FilteredDocument, partition))
        if documents:
            found[partition.key] = (documents, len(rows(store, VerifiedPair, partition)))
    return found


def calls(sim: Simulator) -> dict[str, int]:
    return {name: counts.received for name, counts in sim.stats.stages.items() if counts.received}


def assert_balanced(store: Store) -> None:
    assert [account for account in balances(store) if not account.balanced] == []


TEN = {"other": (4, 8), "education": (3, 6), "coding": (2, 4), "math": (1, 2)}
CHANGED = [*without("coding"), facts("law"), facts("crafts", takes_from=("education",))]


async def test_two_domains_are_added_and_one_is_retired_to_the_row(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=fits)) as sim:
        work = await made(sim, tmp_path)
        assert held(work.store) == TEN
        before = {row.draft_id for p in TEN for row in rows(work.store, QADraft, domain(p))}
        spent = len(ledger(work.store))
        release_before = build_release(work.store, "run")
        sim.reset_stats()

        use_domains(CHANGED)
        again = replace(work, run_id="again")
        assert bring_up_to_date(work.store) == DomainChanges({}, ("law", "crafts"), ("coding",))
        assert pending_partitions(work.store, work.settings, ["triaged_documents"]) == [SHARD]
        await advance(again)

        # Those of other and education could move, and only those were read again.
        assert calls(sim) == {"triage": 4 + 3}
        assert len(ledger(work.store)) == spent + 7
    assert held(work.store) == {
        "other": (1, 2),
        "law": (3, 6),
        "education": (1, 2),
        "crafts": (2, 4),
        "coding": (2, 4),
        "math": (1, 2),
    }
    assert_balanced(work.store)
    after = {row.draft_id for p in held(work.store) for row in rows(work.store, QADraft, domain(p))}
    assert after == before, "every draft that was paid for is there once"
    assert retired_domains(work.store) == ["coding"]
    release = build_release(work.store, "again")
    kept = Counter(read_release(release.folder)["domain"])
    assert kept == {"Other": 2, "Law": 6, "Education": 2, "Crafts": 4, "Math": 2}
    assert release.total == release_before.total - 4
    with catalog(work.store) as connection:
        reasons = connection.execute(
            "SELECT reason, count(*) FROM released_pairs WHERE status <> 'kept' GROUP BY 1"
        ).fetchall()
        pairs = connection.execute("SELECT count(*) FROM pairs WHERE domain = 'coding'").fetchone()
    assert reasons == [("retired_domain", 4)]
    assert pairs == (4,)


async def test_a_second_run_after_the_change_has_nothing_to_do(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=fits)) as sim:
        work = await made(sim, tmp_path)
        use_domains(CHANGED)
        await advance(work)
        sim.reset_stats()
        assert bring_up_to_date(work.store) == DomainChanges({}, (), ())
        assert pending_partitions(work.store, work.settings, list(STAGES)[:-1]) == []
        await triage.triage_shard(work, SHARD)
        assert calls(sim) == {}
        with catalog(work.store) as connection:
            stale = stale_rows(connection, work)
    assert "triaged_documents" not in stale
    # Law has the demonstrations of other, crafts has not those of education.
    assert stale["qa_drafts"] == 4


async def test_a_run_that_is_killed_after_triage_loses_and_repeats_nothing(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=fits)) as sim:
        work = await made(sim, tmp_path)
        sim.reset_stats()
        use_domains(CHANGED)
        bring_up_to_date(work.store)
        await asyncio.wait_for(triage.triage_shard(work, SHARD), 60)
        await advance(Job(Store(tmp_path), work.settings, work.roles, "next"))
        assert calls(sim) == {"triage": 7}
    assert held(work.store)["law"] == (3, 6)
    assert_balanced(work.store)


async def test_a_renamed_domain_takes_everything_along_without_a_call(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=fits)) as sim:
        work = await made(sim, tmp_path)
        build_release(work.store, "run")
        sim.reset_stats()
        use_domains([*without("math"), facts("sums", was="math")])
        changes = bring_up_to_date(work.store)
        await advance(work)
        assert calls(sim) == {}
    assert changes == DomainChanges({"math": "sums"}, (), ())
    others = {slug: found for slug, found in TEN.items() if slug != "math"}
    assert held(work.store) == {**others, "sums": (1, 2)}
    triaged = {row.domain for row in rows(work.store, TriagedDocument, IN_SHARD)}
    assert triaged == {*others, "sums"}
    assert_balanced(work.store)
    found = read_release(build_release(work.store, "again").folder)
    assert Counter(found["domain"])["Sums"] == 2
    assert {row.slug: row.was for row in recorded_domains(work.store)}["sums"] == "math"
    paid = [call for call in rows(work.store, LLMCall, domain("sums")) if call.stage == "personas"]
    assert len(paid) == 1


async def test_a_domain_that_took_documents_and_is_renamed_asks_for_none_again(
    tmp_path: Path,
) -> None:
    async with running_simulator(quick(reply=fits)) as sim:
        work = await made(sim, tmp_path)
        use_domains(CHANGED)
        await advance(work)
        sim.reset_stats()
        works = facts("works", takes_from=("education",), was="crafts")
        use_domains([d if d.slug != "crafts" else works for d in CHANGED])
        assert bring_up_to_date(work.store) == DomainChanges({"crafts": "works"}, (), ())
        await advance(work)
        assert calls(sim) == {}
    assert held(work.store)["works"] == (2, 4)
    assert_balanced(work.store)


async def test_a_domain_that_is_split_moves_its_documents_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    async with running_simulator(quick(reply=fits)) as sim:
        work = await made(sim, tmp_path)
        sim.reset_stats()
        use_domains([*without("coding"), facts("scripts", takes_from=("coding",))])
        await advance(work)
        assert calls(sim) == {"triage": 2 + 4}
    others = {slug: found for slug, found in TEN.items() if slug != "coding"}
    assert held(work.store) == {**others, "scripts": (2, 4)}
    assert_balanced(work.store)


async def test_a_domain_that_comes_back_has_its_rows_and_asks_only_for_what_came_meanwhile(
    tmp_path: Path,
) -> None:
    async with running_simulator(quick(reply=fits)) as sim:
        work = await made(sim, tmp_path)
        use_domains(without("coding"))
        await advance(work)
        plant_shard(work.store, [document_text(50, "topic-match")], "later")
        await asyncio.wait_for(triage.triage_shard(work, "later"), 60)
        sim.reset_stats()
        use_domains(shipped_domains())
        bring_up_to_date(work.store)
        pending = pending_partitions(work.store, work.settings, ["triaged_documents"])
        await asyncio.wait_for(triage.triage_shard(work, "later"), 60)
        await advance(work)
        assert calls(sim)["triage"] == 1
    assert pending == ["later"]
    assert held(work.store)["coding"] == (2, 4)
    assert retired_domains(work.store) == []


async def test_a_home_of_its_own_domains_is_not_changed_where_no_file_is_set(
    tmp_path: Path,
) -> None:
    async with running_simulator(quick(reply=fits)) as sim:
        work = await made(sim, tmp_path)
    use_domains(CHANGED)
    bring_up_to_date(work.store)
    use_domains(None)
    with pytest.raises(DomainsError, match="WSRL_DOMAINS"):
        bring_up_to_date(work.store)


def test_an_empty_home_has_no_retired_domains(tmp_path: Path) -> None:
    store = Store(tmp_path)
    plant_shard(store, [document_text(1)])
    use_domains(CHANGED)
    assert bring_up_to_date(store) == DomainChanges({}, (), ())
    assert {row.slug for row in recorded_domains(store)} == {d.slug for d in CHANGED}
    assert all(row.retired_at is None for row in recorded_domains(store))


async def test_a_slug_with_data_of_its_own_is_not_renamed_to(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=fits)) as sim:
        work = await made(sim, tmp_path)
    with pytest.raises(StoreError, match="domains/math cannot become domains/coding"):
        work.store.rename(domain("math"), domain("coding"))
    assert held(work.store) == TEN


def domain(slug: str) -> Partition:
    return Partition.domain(slug)
