"""A trial on the simulator: what is paid, what is shared, what is kept, and what it shows."""

import asyncio
import json
import os
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest

from simulator import Simulator, running_simulator, schema_name
from wsrl_assets.pipeline.trials import draw
from wsrl_assets.settings import load_settings
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import LLMCall, QADraft, SourceDocument, TriagedDocument
from wsrl_assets.trials.arms import Arm, TrialError, load_arms
from wsrl_assets.trials.trial import Trial, find_arm, finished, run
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    WHEN,
    documents,
    honest_reply,
    plant_shard,
    quick,
    rows,
)

COUNT = 6
TRIAL = Partition.shard("trial")


@pytest.fixture
def home(tmp_path: Path) -> Store:
    store = Store(tmp_path / "home")
    plant_shard(store, documents(COUNT))
    return store


def arms(folder: Path, base_url: str, **values: dict[str, Any]) -> list[Arm]:
    """Arms by name; each has a file with its values and the endpoint."""
    paths = []
    for name, given in values.items():
        paths.append(folder / f"{name}.yaml")
        paths[-1].write_text(json.dumps({"WSRL_LLM_BASE_URL": base_url, **given}))
    return load_arms(paths, {"home": folder / "home"})


async def trial(store: Store, made: list[Arm], documents: int = 100) -> Trial:
    work = run(store, made, documents, run_id="t", warn=lambda _: None, told=lambda _: None)
    return await asyncio.wait_for(work, 120)


def received(sim: Simulator) -> dict[str, int]:
    return {name: n.received for name, n in sim.stats.stages.items() if n.received}


