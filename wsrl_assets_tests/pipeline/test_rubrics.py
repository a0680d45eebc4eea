"""Questions for an explanation, from documents to a release and its exports, on a simulated server.

One home is made for all tests: whole runs are what takes time.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from starlette.testclient import TestClient

from simulator import SimulatorSettings, render, running_simulator, schema_name, simulator_process
from wsrl_assets.explore import create_app, prompts, reading
from wsrl_assets.llm.roles import Role
from wsrl_assets.pipeline import pass_rates, questions
from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.regeneration import stale_rows
from wsrl_assets.release.dataset import build_release, read_release
from wsrl_assets.release.export import FORMATS, export, left_out
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.spec import ReleaseSpec
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.reporting import report
from wsrl_assets.reward import Rubric, is_rubric, score_rubric
from wsrl_assets.reward.instruction import EXPLAIN
from wsrl_assets.storage import catalog
from wsrl_assets.storage.basis import GradedFacts
from wsrl_assets.storage.tables import PassRate, QADraft, Status, VerifiedPair
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    balances,
    document_text,
    honest_reply,
    job,
    plant_domain,
    quick,
    rows,
)
from wsrl_assets_tests.release.trainers.exported import load

_NAMES = ("Averholm", "Brennick", "Corvast")
_SENTENCES = (
    "The {} Canal dried up because its feeder lake leaked through karst.",
    "Engineers from Dunmere had lined the bed with sand instead of puddled clay.",
    "A drought in 1911 lowered the water by 4 metres.",
    "No earthquake was recorded there.",
)
_FACTS = (
    "Its feeder lake leaked through karst.",
    "The bed was lined with sand instead of puddled clay.",
    "A drought in 1911 lowered the water by 4 metres.",
)
_MISTAKE = "An earthquake was recorded and split the bed."
_ANSWER = (
    "The feeder lake of the {} Canal leaked through karst below it. The bed had been lined with "
    "sand instead of puddled clay, so it held little. Then a drought in 1911 lowered the water by "
    "4 metres."
)


def texts() -> list[str]:
    return [
        f"{document_text(80 + n)} " + " ".join(_SENTENCES).format(name)
        for n, name in enumerate(_NAMES)
    ]


def reply(body: dict[str, Any], rng: Random) -> str:
    """Honest on explanations, and as `honest_reply` in all else."""
    prompt = render(body["messages"])
    match schema_name(body):
        case "rubric":
            return json.dumps(_rubric(prompt))
        case "explain":
            return json.dumps({"answer": _ANSWER.format(_name(prompt))})
        case "says_fact":
            return json.dumps({"reason": "", "says": "earthquake" not in prompt})
    return honest_reply(body, rng)


def _name(prompt: str) -> str:
    return str(re.findall(r"The (\w+) Canal dried", prompt)[-1])


def _rubric(prompt: str) -> dict[str, Any]:
    document = prompt.rpartition("</document>")[0]
    name = _name(prompt)
    starts = (f"The {name} Canal dried", *(sentence[:20] for sentence in _SENTENCES[1:]))
    places = [int(re.findall(rf"\[(\d+)\] {start}", document)[-1]) for start in starts]
    return {
        "must": [
            {"fact": fact, "sentence": place, "central": n < 2}
            for n, (fact, place) in enumerate(zip(_FACTS, places[:3], strict=True))
        ],
        "must_not": [{"fact": _MISTAKE, "sentence": places[3]}],
        "answer": _ANSWER.format(name),
        "question": f"Why did the {name} Canal lose its water so early in the last century?",
    }


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A home with a rubric and an open pair of each document."""
    return asyncio.run(_made(tmp_path_factory.mktemp("home")))


async def _made(home: Path) -> Job:
    async with running_simulator(quick(reply=reply)) as sim:
        made = job(home, sim.base_url, personas=1, forms="open,rubric", pass_rate_rollouts=2)
        plant_domain(made.store, texts())
        await asyncio.wait_for(questions.advance_domain(made, DOMAIN), 60)
        await asyncio.wait_for(pass_rates.rate_domain(made, DOMAIN), 60)
    return made


@pytest.fixture(scope="module")
def release(work: Job) -> Path:
    split_domain(work.store, DOMAIN, "run", SplitSettings(0.0, 0.0))
    return build_release(work.store, "run", ReleaseSpec()).folder


def rubrics(work: Job) -> dict[str, QADraft]:
    drafts = rows(work.store, QADraft, IN_DOMAIN)
    return {draft.draft_id: draft for draft in drafts if draft.form == "rubric"}


def test_a_rubric_is_drafted_checked_and_kept_with_its_evidence(work: Job) -> None:
    drafts = rubrics(work)
    verified = [p for p in rows(work.store, VerifiedPair, IN_DOMAIN) if p.pair_id in drafts]
    assert [(p.status, p.reason, p.detail) for p in verified] == [(Status.KEPT, None, None)] * 3
    for pair in verified:
        rubric = Rubric.from_json(pair.gold or "")
        assert score_rubric(rubric.reference, rubric, lambda a: "earthquake" not in a.fact).passed
        basis = GradedFacts.from_json(drafts[pair.pair_id].basis or "")
        assert [one.fact for one in basis.must] == [one.fact for one in rubric.must]
        assert {v.check for v in pair.verdicts} >= {
            *("rubric", "facts_in_document", "mistakes_are_wrong", "facts_differ"),
            *("question_keeps_facts", "rubric_self_test", "judge_contradicted", "reference_passes"),
        }
    found = balances(work.store, work.settings.forms)
    assert [a for a in found if not a.balanced and a.stage != "filtered_documents"] == []


