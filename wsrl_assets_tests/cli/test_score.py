"""`wsrl score` over a file: counts, written rows, exits and what is said of bad rows."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from wsrl_assets.cli.score_rows import Keys, read_rows
from wsrl_assets.reward import Gold
from wsrl_assets_tests.cli.test_cli import wsrl
from wsrl_assets_tests.reward.rubric_adversary import CASES

INTEGER = {"type": "integer", "value": "12"}
ROWS: list[dict[str, Any]] = [
    {"id": 1, "response": "Answer: 12", "gold": INTEGER},
    {"id": 2, "response": "Answer: 13", "gold": json.dumps(INTEGER)},
    {"id": 3, "response": "Paris", "gold": {"type": "entity", "value": "Paris"}},
    {"id": 4, "response": "", "gold": {"type": "entity", "value": "Paris"}},
]


def written(folder: Path, rows: list[Any], name: str = "rollouts.jsonl") -> Path:
    path = folder / name
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_counts_by_type_and_reason_as_json(tmp_path: Path) -> None:
    done = wsrl(tmp_path, "score", str(written(tmp_path, ROWS)), "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "rows": 4,
        "right": 2,
        "accuracy": 0.5,
        "undecided": 0,
        "types": {"entity": {"rows": 2, "right": 1}, "integer": {"rows": 2, "right": 1}},
        "reasons": {"match": 2, "wrong_value": 1, "no_answer": 1},
    }


def test_the_table_says_the_same(tmp_path: Path) -> None:
    done = wsrl(tmp_path, "score", str(written(tmp_path, ROWS)))
    assert done.returncode == 0
    assert "50.0%" in done.stdout
    assert "no_answer" in done.stdout


def test_output_holds_each_row_with_its_score(tmp_path: Path) -> None:
    target = tmp_path / "scored.jsonl"
    wsrl(tmp_path, "score", str(written(tmp_path, ROWS)), "--output", str(target))
    rows = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert [row["score"] for row in rows] == [1, 0, 1, 0]
    assert rows[1] == {**ROWS[1], "score": 0, "extracted": "13", "reason": "wrong_value"}


def test_an_answer_that_is_no_unicode_is_written_all_the_same(tmp_path: Path) -> None:
    target = tmp_path / "scored.jsonl"
    row = {"response": "Answer: \ud800", "gold": INTEGER}
    done = wsrl(tmp_path, "score", str(written(tmp_path, [row])), "--output", str(target))
    assert done.returncode == 0
    assert json.loads(target.read_text("utf-8"))["extracted"] == "\ud800"


def test_keys_may_have_other_names(tmp_path: Path) -> None:
    path = written(tmp_path, [{"completion": "12", "truth": INTEGER}])
    options = ("--response-key", "completion", "--gold-key", "truth", "--json")
    assert json.loads(wsrl(tmp_path, "score", str(path), *options).stdout)["right"] == 1


def test_gzip_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "rollouts.jsonl.gz"
    path.write_bytes(gzip.compress(written(tmp_path, ROWS).read_bytes(), mtime=0))
    assert json.loads(wsrl(tmp_path, "score", str(path), "--json").stdout)["rows"] == 4


def test_standard_input_and_a_byte_order_mark(tmp_path: Path) -> None:
    script = "from wsrl_assets.cli import main; main(['score', '-', '--json'])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=b"\xef\xbb\xbf" + written(tmp_path, ROWS).read_bytes() + b"\n\n",
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert json.loads(done.stdout)["rows"] == 4


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not an object"),
        ({"answer": "12", "gold": INTEGER}, "--response-key"),
        ({"response": "12"}, "--gold-key"),
        ({"response": 12, "gold": INTEGER}, '"response" must be text'),
        ({"response": None, "gold": INTEGER}, '"response" must be text'),
        ({"response": "12", "gold": "12"}, '"gold" is no gold'),
        ({"response": "12", "gold": None}, '"gold" is no gold'),
        ({"response": "12", "gold": {"type": "number", "value": "12"}}, '"type"'),
        ({"response": "12", "gold": {"type": "integer", "value": "12", "x": 1}}, '"x"'),
    ],
)
def test_a_bad_row_is_exit_2_with_file_line_and_remedy(
    tmp_path: Path, bad: object, said: str
) -> None:
    path, target = written(tmp_path, [ROWS[0], "", bad]), tmp_path / "scored.jsonl"
    done = wsrl(tmp_path, "score", str(path), "--output", str(target))
    assert done.returncode == 2
    assert "rollouts.jsonl" in done.stderr
    assert "line 3" in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not target.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["rollouts.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--serve"),
        (("missing.jsonl",), "missing.jsonl"),
        (("x.jsonl", "--serve"), "--serve"),
        (("--serve", "--port", "99999"), "--port"),
        (("--serve", "--host", "no.such.host.invalid"), "--port"),
    ],
)
def test_wrong_use_is_one_sentence(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = wsrl(tmp_path, "score", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_file_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "no rows" in wsrl(tmp_path, "score", str(written(tmp_path, [""]))).stderr
    target = tmp_path / "nowhere" / "x.jsonl"
    done = wsrl(tmp_path, "score", str(written(tmp_path, ROWS)), "--output", str(target))
    assert done.returncode == 2
    assert "--output" in done.stderr


def test_a_gold_that_is_not_of_its_type_is_exit_1(tmp_path: Path) -> None:
    path = written(tmp_path, [*ROWS, {"response": "x", "gold": {"type": "date", "value": "soon"}}])
    done = wsrl(tmp_path, "score", str(path), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["reasons"]["invalid_gold"] == 1
    assert "invalid_gold" in done.stderr


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    row = json.dumps({"response": "x" * 5_000 + "\nAnswer: 12", "gold": INTEGER})
    path = written(tmp_path, [row] * 4_000)
    with path.open("rb") as stream:
        tracemalloc.start()
        count = sum(1 for _ in read_rows(stream, path.name, Keys()))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert count == 4_000
    assert path.stat().st_size > 20_000_000
    assert peak < 1_000_000


def test_the_judge_needs_a_question_and_an_endpoint(tmp_path: Path) -> None:
    done = wsrl(tmp_path, "score", str(written(tmp_path, ROWS)), "--judge")
    assert done.returncode == 2
    assert "WSRL_LLM_BASE_URL" in done.stderr


def test_golds_of_a_release_are_read_as_they_are_stored(tmp_path: Path) -> None:
    gold = Gold.from_object({"type": "quantity", "value": "5", "unit": "km"}).to_json()
    path = written(tmp_path, [{"response": "Answer: 5000 m", "gold": gold}])
    assert json.loads(wsrl(tmp_path, "score", str(path), "--json").stdout)["right"] == 1


def test_a_rubric_without_a_judge_has_no_score_and_is_exit_1(tmp_path: Path) -> None:
    rubric = CASES[0].rubric
    rows = [*ROWS, {"id": 5, "response": rubric.reference, "gold": rubric.to_json()}]
    target = tmp_path / "scored.jsonl"
    done = wsrl(tmp_path, "score", str(written(tmp_path, rows)), "--output", str(target), "--json")
    assert done.returncode == 1
    assert "1 rows have a rubric and no score" in " ".join(done.stderr.split())
    last = json.loads(target.read_text("utf-8").splitlines()[-1])
    assert (last["score"], last["reason"]) == (None, "needs_judge")
    summary = json.loads(done.stdout)
    assert (summary["accuracy"], summary["undecided"]) == (0.5, 1)
    assert "rubric" not in summary["types"], "in no share"