async def test_what_arms_would_make_alike_is_paid_for_once(home: Store, tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        made = arms(
            tmp_path,
            sim.base_url,
            three={"WSRL_PERSONAS": 3},
            unjudged={"WSRL_PERSONAS": 3, "WSRL_JUDGE": False},
            one={"WSRL_PERSONAS": 1},
        )
        found = await trial(home, made)
        calls = received(sim)
    assert calls["triage"] == COUNT, "once for three arms"
    assert calls["personas"] == 2 * COUNT, "three and unjudged share them"
    assert calls["open"] == 3 * COUNT + COUNT
    stores = {arm: Store(home.home / "trials" / found.name / arm) for arm in found.comparison.arms}
    drafts = {arm: rows(store, QADraft, IN_DOMAIN) for arm, store in stores.items()}
    assert {d.draft_id for d in drafts["three"]} == {d.draft_id for d in drafts["unjudged"]}
    ledgers = {
        arm: [*rows(store, LLMCall, TRIAL), *rows(store, LLMCall, IN_DOMAIN)]
        for arm, store in stores.items()
    }
    by_id = {call.call_id: call for ledger in ledgers.values() for call in ledger}
    assert len(by_id) == sum(calls.values()), "a shared call stands in both ledgers under one id"
    paid = sum(call.prompt_tokens + call.completion_tokens for call in by_id.values())
    assert found.paid_tokens == paid
    tokens = next(m for m in found.comparison.measures if m.name == "tokens per document")
    for arm, value in zip(found.comparison.arms, tokens.values, strict=True):
        own = sum(call.prompt_tokens + call.completion_tokens for call in ledgers[arm])
        assert value == pytest.approx(own / COUNT), "what the arm would take by itself"
    assert not home.exists(IN_DOMAIN), "the tables of the home are not touched"
    assert not rows(home, TriagedDocument, Partition.shard("sample-0001"))


async def test_a_second_run_pays_nothing_and_a_changed_arm_is_another_trial(
    home: Store, tmp_path: Path
) -> None:
    async with running_simulator(quick()) as sim:
        first = await trial(home, arms(tmp_path, sim.base_url, a={}, b={"WSRL_PERSONAS": 1}))
        before = sim.stats.requests_received
        again = await trial(home, arms(tmp_path, sim.base_url, a={}, b={"WSRL_PERSONAS": 1}))
        assert sim.stats.requests_received == before
        assert again.to_dict() == first.to_dict()
        other = await trial(home, arms(tmp_path, sim.base_url, a={}, b={"WSRL_PERSONAS": 2}))
    assert other.name != first.name
    assert [record.name for record in finished(home)] == [other.name, first.name]
    assert find_arm(home, "b")[1]["WSRL_PERSONAS"] == "2"
    assert find_arm(home, "b", first.name)[1]["WSRL_PERSONAS"] == "1"


async def test_a_killed_trial_goes_on_where_it_was(home: Store, tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        made = arms(tmp_path, sim.base_url, a={"WSRL_PERSONAS": 1}, b={"WSRL_PERSONAS": 2})
        task = asyncio.create_task(trial(home, made))
        while received(sim).get("open", 0) < COUNT + 3:
            assert not task.done()
            await asyncio.sleep(0.002)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert finished(home) == []
        await trial(home, made)
        calls = received(sim)
    assert calls["triage"] == COUNT
    # At most what was in flight is asked again: the drafts of arm b.
    assert COUNT * 3 <= calls["open"] <= COUNT * 3 + 2 * COUNT


async def test_failed_rows_are_tried_again_when_that_is_asked_for(
    home: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_broken = True

    def reply(body: dict[str, Any], rng: Random) -> str:
        drafts = schema_name(body) == "open"
        return "nonsense" if is_broken and drafts else honest_reply(body, rng)

    async with running_simulator(quick(reply=reply)) as sim:
        first = await trial(home, arms(tmp_path, sim.base_url, a={"WSRL_PERSONAS": 1}, b={}), 2)
        assert first.comparison.failed["a"] == {"qa_drafts": 2}
        is_broken = False
        monkeypatch.setenv("WSRL_RETRY_FAILED", "true")
        again = await trial(home, arms(tmp_path, sim.base_url, a={"WSRL_PERSONAS": 1}, b={}), 2)
    assert again.name == first.name
    assert again.comparison.failed == {"a": {}, "b": {}}


async def test_the_page_shows_what_differs_and_runs_nothing(home: Store, tmp_path: Path) -> None:
    async with running_simulator(quick()) as sim:
        made = arms(tmp_path, sim.base_url, a={"WSRL_PERSONAS": 1}, b={"WSRL_PERSONAS": 3})
        found = await trial(home, made)
    page = found.page.read_text("utf-8")
    assert "<script" not in page
    assert "default-src 'none'" in page
    slots = found.comparison.slots["b"]
    assert slots, "b accepts what a has no draft of"
    assert all(slot.first is None and slot.second is not None for slot in slots)
    assert "No draft." in page
    assert "WSRL_PERSONAS=3" in page


async def test_a_home_without_documents_is_told_what_to_do(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    with pytest.raises(TrialError, match="wsrl ingest"):
        await trial(store, arms(tmp_path, "http://127.0.0.1:9/v1", a={}, b={}))


def test_the_sample_holds_domains_in_proportion_and_follows_from_the_seed(home: Store) -> None:
    sources = rows(home, SourceDocument, Partition.shard("sample-0001"))
    triaged = [
        TriagedDocument(
            doc_id=source.doc_id,
            qualified=True,
            domain=DOMAIN if number < 4 else "math",
            recipe="r",
            run_id="run",
            created_at=WHEN,
        )
        for number, source in enumerate(sources)
    ]
    with home.transaction(Partition.shard("sample-0001")) as transaction:
        transaction.merge(triaged)
    home.publish(Partition.shard("sample-0001"))
    found = draw(home, 0, 3)
    assert found.strata == {str(DOMAIN): 2, "math": 1}
    assert draw(home, 0, 3) == found
    assert {draw(home, seed, 3).documents[0].doc_id for seed in range(20)} != {
        found.documents[0].doc_id
    }
    assert len(draw(home, 0, 100).documents) == COUNT


def test_goals_and_budgets_of_the_environment_do_not_cut_a_trial_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "WSRL_BUDGET_TOKENS", "1")
    monkeypatch.setitem(os.environ, "WSRL_UNTIL_PAIRS", "1")
    assert load_settings().has_goal
    assert not any(arm.settings.has_goal for arm in arms(tmp_path, "http://h/v1", a={}, b={}))


async def test_another_model_behind_the_same_address_is_another_trial(
    home: Store, tmp_path: Path
) -> None:
    names, port = [], 0
    for model in ("first", "second"):
        async with running_simulator(quick(model=model, port=port)) as sim:
            port = urlsplit(sim.base_url).port or 0
            found = await trial(home, arms(tmp_path, sim.base_url, a={}, b={"WSRL_PERSONAS": 1}), 1)
        for arm in ("a", "b"):
            store = Store(home.home / "trials" / found.name / arm)
            assert {row.model for row in rows(store, QADraft, IN_DOMAIN)} == {model}
        names.append(found.name)
    assert names[0] != names[1]