def test_no_pass_rate_is_asked_for_and_nothing_is_stale(work: Job) -> None:
    rated = {row.pair_id for row in rows(work.store, PassRate, IN_DOMAIN)}
    assert len(rated) == 3
    assert not rated & set(rubrics(work))
    with catalog(work.store) as connection:
        assert stale_rows(connection, work) == {}


def test_the_verdicts_on_other_pairs_keep_their_recipe(work: Job) -> None:
    """Old homes: a home without the form has the same recipe for them, so nothing is paid again."""
    recipes = {
        (row.pair_id in rubrics(work), row.recipe)
        for row in rows(work.store, VerifiedPair, IN_DOMAIN)
    }
    assert len(recipes) == 2
    plain = work.settings.model_copy(update={"forms": (Form.OPEN,)})
    models = dict.fromkeys(Role, "m")
    before = questions.domain_recipes(replace(work, settings=plain), models, DOMAIN)
    after = questions.domain_recipes(work, models, DOMAIN)
    assert before["verified_pairs"].hash == after["verified_pairs"].hash
    assert not {"judge_fact", "says_fact", "explain"} & set(
        json.loads(after["verified_pairs"].body)["prompts"]
    )


def test_prompts_of_a_rubric_are_rebuilt(work: Job) -> None:
    (pair_id, *_) = rubrics(work)
    view = reading.find_pair(work.store, pair_id)
    assert view is not None
    found = {p.step: p.differs for p in prompts.sent_prompts(view, None)}
    assert {"rubric", "judge_explanation", "judge_fact", "says_fact", "explain"} <= set(found)
    assert [said for said in found.values() if said] == []


def test_pages_and_trace_show_its_facts_one_by_one(work: Job, release: Path) -> None:
    (pair_id, *_) = rubrics(work)
    pages = TestClient(create_app(work.store))
    page = pages.get(f"/pairs/{pair_id}").text
    assert page.index("An answer must say") < page.index("and must not say")
    assert page.count("counts 2 times") == 2
    assert page.count("<mark") == len(_SENTENCES)
    shown = report.render(report.gather(work.store))
    assert shown.count("Must not say") == 3
    assert _MISTAKE in shown


def test_the_release_and_its_card_say_what_a_rubric_is(release: Path) -> None:
    table = read_release(release)
    of_rubric = table.filter(pl.col("form") == "rubric")
    assert of_rubric.height == 3
    assert set(of_rubric["answer_type"]) == {"rubric"}
    assert of_rubric["pass_rate"].null_count() == 3
    assert all(map(is_rubric, of_rubric["gold"]))
    card = (release / "README.md").read_text("utf-8")
    assert "3 pairs ask for an explanation" in card
    assert "The score of an explanation is a judge's" in card


def test_each_format_has_rubrics_with_a_judge_or_says_how_many_it_left_out(
    release: Path, tmp_path: Path
) -> None:
    folders = export(release, list(FORMATS), tmp_path)
    takes = {name for name, each in FORMATS.items() if each.takes_rubrics}
    assert takes == {"parquet", "verl", "slime", "nemo_gym", "verifiers"}
    for name, folder in folders.items():
        readme = (folder / "README.md").read_text("utf-8")
        lacking = {} if name in takes else {"rubric": 3}
        assert left_out(folder) == lacking, name
        assert ("3 pairs of the form `rubric`" in readme) is (name not in takes), name
        has_judge = any(folder.rglob("judge.py"))
        assert has_judge is (name in takes - {"parquet"}), name
        assert ("WSRL_LLM_JUDGE_MODEL" in readme) is has_judge, name
    verl = pl.read_parquet(folders["verl"] / "train.parquet")
    asked = [row[0]["content"] for row in verl["prompt"]]
    assert sum(prompt.endswith(EXPLAIN) for prompt in asked) == 3
    assert verl.height == 6
    assert pl.read_parquet(folders["trl"] / "train.parquet").height == 3


def in_a_word(body: dict[str, Any], rng: Random) -> str:
    return "<think>Let me see.</think>no." if "earthquake" in render(body["messages"]) else "Yes."


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An endpoint for the shipped judge."""
    with simulator_process(
        SimulatorSettings(decode_tokens_per_s=5_000.0, reply=in_a_word)
    ) as server:
        monkeypatch.setenv("WSRL_LLM_JUDGE_BASE_URL", server.base_url)
        monkeypatch.setenv("WSRL_LLM_JUDGE_MODEL", "simulated")
        yield


def test_the_shipped_rewards_ask_the_judge_of_their_environment(
    release: Path, tmp_path: Path, judge: None
) -> None:
    folders = export(release, ["verl", "slime"], tmp_path)
    gold = read_release(release).filter(pl.col("form") == "rubric")["gold"][0]
    answer = Rubric.from_json(gold).reference
    verl, slime = (load(folder / "reward.py") for folder in folders.values())

    class Sample:
        response, label, status = f"Answer: {answer}", gold, None

    assert verl.compute_score("wsrl-assets", f"Answer: {answer}", gold) == 1.0
    assert verl.compute_score("wsrl-assets", "Answer: Solution:", gold) == 0.0
    assert asyncio.run(slime.gold_reward(None, Sample())) == 1.0


def test_without_a_judge_a_shipped_reward_stops_and_names_the_variable(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WSRL_LLM_JUDGE_BASE_URL", raising=False)
    reward = load(export(release, ["verl"], tmp_path)["verl"] / "reward.py")
    gold = read_release(release).filter(pl.col("form") == "rubric")["gold"][0]
    with pytest.raises(RuntimeError, match="set WSRL_LLM_JUDGE_BASE_URL"):
        reward.compute_score("wsrl-assets", _ANSWER, gold)
    assert (
        reward.compute_score("wsrl-assets", "Answer: 1", '{"type": "integer", "value": "1"}') == 1
    )
