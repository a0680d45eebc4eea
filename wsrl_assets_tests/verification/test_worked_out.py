"""Golds of code and mathematics against what their question states."""

import pytest

from wsrl_assets.generation.cloze import mine
from wsrl_assets.reward import parse_gold
from wsrl_assets.storage.basis import Execution
from wsrl_assets.verification.verify import Draft, check_rules
from wsrl_assets.verification.worked_out import check_worked_out


@pytest.mark.parametrize(
    ("question", "answer", "kind", "told"),
    [
        ("Solve 2x + 3 = 11 for x.", "4", "expression", "put into"),
        ("What is the solution of the equation $3t - 1 = 8$?", "t = 3", "expression", "put into"),
        ("Which value of x satisfies 4x = 10?", "5/2", "expression", "put into"),
        ("Find the positive root of x^2 = 49.", "7", "integer", "put into"),
        ("Evaluate 12 * (3 + 4).", "84", "integer", "equal to"),
        ("What is $\\frac{1}{2} + \\frac{1}{3}$?", "5/6", "expression", "equal to"),
        ("Expand (x + 1)^2.", "x^2 + 2x + 1", "expression", "equal to"),
        ("What is the value of 7 × 8?", "56", "integer", "equal to"),
        ("In Python, what does `len('abc') * 2` return?", "6", "code", "executed"),
        ("What does the Python interpreter show for `x[::-1]` after `x = 'abc'`?", "'cba'", "code",
         "executed"),
        ("What is the result of `'a'.upper()` in Python?", "A", "code", "executed"),
        ("What is the derivative of $x^2$?", "2x", "expression", "not checked"),
        ("Which flag of Git stages all changes?", "-a", "code", "not checked"),
        ("In Python, what does `open('x').read()` return?", "'x'", "code", "not checked"),
        ("What is the sum of the roots of x^2 - 5x = 6?", "5", "expression", "not checked"),
        ("If 2x = 4, what is x + 5?", "7", "expression", "not checked"),
        ("Solve x + y = 3 for x.", "3 - y", "expression", "not checked"),
    ],
)  # fmt: skip
def test_a_gold_passes_and_says_how(question: str, answer: str, kind: str, told: str) -> None:
    (verdict,) = check_worked_out(None, question, parse_gold(answer, kind))
    assert verdict.passed, verdict
    assert (verdict.detail or "").startswith(told)


@pytest.mark.parametrize(
    ("question", "answer", "kind", "reason"),
    [
        ("Solve 2x + 3 = 11 for x.", "5", "expression", "contradicts_question"),
        ("Which value of x satisfies 4x = 10?", "2/5", "expression", "contradicts_question"),
        ("Evaluate 12 * (3 + 4).", "40", "integer", "contradicts_question"),
        ("Expand (x + 1)^2.", "x^2 + 1", "expression", "contradicts_question"),
        ("In Python, what does `len('abc') * 2` return?", "5", "code", "execution_differs"),
        ("What is the value of `7 // 2` in Python?", "3.5", "code", "execution_differs"),
    ],
)
def test_a_gold_that_contradicts_its_question_is_refused(
    question: str, answer: str, kind: str, reason: str
) -> None:
    (verdict,) = check_worked_out(None, question, parse_gold(answer, kind))
    assert (verdict.passed, verdict.reason) == (False, reason)


@pytest.mark.parametrize(
    ("question", "answer", "kind"),
    [
        ("How many locks has the Suez Canal?", "0", "integer"),
        ("What is 10 / 3, to two decimals?", "3.33", "decimal"),
        ("Calculate 10 / 3.", "3.33", "decimal"),
        ("What is Route 66 - the road - called?", "66", "integer"),
        ("Who won the match of 3 - 1 in Oslo?", "4", "integer"),
        ("In which year did the 1914-1918 war end?", "1918", "date"),
    ],
)
def test_other_golds_are_left_alone(question: str, answer: str, kind: str) -> None:
    assert check_worked_out(None, question, parse_gold(answer, kind)) == ()


def test_what_was_executed_for_a_draft_is_executed_again() -> None:
    gold = parse_gold("6", "code")
    good = Execution(statements=("x = 5",), expression="x + 1").to_json()
    other = Execution(statements=("x = 6",), expression="x + 1").to_json()
    bomb = Execution(statements=(), expression="9**9**9").to_json()
    found = [check_worked_out(basis, "", gold)[0].reason for basis in (good, other, bomb, "{}")]
    assert found == [None, "execution_differs", "not_executed", "not_executed"]


def test_every_candidate_of_a_transcript_passes_every_rule() -> None:
    document = (
        "Slices of strings are strings, and so are their copies in upper case.\n\n"
        ">>> word = 'Python'\n>>> word[2:5]\n'tho'\n>>> 'a-b'.split('-')\n['a', 'b']\n"
    )
    candidates = mine(document)
    assert [one.answer for one in candidates] == ["'tho'", "['a', 'b']"]
    for one in candidates:
        assert one.session is not None
        basis = Execution(statements=one.session.statements, expression=one.session.expression)
        draft = Draft(
            draft_id="d",
            doc_id="d",
            question=one.question(None),
            answer=one.answer,
            answer_type=one.answer_type,
            unit=None,
            evidence=document[one.sentence.start : one.sentence.end],
            form="cloze",
            basis=basis.to_json(),
        )
        verdicts = check_rules(draft, document).verdicts
        assert [verdict for verdict in verdicts if not verdict.passed] == []
        assert verdicts[-1].detail == f"executed: {one.answer}"
