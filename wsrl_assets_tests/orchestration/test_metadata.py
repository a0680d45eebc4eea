"""What a materialization shows, and that strangers' texts stay texts in it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.orchestration.metadata import fenced, stage_checks, stage_result, story
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import QADraft, Status, Verdict, VerifiedPair
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.wanted import Wanted
from wsrl_assets_tests.explore.home import pair, pair_id, plant
from wsrl_assets_tests.factories import IN_DOMAIN, WHEN, call_row, document_text, draft_row

TEXT = document_text(0)
HOSTILE = "<script>x</script> [go](javascript:x) ![i](http://evil.example) www.evil.example ``` # h"


@pytest.fixture
def home(tmp_path: Path) -> Store:
    """Three kept and two rejected pairs, and the calls that a run made for them."""
    rows = [row for n in range(3) for row in pair(n, TEXT, persona_index=n)]
    rows += [row for n in (3, 4) for row in pair(n, TEXT, "leaked", persona_index=n)]
    calls = [
        call_row(
            n,
            row_id=pair_id(n),
            stage="verified_pairs",
            step="judge",
            prompt_tokens=100,
            cached_tokens=60,
            completion_tokens=20,
            latency_ms=4000.0,
            cost=0.5,
        )
        for n in range(5)
    ]
    return plant(tmp_path, [TEXT], [*rows, *calls])


def result(store: Store, run_id: str = "planted") -> dg.MaterializeResult[None]:
    return stage_result(store, IN_DOMAIN, VerifiedPair, run_id=run_id, wanted=Wanted(("open",)))


def texts(metadata: Any) -> str:
    return "\n".join(
        value.md_str or ""
        for value in metadata.values()
        if isinstance(value, dg.MarkdownMetadataValue)
    )


def test_a_materialization_tells_rows_cost_and_speed(home: Store) -> None:
    metadata = result(home).metadata or {}
    figures = {k: v for k, v in metadata.items() if isinstance(v, int | float)}
    assert figures == {
        "dagster/row_count": 5,
        "dagster/partition_row_count": 5,
        "rows_in": 5,
        "kept": 3,
        "rejected": 2,
        "failed": 0,
        "pending": 0,
        "run_rows": 5,
        "run_seconds": 4.0,
        "run_rows_per_second": 1.25,
        "run_tokens_per_second": 150.0,
        **{f"{who}_llm_calls": 5 for who in ("run", "total")},
        **{f"{who}_failed_calls": 0 for who in ("run", "total")},
        **{f"{who}_prompt_tokens": 500 for who in ("run", "total")},
        **{f"{who}_cached_share": 0.6 for who in ("run", "total")},
        **{f"{who}_completion_tokens": 100 for who in ("run", "total")},
        **{f"{who}_unpriced_calls": 0 for who in ("run", "total")},
        **{f"{who}_cost": 2.5 for who in ("run", "total")},
    }


def test_a_run_with_nothing_to_do_leaves_the_figures_of_the_last_that_had(home: Store) -> None:
    """All that it says otherwise is that it had nothing to do."""
    before: Any = dict(result(home).metadata or {})
    after: Any = dict(result(home, "another").metadata or {})
    assert "This run: nothing to do" in after["summary"].md_str.splitlines()[2]
    assert {name for name in after if after[name] != before.get(name)} == {"summary"}
    assert after["run"] == dg.MetadataValue.dagster_run("planted")


def test_a_stage_without_a_row_says_that_there_was_nothing_to_do(tmp_path: Path) -> None:
    store = plant(tmp_path, [TEXT], [])
    metadata: Any = result(store).metadata
    assert metadata["summary"].md_str.splitlines()[-1] == "This run: nothing to do"
    assert metadata["run_rows"] == 0


def test_calls_without_a_row_are_work(home: Store) -> None:
    """Such as those of a regeneration whose replies were all refused: they cost money."""
    with home.transaction(IN_DOMAIN) as transaction:
        transaction.merge([call_row(9, run_id="refused", stage="verified_pairs", cost=0.25)])
    metadata: Any = result(home, "refused").metadata
    assert metadata["run_llm_calls"] == 1
    assert "This run: 0 rows" in metadata["summary"].md_str


def test_the_row_count_is_of_all_partitions_and_the_partitions_count_its_own(home: Store) -> None:
    other = [replace(verified, pair_id=f"other-{n}") for n, verified in enumerate(verdicts(home))]
    with home.transaction(Partition.domain(Domain.MATH)) as transaction:
        transaction.merge(other[:2])
    with home.transaction(Partition.domain(Domain.CODING)) as transaction:
        transaction.connection.execute("DROP TABLE verified_pairs")  # a file older than the stage
    metadata = result(home).metadata or {}
    assert metadata["dagster/row_count"] == 7
    assert metadata["dagster/partition_row_count"] == 5


def verdicts(store: Store) -> list[VerifiedPair]:
    with store.transaction(IN_DOMAIN) as transaction:
        return transaction.rows(VerifiedPair)


def test_the_first_lines_tell_what_was_kept_and_what_the_run_took(home: Store) -> None:
    metadata: Any = result(home).metadata
    assert metadata["summary"].md_str.splitlines() == [
        "**3 of 5 rows kept**  ",
        "2 rejected, 0 failed, 0 pending  ",
        "This run: 5 rows in 4.0 s  ",
        "5 calls, 600 tokens  ",
        "60% of prompt tokens cached, cost 2.5000",
    ]


@pytest.mark.parametrize("run_id", ["planted", "another"])
def test_no_line_of_a_summary_is_wider_than_the_page_of_a_partition(
    home: Store, run_id: str
) -> None:
    """At 1280 pixels about 48 characters of a cell are seen, and what is over is cut."""
    metadata: Any = result(home, run_id).metadata
    assert max(map(len, metadata["summary"].md_str.splitlines())) <= 48


def test_samples_charts_and_stories_are_there(home: Store) -> None:
    metadata: Any = result(home).metadata
    rows = [row.data for row in metadata["sample_rows"].records]
    assert {row["status"] for row in rows} == {"kept", "rejected"}
    assert all(row["question"] and row["answer"] for row in rows)  # the pair, not its ids alone
    assert list(metadata)[:4] == ["summary", "funnel", "answer_types", "answer_lengths"]
    for name in ("funnel", "answer_types", "answer_lengths"):
        assert metadata[name].md_str.startswith("![")
        assert len(metadata[name].md_str) < 1000
    assert metadata["traced_pairs"].md_str.count("wsrl trace") == 3
    assert max(map(len, metadata["traced_pairs"].md_str.splitlines())) <= 110
    assert metadata["rejections"].md_str.count("leaked") >= 2
    assert pair_id(3) not in metadata["traced_pairs"].md_str


def test_each_check_has_a_result_of_its_severity(home: Store) -> None:
    found = {check.check_name: check for check in result(home).check_results or []}
    assert {spec.name for spec in stage_checks("verified_pairs")} == set(found)
    assert all(check.passed for check in found.values())
    assert found["unique_ids"].severity is dg.AssetCheckSeverity.ERROR
    assert found["rejection_rate"].severity is dg.AssetCheckSeverity.WARN
    blocking = {spec.name for spec in stage_checks("verified_pairs") if spec.blocking}
    assert blocking == {"row_accounting", "unique_ids"}


def test_a_doubled_row_fails_the_check_of_ids(home: Store) -> None:
    with home.transaction(IN_DOMAIN) as transaction:
        transaction.connection.execute(
            "INSERT INTO verified_pairs SELECT * FROM verified_pairs LIMIT 1"
        )
    found = {check.check_name: check.passed for check in result(home).check_results or []}
    assert not found["unique_ids"]
    assert not found["row_accounting"]


def test_markup_of_strangers_neither_renders_nor_links(tmp_path: Path) -> None:
    rows = pair(0, TEXT, HOSTILE, question=HOSTILE, answer=HOSTILE, persona=HOSTILE)
    store = plant(tmp_path, [TEXT], rows)
    metadata: Any = result(store).metadata
    (block,) = re.fullmatch(r"(`{4,}text\n.*\n`{4,})", metadata["rejections"].md_str, re.S).groups()  # type: ignore[union-attr]
    fence = block[: block.index("text")]
    assert block.count(fence) == 2  # nothing inside ends it
    assert (
        metadata["sample_rows"].records[0].data["reason"].startswith("<script>")
    )  # a table's cell


@given(st.text(alphabet="`~\n ab", max_size=40))
def test_nothing_ends_a_fenced_block_from_inside(text: str) -> None:
    first, *inside, last = fenced(text).split("\n")
    fence = first.removesuffix("text")
    assert last == fence
    assert not any(line.lstrip().startswith(fence) for line in inside)


def test_drafts_that_failed_are_no_stories(tmp_path: Path) -> None:
    failed = draft_row(0, TEXT, status=Status.FAILED, reason="truncated")
    store = plant(tmp_path, [TEXT], [failed])
    metadata = (
        stage_result(store, IN_DOMAIN, QADraft, run_id="planted", wanted=Wanted(("open",))).metadata
        or {}
    )
    assert "traced_pairs" not in metadata
    assert metadata["failed"] == 1


def test_a_pairs_verdicts_are_told_in_order() -> None:
    verdicts = [Verdict("form", True), Verdict("leak", False, "answer_in_question")]
    text = story(
        {
            **dict.fromkeys(
                ("question", "answer", "answer_type", "evidence", "persona", "reason", "detail")
            ),
            **dict.fromkeys(("round_trip_answer", "split", "model", "doc_id")),
            "pair_id": "abc",
            "verdicts": [
                {"check": v.check, "passed": v.passed, "reason": v.reason} for v in verdicts
            ],
            "at": WHEN,
        }
    )
    assert "ok form, NO leak (answer_in_question)" in text


def test_no_metadata_holds_a_key_or_an_address(
    home: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSRL_LLM_API_KEY", "sk-secret-key")
    monkeypatch.setenv("WSRL_LLM_BASE_URL", "http://user:secret-word@host.example/v1")
    metadata: Any = result(home).metadata
    shown = texts(metadata) + json.dumps(
        [dict(row.data) for row in metadata["sample_rows"].records], default=str
    )
    assert "secret" not in shown
    assert "host.example" not in shown
