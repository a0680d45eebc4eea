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
    ("question", "second"),
    [
        ("Who wrote the lyrics of the anthem and when?", "and when?"),
        ("Which bacterium causes it, and who discovered it in 1882?", "and who discovered it in"),
        ("When did Ceylon fall, and how long did the siege last?", "and how long did the siege"),
        ("In which year did she move, or to which city did she move?", "or to which city did she"),
        ("Who painted the ceiling? For which pope was it?", "For which pope was it?"),
    ],
)
def test_a_question_that_asks_for_two_things_is_refused(question: str, second: str) -> None:
    verdict = question_form(question)
    assert verdict.reason == "asks_twice"
    assert (verdict.detail or "").startswith(second)


@pytest.mark.parametrize(
    "question",
    [
        "Which poet who was born in Rome and who died in Ravenna wrote it?",
        "In which book does Mill say what a right is and how it is lost?",
        'Fill in the blank in this statement: "Who goes there? And who sent ____?" Which name?',
        "In Python, which method of a string gives True for `a? and why?` in this place?",
        "Which of the two rivers, the Aare and the Reuss, is the longer one?",
        "¿Quién compuso la ópera? Diga el nombre completo.",
    ],
)
def test_clauses_quotes_and_code_are_no_second_question(question: str) -> None:
    assert question_form(question).passed


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
        ("five or six", "integer", "answer_is_a_range"),
        ("three or four days", "quantity", "answer_is_a_range"),
        ("12-15 km", "quantity", "answer_is_a_range"),
        ("between 3 and 5", "integer", "answer_is_a_range"),
        ("one in four", "percent", "answer_not_of_type"),
        ("1960s", "integer", "answer_not_of_type"),
        ("about 40 people", "integer", "answer_not_of_type"),
        ("heparin", "quantity", "answer_not_of_type"),
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


@pytest.mark.parametrize(
    ("answer", "claimed", "question", "shown", "value"),
    [
        ("96 hours", "integer", "", "quantity", "96"),
        ("12 percent", "decimal", "", "percent", "12%"),
        ("3.5", "integer", "", "decimal", "3.5"),
        ("$5 million", "integer", "", "money", "5000000"),
        ("17 November 1869", "integer", "", "date", "1869-11-17"),
        ("10:30", "integer", "", "time", "10:30"),
        ("1945", "integer", "In which year did the war end?", "date", "1945"),
        ("1945", "quantity", "When was it?", "date", "1945"),
    ],
)
def test_a_figure_gets_the_type_that_its_form_shows(
    answer: str, claimed: str, question: str, shown: str, value: str
) -> None:
    gold, verdict = typed_gold(answer, claimed, None, question=question)
    assert gold is not None
    assert (gold.type, gold.value) == (shown, value)
    assert verdict.passed
    assert verdict.detail == f"{claimed} in the draft, {shown} by its form"


@pytest.mark.parametrize(
    ("answer", "claimed", "unit"),
    [
        ("1945", "integer", None),
        ("twenty-one", "integer", None),
        ("-5", "integer", None),
        ("5 hours", "quantity", "minutes"),
        ("10^-3", "decimal", None),
        ("20 dollars", "quantity", None),
        ("12 Monkeys", "entity", None),
        ("5 km", "entity", None),
    ],
)
def test_an_answer_of_its_type_keeps_it(answer: str, claimed: str, unit: str | None) -> None:
    gold, verdict = typed_gold(answer, claimed, unit, question="How many soldiers were there?")
    assert gold is not None
    assert (gold.type, verdict.detail) == (claimed, None)
