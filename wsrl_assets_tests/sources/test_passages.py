"""Claims about cutting documents into passages."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wsrl_assets.sources.passages import (
    MIN_PASSAGE_TOKENS,
    Passage,
    split_for_model,
    split_passages,
)
from wsrl_assets.text.normalisation import estimate_tokens, normalise_document

SENTENCE = "The river rises in the hills and runs for 340 kilometres to the sea. "
PARAGRAPH = SENTENCE * 4 + "\n\n"

markdown = st.lists(
    st.one_of(
        st.text(),
        st.sampled_from(
            [
                "\n\n",
                "\n",
                " ",
                "    ",
                "```\n",
                "~~~~\n",
                "# ",
                ". ",
                "!!!",
                "。",
                SENTENCE,
                "\t",
                "x" * 90,
            ]
        ),
    ),
    max_size=60,
).map("".join)
limits = st.integers(MIN_PASSAGE_TOKENS, 120)


def count_words(text: str) -> int:
    return len(text.split())


def without_spaces(text: str) -> str:
    return "".join(text.split())


def cut(text: str, max_tokens: int) -> list[str]:
    return [passage.text for passage in split_passages(text, max_tokens)]


@given(markdown, limits)
@example("x" * 500, 16)
@example("\U0001f600" * 50, 16)
@example("\n \n" * 50 + "x", 16)
def test_nothing_but_whitespace_is_lost_and_no_passage_is_too_long(
    text: str, max_tokens: int
) -> None:
    passages = split_passages(text, max_tokens)
    assert without_spaces("".join(passage.text for passage in passages)) == without_spaces(text)
    assert all(estimate_tokens(passage.text) <= max_tokens for passage in passages)


@given(markdown, limits)
def test_passages_stand_in_the_text_at_their_offsets_in_order(text: str, max_tokens: int) -> None:
    text = normalise_document(text)
    end_before = 0
    for passage in split_passages(text, max_tokens):
        assert passage.text == text[passage.start : passage.end]
        assert passage.text.strip()
        assert passage.start >= end_before
        end_before = passage.end


@given(markdown, limits)
def test_passages_are_normal_text_themselves(text: str, max_tokens: int) -> None:
    passages = split_passages(normalise_document(text), max_tokens)
    assert all(passage.text.rstrip() == passage.text for passage in passages)


@given(markdown, st.integers(MIN_PASSAGE_TOKENS, 40))
def test_any_counter_will_do_even_one_whose_figures_do_not_add_up(
    text: str, max_tokens: int
) -> None:
    def count(part: str) -> int:
        return len(part) // 3 + 7 * part.count("\n") * part.count(" ") % 11 if part else 0

    passages = split_passages(text, max_tokens, count)
    assert all(count(passage.text) <= max_tokens for passage in passages)
    assert without_spaces("".join(passage.text for passage in passages)) == without_spaces(text)


@given(markdown, limits)
@example(PARAGRAPH * 30 + "é" * 400 + "。" * 50 + "\n\n" + "x" * 900, 40)
def test_counting_parts_together_cuts_as_counting_each_does(text: str, max_tokens: int) -> None:
    one_by_one = split_passages(text, max_tokens, lambda part: estimate_tokens(part))
    assert split_passages(text, max_tokens) == one_by_one


def test_text_that_fits_is_one_passage() -> None:
    assert split_passages("  code\n\nmore", 100) == [Passage("  code\n\nmore", 0, 12)]


@pytest.mark.parametrize("text", ["", " ", "\n\n"])
def test_blank_text_has_no_passages(text: str) -> None:
    assert split_passages(text, 100) == []


def test_cuts_fall_between_paragraphs() -> None:
    paragraph = PARAGRAPH.strip()
    passages = cut(f"{paragraph}\n\n" * 12, estimate_tokens(paragraph) * 3 + 10)
    assert passages == ["\n\n".join([paragraph] * 3)] * 4


def test_long_paragraph_is_cut_between_sentences() -> None:
    for passage in cut(SENTENCE * 30, 100):
        assert passage.startswith("The river")
        assert passage.endswith("sea.")


def test_chinese_is_cut_between_sentences() -> None:
    passages = cut("东京塔是一座电波塔。" * 40, 100)
    assert len(passages) > 5
    assert all(passage.endswith("。") for passage in passages)


def test_long_list_is_cut_between_lines() -> None:
    for passage in cut("- a point without any full stop\n" * 60, 100):
        assert passage.startswith("- a point")
        assert passage.endswith("full stop")


def test_endless_sentence_is_cut_between_words() -> None:
    passages = cut("word " * 500, 60)
    assert {word for passage in passages for word in passage.split()} == {"word"}


def test_endless_word_is_cut_between_characters() -> None:
    assert "".join(cut("x" * 1000, 50)) == "x" * 1000


def test_tiny_tail_shares_with_the_passage_before_it() -> None:
    paragraphs = [PARAGRAPH] * 7
    limit = estimate_tokens(PARAGRAPH) * 6
    sizes = [estimate_tokens(passage) for passage in cut("".join(paragraphs), limit)]
    assert len(sizes) == 2
    assert min(sizes) > 0.6 * max(sizes)


@pytest.mark.parametrize("fence", ["```", "~~~~"])
def test_code_fence_is_kept_whole_where_it_fits(fence: str) -> None:
    code = f"{fence}python\n" + "x = 1\n\n\ny = 2\n" * 4 + f"{fence}\n"
    passages = cut((PARAGRAPH + code + "\n") * 6, 200)
    assert len(passages) > 3
    assert sum(passage.count(code.strip()) for passage in passages) == 6


def test_long_code_fence_is_cut_between_lines_and_keeps_its_indentation() -> None:
    passages = cut("```\n" + "    call(argument)\n" * 80 + "```", 100)
    assert len(passages) > 5
    assert all(passage.startswith("    call") for passage in passages[1:])


def test_fence_that_nothing_closes_is_ordinary_text() -> None:
    passages = cut("```\n" + PARAGRAPH * 10, 260)
    assert all(passage.endswith("sea.") for passage in passages)


def test_heading_goes_with_the_paragraph_below_it() -> None:
    passages = cut(f"# Rivers\n\n{PARAGRAPH}## Sources\n\n{PARAGRAPH}" * 5, 330)
    assert len(passages) > 2
    assert all(passage.startswith("#") for passage in passages)


def test_limit_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match=f"must be {MIN_PASSAGE_TOKENS} or more"):
        split_passages("a", MIN_PASSAGE_TOKENS - 1)


def test_character_that_never_fits_is_an_error() -> None:
    with pytest.raises(ValueError, match="one character counts more than max_tokens=20"):
        split_passages("ab", 20, lambda text: 21 if text else 0)


def test_five_megabytes_of_prose_take_seconds() -> None:
    text = PARAGRAPH * 18_000
    started = time.process_time()
    assert len(split_passages(text, 3000)) > 500
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "text",
    [
        PARAGRAPH * 4_000,
        "word " * 200_000,
        "x" * 1_000_000,
        "a,b,c,1,2\n" * 100_000,
        "!" * 1_000_000 + "x",
        "." + ")" * 1_000_000,
        " " * 1_000_000 + "x",
        "\n" * 1_000_000 + "x",
        "# h\n\n" * 160_000,
        "```a\n\n" * 160_000,
        "\n".join("`" * length for length in range(2000, 3, -1)) + "\n",
        "`" * 1_000_000,
    ],
    ids=[
        *("prose", "words", "one word", "lines", "ends", "closers", "spaces", "newlines"),
        *("headings", "open fences", "shorter and shorter fences", "one long fence"),
    ],
)
def test_a_megabyte_of_anything_takes_a_second(text: str) -> None:
    started = time.process_time()
    passages = split_passages(text, 3000)
    assert time.process_time() - started < 3
    assert max(estimate_tokens(passage.text) for passage in passages) <= 3000


@given(markdown, limits, st.sampled_from([1, 3, 7]))
def test_a_models_own_count_bounds_every_passage(text: str, max_tokens: int, chars: int) -> None:
    """Also for a tokenizer that finds far fewer tokens than the estimate, or more."""

    def count(part: str) -> int:
        return -(-len(part) // chars)

    text = normalise_document(text)
    passages = split_for_model(text, max_tokens, count)
    for passage in passages:
        fits_estimate = estimate_tokens(passage.text) <= max_tokens
        assert fits_estimate or count(passage.text) <= max_tokens
        assert text[passage.start : passage.end] == passage.text
    assert without_spaces("".join(p.text for p in passages)) == without_spaces(text)


def test_a_models_own_count_cuts_less_and_is_asked_seldom() -> None:
    document = PARAGRAPH * 400
    asked = []

    def count(part: str) -> int:
        asked.append(part)
        return count_words(part)

    passages = split_for_model(document, 500, count)
    assert len(passages) < len(split_passages(document, 500))
    assert all(count_words(passage.text) <= 500 for passage in passages)
    assert len(asked) <= len(passages) + 1
