"""The gold self-test: what it lets through, and what it says when it does not."""

from __future__ import annotations

import pytest

from wsrl_assets.reward import AnswerType, Gold, perturbations, render, score, self_test

T = AnswerType


@pytest.mark.parametrize(
    ("gold", "shown"),
    [
        (Gold(T.INTEGER, "1,234"), "1234"),
        (Gold(T.PERCENT, "50"), "50%"),
        (Gold(T.QUANTITY, "5 km"), "5 km"),
        (Gold(T.DATE, "1969-07-20"), "July 20, 1969"),
        (Gold(T.TIME, "22:30"), "10:30 PM"),
        (Gold(T.MONEY, "$2.5 million"), "2500000 USD"),
        (Gold(T.CHOICE, "Paris", choices=("London", "Paris")), "B) Paris"),
        (Gold(T.LIST, '["red", "green"]'), "red, green"),
        (Gold(T.LIST, '["Washington, D.C.", "Paris"]'), '["Washington, D.C.", "Paris"]'),
        (Gold(T.CODE, "f(x)"), "`f(x)`"),
        (Gold(T.ENTITY, "Answer: 42"), "<answer>Answer: 42</answer>"),
    ],
)
def test_rendering_is_what_a_person_would_write(gold: Gold, shown: str) -> None:
    assert render(gold) == shown
    assert self_test(gold).ok


@pytest.mark.parametrize(
    ("gold", "tempting"),
    [
        (Gold(T.PERCENT, "50%"), "50"),
        (Gold(T.QUANTITY, "12", unit="km"), "12 miles"),
        (Gold(T.QUANTITY, "5", unit="kg"), "5 g"),
        (Gold(T.TIME, "10:30 AM"), "10:30 PM"),
        (Gold(T.MONEY, "$5"), "5 EUR"),
        (Gold(T.ENTITY, "C"), "C++"),
        (Gold(T.LIST, "1, 2", ordered=True), '["2", "1"]'),
    ],
)
def test_perturbations_hold_what_lenient_verifiers_accept(gold: Gold, tempting: str) -> None:
    assert len(perturbations(gold)) == 5
    assert tempting in perturbations(gold)


@pytest.mark.parametrize(
    ("gold", "reason"),
    [
        (Gold(T.INTEGER, "a few"), "not an integer"),
        (Gold(T.DATE, "03/04/1969"), "either way"),
        (Gold(T.CHOICE, "E", choices=("a", "b")), "none of the options"),
        (Gold(T.ENTITY, "Paris", aliases=("not  Paris",)), "scores 1"),
        (Gold(T.ENTITY, "Par\u202eis"), "scores 0"),
    ],
)
def test_a_bad_gold_is_refused_with_the_reason(gold: Gold, reason: str) -> None:
    result = self_test(gold)
    assert not result
    assert reason in result.reason


def test_zero_minus_forty_and_a_bare_letter_have_wrong_answers_too() -> None:
    for gold in (
        Gold(T.INTEGER, "0"),
        Gold(T.DECIMAL, "0.0"),
        Gold(T.PERCENT, "0%"),
        Gold(T.QUANTITY, "0", unit="km"),
        Gold(T.QUANTITY, "-40", unit="°C"),
        Gold(T.MONEY, "0", unit="EUR"),
        Gold(T.DECIMAL, "1", tolerance=0.9),
        Gold(T.CHOICE, "B"),
    ):
        assert self_test(gold).ok


def test_aliases_are_never_among_the_wrong_answers() -> None:
    gold = Gold(T.ENTITY, "World War", aliases=("World War II", "War"))
    assert self_test(gold).ok
    assert all(score(answer, gold).value == 0 for answer in perturbations(gold))
