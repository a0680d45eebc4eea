"""Questions of two documents, from their pairing to a withdrawal, on a simulated server."""

import asyncio
import json
import re
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from simulator import render, running_simulator, schema_name
from wsrl_assets.cli import show
from wsrl_assets.explore import reading
from wsrl_assets.generation.cross_document import Partner, partners_of
from wsrl_assets.pipeline import questions
from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.takedowns import withdraw_matching
from wsrl_assets.release.dataset import build_release, read_release
from wsrl_assets.release.export import FORMATS, export, left_out
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.spec import ReleaseSpec
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.basis import cross_hops
from wsrl_assets.storage.tables import LLMCall, QADraft, Status, VerifiedPair
from wsrl_assets.storage.trace import around_pair, recipes_and_calls
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.text.normalisation import content_id
from wsrl_assets_tests.curation.test_filter import triaged
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    SHARD,
    document_text,
    honest_reply,
    job,
    plant_domain,
    plant_shard,
    quick,
    rows,
)

_CANALS = (("Abel", "Averholm", 1821), ("Bruno", "Brennick", 1834), ("Carl", "Corvast", 1847))
DUG = [
    f"{document_text(60 + n)} Engineer {first} Zander dug the {canal} Canal."
    for n, (first, canal, _) in enumerate(_CANALS)
]
OPENED = [
    f"{document_text(80 + n)} The {canal} Canal was opened with a parade in {year}."
    for n, (_, canal, year) in enumerate(_CANALS)
]


def reply(body: dict[str, Any], rng: Random) -> str:
    """Joins who dug a canal to its opening, or to its digger; reads both as they stand."""
    prompt = render(body["messages"])
    if schema_name(body) == Form.CROSS_DOCUMENT:
        return json.dumps(_drafted(prompt))
    asked = prompt.rpartition("</document>")[2]
    if schema_name(body) == "round_trip" and "opened with a parade" in asked:
        document = prompt.rpartition("</document>")[0]
        digger = re.search(r"canal that (\w+ Zander) dug", asked)
        assert digger is not None
        opened = re.search(r"opened with a parade in (\d+)", document)
        known = opened is not None and digger[1] in document
        return json.dumps({"answer": opened[1] if opened and known else "unanswerable"})
    return honest_reply(body, rng)


def _drafted(prompt: str) -> dict[str, Any]:
    document, _, request = prompt.rpartition("The second text:")
    dug = re.search(r"\[(\d+)\] Engineer (\w+ Zander) dug", request)
    opened = re.search(r"\[(\d+)\] The \w+ Canal was opened with a parade in (\d+)", document)
    if dug is None or opened is None:  # the other way round, which this model does badly
        first, second = re.findall(r"that name it: (\d+)", request)
        return _reply(first, second, "Zander", "entity", "Which engineer dug the canal?")
    question = f"In which year was the canal that {dug[2]} dug opened with a parade?"
    return _reply(dug[1], opened[1], opened[2], "date", question)


def _reply(first: str, second: str, answer: str, kind: str, question: str) -> dict[str, Any]:
    return {
        "first": int(first),
        "second": int(second),
        "answer": answer,
        "answer_type": kind,
        "unit": None,
        "question": question,
    }


async def advance(work: Job) -> None:
    await asyncio.wait_for(questions.advance_domain(work, DOMAIN), 60)


def released(work: Job, settings: SplitSettings | None = None) -> Path:
    split_domain(work.store, DOMAIN, "run", settings or SplitSettings(0.0, 0.0))
    return build_release(work.store, "run", ReleaseSpec()).folder


async def test_pairs_of_two_documents_are_made_traced_and_leave_with_either(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=reply)) as sim:
        work = job(tmp_path, sim.base_url, personas=1, forms="cross_document")
        plant_domain(work.store, [*DUG[:2], *OPENED[:2]])
        await advance(work)
        calls = len(rows(work.store, LLMCall, IN_DOMAIN))
        await advance(work)
        assert len(rows(work.store, LLMCall, IN_DOMAIN)) == calls, "nothing is paid for again"
        kept = [r for r in rows(work.store, VerifiedPair, IN_DOMAIN) if r.status is Status.KEPT]
        assert {row.doc_id for row in kept} == {content_id(text) for text in OPENED[:2]}

        # What comes later is paired with what is there, and no pair changes.
        plant_domain(work.store, [*DUG, *OPENED])
        await advance(work)
    kept = [r for r in rows(work.store, VerifiedPair, IN_DOMAIN) if r.status is Status.KEPT]
    assert len(kept) == len(_CANALS)

    folder = released(work)
    table = read_release(folder)
    assert sorted(table["answer"]) == ["1821", "1834", "1847"]
    for row in table.iter_rows(named=True):
        two = cross_hops(row["basis"])
        assert two is not None
        text = row["pretrain_text"]
        assert two.bridge in text[slice(*two.first)]
        assert " dug the " in text[slice(*two.first)]
        assert row["answer"] in text[row["evidence_start"] : row["evidence_end"]]
    assert_exported(folder, tmp_path)

    row = table.row(0, named=True)
    kin = json.loads(row["basis"])["kin"]
    assert_traced(work.store, row["pair_id"], kin)

    plant_triaged(work.store, [*DUG, *OPENED])
    withdrawn = withdraw_matching(work.store, kin, "withdraw")
    assert withdrawn.pairs == 1
    after = read_release(released(work))
    assert set(table["pair_id"]) - set(after["pair_id"]) == {row["pair_id"]}
    assert_traced(work.store, row["pair_id"], kin, superseded=True)
    assert withdraw_matching(work.store, after["doc_id"][0], "withdraw").pairs == 1
    assert read_release(released(work)).height == len(_CANALS) - 2


