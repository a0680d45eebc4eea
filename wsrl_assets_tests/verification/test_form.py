"""Form: a question that stands alone, and a short answer of its type that the reward can check."""

import time

import pytest

from wsrl_assets.reward import AnswerType, SelfTest
from wsrl_assets.verification import form
from wsrl_assets.verification.form import (
    MAX_ANSWER_WORDS,
    MAX_QUESTION_WORDS,
    question_form,
    stands_alone,
    typed_gold,
)

SELF_CONTAINED = [
    "Which author wrote War and Peace?",
    "Who is the author of Hamlet?",
    "In what year was the author of Dracula born?",
    "What is the text of the First Amendment about?",
    "In the Document Object Model, which object is the root of the document tree?",
    "Which HTML element holds the text of a paragraph?",
    "In the context of HTTP, what does status code 404 mean?",
    "In the story of Cinderella, what does the coach turn into at midnight?",
    "How many years after the author's death does copyright last in the European Union?",
    "What is the default mode of the text editor Vim?",
    "Which keyboard shortcut deletes a word in the text editor Emacs?",
    "What did the passage of the Civil Rights Act of 1964 outlaw?",
    "Who first sailed through the Northwest Passage?",
    "How long does it take light to travel from the Sun to the Earth?",
    "What is it called when water turns directly from ice to vapour?",
    "Which of the following is a prime number: 4, 6, 7 or 9?",
    "What temperature is given by a thermometer that reads 5 degrees below zero, in kelvin?",
    "Which database is called a document store: MongoDB or MySQL?",
    "According to the report of the Warren Commission, who shot President Kennedy?",
    "The Magna Carta was sealed by King John in 1215: in which meadow was this document sealed?",
    "In the study of animal behaviour, who introduced the term imprinting?",
    "What year did Marie Curie, who discovered polonium, receive her second Nobel Prize?",
    "In which year did Victoria become queen?",
    "What does the author of a pull request have to sign at Apache?",
    "How many articles does the text of the Universal Declaration of Human Rights have?",
    "Who was it that discovered penicillin in 1928?",
    "What is the narrator of Moby-Dick called?",
    "Which paper introduced the transformer architecture in 2017?",
    "What is the section of the US Constitution called that lists the powers of Congress?",
    "How many people does the story of Noah's ark say were saved?",
]

REFERS_TO_DOCUMENT = [
    "According to the passage, how many moons does Mars have?",
    "What does the author argue about taxes?",
    "What year is mentioned in the text?",
    "In the text, which city is the capital?",
    "What is the main topic of this article?",
    "What does this study show about sleep?",
    "Which value is given above for the boiling point?",
    "How many people does the document mention?",
    "What was the author's main point about trade?",
    "Where was the author born?",
    "Who is the author?",
    "What is the passage about?",
    "Which method does the paper described above use?",
    "According to the information, what is the boiling point of water?",
    "Which country did the narrator visit first?",
    "What does the text say about the moon?",
    "What did the study find about coffee drinkers?",
]

DANGLING = [
    "When did he die in Paris?",
    "What is it?",
    "In which year did she become queen?",
    "How many goals did they score in the final?",
    "What is its capital city called?",
    "And what happened in the year 1945?",
    "What is this process called in chemistry?",
    "How old was he when he died?",
]


@pytest.mark.parametrize("question", SELF_CONTAINED)
def test_a_question_that_names_what_it_asks_about_stands_alone(question: str) -> None:
    verdict = stands_alone(question)
    assert verdict.passed, verdict.detail


@pytest.mark.parametrize("question", REFERS_TO_DOCUMENT)
def test_a_question_about_a_text_that_nobody_shows_does_not(question: str) -> None:
    verdict = stands_alone(question)
    assert (verdict.passed, verdict.reason) == (False, "refers_to_document")
    assert verdict.detail
    assert verdict.detail in question


@pytest.mark.parametrize("question", DANGLING)
def test_nor_does_a_question_about_a_pronoun(question: str) -> None:
    verdict = stands_alone(question)
    assert (verdict.passed, verdict.reason) == (False, "dangling_reference")


@pytest.mark.parametrize(
    "word", ["the passage ", "what is ", "did the author ", "a", " ", "which a "]
)
def test_reading_a_question_takes_linear_time(word: str) -> None:
    started = time.perf_counter()
    stands_alone(word * (200_000 // len(word)))
    assert time.perf_counter() - started < 5


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
