"""Form: a question, and a short answer of its type that the reward can check."""

import pytest

from wsrl_assets.reward import AnswerType, SelfTest
from wsrl_assets.verification import form
from wsrl_assets.verification.form import (
    MAX_ANSWER_CHARS,
    MAX_ANSWER_WORDS,
    MAX_QUESTION_CHARS,
    MAX_QUESTION_WORDS,
    question_form,
    typed_gold,
)


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "Name the three subjects of the medieval trivium.",
        "A convex polygon has n sides. Give the number of its diagonals.",
        "Find the smallest prime number above one hundred.",
        "Which " + "big " * (MAX_QUESTION_WORDS - 3) + "city is?",
    ],
)
def test_a_question_or_request_has_the_form_of_one(question: str) -> None:
    assert question_form(question).passed


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (None, "no_question"),
        ("", "no_question"),
        ("Why so?", "question_too_short"),
        ("What is pi roughly?", "question_too_short"),
        ("Which " + "big " * MAX_QUESTION_WORDS + "city?", "question_too_long"),
        ("Which city is " + "b" * MAX_QUESTION_CHARS + " in?", "question_too_long"),
        ("The capital of France is Paris.", "not_a_question"),
        ("The listing is named after its founder.", "not_a_question"),
    ],
)
def test_what_is_no_question_is_named(question: str | None, reason: str) -> None:
    verdict = question_form(question)
    assert (verdict.passed, verdict.reason) == (False, reason)


@pytest.mark.parametrize(
    ("answer", "kind", "unit", "value"),
    [
        ("1,234", "integer", None, "1234"),
        ("5 km", "quantity", None, "5"),
        ("5", "quantity", "km", "5"),
        ("July 20, 1969", "date", None, "1969-07-20"),
        ("Ludwig van Beethoven", "entity", None, "Ludwig van Beethoven"),
        (" ".join(["word"] * MAX_ANSWER_WORDS), "entity", None, " ".join(["word"] * 12)),
    ],
)
def test_a_short_answer_of_its_type_becomes_a_gold(
    answer: str, kind: str, unit: str | None, value: str
) -> None:
    gold, verdict = typed_gold(answer, kind, unit)
    assert verdict.passed
    assert gold is not None
    assert (gold.type, gold.value) == (AnswerType(kind), value)


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (None, "integer", "no_answer"),
        ("", "integer", "no_answer"),
        ("12", None, "no_answer"),
        ("   ", "integer", "answer_not_of_type"),
        (" ".join(["word"] * (MAX_ANSWER_WORDS + 1)), "entity", "answer_too_long"),
        ("w" * (MAX_ANSWER_CHARS + 1), "entity", "answer_too_long"),
        ("yes", "yes_no", "yes_no_answer"),
        ("12.5", "integer", "answer_not_of_type"),
        ("five or six", "integer", "answer_not_of_type"),
        ("50", "percent", "answer_not_of_type"),
        ("5", "quantity", "answer_not_of_type"),
        ("03/04/1969", "date", "answer_not_of_type"),
        ("B", "choice", "answer_not_of_type"),
        ("Paris", "city", "answer_not_of_type"),
    ],
)
def test_what_is_no_answer_of_its_type_is_named(
    answer: str | None, kind: str | None, reason: str
) -> None:
    gold, verdict = typed_gold(answer, kind, None)
    assert gold is None
    assert (verdict.passed, verdict.reason) == (False, reason)


def test_a_gold_that_the_reward_cannot_tell_from_wrong_answers_is_not_verifiable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        form, "self_test", lambda gold: SelfTest(ok=False, reason="the perturbation scores 1")
    )
    gold, verdict = typed_gold("Paris", "entity", None)
    assert gold is None
    assert (verdict.reason, verdict.detail) == ("gold_self_test", "the perturbation scores 1")
