"""The asset graph as Dagster sees it, and as it runs on a simulated endpoint."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from benchmarks import engine_model
from benchmarks.engine_corpus import articles
from benchmarks.engine_pipeline import recorded_bodies
from simulator import (
    SimulatorSettings,
    schema_name,
    schema_reply,
    simulator_process,
)
from wsrl_assets.cli.app import app
from wsrl_assets.curation import triage
from wsrl_assets.orchestration.assets.coverage import proposals_table
from wsrl_assets.orchestration.assets.questions import pass_rate_asset
from wsrl_assets.orchestration.definitions import build_definitions
from wsrl_assets.orchestration.metadata import ACCOUNTING, CURRENT
from wsrl_assets.orchestration.partitions import DOMAINS
from wsrl_assets.orchestration.resources import default_resources
from wsrl_assets.orchestration.runs import RunSummary, dagster_home, materialize_pending
from wsrl_assets.release.dataset import current_release, read_release
from wsrl_assets.reporting.coverage import FILE, Coverage, Proposal, folder_of, read_coverage
from wsrl_assets.settings import Settings, load_settings
from wsrl_assets.sources.ingest import register
from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.accounting import accounts, call_totals
from wsrl_assets.storage.tables import TriagedDocument, utc_now
from wsrl_assets.taxonomy.domain_files import DomainFacts
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import STAGES, Stage, stages_up_to

TEXT = (
    "The Suez Canal was opened to shipping in November 1869 by the Khedive of Egypt. "
    "The canal named {name} has a length of {length} km between its two ports in the desert. "
    "The town of {name} had exactly {people} inhabitants when the canal named {name} was finished. "
    "Ships that pass through {name} pay a fee which depends on their weight and on their cargo."
)


def reply(body: dict[str, Any], rng: Random) -> str:
    """A model that qualifies everything as Math and completes fill-in questions rightly."""
    step = schema_name(body)
    if step == "text":  # a rollout
        return f"Answer: {100 + body['seed'] % 4} km"
    if step == "triage":
        return json.dumps({"domain": "Math", "qualified": True, "fault": "none"})
    if step == "round_trip":
        return json.dumps({"answer": _completed(body)})
    return schema_reply(body, rng)


def _completed(body: dict[str, Any]) -> str:
    document, _, question = body["messages"][1]["content"].partition("</document>")
    before = question.partition("____")[0].rpartition('"')[2]
    after = document.partition(before)[2] if before else ""
    lead = body["response_format"]["json_schema"]["schema"]["properties"]["answer"]["pattern"]
    start: str = lead[1:].partition("[")[0].partition("(")[0]
    return start + " ".join(after.split()[:2])


def reply_of_two_domains(body: dict[str, Any], rng: Random) -> str:
    """The benchmark's model, for which documents are of Coding or Math."""
    found = engine_model.reply(body, rng)
    if schema_name(body) != "triage":
        return found
    return json.dumps({**json.loads(found), "domain": Domain(rng.choice(("coding", "math"))).label})


STAGES_SO_FAR = stages_up_to(Stage.VERIFIED_PAIRS)


