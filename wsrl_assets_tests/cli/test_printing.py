"""Claims about what the commands print: whole at any width, and the same words everywhere."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from wsrl_assets.cli import show
from wsrl_assets.cli.running import say_failures
from wsrl_assets.orchestration.runs import PartitionFailure
from wsrl_assets.release.dataset import build_release
from wsrl_assets.reporting import report
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.accounting import Account, CallTotals, spending
from wsrl_assets.storage.pass_rates import BUCKETS, RateHistogram
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import STAGES, Stage
from wsrl_assets_tests.cli.test_cli import COMMANDS, shard, wsrl
from wsrl_assets_tests.factories import call_row, document_text, draft_row, filtered_document
from wsrl_assets_tests.release.test_dataset import fill, some
from wsrl_assets_tests.storage.test_accounting import personas

WIDTHS = (24, 40, 60, 80, 200)
MANY = 1_234_567_890


def printed(width: int, *parts: RenderableType) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    show.say(console, *parts)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def account(stage: Stage, partition: str = "technology_engineering") -> Account:
    reasons = {"a_reason_of_quite_some_length": MANY}
    return Account(stage, partition, MANY, MANY, MANY, MANY, MANY, reasons)


def totals(step: str = "round_trip", **others: Any) -> CallTotals:
    given: dict[str, Any] = {
        "stage": "verified_pairs",
        "step": step,
        "calls": MANY,
        "failed": MANY,
        "retries": MANY,
        "prompt_tokens": MANY,
        "cached_tokens": MANY,
        "completion_tokens": MANY,
        "cost": 1234.5,
        "unpriced": 0,
        "latency_ms_median": 1.0,
    }
    return CallTotals(**{**given, **others})


class TestWidth:
    @pytest.mark.parametrize("width", WIDTHS)
    def test_no_name_and_no_figure_is_cut(self, width: int) -> None:
        found = [account(stage) for stage in STAGES]
        rates = RateHistogram(
            "technology_engineering", "a-model", (MANY,) * len(BUCKETS), 0.5, 8, 0
        )
        calls = show.calls([totals()], spending([totals()], found))
        text = printed(
            width, show.funnel(found), show.by_partition(found), calls, show.pass_rates([rates])
        )
        assert "…" not in text
        for word in (*STAGES, "a_reason_of_quite_some_length", f"{MANY:,}", "1234.5000"):
            assert word in text, word
        assert "WSRL_PASS_RATE_ABOVE=0" in text
        # A line of each stage and none of figures folded into a second one.
        assert text.count(f"{MANY:,}") >= len(STAGES) * 10

    @pytest.mark.parametrize("width", ["80", "120"])
    @pytest.mark.parametrize("command", ["", *COMMANDS])
    def test_help_cuts_nothing(self, tmp_path: Path, command: str, width: str) -> None:
        words = [command] if command else []
        done = wsrl(tmp_path, *words, "--help", COLUMNS=width)
        assert done.returncode == 0
        assert "…" not in done.stdout


class TestSql:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        wsrl(tmp_path / "home", "ingest", str(shard(tmp_path)))
        return tmp_path / "home"

    def rows(self, width: int, *row: object) -> list[str]:
        console = Console(width=width, file=io.StringIO())
        columns = [f"column_{number}" for number in range(len(row))]
        show.print_rows(console, columns, [row])
        return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]

    def test_rows_that_fit_are_a_table_with_a_line_each(self) -> None:
        lines = self.rows(80, "a" * 30, 7)
        assert sum("column_0" in line and "column_1" in line for line in lines) == 1
        assert sum("a" * 30 in line and "7" in line for line in lines) == 1

    @pytest.mark.parametrize("width", [40, 80, 200])
    def test_rows_that_do_not_fit_are_records_of_which_nothing_is_lost(self, width: int) -> None:
        text = " ".join(f"word{number}" for number in range(60))
        lines = self.rows(width, text, "x" * 300)
        assert max(map(len, lines)) <= width
        assert [line.split()[0] for line in lines if line.startswith("column_")] == [
            "column_0",
            "column_1",
        ]
        body = " ".join(lines)
        assert all(f"word{number}" in body for number in range(60))
        assert body.count("x") >= 300

    def test_csv_is_what_the_query_gives(self, home: Path) -> None:
        query = """SELECT 'a "b", c' AS q, NULL AS n, [1, 2] AS l, {'x': 'y'} AS s, 'two
lines' AS t"""
        done = wsrl(home, "sql", query, "--csv")
        (names, row) = list(csv.reader(io.StringIO(done.stdout)))
        assert names == ["q", "n", "l", "s", "t"]
        assert row == ['a "b", c', "", "[1, 2]", '{"x": "y"}', "two\nlines"]

    def test_csv_cannot_move_a_terminal(self) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        terminal, file = Terminal(), io.StringIO()
        for target in (terminal, file):
            show.write_csv(target, ["a"], [("\x1b[2Jx",)])
        assert "\x1b" not in terminal.getvalue()
        assert "\x1b[2Jx" in file.getvalue()

    def test_json_and_csv_at_once_is_one_sentence(self, home: Path) -> None:
        done = wsrl(home, "sql", "SELECT 1", "--csv", "--json")
        assert done.returncode == 2
        assert "exclude each other" in done.stderr


