"""Computed and unanswerable questions, from documents to exports, on a simulated server."""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from simulator import render, running_simulator, schema_name
from wsrl_assets.explore import prompts, reading
from wsrl_assets.pipeline import pass_rates, questions
from wsrl_assets.pipeline.job import Job
from wsrl_assets.release.dataset import build_release, read_release
from wsrl_assets.release.export import export
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.spec import ReleaseSpec
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.reward import Gold, score
from wsrl_assets.storage.basis import Computation, KinAnswer
from wsrl_assets.storage.tables import LLMCall, PassRate, QADraft, Status, VerifiedPair
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.text.normalisation import content_id
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    balances,
    document_text,
    documents,
    honest_reply,
    job,
    plant_domain,
    quick,
    rows,
)

COUNT = 4
_CANALS = ("Averholm", "Brennick", "Corvast", "Dunmere")
_FACT = re.compile(r"\[(\d+)\] The (\w+ \w+) (?:welcomed|employed) (\d+) (\w+) (during the .+)\.")
_LED = re.compile(r"Engineer (\w+ Zander) dug the \w+ Canal\.")
_OPENED = re.compile(r"The (\w+) Canal was opened with a parade in (\d+)\.")
_LOCKS = re.compile(r"The (\w+) Canal has (\d+) locks of black granite\.")


def kindred() -> list[str]:
    """Two documents about each canal: when it was opened, and how many locks it has."""
    opened = [
        f"{document_text(20 + n)} The {name} Canal was opened with a parade in {1821 + n}."
        for n, name in enumerate(_CANALS)
    ]
    locks = [
        f"{document_text(40 + n)} The {name} Canal has {131 + n} locks of black granite."
        for n, name in enumerate(_CANALS)
    ]
    return [*opened, *locks]


def reply(body: dict[str, Any], rng: Random) -> str:
    """Honest in the two forms, and as `honest_reply` in all else.

    Of what it is asked on a document with locks, it asks for the other's opening.
    """
    prompt = render(body["messages"])
    match schema_name(body):
        case Form.COMPUTED:
            return json.dumps(_computed(prompt))
        case Form.UNANSWERABLE:
            return json.dumps(_unanswerable(prompt))
        case Form.MULTI_HOP:
            return json.dumps(_multi_hop(prompt))
        case "round_trip" if " dug opened with a parade?" in prompt:
            answer = "unanswerable"
            if _LED.search(prompt) and (opened := _OPENED.search(prompt)):
                answer = opened[2]
            return json.dumps({"answer": answer})
        case "round_trip" if "By how many" in prompt:
            return json.dumps({"working": "70000 - 20000", "answer": "50000"})
        case "round_trip" if "the answer is: unanswerable" in prompt:
            return json.dumps({"answer": "It is not stated."})
        case "text":
            return "Answer: unanswerable"
    return honest_reply(body, rng)


def _computed(prompt: str) -> dict[str, Any]:
    """The figures of the document's two facts, by the numbers of their sentences."""
    (at, less, low, visitors, then), (place, more, high, masons, later) = _FACT.findall(prompt)[-2:]
    facts = [(at, less, low), (place, more, high)]
    return {
        "facts": [
            {"sentence": int(n), "entity": entity, "attribute": "people", "value": int(value)}
            for n, entity, value in facts
        ],
        "unit": None,
        "query": "SELECT max(value) - min(value) FROM facts",
        "answer_type": "integer",
        "question": (
            f"By how many did the {masons} of the {more} {later} exceed the {visitors} of the "
            f"{less} {then}?"
        ),
    }


def _multi_hop(prompt: str) -> dict[str, Any]:
    """From the man who dug a canal over the canal to its opening."""
    document = prompt.rpartition("</document>")[0]
    led, opened = _LED.search(document), _OPENED.search(document)
    assert led is not None
    assert opened is not None
    lines = document.splitlines()
    numbers = [
        next(line for line in lines if found[0] in line).partition("]")[0].lstrip("[")
        for found in (led, opened)
    ]
    return {
        "bridge": f"{opened[1]} Canal",
        "first": int(numbers[0]),
        "second": int(numbers[1]),
        "answer": opened[2],
        "answer_type": "date",
        "unit": None,
        "question": f"In which year was the canal that {led[1]} dug opened with a parade?",
    }


