"""`wsrl score --judge` against a server: which rows are asked about, and a server that is dead."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulator import SimulatorSettings, simulator_process
from wsrl_assets.cli.score_judged import judging
from wsrl_assets.cli.score_server import Limits
from wsrl_assets_tests.cli.test_cli import wsrl
from wsrl_assets_tests.cli.test_score import ROWS, written
from wsrl_assets_tests.cli.test_score_server import ask, serving
from wsrl_assets_tests.reward.rubric_adversary import CASES

PARIS = {"type": "entity", "value": "Paris"}
QUESTION = "Which city is the capital of France?"
JUDGED = [
    {"question": QUESTION, "response": "Answer: Paris", "gold": PARIS},
    {"question": QUESTION, "response": "Answer: City of Light", "gold": PARIS},
    {"question": QUESTION, "response": "Answer: Lyon", "gold": PARIS},
    {"question": QUESTION, "response": "Answer: not Lyon", "gold": PARIS},
    {"question": QUESTION, "response": "Answer: 13", "gold": {"type": "integer", "value": "12"}},
]


def knows_the_byname(body: dict[str, Any], rng: Random) -> str:
    """The server's reply: the byname is the same, and nothing else is."""
    same = "City of Light" in body["messages"][-1]["content"]
    return json.dumps({"reason": "a byname", "same": same})


def test_rows_are_judged_where_a_rule_may_be_overruled(tmp_path: Path) -> None:
    path, target = written(tmp_path, JUDGED), tmp_path / "scored.jsonl"
    fast = SimulatorSettings(decode_tokens_per_s=5_000.0, reply=knows_the_byname)
    with simulator_process(fast) as server:
        done = wsrl(
            tmp_path / "home",
            *("score", str(path), "--judge", "--output", str(target), "--json"),
            WSRL_LLM_BASE_URL=server.base_url,
        )
        asked = server.stats().requests_completed
    assert done.returncode == 0
    rows = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert [(row["score"], row["reason"]) for row in rows] == [
        (1, "match"),
        (1, "judged_same"),
        (0, "judged_different"),
        (0, "wrong_value"),
        (0, "wrong_value"),
    ]
    # Twice for the byname, once for Lyon.
    assert asked == 3


def test_an_endpoint_that_refuses_is_exit_2_and_leaves_no_output(tmp_path: Path) -> None:
    path, target = written(tmp_path, JUDGED), tmp_path / "scored.jsonl"
    with simulator_process(SimulatorSettings(api_key="another")) as server:
        done = wsrl(
            tmp_path / "home",
            *("score", str(path), "--judge", "--output", str(target)),
            WSRL_LLM_BASE_URL=server.base_url,
        )
    assert done.returncode == 2
    assert "WSRL_LLM_API_KEY" in done.stderr
    assert not target.exists()


def test_a_row_without_its_question_is_named(tmp_path: Path) -> None:
    fast = SimulatorSettings(decode_tokens_per_s=5_000.0)
    with simulator_process(fast) as server:
        done = wsrl(
            tmp_path / "home",
            *("score", str(written(tmp_path, ROWS)), "--judge"),
            WSRL_LLM_BASE_URL=server.base_url,
        )
    assert done.returncode == 2
    assert "line 1" in done.stderr
    assert "--question-key" in done.stderr


def hears_all_but_the_steamer(body: dict[str, Any], rng: Random) -> str:
    """The server's reply: every fact is said, and the mistake is not."""
    says = "steamer" not in body["messages"][-1]["content"]
    return json.dumps({"reason": "it does", "says": says})


def test_explanations_are_scored_by_the_judge_alone(tmp_path: Path) -> None:
    rubric = CASES[0].rubric
    rows = [
        {"response": f"Answer: {rubric.reference}", "gold": rubric.to_json()},
        {"response": "Thought process:", "gold": rubric.to_json()},
        {"response": "Answer: Rain fell on the hills for days.", "gold": rubric.to_json()},
    ]
    path, target = written(tmp_path, rows), tmp_path / "scored.jsonl"
    fast = SimulatorSettings(decode_tokens_per_s=5_000.0, reply=hears_all_but_the_steamer)
    with simulator_process(fast) as server:
        done = wsrl(
            tmp_path / "home",
            *("score", str(path), "--judge", "--output", str(target), "--json"),
            WSRL_LLM_BASE_URL=server.base_url,
        )
        asked = server.stats().requests_completed
    assert done.returncode == 0, done.stderr
    scored = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert [(row["score"], row["reason"]) for row in scored] == [
        (1.0, "facts_said"),
        (0.0, "no_answer"),
        (0.0, "facts_missing"),
    ]
    assert scored[0]["said"] == [True] * 3
    # Each fact of the reference twice; nothing of what shares no telling word with a fact.
    assert asked == 6
    assert json.loads(done.stdout)["types"] == {"rubric": {"rows": 3, "right": 1}}


def test_the_server_asks_the_judge_where_it_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rubric = CASES[0].rubric
    items = [{"response": rubric.reference, "gold": rubric.to_json()}, ROWS[0]]
    fast = SimulatorSettings(decode_tokens_per_s=5_000.0, reply=hears_all_but_the_steamer)
    with simulator_process(fast) as server:
        monkeypatch.setenv("WSRL_HOME", str(tmp_path))
        monkeypatch.setenv("WSRL_LLM_BASE_URL", server.base_url)
        with serving(Limits(), judging) as port:
            status, reply = ask(port, {"items": items})
    assert status == 200
    scores = reply["scores"]
    assert [(one["score"], one["decided"]) for one in scores] == [(1.0, True), (1, True)]
    assert scores[0]["said"] == [True] * 3


def test_a_judge_that_refuses_is_502_and_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rubric = CASES[0].rubric
    with simulator_process(SimulatorSettings(api_key="another")) as server:
        monkeypatch.setenv("WSRL_HOME", str(tmp_path))
        monkeypatch.setenv("WSRL_LLM_BASE_URL", server.base_url)
        with serving(Limits(), judging) as port:
            for _ in range(2):
                body = {"response": rubric.reference, "gold": rubric.to_json()}
                status, reply = ask(port, body)
                assert status == 502
                assert "the judge cannot be used" in reply["error"]


def test_a_server_with_a_judge_that_is_not_set_does_not_begin(tmp_path: Path) -> None:
    done = wsrl(tmp_path, "score", "--serve", "--judge", "--port", "0")
    assert done.returncode == 2
    assert "WSRL_LLM_JUDGE_BASE_URL" in done.stderr