class TestCost:
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        """Seven released pairs, for which two calls had a price and three had none."""
        store = Store(tmp_path / "home")
        fill(store, some(7))
        calls = [
            call_row(n, stage="qa_drafts", step="open", prompt_tokens=1000, cost=0.25)
            for n in range(2)
        ]
        calls += [call_row(n, stage="verified_pairs", step="judge") for n in (2, 3, 4)]
        with store.transaction(Partition.domain(Domain.MATH)) as transaction:
            transaction.merge(calls)
        build_release(store, "run")
        return store

    def test_calls_without_a_price_are_told_beside_the_cost(self, store: Store) -> None:
        shown = wsrl(store.home, "status").stdout
        (judge,) = [line for line in shown.splitlines() if line.split()[:1] == ["judge"]]
        assert judge.split()[-1] == "-"
        assert "without 3 calls that had no price" in shown
        status = json.loads(wsrl(store.home, "status", "--json").stdout)
        assert (status["calls"]["cost"], status["calls"]["unpriced"]) == (0.5, 3)
        assert "without 3 calls that had no price" in report.write_report(store).read_text()

    def test_status_and_report_say_accepted_and_released_with_the_same_figures(
        self, store: Store
    ) -> None:
        shown = wsrl(store.home, "status").stdout
        page = re.sub("<[^>]*>", " ", report.write_report(store).read_text())
        for kind in ("accepted", "released"):
            (figure,) = re.findall(rf"tokens: .*?([\d,]+) per {kind} pair", shown)
            assert re.search(rf"{figure}\s+(tokens )?per {kind} pair", page), kind

    def test_tokens_that_nobody_counted_are_no_call_without_a_price(self, tmp_path: Path) -> None:
        store = Store(tmp_path / "home")
        failed = call_row(0, prompt_tokens=0, completion_tokens=0, error="timeout")
        with store.transaction(Partition.domain(Domain.MATH)) as transaction:
            transaction.merge([failed, call_row(1, cost=1.0)])
        fill(store, some(1))
        assert "had no price" not in wsrl(store.home, "status").stdout


class TestFailures:
    def said(self, capsys: pytest.CaptureFixture[str], *failures: PartitionFailure) -> str:
        say_failures(failures)
        return " ".join(capsys.readouterr().err.split())

    def test_one_cause_is_told_once_with_the_partitions_that_it_hit(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        failures = [
            PartitionFailure(
                "advance_domain", domain, f'it is down: "request 7f{n}"', is_fatal=True
            )
            for n, domain in enumerate(("math", "coding", "other"))
        ]
        said = self.said(capsys, *failures)
        assert said == 'error: advance_domain (coding, math, other): it is down: "request 7f0"'

    def test_causes_of_partitions_own_that_differ_in_a_number_are_each_told(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        failures = [
            PartitionFailure("read_shard", f"s-{n}", f"file {n}.parquet is broken") for n in (1, 2)
        ]
        assert self.said(capsys, *failures).count("error:") == 2


def test_a_run_of_an_empty_home_says_how_to_begin_and_makes_nothing(tmp_path: Path) -> None:
    done = wsrl(tmp_path / "home", "run", WSRL_LLM_BASE_URL="http://127.0.0.1:9/v1")
    assert done.returncode == 2
    assert "wsrl ingest" in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "home").exists()


def test_status_counts_the_forms_that_were_drafted_and_tells_what_the_settings_ask_beyond(
    tmp_path: Path,
) -> None:
    """As after the demo, which drafts forms that the settings do not name."""
    store, text = Store(tmp_path / "home"), document_text(0)
    drafts = [draft_row(n, text, persona_index=n, form="cloze") for n in range(2)]
    with store.transaction(Partition.domain(Domain.MATH)) as transaction:
        transaction.merge([filtered_document(0, text), personas(text), *drafts])

    def pending(**environment: str) -> tuple[str, bool]:
        shown = wsrl(store.home, "status", **environment).stdout
        (line,) = [line for line in shown.splitlines() if line.split()[:1] == ["qa_drafts"]]
        return line.split()[-1], "asks for 2 more drafts: forms open (WSRL_FORMS)" in shown

    assert pending() == ("0", True)
    assert pending(WSRL_FORMS="cloze") == ("0", False)
    assert pending(WSRL_FORMS="open") == ("2", False)


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    done = wsrl(tmp_path, "--version")
    assert done.returncode == 0
    assert re.fullmatch(r"wsrl-assets \d+\.\d+\S*\n", done.stdout)


@pytest.mark.parametrize(
    ("option", "typed", "meant"),
    [
        ("--domain", "maths", "math"),
        ("--domain", "Natural Science", "natural_science"),
        ("--domain", "Commerce & Economics", "commerce_economics"),
        ("--to", "draft", "qa_drafts"),
        ("--regenerate", "verified_pair", "verified_pairs"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(
    tmp_path: Path, option: str, typed: str, meant: str
) -> None:
    done = wsrl(tmp_path, "run", option, typed)
    assert done.returncode == 2
    assert f"Did you mean {meant}" in " ".join(done.stderr.replace("│", " ").split())
