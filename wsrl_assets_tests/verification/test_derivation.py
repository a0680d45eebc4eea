"""Answers that are not quoted: sums, conversions, counts; marked, and never by luck."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsrl_assets.reward import parse_gold
from wsrl_assets.verification.derivation import MAX_FIGURES
from wsrl_assets.verification.grounding import answer_in

CLUB = "The club had 12 men and 30 women in its first year."
TOTAL = "How many men and women did the club have in all?"

MARKED = [
    (TOTAL, CLUB, "42", "integer", "derived: 12 + 30 = 42"),
    (
        "How many more women than men did the club have?",
        CLUB,
        "18",
        "integer",
        "derived: 30 - 12 = 18",
    ),
    (
        "How many eggs do the boxes hold in total?",
        "There are 12 boxes of 30 eggs each.",
        "360",
        "integer",
        "derived: 12 x 30 = 360",
    ),
    (
        "How many arts make up the trivium?",
        "The arts of the trivium are grammar, logic and rhetoric.",
        "3",
        "integer",
        "derived: grammar, logic and rhetoric = 3",
    ),
    (
        "How many years after the Suez Canal did the Panama Canal open?",
        "The Suez Canal opened in 1869, the Panama Canal in 1914.",
        "45",
        "integer",
        "derived: 1914 - 1869 = 45 years",
    ),
    (
        "How long is the race in the park?",
        "The race is 5,000 metres long.",
        "5 km",
        "quantity",
        "converted: 5,000 metres = 5 km",
    ),
    (
        "How many metres long is the race in the park?",
        "The race is 5 km long and flat.",
        "5000",
        "integer",
        "converted: 5 km = 5000 metres",
    ),
]


@pytest.mark.parametrize(("question", "quote", "answer", "kind", "detail"), MARKED)
def test_an_answer_that_is_not_quoted_says_how_it_follows(
    question: str, quote: str, answer: str, kind: str, detail: str
) -> None:
    verdict = answer_in(quote, parse_gold(answer, kind), question)
    assert (verdict.passed, verdict.detail) == (True, detail)


@pytest.mark.parametrize(
    ("quote", "answer", "kind"),
    [
        (CLUB, "12", "integer"),
        ("The race is 5 km long and flat.", "5 km", "quantity"),
        ("The race is 5 kilometres long and flat.", "5 km", "quantity"),
        ("The race is 5 km (5,000 metres) long.", "5000 metres", "quantity"),
        ("It cost $4.5 billion.", "4,500,000,000 dollars", "money"),
    ],
)
def test_an_answer_in_its_own_unit_is_not_marked(quote: str, answer: str, kind: str) -> None:
    verdict = answer_in(quote, parse_gold(answer, kind), TOTAL)
    assert (verdict.passed, verdict.detail) == (True, None)


def test_nothing_is_reckoned_that_the_question_does_not_ask_for() -> None:
    gold = parse_gold("42", "integer")
    assert answer_in(CLUB, gold, TOTAL).passed
    assert not answer_in(CLUB, gold, "How many members did the club have?").passed
    assert not answer_in(CLUB, gold).passed


def test_a_fraction_is_not_reckoned_with() -> None:
    quote = "The mix has 1/2 litre of oil and 2.5 litres of water."
    gold = parse_gold("3", "decimal")
    verdict = answer_in(quote, gold, "How much oil and water does the mix have in total?")
    assert verdict.reason == "answer_not_in_evidence"


def test_nothing_is_reckoned_where_the_quote_holds_many_figures() -> None:
    figures = ", ".join(f"{n} men" for n in range(2, 2 + MAX_FIGURES + 1))
    assert not answer_in(f"They sent {figures}.", parse_gold("11", "integer"), TOTAL).passed


WAY = {"+": "How many visitors came in all?", "-": "By how many visitors did they differ?"}
_NUMBERS = st.integers(2, 900)


@settings(max_examples=100)
@given(_NUMBERS, _NUMBERS, st.sampled_from(sorted(WAY)), st.integers(1, 2_000))
def test_what_is_derived_is_right_and_nothing_else_is(
    one: int, other: int, sign: str, answer: int
) -> None:
    """Of all answers to a question for a sum only the sum is let through, besides the figures."""
    quote = f"There came {one} visitors in May and {other} visitors in June."
    right = one + other if sign == "+" else abs(one - other)
    verdict = answer_in(quote, parse_gold(str(answer), "integer"), WAY[sign])
    assert verdict.passed == (answer in {one, other, right} - {0})
    if right > 0:
        assert answer_in(quote, parse_gold(str(right), "integer"), WAY[sign]).passed


@pytest.mark.parametrize("unit", ["1 ", "12 men ", "one ", "a, ", "are a, b and c. ", "1869 "])
@pytest.mark.parametrize(
    "question",
    [TOTAL, "How many years after that?", "How many men are there?", "By how many km?"],
)
def test_a_long_quote_is_read_in_bounded_time(unit: str, question: str) -> None:
    started = time.process_time()
    answer_in(unit * (3_000 // len(unit)), parse_gold("77777", "integer"), question)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("follows", "question", "quote", "answer_type", "answer"),
    [
        (True, "How old was she?", "Born on 3 May 1900, she died on 4 May 1950.", "integer", "50"),
        (
            False,
            "How old was she when she married?",
            "Born on 3 May 1900, she died on 4 May 1950.",
            "integer",
            "50",
        ),
        (
            True,
            "How old was she when she died?",
            "Born on 3 May 1900, she died on 4 May 1950.",
            "integer",
            "50",
        ),
        (
            True,
            "How old was she at her death?",
            "Born on 3 May 1900, she died on 4 May 1950.",
            "integer",
            "50",
        ),
        (
            True,
            "At what age did she die?",
            "Born on 3 May 1900, she died on 4 May 1950.",
            "integer",
            "50",
        ),
        (
            False,
            "At what age did she marry?",
            "Born on 3 May 1900, she died on 4 May 1950.",
            "integer",
            "50",
        ),
        (
            True,
            "How old was she when she married?",
            "Born on 3 May 1900, she married on 4 May 1925 and died on 5 May 1950.",
            "integer",
            "25",
        ),
        (
            False,
            "How old was she when she married?",
            "Born on 3 May 1900, she married on 4 May 1925 and died on 5 May 1950.",
            "integer",
            "50",
        ),
        (
            False,
            "How old was she when she died?",
            "Born on 3 May 1900, she married on 4 May 1925 and died on 5 May 1950.",
            "integer",
            "25",
        ),
        (
            True,
            "How old was she at her wedding?",
            "She was born on 3 May 1900. On 4 May 1925, she married a baker.",
            "integer",
            "25",
        ),
        (
            False,
            "How old was she when she retired?",
            "She was born on 3 May 1900. On 4 May 1925, she married a baker.",
            "integer",
            "25",
        ),
        (
            False,
            "How old was he when he became king?",
            "Born on 3 May 1900, he became president on 4 May 1950.",
            "integer",
            "50",
        ),
        (
            True,
            "How old was he when he became king?",
            "Born on 3 May 1900, he became king on 4 May 1950.",
            "integer",
            "50",
        ),
        (
            True,
            "How old was Ada Lovelace when she died?",
            "Ada Lovelace (10 December 1815 - 27 November 1852) was a mathematician.",
            "integer",
            "36",
        ),
        (
            False,
            "How old was Ada Lovelace when she published her notes?",
            "Ada Lovelace (10 December 1815 - 27 November 1852) was a mathematician.",
            "integer",
            "36",
        ),
        (
            False,
            "How old was she when she died?",
            "She married on 3 May 1900 and died on 4 May 1950.",
            "integer",
            "50",
        ),
        (
            True,
            "How many years after the Suez Canal did the Panama Canal open?",
            "The Suez Canal opened in 1869, the Panama Canal in 1914.",
            "integer",
            "45",
        ),
        (
            True,
            "How long did it take to build the Hall, in years, between 1869 and the opening?",
            "It was begun in 1869 and opened in 1914.",
            "quantity",
            "45 years",
        ),
        (
            True,
            "How many years did the Hundred Years' War last?",
            "It began in 1337 and ended in 1453.",
            "integer",
            "116",
        ),
        (
            False,
            "How many years after she married did she die?",
            "She was born in 1900, married in 1925 and died in 1950.",
            "integer",
            "50",
        ),
        (
            True,
            "How many years after she married did she die?",
            "She was born in 1900, married in 1925 and died in 1950.",
            "integer",
            "25",
        ),
        (
            False,
            "How many years did she teach in Vienna?",
            "She was born in 1900 and died in 1950.",
            "integer",
            "50",
        ),
        (
            False,
            "How many years after the election was the bridge built?",
            "The town was founded in 1900 and the bridge was built in 1950.",
            "integer",
            "50",
        ),
        (
            False,
            "How many years after the fire was the church rebuilt?",
            "The church was consecrated in 1650 and rebuilt in 1666.",
            "integer",
            "16",
        ),
    ],
)
def test_years_are_reckoned_between_the_events_that_are_asked_for(
    follows: bool, question: str, quote: str, answer_type: str, answer: str
) -> None:
    assert answer_in(quote, parse_gold(answer, answer_type), question).passed is follows
