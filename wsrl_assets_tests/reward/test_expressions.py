"""math-verify, asked little and bounded: in a process of its own, off the main thread."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from wsrl_assets.reward import AnswerType, Gold, math_process, score
from wsrl_assets.reward.evaluation import differ, evaluate
from wsrl_assets.reward.expressions import is_harmless, read_expression

needs_math_verify = pytest.mark.skipif(
    not math_process.is_available(), reason="math-verify is not installed"
)


def _expression(value: str) -> Gold:
    return Gold(AnswerType.EXPRESSION, value)


@needs_math_verify
def test_works_on_threads_other_than_the_main_one() -> None:
    answers = [f"(x+{n})^2" for n in range(1, 9)]
    golds = [_expression(f"x^2 + {2 * n}x + {n * n}") for n in range(1, 9)]
    with ThreadPoolExecutor(4) as pool:
        scores = list(pool.map(score, answers, golds))
    assert [one.value for one in scores] == [1] * 8
    assert threading.current_thread() is threading.main_thread()


@needs_math_verify
def test_a_killed_worker_costs_one_answer_and_is_replaced() -> None:
    assert math_process.are_equal("x+1", "1+x")
    math_process._running[0].kill()
    math_process._running[0].wait()
    assert math_process.are_equal("x+2", "2+x")


@needs_math_verify
def test_a_stuck_worker_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert math_process.are_equal("x+3", "3+x")
    monkeypatch.setattr(math_process, "ANSWER_LIMIT_S", 0.0)
    assert not math_process.are_equal("x+4", "4+x")
    assert math_process._running == []
    monkeypatch.undo()
    assert math_process.are_equal("x+5", "5+x")


@needs_math_verify
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_starts_a_worker_of_its_own() -> None:
    script = (
        "import os\n"
        "from wsrl_assets.reward import math_process as m\n"
        "assert m.are_equal('x+1', '1+x')\n"
        "parents = m._running[0].pid\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    ok = m.are_equal('x+2', '2+x') and m._running[0].pid != parents\n"
        "    m._stop()\n"
        "    os._exit(0 if ok else 1)\n"
        "_, status = os.waitpid(pid, 0)\n"
        "assert status == 0 and m.are_equal('x+3', '3+x') and m._running[0].pid == parents\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_without_math_verify_equal_text_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(math_process, "is_available", lambda: False)
    math_process.are_equal.cache_clear()
    gold = _expression("\\frac{x+1}{2}")
    assert score("$\\dfrac{x + 1}{2}$", gold).value == 1
    assert score("\\frac{1+x}{2}", gold).value == 0
    math_process.are_equal.cache_clear()


@pytest.mark.parametrize(
    "text",
    [
        "9^{9^{9}}",
        "2^{1000}",
        "1234567890123456789",
        "(((((((((x)))))))))",
        "\\sum_{k=1}^{n} k",
        "5\\text{ km}",
        "1000!",
        "x" * 300,
        "((x^{40})^{40})^{40}",
        "(x",
        "x)(",
    ],
)
def test_costly_or_unknown_expressions_never_reach_the_algebra_system(text: str) -> None:
    expression = read_expression(text)
    assert expression is not None
    assert not is_harmless(expression)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\\frac{1}{2}", 0.5),
        ("2^{10}", 1024),
        ("-2^2", -4),
        ("2^{-1}", 0.5),
        ("\\sqrt{16}", 4),
        ("\\sqrt[3]{27}", 3),
        ("\\sin^2(1) + \\cos^2(1)", 1),
        ("\\log_2 8", 3),
        ("\\log 100", 2),
        ("5!", 120),
        ("|-3|", 3),
        ("1/2/2", 0.25),
        ("2(3+4)", 14),
        ("50\\%", 0.5),
        ("i^2", -1),
        ("\\tan^{-1}(1)", 0.7853981633974483),
        ("3 - -2", 5),
    ],
)
def test_evaluation(text: str, value: float) -> None:
    expression = read_expression(text)
    assert expression is not None
    assert evaluate(expression.tokens) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "x > 3", "(1, 2)", "\\{1\\}", "1/0", "x!", "+", "\\pm 2", "("]
)
def test_what_has_no_value_is_not_evaluated(text: str) -> None:
    expression = read_expression(text)
    assert expression is None or evaluate(expression.tokens) is None


def test_values_tell_expressions_apart_without_deciding_that_they_are_equal() -> None:
    def tokens(text: str) -> tuple[str, ...]:
        expression = read_expression(text)
        assert expression is not None
        return expression.tokens

    assert differ(tokens("(x+1)^2"), tokens("x^2+1"))
    assert differ(tokens("((x+1)^{40})^{40}"), tokens("x"))
    assert not differ(tokens("(x+1)^2"), tokens("x^2+2x+1"))
    assert not differ(tokens("x > 3"), tokens("x"))
