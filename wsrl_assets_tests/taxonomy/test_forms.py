"""A question's options are read back off it, and nothing else is."""

from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.taxonomy.forms import stem_of, with_options

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def test_each_option_has_a_line_and_a_letter() -> None:
    assert with_options("Which?", ["Rome", "Paris"]) == "Which?\nA) Rome\nB) Paris"


def test_a_question_without_options_is_its_stem() -> None:
    assert stem_of("Which?\nA) Rome", []) == "Which?\nA) Rome"


def test_other_options_are_left_where_they_stand() -> None:
    assert stem_of("Which?\nA) Rome\nB) Paris", ["Paris", "Rome"]) == "Which?\nA) Rome\nB) Paris"


@given(TEXTS, st.lists(TEXTS, min_size=2, max_size=6))
def test_the_stem_comes_back(stem: str, choices: list[str]) -> None:
    assert stem_of(with_options(stem, choices), choices) == stem
