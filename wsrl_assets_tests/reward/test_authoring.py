"""Golds out of answers that someone wrote: the type inferred, the form checked."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.reward import AnswerType, Gold, infer_type, matches, parse_gold
from wsrl_assets.reward.authoring import may_be
from wsrl_assets.reward.number_words import FIRST_WORDS

T = AnswerType
# Words of figures, in the orders that chance gives them.
FIGURE_WORDS = st.lists(
    st.sampled_from(
        "5 -5 12 1,234 3.14 1/2 \u00bd 10:30 1969 44 20th July July, the of a an half dozen twelve"
        " hundred minus point five and noon past PM BC km per cent % $5 \u20ac USD dollars cents p"
        " hours minutes, _ten_ **12** \\frac{1}{2} &frac12; \u0663".split()
    ),
    min_size=1,
    max_size=5,
).map(" ".join)


@pytest.mark.parametrize(
    ("answer", "answer_type"),
    [
        ("1234", T.INTEGER),
        ("1,234", T.INTEGER),
        ("-7", T.INTEGER),
        ("twelve", T.INTEGER),
        ("3.14", T.DECIMAL),
        ("2.5 million", T.DECIMAL),
        ("50%", T.PERCENT),
        ("fifty percent", T.PERCENT),
        ("5 km", T.QUANTITY),
        ("20 °C", T.QUANTITY),
        ("12 apples", T.QUANTITY),
        ("5 ft 10 in", T.QUANTITY),
        ("July 20, 1969", T.DATE),
        ("1969-07-20", T.DATE),
        ("1969", T.DATE),
        ("44 BC", T.DATE),
        ("10:30 AM", T.TIME),
        ("22:30", T.TIME),
        ("noon", T.TIME),
        ("$2.5 million", T.MONEY),
        ("500 yen", T.MONEY),
        ("Paris", T.ENTITY),
        ("Paris, Texas", T.ENTITY),
        ("J. R. R. Tolkien", T.ENTITY),
        ("007", T.ENTITY),
        ("C++", T.ENTITY),
        ("World War II", T.ENTITY),
        ("", T.ENTITY),
        ("yes", T.YES_NO),
        ("False", T.YES_NO),
        ("red, green and blue", T.LIST),
        ('["a", "b"]', T.LIST),
        ("print('hi')", T.CODE),
        ("`x`", T.CODE),
        ("a == b", T.CODE),
        ("x^2 + 1", T.EXPRESSION),
        ("\\frac{1}{2}", T.EXPRESSION),
        ("y = 2x + 1", T.EXPRESSION),
    ],
)
def test_type_is_inferred_from_the_form(answer: str, answer_type: AnswerType) -> None:
    assert infer_type(answer) is answer_type


@pytest.mark.parametrize(
    ("answer", "answer_type", "value", "unit"),
    [
        ("1,234", T.INTEGER, "1234", None),
        ("Twelve.", T.INTEGER, "12", None),
        ("2.5 million", T.INTEGER, "2500000", None),
        ("3.140", T.DECIMAL, "3.140", None),
        ("1/3", T.DECIMAL, "1/3", None),
        ("50 percent", T.PERCENT, "50%", None),
        ("5 km", T.QUANTITY, "5", "km"),
        ("5,000 m", T.QUANTITY, "5000", "m"),
        ("5 ft 10 in", T.QUANTITY, "70", "in"),
        ("July 20, 1969", T.DATE, "1969-07-20", None),
        ("20 July 1969", T.DATE, "1969-07-20", None),
        ("July 1969", T.DATE, "1969-07", None),
        ("in 1969", T.DATE, "1969", None),
        ("July 4", T.DATE, "--07-04", None),
        ("44 B.C.", T.DATE, "44 BC", None),
        ("10:30 PM", T.TIME, "22:30", None),
        ("noon", T.TIME, "12:00", None),
        ("$2.5 million", T.MONEY, "2500000", "USD"),
        ("19.99 euros", T.MONEY, "19.99", "EUR"),
        ("Paris", T.ENTITY, "Paris", None),
        ("TRUE", T.YES_NO, "yes", None),
        ("red, green and blue", T.LIST, '["red", "green", "blue"]', None),
        ("f(x)", T.CODE, "f(x)", None),
    ],
)
def test_canonical_form(answer: str, answer_type: AnswerType, value: str, unit: str | None) -> None:
    gold = parse_gold(answer, answer_type)
    assert (gold.value, gold.unit) == (value, unit)


@pytest.mark.parametrize(
    ("answer", "answer_type", "complaint"),
    [
        ("12.5", T.INTEGER, "fraction"),
        ("12 km", T.INTEGER, "quantity"),
        ("007", T.INTEGER, "zeros"),
        ("about twelve", T.INTEGER, "number"),
        ("Paris", T.INTEGER, "not an integer"),
        ("pi", T.DECIMAL, "not a decimal"),
        ("50", T.PERCENT, "sign"),
        ("5", T.QUANTITY, "unit"),
        ("5 or 6 km", T.QUANTITY, "not a quantity"),
        ("03/04/1969", T.DATE, "either way"),
        ("1960s", T.DATE, "not a date"),
        ("February 30, 1969", T.DATE, "not a date"),
        ("10", T.TIME, "not a time"),
        ("25:00", T.TIME, "not a time"),
        ("2.5 million", T.MONEY, "currency"),
        ("$5 or $6", T.MONEY, "not an amount"),
        ("", T.ENTITY, "empty"),
        ("?!", T.ENTITY, "nothing"),
        ("Par\x00is", T.ENTITY, "control"),
        ("maybe", T.YES_NO, "neither"),
        ("one", T.LIST, "two items"),
        ("B", T.CHOICE, "options are missing"),
        ("x" * 1_000, T.EXPRESSION, "longer"),
    ],
)
def test_an_answer_of_another_type_is_refused_with_the_reason(
    answer: str, answer_type: AnswerType, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_gold(answer, answer_type)


def test_unknown_type_and_wrong_units_are_refused() -> None:
    with pytest.raises(ValueError, match="none of"):
        parse_gold("12", "number")
    with pytest.raises(ValueError, match="unit"):
        parse_gold("5 km", T.QUANTITY, "kg")
    with pytest.raises(ValueError, match="EUR"):
        parse_gold("$5", T.MONEY, "EUR")
    with pytest.raises(ValueError, match="none of the options"):
        parse_gold("Madrid", T.CHOICE, choices=("London", "Paris"))
    with pytest.raises(ValueError, match="twice"):
        parse_gold("A", T.CHOICE, choices=("London", "london"))
    with pytest.raises(ValueError, match="alias"):
        parse_gold("12", T.INTEGER, aliases=("a few",))


def test_units_and_aliases_are_kept() -> None:
    assert parse_gold("50", T.PERCENT, "%").value == "50%"
    assert parse_gold("8 planets", T.INTEGER, "planets").unit == "planets"
    gold = parse_gold("B) Paris", "choice", choices=("London", "Paris"))
    assert (gold.value, gold.choices) == ("B", ("London", "Paris"))
    assert parse_gold(" WHO ", T.ENTITY, aliases=(" World Health Organization ", "")).aliases == (
        "World Health Organization",
    )


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (Gold(T.INTEGER, "12"), Gold(T.INTEGER, "twelve"), True),
        (Gold(T.INTEGER, "12"), Gold(T.DECIMAL, "12.0"), True),
        (Gold(T.INTEGER, "12"), Gold(T.INTEGER, "13"), False),
        (Gold(T.QUANTITY, "5", unit="km"), Gold(T.QUANTITY, "5000", unit="m"), True),
        (Gold(T.QUANTITY, "12", unit="km"), Gold(T.QUANTITY, "12", unit="miles"), False),
        (Gold(T.DATE, "1969"), Gold(T.DATE, "1969-07-20"), True),
        (Gold(T.DATE, "1969-07-20"), Gold(T.DATE, "1969-07-21"), False),
        (Gold(T.INTEGER, "1969"), Gold(T.DATE, "1969"), True),
        (Gold(T.ENTITY, "WHO"), Gold(T.ENTITY, "World Health Organization"), False),
        (
            Gold(T.ENTITY, "WHO", aliases=("World Health Organization",)),
            Gold(T.ENTITY, "the World Health Organization"),
            True,
        ),
        (
            Gold(T.CHOICE, "A", choices=("Paris", "Rome")),
            Gold(T.CHOICE, "B", choices=("London", "Paris")),
            True,
        ),
        (
            Gold(T.CHOICE, "A", choices=("Paris", "Rome")),
            Gold(T.CHOICE, "A", choices=("London", "Paris")),
            False,
        ),
        (Gold(T.DATE, "never"), Gold(T.DATE, "never"), False),
    ],
)
def test_two_golds_are_one_by_the_rewards_own_rules(a: Gold, b: Gold, expected: bool) -> None:
    assert matches(a, b) is expected
    assert matches(b, a) is expected


@given(FIGURE_WORDS, st.sampled_from(list(AnswerType)))
def test_what_may_not_be_of_a_type_is_refused(text: str, answer_type: AnswerType) -> None:
    if not may_be(text, answer_type):
        with pytest.raises(ValueError):
            parse_gold(text, answer_type)


@given(
    st.text(alphabet=string.ascii_letters, min_size=1, max_size=12),
    FIGURE_WORDS | st.just(""),
    st.sampled_from([T.INTEGER, T.DECIMAL, T.PERCENT, T.QUANTITY]),
)
def test_no_number_begins_with_another_word(word: str, rest: str, answer_type: T) -> None:
    if word.lower() not in FIRST_WORDS | {"an"}:
        assert not may_be(f"{word} {rest}".strip(), answer_type)