def _unanswerable(prompt: str) -> dict[str, Any]:
    second = prompt.rpartition("The second text:")[2]
    opened = re.search(r"The (\w+) Canal was opened with a parade in (\d+)\.", second)
    locks = _LOCKS.search(second)
    found = opened or locks
    assert found is not None
    asked = (
        f"In which year was the {found[1]} Canal opened with a parade?"
        if opened
        else f"How many locks of black granite does the {found[1]} Canal have?"
    )
    return {
        "shared": f"{found[1]} Canal",
        "evidence": found[0],
        "answer": found[2],
        "answer_type": "date" if opened else "integer",
        "unit": None,
        "question": asked,
    }


async def advance(work: Job) -> None:
    await asyncio.wait_for(questions.advance_domain(work, DOMAIN), 60)


def released(work: Job, spec: ReleaseSpec | None = None) -> Path:
    split_domain(work.store, DOMAIN, "run", SplitSettings(0.0, 0.0))
    return build_release(work.store, "run", spec or ReleaseSpec()).folder


def verified(work: Job) -> list[VerifiedPair]:
    return rows(work.store, VerifiedPair, IN_DOMAIN)


def assert_balanced(work: Job) -> None:
    found = balances(work.store, work.settings.forms)
    # What was planted in a domain has no triage behind it.
    assert [a for a in found if not a.balanced and a.stage != "filtered_documents"] == []


def why(work: Job) -> list[tuple[str | None, str | None]]:
    return [(row.reason, row.detail) for row in verified(work) if row.status is not Status.KEPT]


async def test_a_computed_gold_is_what_the_query_gives(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=reply)) as sim:
        work = job(tmp_path, sim.base_url, personas=1, forms="computed")
        plant_domain(work.store, documents(COUNT))
        await advance(work)
        await advance(work)
    assert why(work) == []
    assert len(verified(work)) == COUNT
    for pair in verified(work):
        gold = Gold.from_json(pair.gold or "")
        assert gold.value == "50000"
        assert [v.check for v in pair.verdicts if v.check.startswith(("comp", "facts"))] == [
            "computation",
            "facts_in_document",
        ]
    for draft in rows(work.store, QADraft, IN_DOMAIN):
        assert len(Computation.from_json(draft.basis or "").facts) == 2
    assert_balanced(work)
    table = read_release(released(work))
    assert set(table["form"]) == {"computed"}
    assert table["basis"].null_count() == 0
    trl = export(released(work), ["trl"], tmp_path / "out")["trl"]
    rewards = [
        score("Answer: 50,000", Gold.from_json(gold)).value
        for gold in pl.read_parquet(trl / "train.parquet")["gold"]
    ]
    assert rewards == [1] * table.height


async def test_a_query_that_reads_a_file_makes_no_pair(tmp_path: Path) -> None:
    def hostile(body: dict[str, Any], rng: Random) -> str:
        said = reply(body, rng)
        if schema_name(body) != Form.COMPUTED:
            return said
        query = f"SELECT count(*) FROM read_text('{tmp_path}/*') WHERE 'facts' <> ''"
        return json.dumps({**json.loads(said), "query": query})

    async with running_simulator(quick(reply=hostile)) as sim:
        work = job(tmp_path, sim.base_url, personas=1, forms="computed")
        plant_domain(work.store, documents(1))
        await advance(work)
    (draft,) = rows(work.store, QADraft, IN_DOMAIN)
    assert (draft.status, draft.reason, draft.answer) == (Status.REJECTED, "query_refused", None)
    assert verified(work) == []


