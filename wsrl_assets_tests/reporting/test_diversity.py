"""Measures of diversity are between 0 and 1, and say more of unlike questions than of like ones."""

from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.reporting.diversity import diversity, sampled, starts

ALIKE = [f"What is the height of the tower number {n} in the city?" for n in range(50)]
UNLIKE = [f"alpha{n} beta{n} gamma{n} delta{n} epsilon{n} zeta{n}" for n in range(50)]


@given(st.lists(st.text(max_size=80), max_size=8))
def test_every_measure_is_a_share(questions: list[str]) -> None:
    count, *measures = astuple(diversity(questions))
    assert count == len(questions)
    assert all(measure is None or 0 <= measure <= 1 for measure in measures)


def test_unlike_questions_measure_as_more_diverse() -> None:
    alike, unlike = diversity(ALIKE), diversity(UNLIKE)
    assert unlike.distinct_2 == 1 > alike.distinct_2
    assert unlike.self_overlap == 0 < alike.self_overlap
    assert unlike.pairwise_overlap == 0 < alike.pairwise_overlap


def test_known_figures() -> None:
    found = diversity(["a b c d", "a b c d", "e f g h"])
    assert found.distinct_1 == pytest.approx(8 / 12)
    assert found.distinct_2 == pytest.approx(6 / 9)
    assert found.self_overlap == pytest.approx(2 / 3)
    assert found.pairwise_overlap == pytest.approx(1 / 3)
    assert found.type_token_ratio is None


def test_size_does_not_move_the_type_token_ratio() -> None:
    once, often = diversity(UNLIKE * 4), diversity(UNLIKE * 40)
    assert once.type_token_ratio == pytest.approx(often.type_token_ratio)


def test_of_many_questions_a_part_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = [f"What is the height of tower {n}?" for n in range(200)]
    whole, part = diversity(questions), diversity(sampled(questions, 30))
    monkeypatch.setattr("wsrl_assets.reporting.diversity.COUNTED", 30)
    found = diversity(questions)
    assert found.questions == 200
    assert found.distinct_1 == part.distinct_1 > whole.distinct_1


def test_starts_are_the_first_two_words() -> None:
    found = starts(["What is x?", "what IS y?", "Which one?", "?"], 2)
    assert found == [("what is", 2), ("none", 1)]


@given(st.lists(st.text(max_size=10), max_size=20), st.randoms())
def test_a_sample_does_not_depend_on_order(texts: list[str], random: object) -> None:
    shuffled = list(texts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sampled(texts, 5) == sampled(shuffled, 5)
