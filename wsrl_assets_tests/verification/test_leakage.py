"""Leak: the question holds its own answer, in whatever form; another figure is no leak."""

import time

import pytest

from wsrl_assets.reward import Gold, parse_gold
from wsrl_assets.taxonomy.forms import with_options
from wsrl_assets.verification.leakage import leak

LEAKS = [
    ("Which dozen, or twelve, apostles followed Jesus?", "12", "integer"),
    ("How long is a forty-two kilometre race in km?", "42 km", "quantity"),
    ("How many cats are 7 cats?", "7", "integer"),
    ("Which bodies are called volcanoes?", "volcano", "entity"),
    ("What is the capital city Bogota called?", "Bogotá", "entity"),
    ("What is a data-base?", "database", "entity"),
    ("Which Curie, Marie by first name, found radium?", "Marie Curie", "entity"),
    ("On July 20, 1969, when did man land on the moon?", "20 July 1969", "date"),
    ("How far is 5,000 metres in a straight line?", "5 km", "quantity"),
    ("What is a 4-year term in years?", "4", "integer"),
    ("How many is 1,234 apples?", "1234", "integer"),
    ("What does s[::-1] do in Python, as an expression?", "s[::-1]", "code"),
    ("How much is fifty percent of all?", "50%", "percent"),
    ("Which company is Ｍｉｃｒｏｓｏｆｔ?", "Microsoft", "entity"),
]

NEAR_MISSES = [
    ("What happened in 1945 to Berlin?", "4", "integer"),
    ("How long is a race with 5 laps and 5 kg weights?", "5 km", "quantity"),
    ("Which language came before C++?", "C", "entity"),
    ("Which language extends C with classes?", "C++", "entity"),
    ("How many percent is 50 of 200?", "25%", "percent"),
    ("What share, of 50 people, answered?", "50%", "percent"),
    ("In which year after 1968 did men land on the moon?", "1969", "date"),
    ("Which Treaty of 1648 ended the war?", "Peace of Westphalia", "entity"),
    ("Which river flows through Vienna?", "Danube", "entity"),
    ("What is the freezing point when it is -5 outside?", "5", "integer"),
    ("Who painted the Mona Lisa?", "Leonardo da Vinci", "entity"),
    ("What art form uses paint?", "Ar", "entity"),
]


@pytest.mark.parametrize(("question", "answer", "kind"), LEAKS)
def test_a_question_that_gives_its_answer_away_is_caught(
    question: str, answer: str, kind: str
) -> None:
    verdict = leak(question, parse_gold(answer, kind))
    assert (verdict.passed, verdict.reason) == (False, "answer_in_question")
    assert verdict.detail


@pytest.mark.parametrize(("question", "answer", "kind"), NEAR_MISSES)
def test_a_question_with_something_like_it_is_let_through(
    question: str, answer: str, kind: str
) -> None:
    verdict = leak(question, parse_gold(answer, kind))
    assert verdict.passed, verdict.detail


def test_an_alias_gives_the_answer_away_too() -> None:
    gold = parse_gold("Joanne Rowling", "entity", aliases=["Robert Galbraith"])
    verdict = leak("Under which real name did Robert Galbraith write Harry Potter?", gold)
    assert (verdict.passed, verdict.detail) == (False, "Robert Galbraith")
    assert leak("Who wrote the books about Harry Potter, a young wizard?", gold).passed


def test_a_choice_question_holds_its_answer_by_design() -> None:
    gold = parse_gold("B", "choice", choices=["Rome", "Paris"])
    assert leak("Which city is the capital of France? (A) Rome (B) Paris", gold).passed
    assert leak("Which city is the capital of France?\nA) Rome\nB) Paris", gold).passed


@pytest.mark.parametrize(
    ("stem", "choices"),
    [
        ("Where in France, on the Seine in Paris, is the Louvre?", ["Rome", "Paris"]),
        ("How far is it in km, if it is 193,000 metres?", ["120 km", "193 km"]),
        ("How many are twelve eggs?", ["11", "12"]),
    ],
)
def test_but_what_stands_over_the_options_does_not(stem: str, choices: list[str]) -> None:
    gold = parse_gold("B", "choice", choices=choices)
    verdict = leak(with_options(stem, choices), gold)
    assert (verdict.passed, verdict.reason) == (False, "answer_in_question")


def test_a_list_leaks_as_a_whole_and_not_by_an_item() -> None:
    gold = parse_gold("grammar, logic, rhetoric", "list")
    assert leak("Which arts, besides logic, made up the medieval trivium?", gold).passed
    assert leak("Which of logic, music, grammar and rhetoric are in the trivium?", gold).passed
    assert not leak("What is the trivium of grammar, logic and rhetoric called?", gold).passed


@pytest.mark.parametrize("unit", ["1 ", "one ", "a ", "a-", "1,", "é", "\u0301"])
@pytest.mark.parametrize("kind", ["integer", "entity"])
def test_a_long_question_is_read_in_bounded_time(unit: str, kind: str) -> None:
    gold: Gold = parse_gold("77" if kind == "integer" else "Marie Curie", kind)
    started = time.process_time()
    leak(unit * (2_000 // len(unit)), gold)
    assert time.process_time() - started < 5