async def test_a_multi_hop_pair_needs_both_facts(tmp_path: Path) -> None:
    names = [("Abel", "Averholm", 1821), ("Bruno", "Brennick", 1834), ("Carl", "Corvast", 1847)]
    texts = [
        f"{document_text(60 + n)} Engineer {first} Zander dug the {canal} Canal. "
        f"The {canal} Canal was opened with a parade in {year}."
        for n, (first, canal, year) in enumerate(names)
    ]
    async with running_simulator(quick(reply=reply)) as sim:
        work = job(tmp_path, sim.base_url, personas=1, forms="multi_hop")
        plant_domain(work.store, texts)
        await advance(work)
        await advance(work)
    assert why(work) == []
    assert_balanced(work)
    calls = [call.step for call in rows(work.store, LLMCall, IN_DOMAIN)]
    assert calls.count("round_trip") == 3 * len(texts), "each fact alone, then both"
    table = read_release(released(work))
    assert sorted(table["answer"]) == ["1821", "1834", "1847"]
    verl = export(released(work), ["verl"], tmp_path / "out")["verl"]
    assert pl.read_parquet(verl / "train.parquet").height == len(texts)


async def test_an_unanswerable_pair_is_exported_with_its_passage_or_not_at_all(
    tmp_path: Path,
) -> None:
    async with running_simulator(quick(reply=reply)) as sim:
        work = job(
            tmp_path, sim.base_url, personas=1, forms="unanswerable,open", pass_rate_rollouts=2
        )
        plant_domain(work.store, kindred())
        await advance(work)
        await asyncio.wait_for(pass_rates.rate_domain(work, DOMAIN), 60)
    assert why(work) == []
    drafts = {row.draft_id: row for row in rows(work.store, QADraft, IN_DOMAIN)}
    of_kin = [p for p in verified(work) if drafts[p.pair_id].form == Form.UNANSWERABLE]
    assert len(of_kin) == len(kindred())
    for pair in of_kin:
        gold = Gold.from_json(pair.gold or "")
        basis = KinAnswer.from_json(drafts[pair.pair_id].basis or "")
        assert score("Answer: unanswerable", gold).value == 1
        assert score(f"Answer: {basis.answer}", gold).value == 0
        assert basis.kin != pair.doc_id
    # A question has no closed-book rate where only its passage makes it unanswerable.
    rated = {row.pair_id for row in rows(work.store, PassRate, IN_DOMAIN)}
    assert rated == set(drafts) - {pair.pair_id for pair in of_kin}

    release = released(work)
    table = read_release(release)
    both = {Form.OPEN: len(kindred()), Form.UNANSWERABLE: len(kindred())}
    assert dict(table.group_by("form").len().iter_rows()) == both
    plain = export(release, ["trl"], tmp_path / "plain")["trl"]
    assert pl.read_parquet(plain / "train.parquet").height == len(kindred())
    shown = export(release, ["trl"], tmp_path / "shown", distractors=2)["trl"]
    prompts = pl.read_parquet(shown / "train.parquet")
    assert prompts.height == 2 * len(kindred())
    for prompt, gold in prompts.select("prompt", "gold").iter_rows():
        text = prompt[0]["content"]
        assert "the final answer is: unanswerable" in text
        if json.loads(gold)["value"] == "unanswerable":
            assert_not_answered(text)


def assert_not_answered(prompt: str) -> None:
    passages, _, question = prompt.rpartition("Question: ")
    name = re.search(r"the (\w+) Canal", question)
    assert name is not None
    assert f"The {name[1]} Canal" in passages
    says = "was opened with" if "In which year" in question else r"has \d+ locks"
    assert not re.search(f"The {name[1]} Canal {says}", passages)


async def test_the_spec_sets_the_share_of_unanswerable_pairs(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=reply)) as sim:
        work = job(tmp_path, sim.base_url, personas=1, forms="unanswerable,open")
        plant_domain(work.store, kindred())
        await advance(work)
    # Of 8 open pairs, 2 more make a fifth.
    table = read_release(released(work, ReleaseSpec(unanswerable=0.2)))
    assert dict(table.group_by("form").len().iter_rows()) == {"open": 8, "unanswerable": 2}
    table = read_release(released(work, ReleaseSpec(unanswerable=0)))
    assert set(table["form"]) == {"open"}
    # No rate is asked of an abstention; the open pairs have none and are out.
    rated = ReleaseSpec.model_validate({"pass_rate": {"above": 0}})
    assert set(read_release(released(work, rated))["form"]) == {"unanswerable"}


