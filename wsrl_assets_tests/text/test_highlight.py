"""Marked text is the text, whatever the spans."""

from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.text.highlight import excerpt, marked, printable, without_credentials

TEXT = st.text(max_size=60)
OFFSET = st.one_of(st.none(), st.integers(-5, 70))
SPANS = st.lists(st.tuples(OFFSET, OFFSET), max_size=4)


@given(TEXT, SPANS)
def test_pieces_are_the_whole_text_in_order(text: str, spans: list[tuple[int, int]]) -> None:
    found = marked(text, spans)
    assert "".join(piece.text for piece in found.pieces) == printable(text)
    assert found.is_whole


@given(TEXT, SPANS)
def test_a_character_is_marked_exactly_by_the_spans_that_hold_it(
    text: str, spans: list[tuple[int | None, int | None]]
) -> None:
    at = 0
    for piece in marked(text, spans).pieces:
        for position in range(at, at + len(piece.text)):
            holding = tuple(
                number
                for number, (start, end) in enumerate(spans)
                if start is not None and end is not None and start <= position < end
            )
            assert piece.marks == holding
        at += len(piece.text)


@given(TEXT, OFFSET, OFFSET, st.integers(1, 20))
def test_an_excerpt_is_a_part_of_the_text(
    text: str, start: int | None, end: int | None, around: int
) -> None:
    found = excerpt(text, start, end, around=around)
    assert "".join(piece.text for piece in found.pieces) == printable(text[found.start : found.end])
    assert found.total == len(text)


def test_an_excerpt_begins_and_ends_at_words() -> None:
    text = "before it some words then EVIDENCE and some words behind it"
    found = excerpt(text, 26, 34, around=9)
    assert [piece.text for piece in found.pieces] == ["then ", "EVIDENCE", " and some"]


def test_a_long_text_is_shown_around_its_mark() -> None:
    found = marked("x" * 5000 + "here" + "y" * 5000, [(5000, 5004)], max_chars=100)
    assert (found.start, found.end) == (4950, 5050)
    assert [piece.text for piece in found.pieces if piece.marks] == ["here"]


def test_a_password_in_an_address_is_masked() -> None:
    said = "http://user:pa-ss@host.example:8000/v1 refused; http://host.example/a@b too"
    expected = "http://***@host.example:8000/v1 refused; http://host.example/a@b too"
    assert without_credentials(said) == expected
