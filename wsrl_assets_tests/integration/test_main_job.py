"""The main job on a real vLLM server: structure and accounting, never the model's taste."""

import contextlib
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import datasets
import polars as pl
import pytest

from wsrl_assets.llm.engine import NEITHER, Engine
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.prompting import document_first
from wsrl_assets.llm.recipes import Provenance, rule_recipe
from wsrl_assets.llm.roles import Role
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.orchestration.runs import materialize_pending
from wsrl_assets.release.dataset import COLUMNS, current_release
from wsrl_assets.release.export import FORMATS, export
from wsrl_assets.release.splits import Split
from wsrl_assets.reward import Gold, render, score
from wsrl_assets.settings import load_roles
from wsrl_assets.storage import PartitionKind, catalog
from wsrl_assets.storage.accounting import accounts, call_totals
from wsrl_assets.storage.tables import LLMCall
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import STAGES, Stage
from wsrl_assets.verification.judge import (
    SUPPORTED_PROMPT,
    Case,
    JudgePolicy,
    SupportReply,
    judge,
)
from wsrl_assets.verification.probability import CRITERIA, QuotedPair, judge_by_probability
from wsrl_assets_tests.integration.conftest import DOCUMENTS, Job
from wsrl_assets_tests.release.trainers.exported import load

pytestmark = pytest.mark.real_vllm


def test_every_run_succeeds(job: Job) -> None:
    assert job.outcome.failures == []


def test_every_row_is_accounted_for_and_nothing_is_pending(job: Job) -> None:
    with catalog(job.store) as connection:
        found = accounts(connection, job.settings.wanted)
    off = {"pass_rates", "sft_warmup"}
    assert {account.stage for account in found} == set(STAGES) - off
    assert [account for account in found if not account.balanced] == []
    assert sum(account.pending for account in found) == 0
    source = next(account for account in found if account.stage == "source_documents")
    assert source.rows_in == DOCUMENTS


def test_ids_are_unique_in_every_table(job: Job) -> None:
    keys = {
        "triaged_documents": "doc_id",
        "filtered_documents": "doc_id",
        "personas": "doc_id",
        "qa_drafts": "draft_id",
        "verified_pairs": "pair_id",
        "final_splits": "pair_id",
        "llm_calls": "call_id",
    }
    with catalog(job.store) as connection:
        for table, key in keys.items():
            row = connection.execute(
                f"SELECT count(*), count(DISTINCT {key}) FROM {table}"
            ).fetchone()
            assert row is not None
            assert row[0] == row[1], table


def test_every_draft_walks_back_to_its_shard(job: Job) -> None:
    with catalog(job.store) as connection:
        lost = connection.sql(
            """
            SELECT q.draft_id FROM qa_drafts q
            LEFT JOIN filtered_documents f ON f.doc_id = q.doc_id
            LEFT JOIN triaged_documents t ON t.doc_id = q.doc_id
            LEFT JOIN source_documents s ON s.doc_id = q.doc_id AND s.status = 'kept'
            LEFT JOIN shards h ON h.shard = s.shard
            LEFT JOIN recipes r ON r.recipe = q.recipe
            WHERE h.path IS NULL OR t.doc_id IS NULL OR f.doc_id IS NULL OR r.body IS NULL
            """
        ).fetchall()
    assert lost == []


def test_the_ledger_agrees_with_the_server(job: Job) -> None:
    with catalog(job.store) as connection:
        totals = call_totals(connection)
    served = _metrics(job)
    assert sum(t.calls for t in totals) > 0
    assert sum(t.prompt_tokens for t in totals) == served["vllm:prompt_tokens_total"]
    assert sum(t.completion_tokens for t in totals) == served["vllm:generation_tokens_total"]
    assert sum(t.cached_tokens for t in totals) > 0