async def test_a_document_without_kin_costs_no_call(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=reply)) as sim:
        work = job(tmp_path, sim.base_url, personas=1, forms="unanswerable")
        plant_domain(work.store, [document_text(1)])
        await advance(work)
    (draft,) = rows(work.store, QADraft, IN_DOMAIN)
    assert (draft.status, draft.reason) == (Status.REJECTED, "no_kin")
    assert {call.step for call in rows(work.store, LLMCall, IN_DOMAIN)} == {"personas"}


async def test_a_withdrawn_kin_takes_its_questions_along(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=reply)) as sim:
        work = job(tmp_path, sim.base_url, personas=1, forms="unanswerable")
        plant_domain(work.store, kindred())
        await advance(work)
    before = read_release(released(work))
    gone = content_id(kindred()[0])
    with work.store.transaction(IN_DOMAIN) as transaction:
        transaction.connection.execute(
            "UPDATE filtered_documents SET status = 'rejected' WHERE doc_id = $1", [gone]
        )
    after = read_release(released(work))
    left = set(before["pair_id"]) - set(after["pair_id"])
    asked_of = {KinAnswer.from_json(basis).kin for basis in after["basis"]}
    assert gone not in asked_of
    assert left


async def test_drafts_of_an_earlier_run_are_verified_with_their_kin(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=reply)) as sim:
        work = job(tmp_path, sim.base_url, personas=1, forms="unanswerable")
        plant_domain(work.store, kindred())
        first = ("personas", "qa_drafts")
        await asyncio.wait_for(questions.advance_domain(work, DOMAIN, first), 60)
        assert verified(work) == []
        await advance(replace(work, run_id="later"))
    assert why(work) == []
    assert len(verified(work)) == len(kindred())


async def test_a_home_of_the_version_before_goes_on(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=reply)) as sim:
        work = job(tmp_path, sim.base_url, personas=1, forms="open")
        plant_domain(work.store, kindred())
        await advance(work)
        old = read_release(released(work))
        with work.store.transaction(IN_DOMAIN) as transaction:
            transaction.connection.execute("ALTER TABLE qa_drafts DROP COLUMN basis")
        more = job(tmp_path, sim.base_url, personas=1, forms="open,computed,unanswerable")
        await advance(more)
    assert set(old["pair_id"]) < set(read_release(released(more))["pair_id"])
    forms = {row.form for row in rows(more.store, QADraft, IN_DOMAIN)}
    assert forms == {"open", "computed", "unanswerable"}


@pytest.mark.parametrize(
    ("form", "unknown"), [(Form.COMPUTED, set()), (Form.UNANSWERABLE, {Form.UNANSWERABLE})]
)
async def test_the_prompts_of_a_pair_are_rebuilt(
    tmp_path: Path, form: Form, unknown: set[str]
) -> None:
    """But for a draft that depends on the documents that its domain had at that time."""
    async with running_simulator(quick(reply=reply)) as sim:
        work = job(tmp_path, sim.base_url, personas=1, forms=form)
        plant_domain(work.store, kindred())
        await advance(work)
    view = reading.find_pair(work.store, verified(work)[0].pair_id)
    assert view is not None
    found = await asyncio.to_thread(prompts.sent_prompts, view, None)
    assert {prompt.step for prompt in found} == {call["step"] for call in view.calls}
    assert {prompt.step for prompt in found if not prompt.messages} == unknown
    assert all("depends on all documents" in p.differs[0] for p in found if not p.messages)
    assert ("judge_answerable" in {p.step for p in found}) is (form is Form.UNANSWERABLE)