@dataclass(frozen=True)
class Ran:
    """A home after one run of everything on a simulated endpoint."""

    home: Path
    store: Store
    settings: Settings
    outcome: RunSummary


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Four documents in a shard, through every asset."""
    folder = tmp_path_factory.mktemp("job")
    with (
        pytest.MonkeyPatch.context() as patch,
        simulator_process(SimulatorSettings(slots=8, reply=reply)) as simulator,
    ):
        use_endpoint(patch, folder, simulator.base_url)
        store, settings = Store(folder / "home"), load_settings()
        register(store, shard(folder))
        yield Ran(folder / "home", store, settings, materialize_pending(store, settings))


def shard(folder: Path) -> Path:
    rows = [
        {"text": TEXT.format(name=name, length=100 + n, people=f"{n + 1},{500 + n}")}
        for n, name in enumerate(("Almira", "Borwick", "Calden", "Dorsum"))
    ]
    path = folder / "canals.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def use_endpoint(patch: pytest.MonkeyPatch, folder: Path, base_url: str) -> None:
    patch.setenv("WSRL_HOME", str(folder / "home"))
    patch.setenv("DAGSTER_HOME", str(folder / "home" / "dagster"))
    patch.setenv("WSRL_LLM_BASE_URL", base_url)
    patch.setenv("WSRL_FORMS", "cloze")
    patch.setenv("WSRL_JUDGE", "false")
    dagster_home(folder / "home")


def test_documents_flow_on_before_triage_ends_and_nothing_is_asked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One document is triaged once a question about another one has been asked."""
    triaged, late = triage.triage, set[str]()

    async def patient(document: triage.Document, model: Any) -> TriagedDocument:
        if not late:
            late.add(document.doc_id)
            for _ in range(1200):
                if any(schema_name(body) == "personas" for body in bodies):
                    break
                await asyncio.sleep(0.1)
        return await triaged(document, model)

    monkeypatch.setattr(triage, "triage", patient)
    settings = SimulatorSettings(slots=8, reply=reply_of_two_domains)
    with simulator_process(settings) as simulator, recorded_bodies() as bodies:
        use_endpoint(monkeypatch, tmp_path, simulator.base_url)
        monkeypatch.setenv("WSRL_FORMS", "open")
        monkeypatch.setenv("WSRL_PERSONAS", "1")
        store = Store(tmp_path / "home")
        path = tmp_path / "articles.jsonl"
        rows = [{"text": article.text} for article in articles(12)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        register(store, path)
        outcome = materialize_pending(store, load_settings(), to=Stage.VERIFIED_PAIRS)
    assert outcome.failures == []
    steps = [schema_name(body) for body in bodies]
    assert "personas" in steps[: len(steps) - steps[::-1].index("triage")]
    with catalog(store) as connection:
        found = accounts(connection, load_settings().wanted)
    assert all(a.balanced and not a.pending for a in found if a.stage in STAGES_SO_FAR)
    filtered = sum(a.kept for a in found if a.stage == Stage.FILTERED_DOCUMENTS)
    assert (steps.count("triage"), steps.count("personas")) == (len(rows), filtered)


def test_every_asset_says_what_it_is() -> None:
    graph = build_definitions().resolve_asset_graph()
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    pages = {
        *("dataset_report", "domain_coverage"),
        *("recipe_trial", "reward_trial", "training_report"),
    }
    assert keys == {*STAGES, "demonstration_library", "benchmark_ngrams", "training_arms", *pages}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.group_name != "default", key
        assert node.kinds, key
        assert node.owners, key
        # Pages, files and folders have no columns.
        if key.to_user_string() not in {*pages, "training_arms"}:
            assert "dagster/column_schema" in node.metadata, key


def test_crowded_topics_are_looked_for_with_each_release(ran: Ran) -> None:
    found = read_coverage(ran.store)
    assert found is not None
    assert [(one.domain, one.sources, one.is_searched) for one in found.domains] == [
        ("math", 4, False)
    ]
    assert (folder_of(ran.store) / FILE).exists()


def test_words_of_documents_are_text_in_the_table_of_proposals() -> None:
    facts = DomainFacts(slug="law", label="Law | <b>", definition="courts")
    law = Proposal(
        facts=facts, source="other", documents=9, silhouette=0.5, words=("a`b",), examples=()
    )
    found = Coverage(made_at=utc_now(), compared_by=None, basis="", domains=(), proposals=(law,))
    *_, row = proposals_table(found).splitlines()
    assert row == r"| Law \| &lt;b> | Other | 9 | a\`b |"


def test_what_is_grey_in_the_graph_says_that_it_is_optional() -> None:
    graph = build_definitions().resolve_asset_graph()
    nodes = {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}
    marked = {name for name, node in nodes.items() if "optional" in node.kinds}
    assert marked == {
        "pass_rates",
        "sft_warmup",
        "recipe_trial",
        "reward_trial",
        "training_arms",
        "training_report",
    }
    assert marked == {
        name for name, node in nodes.items() if "Optional" in (node.description or "")
    }


def test_nothing_but_a_person_asks_for_a_proof() -> None:
    built = build_definitions()
    graph = built.resolve_asset_graph()
    proof = {key for key in graph.get_all_asset_keys() if graph.get(key).group_name == "proof"}
    assert {key.to_user_string() for key in proof} == {"training_arms", "training_report"}
    assert all(graph.get(key).automation_condition is None for key in proof)
    for name in ("make_release", "read_shard", "advance_domain", "load_libraries"):
        selected = built.resolve_job_def(name).asset_layer.selected_asset_keys
        assert not proof & set(selected), name


def test_another_judge_is_another_code_version_of_the_verdicts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WSRL_LLM_BASE_URL", "http://127.0.0.1:9/v1")
    before = code_versions()
    monkeypatch.setenv("WSRL_LLM_JUDGE_MODEL", "another-judge")
    after = code_versions()
    assert {name for name in after if after[name] != before[name]} == {"verified_pairs"}
    assert str(after["verified_pairs"]).endswith(".another-judge")


def code_versions() -> dict[str, str | None]:
    graph = build_definitions().resolve_asset_graph()
    return {key.to_user_string(): graph.get(key).code_version for key in graph.get_all_asset_keys()}


def test_every_stage_has_its_blocking_accounting_check() -> None:
    graph = build_definitions().resolve_asset_graph()
    checked = {
        key.asset_key.to_user_string() for key in graph.asset_check_keys if key.name == ACCOUNTING
    }
    assert checked == set(STAGES)


def test_the_domains_are_the_ten_of_the_paper() -> None:
    assert DOMAINS.get_partition_keys() == [str(domain) for domain in Domain]
    assert len(DOMAINS.get_partition_keys()) == 10


def test_the_whole_graph_runs_and_every_row_is_accounted_for(ran: Ran) -> None:
    assert ran.outcome.failures == []
    with catalog(ran.store) as connection:
        found = accounts(connection, ran.settings.wanted)
    assert all(account.balanced for account in found)
    assert sum(account.pending for account in found) == 0
    kept = {account.stage: account.kept for account in found if account.kept}
    assert kept["triaged_documents"] == 4
    assert kept["rl_dataset"] > 0


def test_dagster_keeps_counts_versions_and_checks_of_each_partition(ran: Ran) -> None:
    with dg.DagsterInstance.get() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("verified_pairs"))
    assert event is not None
    materialization = event.asset_materialization
    assert materialization is not None
    assert materialization.partition == "math"
    for name in ("rows_in", "kept", "rejected", "failed", "pending", "dagster/row_count"):
        assert name in materialization.metadata
    assert "dagster/partition_row_count" in materialization.metadata
    assert (materialization.tags or {}).get("dagster/data_version")


