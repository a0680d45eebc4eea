"""The commands as a user types them: what they print, and how they exit."""

import contextlib
import gzip
import io
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from wsrl_assets.cli import main
from wsrl_assets.release.dataset import build_release
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.labels import save_labels
from wsrl_assets.storage.tables import ReviewLabel, VerifiedPair, utc_now
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.opinions import Opinion
from wsrl_assets_tests.release.pairs import Pair
from wsrl_assets_tests.release.test_dataset import fill, some
from wsrl_assets_tests.release.test_pass_rates import rate, rated

BODY = " ".join(f"Sentence number {n} says that item {n} weighs {n * 3} grams." for n in range(12))


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def wsrl(home: Path, *arguments: str, **environment: str) -> Done:
    """Runs the command in this process, in an environment that knows only `home`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("WSRL_", "DAGSTER_"))}
    out, err = io.StringIO(), io.StringIO()
    wanted = {**clean, "WSRL_HOME": str(home), "COLUMNS": "160", **environment}
    with (
        mock.patch.dict(os.environ, wanted, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main(arguments)
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def shard(folder: Path) -> Path:
    path = folder / "a.jsonl"
    path.write_text(json.dumps({"text": BODY}) + "\n", "utf-8")
    return path


COMMANDS = (
    "demo",
    "ingest",
    "run",
    "preview",
    "trial",
    "domains",
    "demonstrations",
    "status",
    "trace",
    "sql",
    "serve",
    "export",
    "releases",
    "diff",
    "push",
    "sft",
    "explore",
    "review",
    "report",
    "prove",
    "score",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches(tmp_path: Path, command: str) -> None:
    done = wsrl(tmp_path, command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout
    assert len(done.stdout) > 300


def test_the_installed_command_runs_by_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from wsrl_assets.cli import main; main()", "status", "--help"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0
    assert "--partitions" in done.stdout


def test_a_missing_file_is_one_sentence_and_exit_2(tmp_path: Path) -> None:
    done = wsrl(tmp_path, "ingest", str(tmp_path / "nothing.jsonl"))
    assert done.returncode == 2
    assert "nothing.jsonl" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_shard_that_ends_early_is_exit_1_until_it_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps({"text": BODY}).encode(), mtime=0)[:-4])
    wsrl(tmp_path / "home", "ingest", str(path))
    for _ in range(2):
        done = wsrl(tmp_path / "home", "run", "--to", "source_documents")
        assert done.returncode == 1
        assert 'shard "cut.jsonl.gz": 0 rows were read, then' in done.stderr
        assert "truncated_file" in done.stdout


def test_a_store_that_fails_is_exit_1_and_the_next_run_reads_the_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wsrl(tmp_path / "home", "ingest", str(shard(tmp_path)))
    with monkeypatch.context() as patch:
        fault = mock.Mock(side_effect=TimeoutError("no answer"))
        patch.setattr("fsspec.implementations.local.LocalFileOpener.read", fault)
        done = wsrl(tmp_path / "home", "run", "--to", "source_documents")
    assert done.returncode == 1
    assert "TimeoutError: no answer" in " ".join(done.stderr.split())
    assert wsrl(tmp_path / "home", "run", "--to", "source_documents").returncode == 0


def test_an_empty_home_says_how_to_begin(tmp_path: Path) -> None:
    done = wsrl(tmp_path / "home", "status")
    assert done.returncode == 0
    assert "wsrl ingest" in done.stdout


def test_no_endpoint_is_one_sentence_and_exit_2(tmp_path: Path) -> None:
    assert wsrl(tmp_path / "home", "ingest", str(shard(tmp_path))).returncode == 0
    done = wsrl(tmp_path / "home", "run")
    assert done.returncode == 2
    assert "WSRL_LLM_BASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_as_json_has_the_shape_of_the_contract(tmp_path: Path) -> None:
    wsrl(tmp_path / "home", "ingest", str(shard(tmp_path)))
    done = wsrl(tmp_path / "home", "status", "--json")
    status = json.loads(done.stdout)
    assert set(status) == {"stages", "calls"}
    keys = {"stage", "partition", "in", "kept", "rejected", "failed", "pending", "reasons"}
    assert all(set(stage) == keys for stage in status["stages"])
    wanted = {"total", "failed", "prompt_tokens", "cached_tokens", "completion_tokens", "cost"}
    assert wanted <= set(status["calls"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--regenerate", "final_splits"], "verified_pairs"),
        (["--regenerate", "verified_pairs", "--to", "qa_drafts"], "ends before"),
    ],
)
def test_what_cannot_be_made_anew_is_one_sentence(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    done = wsrl(tmp_path / "home", "run", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "query",
    ["DROP VIEW shards; SELECT * FROM missing", "COPY (SELECT 1) TO 'x.csv'", "SELEC 1", ""],
)
def test_sql_that_may_not_run_is_one_sentence(tmp_path: Path, query: str) -> None:
    done = wsrl(tmp_path / "home", "sql", query)
    assert done.returncode in (0, 2)
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x.csv").exists()


def test_sql_prints_rows_as_json(tmp_path: Path) -> None:
    wsrl(tmp_path / "home", "ingest", str(shard(tmp_path)))
    done = wsrl(tmp_path / "home", "sql", "SELECT size_bytes FROM shards", "--json")
    assert json.loads(done.stdout) == [{"size_bytes": shard(tmp_path).stat().st_size}]


@pytest.mark.parametrize("pair_id", ["no-such", "abc", "'; DROP TABLE x; --", "%"])
def test_an_unknown_pair_is_one_sentence(tmp_path: Path, pair_id: str) -> None:
    done = wsrl(tmp_path / "home", "trace", "--", pair_id)
    assert done.returncode == 2
    assert "pair" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_format_that_is_none_is_answered_with_those_there_are(tmp_path: Path) -> None:
    done = wsrl(tmp_path / "home", "export", "--format", "trlx")
    assert done.returncode == 2
    assert "trlx" in done.stderr
    assert "verl, trl, openrlhf" in done.stderr


def test_export_without_a_release_says_what_to_do(tmp_path: Path) -> None:
    done = wsrl(tmp_path / "home", "export", "--output", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "wsrl run" in done.stderr


def test_pass_rates_that_are_switched_off_say_how_to_switch_them_on(tmp_path: Path) -> None:
    done = wsrl(tmp_path / "home", "run", "--to", "pass_rates")
    assert done.returncode == 2
    assert "--rollouts" in done.stderr


def test_status_shows_pass_rates_once_there_are_any(tmp_path: Path) -> None:
    wsrl(tmp_path / "home", "ingest", str(shard(tmp_path)))
    assert "Pass rates" not in wsrl(tmp_path / "home", "status").stdout
    store = Store(tmp_path / "home")
    rate(store, [rated(Pair("q1"), 0), rated(Pair("q2"), 2), rated(Pair("q3"), 2)])
    shown = wsrl(tmp_path / "home", "status").stdout
    assert "1 of 3 pairs" not in shown
    assert "2 of 3 pairs" in shown
    (found,) = json.loads(wsrl(tmp_path / "home", "status", "--json").stdout)["pass_rates"]
    assert (found["partition"], found["policy"], found["rollouts"]) == ("math", "a-policy", 24)
    assert (found["pairs"]["0"], found["pairs"]["(0, .25]"]) == (1, 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [("WSRL_FORMS", "poem"), ("WSRL_PERSONAS", "9"), ("WSRL_LLM_BASE_URL", "not a url")],
)
def test_a_bad_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    wsrl(tmp_path / "home", "ingest", str(shard(tmp_path)))
    done = wsrl(tmp_path / "home", "run", **{name: value})
    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_explore_on_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = wsrl(tmp_path, "explore", "--port", str(port))
    assert done.returncode == 2
    assert f"port {port} on 127.0.0.1 is in use" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_report_of_no_release_says_how_to_make_one(tmp_path: Path) -> None:
    done = wsrl(tmp_path, "report")
    assert done.returncode == 2
    assert "there is no release" in done.stderr


def test_a_report_is_written_once_and_its_path_printed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, some(3))
    release = build_release(store, "run")
    done = wsrl(tmp_path, "report")
    assert done.returncode == 0
    path = Path(done.stdout.strip())
    assert path == tmp_path / "reports" / f"{release.name}.html"
    path.write_text("mine")
    wsrl(tmp_path, "report")
    assert path.read_text() == "mine"
    wsrl(tmp_path, "report", "--refresh")
    assert "3</b><span>pairs" in path.read_text()


def test_a_report_knows_what_reviewers_have_said_since(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, some(3))
    build_release(store, "run")
    path = Path(wsrl(tmp_path, "report").stdout.strip())
    assert "Checks against people" not in path.read_text()
    with store.transaction(Partition.domain(Domain.MATH)) as transaction:
        pair_id = transaction.rows(VerifiedPair)[0].pair_id
    label = ReviewLabel(
        pair_id=pair_id, reviewer="Ada", verdict=Opinion.ACCEPT, created_at=utc_now()
    )
    save_labels(store, [label])
    wsrl(tmp_path, "report")
    assert "1 person reviewed 1 pair" in path.read_text()