def test_a_second_run_makes_no_call(job: Job) -> None:
    before = _metrics(job)["vllm:prompt_tokens_total"]
    outcome = materialize_pending(job.store, job.settings)
    assert outcome.failures == []
    assert _metrics(job)["vllm:prompt_tokens_total"] == before


def test_the_release_loads_in_datasets(job: Job) -> None:
    loaded = datasets.load_dataset(str(current_release(job.store)))
    assert set(loaded) <= {str(split) for split in Split}
    for part in loaded.values():
        assert part.column_names == list(COLUMNS)


def test_every_released_gold_scores_one_under_the_verl_reward(job: Job) -> None:
    folders = export(current_release(job.store), list(FORMATS), job.store.home / "out")
    reward = load(folders["verl"] / "reward.py")
    rows = pl.concat(pl.read_parquet(folders["verl"] / f"{split}.parquet") for split in Split)
    assert rows.columns == ["data_source", "prompt", "ability", "reward_model", "extra_info"]
    for row in rows.iter_rows(named=True):
        assert row["prompt"][0]["role"] == "user"
        gold = row["reward_model"]["ground_truth"]
        answer = render(Gold.from_json(gold))
        assert score(f"Answer: {answer}", Gold.from_json(gold)).value == 1
        assert reward.compute_score(row["data_source"], f"Answer: {answer}", gold) == 1.0


def test_dagster_materializes_a_domain_by_environment_alone(job: Job) -> None:
    domain = next(iter(job.store.partitions(PartitionKind.DOMAIN)))
    assert domain.key in set(Domain)
    command = [
        *(sys.executable, "-m", "dagster", "asset", "materialize"),
        *("-m", "wsrl_assets.definitions", "--partition", domain.key),
        *("--select", "personas,qa_drafts,verified_pairs"),
    ]
    done = subprocess.run(
        command, env=dict(os.environ), capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def _metrics(job: Job) -> dict[str, float]:
    """vLLM's counters, summed over their labels."""
    url = job.endpoint.base_url.removesuffix("/v1") + "/metrics"
    with urllib.request.urlopen(url, timeout=10) as response:
        text = response.read().decode()
    totals: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("vllm:"):
            name, value = line.rsplit(" ", 1)
            name = name.split("{")[0]
            totals[name] = totals.get(name, 0.0) + float(value)
    return totals


async def test_the_server_takes_what_the_judge_asks(job: Job, tmp_path: Path) -> None:
    """What it says is chance in a model of this size; that it may say it is not.

    Last in this file: its calls are on the server and in no ledger.
    """
    document = "The Suez Canal in Egypt is 193 km long."
    asked = {"question": "How long is the Suez Canal in Egypt?", "answer": "193 km"}
    calls: list[LLMCall] = []
    async with Engine(
        {Role.JUDGE: load_roles()[Role.JUDGE]},
        record=calls.append,
        run_id="judge",
        limiter_folder=tmp_path,
        max_in_flight=1,
    ) as engine:
        model = StageModel(engine, Provenance(rule_recipe(Stage.VERIFIED_PAIRS, "1"), "judge"))
        with contextlib.suppress(RowError):  # cut off: a small model goes on for too long
            await judge(Case("pair", **asked, document=document), JudgePolicy(), model)
        messages = document_first(document, SUPPORTED_PROMPT.render(**asked))
        with contextlib.suppress(RowError):
            await model.ask("judge_supported", "pair", messages, SupportReply, max_tokens=160)
        by_words = {call.step for call in calls}
        pair = QuotedPair("pair", **asked, evidence=document)
        with contextlib.suppress(RowError):  # neither yes nor no
            await judge_by_probability(pair, dict.fromkeys(CRITERIA, 0.0), model)
    assert by_words == {"judge_question", "judge_supported"}
    assert {"judge_meaning", "judge_given_away"} <= {call.step for call in calls} - by_words
    errors = [call.error for call in calls if call.error]
    assert [error for error in errors if not error.startswith(("truncated", NEITHER))] == []
