"""Benchmark files are read row by row, and broken ones named by file and line."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

from wsrl_assets.release.benchmarks import BenchmarkError, read_benchmark
from wsrl_assets_tests.release.test_decontamination import LONG, SHORT

ROWS = ({"question": LONG, "choices": ["a", {"text": SHORT}]}, {"question": None, "n": 3})


def write(path: Path) -> Path:
    lines = "\n".join(json.dumps(row) for row in ROWS) + "\n\n"
    if path.suffix == ".parquet":
        pl.DataFrame({"question": [LONG, None], "choices": [["a", SHORT], []]}).write_parquet(path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(lines.encode(), mtime=0))
    else:
        path.write_text(lines, "utf-8")
    return path


def only_row(tmp_path: Path, row: dict[str, Any], columns: tuple[str, ...] = ()) -> Any:
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(row) + "\n", "utf-8")
    (found,) = read_benchmark(path, columns)
    return found


@pytest.mark.parametrize("name", ["b.jsonl", "b.json", "b.jsonl.gz", "b.parquet"])
def test_every_string_of_every_row_is_read(tmp_path: Path, name: str) -> None:
    first, second = read_benchmark(write(tmp_path / name))
    assert (first.item, first.texts, first.question) == (1, (LONG, "a", SHORT), LONG)
    assert (second.item, second.texts, second.question) == (2, (), None)


@pytest.mark.parametrize(
    ("row", "question", "answer"),
    [
        # As the columns of the paper's seven are; the texts are ours.
        (
            {"question": "Q?", "options": ["red", "blue"], "answer": "B", "answer_index": 1},
            "Q?",
            "blue",
        ),  # MMLU-pro
        ({"input": "Q?", "target": "(A)"}, "Q?", "(A)"),  # BIG-bench hard
        ({"inputs": "Q?", "targets": ["5"]}, "Q?", "5"),  # BIG-bench
        ({"Question": "Q?", "Correct Answer": "iron", "Subdomain": "ores"}, "Q?", "iron"),  # GPQA
        (
            {"problem": "Q?", "solution": "Since ...", "answer": "\\frac{1}{2}"},
            "Q?",
            "\\frac{1}{2}",
        ),
        ({"question": "Q?", "answer": "3 + 4 = 7\n#### 7"}, "Q?", "7"),  # GSM8K
        ({"text": "Q?", "code": "def f(): pass", "test_list": ["assert f()"]}, "Q?", None),  # MBPP
        ({"prompt": "def f():", "canonical_solution": "    pass"}, "def f():", None),  # EvalPlus
        ({"query": "Q?", "choices": ["x", "y"], "label": 0}, "Q?", "x"),
        ({"query": "Q?", "choices": ["x", "y"], "label": 7}, "Q?", "7"),
        # Chats, turns, structs and JSON in a string.
        (
            {
                "prompt": [{"role": "user", "content": "Q?"}],
                "reward_model": {"style": "rule", "ground_truth": "5"},
            },
            "Q?",
            "5",
        ),  # verl
        (
            {"reward_model": {"ground_truth": '{"type": "integer", "value": "5"}'}, "prompt": "Q?"},
            "Q?",
            "5",
        ),  # verl, as exported here
        (
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "Q?"},
                    {"role": "assistant", "content": "5"},
                ]
            },
            "Q?",
            "5",
        ),
        (
            {"conversations": [{"from": "human", "value": "Q?"}, {"from": "gpt", "value": "5"}]},
            "Q?",
            "5",
        ),
        ({"prompt": '[{"role": "user", "content": "Q?"}]', "answer": 5}, "Q?", "5"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Q?"}]}]},
            "Q?",
            None,
        ),
        ({"question_id": "0a", "category": "qa", "turns": ["Q?"], "ground_truth": "5"}, "Q?", "5"),
        ({"id": "x", "data": {"question": "Q?", "answer": "5"}}, "Q?", "5"),
        ({"id": "x", "data": {"item": {"query": "Q?"}}, "meta": {"gold": "5"}}, "Q?", "5"),
        ({"id": "abc", "user_query": "Q?", "gold": "5"}, "Q?", "5"),
        ({"text": "A passage.", "qa": {"question": "Q?", "answer": "5"}}, "Q?", "5"),
        ({"text": "Q?", "meta": {"task": "qa"}, "target": "5"}, "Q?", "5"),
        ({"promptId": "7", "questionText": "Q?", "modelAnswer": "5"}, "Q?", "5"),
        ({"question": "Q?", "answers": {"text": ["5"], "answer_start": [3]}}, "Q?", "5"),  # SQuAD
        ({"question": "Q?", "answer": {"value": "5", "aliases": ["V"]}}, "Q?", "5"),  # TriviaQA
        (
            {
                "question": "Q?",
                "choices": {"text": ["x", "y"], "label": ["A", "B"]},
                "answerKey": "B",
            },
            "Q?",
            "y",
        ),  # ARC
        (
            {
                "question": {
                    "stem": "Q?",
                    "choices": [{"text": "x", "label": "A"}, {"text": "y", "label": "B"}],
                },
                "answerKey": "B",
            },
            "Q?",
            "y",
        ),
        ({"question": "Q?", "options": {"A": "x", "B": "y"}, "answer": "B"}, "Q?", "y"),  # MedQA
        ({"ctx": "Q?", "endings": ["x", "y"], "label": "1"}, "Q?", "y"),  # HellaSwag
        ({"instruction": "Q?", "input": "", "output": "5"}, "Q?", "5"),  # Alpaca
        ({"question": "Q?", "answer": True}, "Q?", None),
        ({"question": "Q?", "answer": ["1", "2"]}, "Q?", None),
        ({"question": "Q?", "answer": "x" * 500}, "Q?", None),
    ],
)
def test_question_and_answer_are_found_by_the_names_of_columns(
    tmp_path: Path, row: dict[str, Any], question: str, answer: str | None
) -> None:
    found = only_row(tmp_path, row)
    assert (found.question, found.answer) == (question, answer)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("array.json", json.dumps([{"question": SHORT}, {"question": LONG}])),
        ("one_line.jsonl", json.dumps([{"question": SHORT}, {"question": LONG}])),
        ("pretty.json", json.dumps([{"question": SHORT}, {"question": LONG}], indent=1)),
        ("bbh.json", json.dumps({"canary": "c", "examples": [{"input": SHORT}, {"input": LONG}]})),
        ("pandas.json", json.dumps({"question": {"0": SHORT, "1": LONG}, "n": {"0": 1, "1": 2}})),
        ("columns.json", json.dumps({"question": [SHORT, LONG], "answer": ["a", "b"]}, indent=2)),
        (
            "squad.json",
            json.dumps(
                {
                    "data": [
                        {
                            "title": "T",
                            "paragraphs": [
                                {"context": "C", "qas": [{"question": SHORT}, {"question": LONG}]}
                            ],
                        }
                    ]
                }
            ),
        ),
        ("table.csv", f'id,question,answer\n1,"{SHORT}",a\n2,"{LONG}",b\n'),
        ("table.tsv", f"id\tquestion\n1\t{SHORT}\n2\t{LONG}\n"),
        ("no_ending", f'{{"question": "{SHORT}"}}\n{{"question": "{LONG}"}}\n'),
    ],
)
@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress])
def test_a_file_is_read_row_by_row_whatever_holds_its_rows(
    tmp_path: Path, name: str, data: str, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / name
    path.write_bytes(compress(data.encode()))
    found = list(read_benchmark(path))
    assert [row.question for row in found if row.questions] == [SHORT, LONG]
    assert len({row.item for row in found}) == len(found)


def test_every_turn_of_a_row_is_a_question(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": q} for q in (SHORT, LONG)]
    assert only_row(tmp_path, {"messages": chat}).questions == (SHORT, LONG)
    assert only_row(tmp_path, {"turns": [SHORT, LONG]}).questions == (SHORT, LONG)


@pytest.mark.parametrize(
    "row",
    [
        {"title": "T", "body": "B"},
        {"question_id": "q1", "prompt_tokens": 12, "num_questions": "3"},
        {"question": "  ", "prompt": None},
        {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": ""}]},
        {},
    ],
)
def test_a_file_without_a_question_is_refused_by_name(tmp_path: Path, row: dict[str, Any]) -> None:
    with pytest.raises(BenchmarkError, match=r"one\.jsonl has no question.*BENCHMARK_COLUMNS"):
        only_row(tmp_path, row)


def test_columns_that_are_named_are_question_and_answer_whatever_they_are_called(
    tmp_path: Path,
) -> None:
    found = only_row(tmp_path, {"id": "i", "frage": "Q?", "antwort": "5"}, ("frage", "antwort"))
    assert (found.question, found.answer) == ("Q?", "5")


def test_a_name_with_brackets_is_no_pattern(tmp_path: Path) -> None:
    pl.DataFrame({"question": ["asked for"]}).write_parquet(tmp_path / "bench[1].parquet")
    pl.DataFrame({"question": ["another file"]}).write_parquet(tmp_path / "bench1.parquet")
    assert [row.question for row in read_benchmark(tmp_path / "bench[1].parquet")] == ["asked for"]


def test_columns_that_are_named_are_the_only_ones_read(tmp_path: Path) -> None:
    row = {"question": LONG, "explanation": "a long one", "answer": "54"}
    found = only_row(tmp_path, row, ("question", "answer", "of another file"))
    assert (found.texts, found.answer) == ((LONG, "54"), "54")


def test_a_file_with_none_of_the_columns_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="WSRL_BENCHMARK_COLUMNS"):
        only_row(tmp_path, {"question": LONG}, ("prompt",))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"question": }', "line 2"),
        (b"[1, 2", "line 2"),
        (b'{"question": "\xff\xfe"}', "line 2"),
        (b"[" * 100_000, "line 2"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: bytes, said: str) -> None:
    path = tmp_path / "b.jsonl"
    path.write_bytes(b'{"question": "fine"}\n' + line + b"\n")
    with pytest.raises(BenchmarkError, match=said) as raised:
        list(read_benchmark(path))
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("b.jsonl.gz", b"no gzip"),
        ("b.jsonl.gz", gzip.compress(b'{"a": "b"}\n' * 10_000, mtime=0)[:-20]),
        ("b.parquet", b"no parquet"),
        ("b.parquet", b""),
        ("b.csv", b"question\n"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(BenchmarkError) as raised:
        list(read_benchmark(path))
    assert str(path) in str(raised.value)


def test_a_missing_file_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="WSRL_BENCHMARKS"):
        list(read_benchmark(tmp_path / "gone.jsonl"))


def test_a_folder_is_no_benchmark(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError):
        list(read_benchmark(tmp_path))
