"""Sentences come from prose alone, with their place in the document."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.generation.sentences import prose_sentences
from wsrl_assets.generation.standalone import fault, leans

FACT = "The Eiffel Tower in Paris was opened in 1889 for the World Fair."


def texts(document: str) -> list[str]:
    return [sentence.text for sentence in prose_sentences(document)]


def alone(text: str) -> bool:
    return fault(text) is None and not leans(text)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("One is here. Two is there.", ["One is here.", "Two is there."]),
        ("Dr. Watson met Mr. Holmes. They spoke.", ["Dr. Watson met Mr. Holmes.", "They spoke."]),
        ("John R. Pierce spoke. He sat.", ["John R. Pierce spoke.", "He sat."]),
        ("It needs 5 V. It gets 3 V.", ["It needs 5 V.", "It gets 3 V."]),
        ("He took vitamin C. The cold went.", ["He took vitamin C.", "The cold went."]),
        ("Pi is 3.14 or so. Ask.", ["Pi is 3.14 or so.", "Ask."]),
        ("A line\nbreak stays inside. Yes.", ["A line break stays inside.", "Yes."]),
        ('He said "Stop." She stopped.', ['He said "Stop."', "She stopped."]),
        ("Durkheim taught. Émile was his name.", ["Durkheim taught.", "Émile was his name."]),
        ("Really? Yes! Good.", ["Really?", "Yes!", "Good."]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(document: str, expected: list[str]) -> None:
    assert texts(document) == expected


@pytest.mark.parametrize(
    "block",
    [
        f"# {FACT}",
        f"{FACT}\n========",
        f"- {FACT}",
        f"* An item\n  {FACT}",
        f"1. {FACT}",
        f"a) {FACT}",
        f"> {FACT}",
        f"> A quote\n{FACT}",
        f"| {FACT} | cell |",
        f"Name | {FACT}",
        f"    {FACT}",
        f"\t{FACT}",
        f"```\n{FACT}\n```",
        f"~~~ python\n\n{FACT}\n\n~~~",
        f"```\n{FACT}",
        f"<div>\n{FACT}\n</div>",
        f"**{FACT}**",
    ],
)
def test_no_sentence_comes_from_what_is_no_prose(block: str) -> None:
    found = [s for s in prose_sentences(f"Before it.\n\n{block}\n") if alone(s.text)]
    if "=====" in block:
        assert [s.text for s in found] == [FACT], "text over a rule is prose that ends there"
    else:
        assert found == []


@pytest.mark.parametrize(
    "block", ["# Title", "## Title", "```\ncode\n```", "- item\n", "Title Case"]
)
def test_prose_after_it_is_found_again(block: str) -> None:
    assert FACT in texts(f"{block}\n\n{FACT}")


@pytest.mark.parametrize("title", ["The Eiffel Tower", "# The Eiffel Tower", "**The tower**"])
def test_a_title_right_above_a_paragraph_is_no_part_of_it(title: str) -> None:
    assert texts(f"{title}\n{FACT}") == [FACT]


@given(st.text(alphabet="aA1 .!?\n-#|`\"'é(", max_size=300))
def test_a_sentence_is_what_stands_at_its_offsets(document: str) -> None:
    end = 0
    for sentence in prose_sentences(document):
        assert end <= sentence.start < sentence.end <= len(document)
        assert " ".join(document[sentence.start : sentence.end].split()) == sentence.text
        end = sentence.end


@pytest.mark.parametrize(
    "text",
    [
        FACT,
        "The speed of light in a vacuum is 299,792,458 metres per second.",
        "Water boils at 100 °C under the pressure of one standard atmosphere.",
        "The United Kingdom, France and Spain signed the treaty in Paris in 1763.",
        "In 1969 Neil Armstrong became the first person to walk on the Moon.",
        "The first code points have the same form in UTF-8 as in ASCII.",
        'Leonard Bernstein replaced the word "Freude" by the word "Freiheit" in 1989.',
        "The Eiffel Tower and its four lifts were opened in Paris in 1889.",
        "Sir John Herschel published his catalogue of nebulae in 1864 in London.",
    ],
)
def test_a_statement_stands_alone(text: str) -> None:
    assert alone(text)


@pytest.mark.parametrize(
    "text",
    [
        "He moved to the city of Paris in the year 1891 for good.",
        "However, the Eiffel Tower in Paris was opened in 1889 for all.",
        "Pure water freezes at 0 °C at the same pressure in the laboratory.",
        "A linear search through the same list may need 1,000,000 comparisons.",
        "The latest, which concerns members of Congress, was sent out in 1789.",
        "The Asante of Ghana are a well-known and old example of the second.",
        "Andre Agassi once again played for the Davis Cup team in 1992.",
        "The Women of Warsaw could not enrol at that time in the year 1891.",
        "Keep the finished crêpes warm in the oven at 80 °C for everybody.",
        "For sweet crêpes, add 2 tablespoons of sugar to the batter and stir.",
        "The owner pays in 5,000 euros in March: debit cash, credit equity.",
        "The price of the tram in Lisbon today is 3 euros for a single ride.",
        "Five million people live in Sydney now, more than in the year 2000.",
        "The call binary_search([3, 8, 15], 8) returns the index 1 in Python.",
        "The value of $x$ in the equation is 5 for all of the numbers here.",
        "See the table above for the 12 largest cities of the United States.",
        "In the example 3 + 0.5 is 3.5 and that is the answer to all of it.",
        "The name of the Eiffel Tower in Paris is ____ in the old form.",
        "The Eiffel Tower (opened in 1889 is the tallest building in Paris.",
        'The Eiffel Tower is called "la dame de fer in the city of Paris.',
        "The Eiffel Tower, see https://example.org, was opened in Paris in 1889.",
        "The Eiffel Tower in Paris was opened in 1889 and",
        "the Eiffel Tower in Paris was opened in 1889 for the fair.",
        "Opened in Paris in 1889.",
        "A frog in New Guinea is the smallest of them with a length of just .",
        "Johnston commanded the army of the West. Later Lee led it in 1862.",
        "The Eiffel Tower " + "in Paris " * 25 + "was opened.",
        "The Eiffel Tower in Paris is " + "1" * 500 + " metres high.",
        "Was the Eiffel Tower in the city of Paris opened in 1889?",
    ],
)
def test_a_sentence_that_leans_on_something_does_not(text: str) -> None:
    assert not alone(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("As just noted, the Eiffel Tower was opened in Paris in 1889.", "points_elsewhere"),
        ("The guide to towers says that Paris opened one in 1889.", None),
        ("In this section the Eiffel Tower of Paris is described in full.", "points_elsewhere"),
        ("If the lift of the Eiffel Tower stops, it has 1,665 steps.", "points_elsewhere"),
        ("The Eiffel Tower in Paris will be painted by 50 people in 2026.", "perishable"),
        ("Keep the finished crêpes warm in the oven at 80 °C for everybody.", "instruction"),
        ("The value of $x$ in the equation is 5 for all of the numbers.", "not_plain"),
        ("Opened in Paris.", "length"),
    ],
)
def test_what_no_sentence_before_it_mends_has_a_name(text: str, why: str | None) -> None:
    assert fault(text) == why


@pytest.mark.parametrize(
    "text",
    [
        "Critics praised his work in the newspapers of London in 1821.",
        "In its first year the Eiffel Tower had two million visitors in all.",
        "It was opened in Paris in the spring of 1889 for the fair.",
    ],
)
def test_a_pronoun_before_what_it_stands_for_leans(text: str) -> None:
    assert leans(text)