def test_the_release_shows_the_column_types_of_its_files(ran: Ran) -> None:
    node = build_definitions().resolve_asset_graph().get(dg.AssetKey("rl_dataset"))
    shown = node.metadata["dagster/column_schema"]
    assert isinstance(shown, dg.TableSchema)
    train = current_release(ran.store) / "train.parquet"
    with duckdb.connect() as connection:
        written = connection.execute(f"DESCRIBE FROM '{train}'").fetchall()
    assert [(c.name, c.type) for c in shown.columns] == [row[:2] for row in written]


def test_a_second_run_makes_no_call_and_no_row(ran: Ran) -> None:
    with catalog(ran.store) as connection:
        before = [totals.calls for totals in call_totals(connection)]
    outcome = materialize_pending(ran.store, ran.settings)
    assert outcome.failures == []
    with catalog(ran.store) as connection:
        assert [totals.calls for totals in call_totals(connection)] == before


def test_one_setting_switches_pass_rates_on(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSRL_PASS_RATE_ROLLOUTS", "4")
    settings = load_settings()
    assert materialize_pending(ran.store, settings).failures == []
    with catalog(ran.store) as connection:
        found = accounts(connection, settings.wanted)
        calls = {totals.step: totals.calls for totals in call_totals(connection)}
    verified, rates = (
        next(a for a in found if (a.stage, a.partition) == (stage, "math"))
        for stage in ("verified_pairs", "pass_rates")
    )
    assert (rates.kept, rates.pending, rates.balanced) == (verified.kept, 0, True)
    assert calls["rollout"] == 4 * verified.kept
    with dg.DagsterInstance.get() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("pass_rates"))
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert "| policy | 0 | (0, .25] |" in str(metadata["pass_rates"].value)
    release = read_release(current_release(ran.store))
    assert release["pass_rate"].null_count() == 0
    monkeypatch.setenv("WSRL_PASS_RATE_ABOVE", "0.5")
    assert materialize_pending(ran.store, load_settings()).failures == []
    easy = release.filter(pl.col("pass_rate") > 0.5)
    assert easy.height < release.height
    assert read_release(current_release(ran.store)).equals(easy)