def plant_triaged(store: Store, texts: list[str]) -> None:
    """The shard of planted documents."""
    plant_shard(store, texts)
    with store.transaction(Partition.shard(SHARD)) as transaction:
        transaction.merge([triaged(text, DOMAIN) for text in texts])


def assert_exported(folder: Path, tmp_path: Path) -> None:
    plain = export(folder, list(FORMATS), tmp_path / "plain")
    assert plain.keys() == FORMATS.keys()
    for form, path in plain.items():
        assert left_out(path) == {}, form
        (train,) = [p for p in path.rglob("train*") if p.suffix in (".parquet", ".jsonl")]
        read = pl.read_parquet if train.suffix == ".parquet" else pl.read_ndjson
        assert read(train).height == len(_CANALS), form
    shown = export(folder, ["trl"], tmp_path / "shown", distractors=1)["trl"]
    for prompt in pl.read_parquet(shown / "train.parquet")["prompt"]:
        said = prompt[0]["content"]
        name = re.search(r"canal that (\w+ Zander) dug", said)
        assert name is not None
        assert f"Engineer {name[1]} dug the" in said, "both documents are to be read"


def assert_traced(store: Store, pair_id: str, kin: str, *, superseded: bool = False) -> None:
    with around_pair(store, pair_id, superseded=superseded) as connection:
        (pair,) = frame(connection, "trace_pair", prefix=pair_id).to_dicts()
        recipes, ledger = recipes_and_calls(connection, pair)
    assert json.loads(pair["basis"])["kin"] == kin
    assert " dug the " in pair["kin_text"]
    assert "was opened" in pair["text"]
    assert show.trace({**pair, "superseded": superseded}, recipes, ledger)
    if not superseded:
        view = reading.find_pair(store, pair_id)
        assert view is not None
        assert view.row["kin_text"] == pair["kin_text"]


def joins(work: Job) -> list[tuple[str, str, str]]:
    with work.store.transaction(IN_DOMAIN) as transaction:
        found = transaction.query("bridges", holders=5, partners=2, candidates=4)
    return list(found.iter_rows())


def test_documents_are_joined_by_names_that_few_sources_hold(tmp_path: Path) -> None:
    work = job(tmp_path, "http://127.0.0.1:1/v1", personas=1, forms="cross_document")
    common = [f"The Zorb{n} engine runs on oil of the Black Sea." for n in range(40)]
    texts = [
        "In Port Tessel herring is sold. Meanwhile nothing else is.",
        "Queen Maude gave Port Tessel its charter.",
        "So it was that Queen Maude ruled.",
    ]
    plant_domain(work.store, [*texts, *common])
    found = joins(work)
    a, b, c = map(content_id, texts)
    assert {(x, y, name) for x, y, name in found} == {
        (a, b, "Port Tessel"),
        (b, a, "Port Tessel"),
        (b, c, "Queen Maude"),
        (c, b, "Queen Maude"),
    }
    assert found == joins(work)


def test_a_document_is_the_other_one_of_few(tmp_path: Path) -> None:
    work = job(tmp_path, "http://127.0.0.1:1/v1", personas=1, forms="cross_document")
    hub = " ".join(f"Lake Nummer{n} Zorb is deep." for n in range(20))
    plant_domain(work.store, [hub, *(f"We saw Lake Nummer{n} Zorb once." for n in range(20))])
    found = pl.DataFrame(joins(work), ["doc_id", "kin", "bridge"], orient="row")
    assert found.group_by("kin").len()["len"].max() == 2


def test_copies_and_long_quotations_are_not_paired() -> None:
    said = "In the year of the flood Nora Pell walked from the harbour to the old mill and back."
    text = f"{said} Nobody else did."
    fair = Partner("fair", "The cellist of the Harrow Quartet was Nora Pell.", "Nora Pell")
    copy = Partner("copy", f"{said} Some say so.", "Nora Pell")
    quotes = Partner("quotes", f"She wrote it down: {said} That was all.", "Nora Pell")
    split = Partner("split", "Nora did. Pell did not.", "Nora Pell")
    assert partners_of(text, [copy, quotes, split, fair]) == [fair]


async def test_documents_without_a_partner_cost_no_call(tmp_path: Path) -> None:
    async with running_simulator(quick(reply=reply)) as sim:
        work = job(tmp_path, sim.base_url, personas=1, forms="cross_document")
        plant_domain(work.store, [document_text(1)])
        await advance(work)
    (draft,) = rows(work.store, QADraft, IN_DOMAIN)
    assert (draft.status, draft.reason) == (Status.REJECTED, "no_partner")
    assert {call.step for call in rows(work.store, LLMCall, IN_DOMAIN)} == {"personas"}
