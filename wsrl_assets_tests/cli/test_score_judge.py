"""`wsrl score --judge` against a server: which rows are asked about, and a server that is dead."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from simulator import SimulatorSettings, simulator_process
from wsrl_assets_tests.cli.test_cli import wsrl
from wsrl_assets_tests.cli.test_score import ROWS, written
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
