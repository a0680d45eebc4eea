"""`wsrl trial rewards` in a terminal: files, what is printed, exit codes, mistakes."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulator import simulator_process
from wsrl_assets_tests.cli.test_cli import Done, wsrl
from wsrl_assets_tests.factories import quick
from wsrl_assets_tests.pipeline.test_rewards import knows_the_byname
from wsrl_assets_tests.reward.rubric_adversary import CASES as RUBRICS

PARIS = {"type": "entity", "value": "Paris"}
TWELVE = {"type": "integer", "value": "12"}
CAPITAL = "Which city is the capital of France?"
ROWS: list[dict[str, Any]] = [
    {"question": CAPITAL, "response": "Answer: Paris", "gold": PARIS, "label": True},
    {"question": CAPITAL, "response": "Answer: City of Light", "gold": PARIS, "label": 1},
    {"question": CAPITAL, "response": "Answer: Lyon", "gold": PARIS, "label": False},
    {"question": "How many?", "response": "Answer: 12", "gold": TWELVE, "label": True},
    {"question": "How many?", "response": "Answer: 13", "gold": TWELVE, "label": None},
    {"question": "How many?", "response": "Answer: 1", "gold": TWELVE, "truncated": True},
]


def written(folder: Path, rows: list[dict[str, Any]]) -> str:
    path = folder / "rollouts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def trial(folder: Path, *arguments: str, **environment: str) -> Done:
    return wsrl(folder / "home", "trial", "rewards", *arguments, COLUMNS="80", **environment)


def test_a_file_of_rollouts_is_compared_by_all_rewards_in_80_columns(tmp_path: Path) -> None:
    with simulator_process(quick(reply=knows_the_byname)) as server:
        given = {"WSRL_LLM_BASE_URL": server.base_url}
        done = trial(tmp_path, written(tmp_path, ROWS), **given)
        asked = server.stats().requests_completed
        found = json.loads(trial(tmp_path, written(tmp_path, ROWS), "--json", **given).stdout)
        assert server.stats().requests_completed == asked, "no call is paid twice"
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if line.startswith("│"))
    assert "5 rollouts on 2 source documents; 1 more cut off, left out" in done.stdout
    by_name = {one["name"]: one for one in found["rewards"]}
    assert list(by_name) == ["typed", "judged", "math-verify", "reference"]
    assert by_name["typed"]["recall"]["value"] == pytest.approx(2 / 3)
    assert by_name["judged"]["recall"]["value"] == 1
    assert by_name["math-verify"]["undecided"] == 3
    (page,) = (tmp_path / "home").glob("trials/rewards/*/rewards.html")
    assert str(page) == found["page"]


def test_without_a_judge_rules_are_compared(tmp_path: Path) -> None:
    rubric = RUBRICS[0].rubric
    asked = {"question": rubric.question, "response": f"Answer: {rubric.reference}"}
    rows = [*ROWS, {**asked, "gold": json.loads(rubric.to_json())}]
    done = trial(tmp_path, written(tmp_path, rows))
    assert done.returncode == 0, done.stderr
    assert "without the reward judged: no judge is set" in done.stderr
    (page,) = (tmp_path / "home").glob("trials/rewards/*/rewards.html")
    assert "<td>rubric</td>" in page.read_text("utf-8")
    assert "reference" not in done.stdout


def test_a_judge_without_a_usable_reply_is_exit_1_below_the_table(tmp_path: Path) -> None:
    with simulator_process(quick(reply=nonsense)) as server:
        given = {"WSRL_LLM_BASE_URL": server.base_url}
        done = trial(
            tmp_path, written(tmp_path, ROWS), "--reward", "typed", "--reward", "reference", **given
        )
    assert done.returncode == 1
    assert "What each reward says" in done.stdout
    assert "5 rollouts have no verdict by reference" in done.stderr


def nonsense(body: dict[str, Any], rng: Random) -> str:
    return "nonsense"


def test_a_question_is_needed_by_judges_alone(tmp_path: Path) -> None:
    file = written(tmp_path, [{"response": "Answer: 12", "gold": TWELVE}] * 3)
    alone = ("--reward", "typed", "--reward", "math-verify", "--json")
    found = json.loads(trial(tmp_path, file, *alone).stdout)
    assert found["sources"] == 3, "rows of no known question are apart"
    done = trial(tmp_path, file, WSRL_LLM_BASE_URL="http://127.0.0.1:9/v1")
    assert done.returncode == 2
    assert "--question-key" in done.stderr


def test_a_sample_of_a_file_follows_from_the_seed(tmp_path: Path) -> None:
    rows = [{**ROWS[3], "response": f"Answer: {number}"} for number in range(40)]
    file = written(tmp_path, rows)
    made = [
        trial(tmp_path, file, "--rollouts", "10", "--json", WSRL_SEED=seed).stdout
        for seed in ("0", "0", "1")
    ]
    names = [json.loads(text)["trial"] for text in made]
    assert json.loads(made[0])["rollouts"] == 10
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    ("rows", "arguments", "said"),
    [
        ([{**ROWS[0], "label": "yes"}], [], 'row 1: "label" must be true, false or null'),
        ([{**ROWS[0], "label": [1]}], [], 'row 1: "label" must be true, false or null'),
        ([{**ROWS[0], "gold": "Paris"}], [], "line 1"),
        ([ROWS[5]], [], "has no rollout to score; 1 were cut off"),
        (ROWS, ["--reward", "typed"], "two rewards or more"),
        (ROWS, ["--reward", "typd"], "Did you mean typed?"),
        (ROWS, ["--reward", "judged"], "WSRL_LLM_JUDGE_BASE_URL"),
        (None, [], "wsrl run --rollouts"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(
    tmp_path: Path, rows: list[dict[str, Any]] | None, arguments: list[str], said: str
) -> None:
    file = [] if rows is None else [written(tmp_path, rows)]
    done = trial(tmp_path, *file, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
