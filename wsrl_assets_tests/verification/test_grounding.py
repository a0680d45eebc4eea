"""Grounding: the quote stands in the document, and the answer in the quote."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsrl_assets.reward import parse_gold
from wsrl_assets.verification.grounding import answer_in, locate

DOCUMENT = (
    "The Suez Canal is an artificial waterway in Egypt. It was opened on 17 November 1869,\n"
    "after ten years of work, and is about 193 km long.  It has no locks."
)

FOUND = [
    ("The race is 5,000 metres long.", "5 km", "quantity"),
    ("a 5-km walk in town", "5 km", "quantity"),
    ("It fell on the 20th of July, 1969, a Sunday.", "July 20, 1969", "date"),
    ("on 1969-07-20 it happened", "July 20, 1969", "date"),
    ("the war of 1914–1918 was long", "1918", "date"),
    (
        "letters stand for atomicity, consistency, isolation and durability.",
        "atomicity, consistency, isolation, durability",
        "list",
    ),
    ("use s[ ::-1 ] here", "s[::-1]", "code"),
    ("total is n(n - 3)/2.", "n(n-3)/2", "expression"),
    ("It cost $4.5 billion in all.", "$4.5 billion", "money"),
    ("about half, or 50 per cent, of them", "50%", "percent"),
    ("at 22:30 local time", "10:30 PM", "time"),
    ("There were twenty-five of them.", "25", "integer"),
    ("in Ludwig van\nBeethoven's house", "Ludwig van Beethoven", "entity"),
    ("he wrote C++ then", "C++", "entity"),
    ("cold of −5 there", "-5", "integer"),
    ("cold of -5 there", "-5", "integer"),
    ("weight (3,474 km) is", "3474 km", "quantity"),
    ("the value 2^n - 1 is", "2^n - 1", "expression"),
    ("two hundred and fifty kilometres long", "250 km", "quantity"),
    ("it was €3m then", "€3 million", "money"),
]

NOT_FOUND = [
    ("The sack is 5 kg heavy.", "5 km", "quantity"),
    ("cold of -5 there", "5", "integer"),
    ("it has 50 people there", "50%", "percent"),
    ("the 1.5 ratio is", "5", "integer"),
    ("he wrote C++ then", "C", "entity"),
    ("he wrote C then ok", "C++", "entity"),
    ("2x+10 is the sum", "x+1", "expression"),
    ("at 10:30 AM local time", "10:30 PM", "time"),
    ("It is 150 km long", "50 km", "quantity"),
    ("on March 3, 1969", "July 20, 1969", "date"),
    ("atomicity, consistency and durability", "atomicity, consistency, isolation", "list"),
    ("$5 thousand in all", "$5", "money"),
    ("the year 1945 it was", "4", "integer"),
    ("5 million people lived", "5", "integer"),
]


@pytest.mark.parametrize(("quote", "answer", "kind"), FOUND)
def test_an_answer_is_found_in_whatever_form_the_quote_gives_it(
    quote: str, answer: str, kind: str
) -> None:
    verdict = answer_in(quote, parse_gold(answer, kind))
    assert verdict.passed, verdict.detail


@pytest.mark.parametrize(("quote", "answer", "kind"), NOT_FOUND)
def test_something_like_the_answer_is_not_the_answer(quote: str, answer: str, kind: str) -> None:
    verdict = answer_in(quote, parse_gold(answer, kind))
    assert (verdict.passed, verdict.reason) == (False, "answer_not_in_evidence")


def test_an_alias_in_the_quote_is_the_answer() -> None:
    gold = parse_gold("Joanne Rowling", "entity", aliases=["J. K. Rowling"])
    assert answer_in("The book by J. K. Rowling sold well.", gold).passed


def test_a_choice_is_found_by_the_text_of_its_option() -> None:
    gold = parse_gold("B", "choice", choices=["GET", "POST"])
    assert answer_in("POST is neither safe nor idempotent.", gold).passed
    assert not answer_in("GET is both safe and idempotent, B or not.", gold).passed


def test_a_missing_item_of_a_list_is_named() -> None:
    gold = parse_gold("Paris, Rome, Oslo", "list")
    assert answer_in("They saw Paris and Oslo.", gold).detail == "Rome"


@pytest.mark.parametrize(
    "quote",
    [
        "The Suez Canal is an artificial waterway in Egypt.",
        "17 November 1869, after ten years",
        "and is about 193 km long. It has no locks.",
        "the suez canal is an artificial waterway",
    ],
)
def test_a_quote_is_found_whatever_its_spacing_and_case(quote: str) -> None:
    place, verdict = locate(quote, DOCUMENT)
    assert (verdict.passed, verdict.detail) == (True, "verbatim")
    assert place is not None
    found = " ".join(DOCUMENT[place.start : place.end].split())
    assert found.casefold() == quote.casefold()


def test_a_quote_with_a_slip_is_found_by_its_likeness() -> None:
    place, verdict = locate("The Suez Canal is an artifical waterway of Egypt.", DOCUMENT)
    assert verdict.passed
    assert verdict.detail is not None
    assert "% similar" in verdict.detail
    assert place is not None
    assert DOCUMENT[place.start : place.end] == "The Suez Canal is an artificial waterway in Egypt."


@pytest.mark.parametrize(
    ("quote", "reason"),
    [
        (None, "no_evidence"),
        ("", "no_evidence"),
        ("  \n", "no_evidence"),
        ("193 km long", "evidence_too_short"),
        ("The Panama Canal joins two oceans and has several locks.", "evidence_not_in_document"),
        ("It " * 400, "evidence_not_in_document"),
        (". . . . .", "evidence_not_in_document"),
        (".* .* .* .*", "evidence_not_in_document"),
    ],
)
def test_a_quote_that_is_not_there_is_named(quote: str | None, reason: str) -> None:
    place, verdict = locate(quote, DOCUMENT)
    assert place is None
    assert (verdict.passed, verdict.reason) == (False, reason)


def test_a_changed_figure_in_a_quote_is_judged_by_the_document() -> None:
    """Fuzzy alignment forgives one letter, and a digit is one: so the document's words count."""
    place, verdict = locate("after ten years of work, and is about 183 km long", DOCUMENT)
    assert verdict.passed
    assert place is not None
    said = DOCUMENT[place.start : place.end]
    assert not answer_in(said, parse_gold("183 km", "quantity")).passed
    assert answer_in(said, parse_gold("193 km", "quantity")).passed


@settings(max_examples=100)
@given(st.data())
def test_a_place_never_cuts_a_word(data: st.DataObject) -> None:
    """Else 150 km, cut, would ground an answer of 50 km."""
    start = data.draw(st.integers(0, len(DOCUMENT) - 40))
    quote = DOCUMENT[start : data.draw(st.integers(start + 30, len(DOCUMENT)))]
    slip = data.draw(st.integers(2, len(quote) - 3))
    place, _ = locate(quote[:slip] + "#" + quote[slip + 1 :], DOCUMENT)
    if place is None:
        return
    before, after = DOCUMENT[: place.start], DOCUMENT[place.end :]
    inside = DOCUMENT[place.start : place.end]
    assert before == "" or before[-1].isspace() or inside[0].isspace()
    assert after == "" or after[0].isspace() or inside[-1].isspace()
