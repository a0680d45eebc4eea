"""Which partner each question of two documents gets, when documents leave and runs are cut off."""

import asyncio
import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulator import render, running_simulator, schema_name
from wsrl_assets.pipeline import questions
from wsrl_assets.pipeline.job import Job
from wsrl_assets.storage import Partition
from wsrl_assets.storage.basis import kin_id
from wsrl_assets.storage.replacement import remove_documents
from wsrl_assets.storage.tables import QADraft
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.text.normalisation import content_id
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    document_text,
    honest_reply,
    job,
    plant_domain,
    quick,
    rows,
)

_CANALS = ("Averholm", "Brennick", "Corvast")
OPENED = " ".join(
    [document_text(80), *(f"A parade opened the {name} Canal in May." for name in _CANALS)]
)
DUG = [f"{document_text(60 + n)} They dug the {name} Canal." for n, name in enumerate(_CANALS)]


def reply(body: dict[str, Any], rng: Random) -> str:
    if schema_name(body) != Form.CROSS_DOCUMENT:
        return honest_reply(body, rng)
    request = render(body["messages"]).rpartition("The second text:")[2]
    first, second = re.findall(r"that name it: (\d+)", request)
    return json.dumps(
        {
            "first": int(first),
            "second": int(second),
            "answer": "May",
            "answer_type": "date",
            "unit": None,
            "question": "In which month was the canal that they dug opened?",
        }
    )


def partners(work: Job) -> dict[int, str | None]:
    """By persona, the partner of each question of the document that has several."""
    return {
        draft.persona_index: kin_id(draft.basis)
        for draft in rows(work.store, QADraft, IN_DOMAIN)
        if draft.doc_id == content_id(OPENED)
    }


async def test_a_partner_that_leaves_is_replaced_by_one_that_is_not_in_use(tmp_path: Path) -> None:
    stages = ("personas", "qa_drafts")
    async with running_simulator(quick(reply=reply)) as sim:
        work = job(tmp_path, sim.base_url, personas=2, forms="cross_document")
        plant_domain(work.store, [OPENED, *DUG])
        await asyncio.wait_for(questions.advance_domain(work, DOMAIN, stages), 60)
        before = partners(work)
        assert len({*before.values()} - {None}) == 2
        gone = before[0]
        assert gone is not None
        remove_documents(work.store, DOMAIN, [gone])
        await asyncio.wait_for(questions.advance_domain(work, DOMAIN, stages), 60)
    after = partners(work)
    assert after[1] == before[1], "no pair changes"
    assert {*after.values()} == {content_id(text) for text in DUG} - {gone}


async def test_a_run_with_nothing_left_to_pair_reads_no_domain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    find = questions._bridges

    def counted(job: Job, partition: Partition) -> dict[str, list[tuple[str, str]]]:
        read.append("read")
        return find(job, partition)

    monkeypatch.setattr(questions, "_bridges", counted)
    async with running_simulator(quick(reply=reply)) as sim:
        work = job(tmp_path, sim.base_url, personas=1, forms="cross_document")
        plant_domain(work.store, [OPENED, *DUG])
        # Left undone: verification, so that the second run has documents to look at.
        for stages in (("personas", "qa_drafts"), ("personas", "qa_drafts", "verified_pairs")):
            await asyncio.wait_for(questions.advance_domain(work, DOMAIN, stages), 60)
    assert read == ["read"]
