"""The open-book answer to a fill-in question is what a model writes where the blank stands."""

import re

import pytest

from wsrl_assets.generation.cloze import mine
from wsrl_assets.reward import AnswerType, parse_gold, score
from wsrl_assets.taxonomy.forms import with_options
from wsrl_assets.verification.completion import BLANK, BlankCompletion

SENTENCES = [
    "Marie Curie was born in Warsaw on 7 November 1867 as Maria Skłodowska.",
    "The Suez Canal in Egypt is 193 km long and has no locks at all.",
    "The first modern Olympic marathon was run in Athens in 1896.",
    "The Regency TR-1 went on sale in the United States in 1954 for $49.95.",
    "The Greek board of the game has 64 squares for two players.",
    "The exchange in New York opens at 9:30 AM on working days.",
    "In Finland a share of 45% of all teachers is younger.",
    "The bell tower of St Mark in Venice is 98.6 m high.",
    "The French educator Pierre de Coubertin revived the games.",
]


def test_a_question_without_a_blank_is_not_completed() -> None:
    assert BlankCompletion.of("Who wrote Emma?", AnswerType.ENTITY) is None


def test_the_lead_is_the_last_words_before_the_blank() -> None:
    question = f'Fill in the blank in this statement: "a b c d e f g h i j k {BLANK} l." Which?'
    completion = BlankCompletion.of(question, AnswerType.INTEGER)
    assert completion is not None
    assert completion.lead == "d e f g h i j k "


def test_a_blank_at_the_start_has_no_lead() -> None:
    completion = BlankCompletion.of(f'Statement: "{BLANK} founded Rome."', AnswerType.ENTITY)
    assert completion is not None
    assert completion.lead == ""


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_sentence_itself_completes_its_question_and_scores_one(sentence: str) -> None:
    candidates = mine(sentence)
    assert candidates
    for candidate in candidates:
        completion = BlankCompletion.of(candidate.question("Facts"), candidate.answer_type)
        assert completion is not None
        written = completion.lead + candidate.answer
        assert re.fullmatch(completion.pattern, written)
        gold = parse_gold(candidate.answer, candidate.answer_type, unit=candidate.unit)
        assert score(f"Answer: {completion.answer(written)}", gold).value == 1


@pytest.mark.parametrize(
    ("kind", "said", "answer"),
    [
        (AnswerType.INTEGER, "The board has 64 squares", "64"),
        (AnswerType.INTEGER, "64", "64"),
        (AnswerType.ENTITY, "The board has Marie Curie and", "Marie Curie"),
        (AnswerType.QUANTITY, "The board has 5 km", "5 km"),
    ],
)
def test_the_answer_is_what_follows_the_lead(kind: AnswerType, said: str, answer: str) -> None:
    assert BlankCompletion("The board has ", kind).answer(said) == answer


def test_a_choice_is_completed_by_one_of_its_options() -> None:
    choices = ("120 km", "193 km")
    stem = f'Fill in the blank: "The Suez Canal in Egypt is {BLANK} long." Which belongs there?'
    completion = BlankCompletion.of(with_options(stem, choices), AnswerType.CHOICE, choices)
    assert completion is not None
    lead = "The Suez Canal in Egypt is "
    assert completion.schema == {"type": "string", "enum": [f"{lead}120 km", f"{lead}193 km"]}
    gold = parse_gold("193 km", AnswerType.CHOICE, choices=choices)
    answers = [completion.answer(f"{lead}{choice}") for choice in choices]
    assert [score(f"Answer: {answer}", gold).value for answer in answers] == [0, 1]
