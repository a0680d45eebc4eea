"""Self-containment: a reader knows what is asked, without the document."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.verification.self_containment import stands_alone

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
    "word",
    [
        "the passage ",
        "what is ",
        "did the author ",
        "a",
        " ",
        "which a ",
        "his ",
        "after his, ",
        "these things ",
        "did the company do ",
        "A. ",
    ],
)
def test_reading_a_question_takes_linear_time(word: str) -> None:
    started = time.process_time()
    stands_alone(word * (200_000 // len(word)))
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("dangling", "set_before"),
    [
        (
            "How many employees did the company have in 1990?",
            "After Apple moved to Cupertino, how many employees did the company have in 1990?",
        ),
        (
            "How many employees did the company have in 1990?",
            "How many employees did the company of Henry Ford have in 1990?",
        ),
        (
            "What is the population of the city?",
            "Which river crosses Lyon, and what is the population of the city?",
        ),
        (
            "When was the museum opened to the public?",
            "When was the museum that holds the Mona Lisa opened to the public?",
        ),
        ("What is the name of his wife?", "What is the name of Macbeth's wife?"),
        ("Which prize did he win in 1921?", "Which prize did Einstein win in 1921?"),
        ("How high is this mountain?", "K2 is in Asia. How high is this mountain?"),
        ("Which of these is a prime number?", "Which of these is a prime number: 4 or 7?"),
    ],
)
def test_a_word_that_dangles_alone_is_let_through_once_it_is_told_what_it_is(
    dangling: str, set_before: str
) -> None:
    assert stands_alone(dangling).reason == "dangling_reference"
    verdict = stands_alone(set_before)
    assert verdict.passed, verdict.detail


@given(st.text(max_size=300))
def test_any_text_gets_a_verdict_whose_detail_it_holds(text: str) -> None:
    verdict = stands_alone(text)
    assert verdict.passed == (verdict.reason is None)
    assert verdict.passed or (verdict.detail or "") in text