def test_switched_off_the_asset_says_so_and_leaves_everything_as_it_was(
    ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSRL_LLM_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.delenv("WSRL_PASS_RATE_ROLLOUTS", raising=False)
    result = dg.materialize(
        [pass_rate_asset],
        partition_key="coding",
        resources=default_resources(),
        selection=["pass_rates"],
    )
    assert result.success
    (event,) = result.get_asset_materialization_events()
    assert event.materialization.metadata["rows_in"].value == 0


def test_rows_of_an_older_recipe_show_and_are_made_anew_when_asked(
    ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSRL_LLM_GENERATOR_TEMPERATURE", "0.3")
    before = drafted(ran)
    advance = build_definitions().resolve_job_def("advance_domain")
    with dg.DagsterInstance.get() as instance:
        plain = advance.execute_in_process(instance=instance, partition_key="math")
    assert current(plain) == {"personas": True, "qa_drafts": False, "verified_pairs": True}
    assert drafted(ran) == before

    config = {"ops": {"question_chain": {"config": {"regenerate": "qa_drafts"}}}}
    with dg.DagsterInstance.get() as instance:
        asked = advance.execute_in_process(
            instance=instance, partition_key="math", run_config=config
        )
    assert current(asked) == {"personas": True, "qa_drafts": True, "verified_pairs": True}
    assert len(drafted(ran)) == len(before)
    assert drafted(ran) & before == set()
    with catalog(ran.store) as connection:
        found = accounts(connection, ran.settings.wanted)
    assert all(a.balanced for a in found if a.stage != "rl_dataset")

    traced = CliRunner().invoke(app, ["trace", min(before), "--json"])
    pair = json.loads(traced.stdout)
    assert (pair["draft_id"], pair["superseded"]) == (min(before), True)
    assert "The Suez Canal" in pair["text"]
    assert {recipe["stage"] for recipe in pair["recipes"].values()} >= {"personas", "qa_drafts"}
    assert pair["calls"]


def drafted(ran: Ran) -> set[str]:
    with catalog(ran.store) as connection:
        return {key for (key,) in connection.sql("SELECT draft_id FROM qa_drafts").fetchall()}


def current(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {
        check.asset_key.to_user_string(): check.passed
        for check in result.get_asset_check_evaluations()
        if check.check_name == CURRENT
    }


def test_an_endpoint_that_is_not_there_fails_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_endpoint(monkeypatch, tmp_path, "http://127.0.0.1:9/v1")
    store = Store(tmp_path / "home")
    register(store, shard(tmp_path))
    outcome = materialize_pending(store, load_settings())
    assert len(outcome.failures) == 1
    assert "WSRL_LLM_BASE_URL" in outcome.failures[0].message
    assert "Traceback" not in outcome.failures[0].message
