"""Claims about text: normal form, identity, words, n-grams and the token estimate."""

import hashlib
import re
import time
import unicodedata
from itertools import accumulate
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wsrl_assets.text import normalisation
from wsrl_assets.text.normalisation import (
    content_id,
    estimate_tokens,
    estimate_tokens_of_parts,
    in_small_letters,
    ngrams,
    normalise_document,
    stable_hash,
    words,
)

ANY_LETTER = re.compile("[a-z]", re.IGNORECASE)
any_text = st.text(alphabet=st.characters(exclude_categories=()))
any_space_or_letter = st.one_of(
    st.sampled_from(" \n\t\u00a0\u2000\u2003\u3000ab.é\u0301\u0958\u0344"), st.characters()
)
UNKNOWN = np.zeros(0x10000, np.uint16)
PROSE = "The river rises in the hills and runs for 340 kilometres to the sea. "


def seconds(work: object, text: str) -> float:
    started = time.process_time()
    assert callable(work)
    work(text)
    return time.process_time() - started


# Normal form


def test_newlines_of_every_kind_become_one() -> None:
    assert normalise_document("a\r\nb\rc\x0cd\u2028e\x85f") == "a\nb\nc\nd\ne\nf"


def test_control_characters_and_byte_order_marks_go_but_tabs_stay() -> None:
    assert normalise_document("\ufeffa\x00b\x1b[0m\tc\x7f") == "ab[0m\tc"


def test_indentation_and_inner_spaces_of_code_survive() -> None:
    code = "    def f(x):\n        return x  # two  spaces\n\n\n    y = 1"
    assert normalise_document(code) == code


def test_trailing_spaces_and_many_blank_lines_collapse() -> None:
    assert normalise_document("\n\n  a \t\n\n\n\n\n\nb   \n\n") == "  a\n\n\nb"


def test_composed_and_decomposed_letters_become_one() -> None:
    assert normalise_document("cafe\u0301") == "caf\u00e9"


def test_lone_surrogate_becomes_a_storable_character() -> None:
    assert normalise_document("a\ud800b").encode() == "a\ufffdb".encode()


@given(any_text)
@example("a" + "\u0344" * 40)
@example("\x00\n \n\u0301\n")
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalise_document(text)
    assert normalise_document(once) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode()


@pytest.mark.parametrize("work", [normalise_document, content_id, words, estimate_tokens])
@pytest.mark.parametrize(
    "text",
    [
        " " * 500_000 + "x",
        "\n" * 500_000 + "x",
        "a" + "\u0301\u0316" * 250_000,
        "a" + "\U0001d165\U0001d16d" * 250_000,
        "!" * 500_000,
    ],
    ids=["spaces", "newlines", "marks", "rare marks", "symbols"],
)
def test_hostile_text_takes_linear_time(work: object, text: str) -> None:
    assert seconds(work, text) < 2


# Identity


@given(st.text(any_space_or_letter))
@example("a\u2001\nb\u0958" + "\u0301" * 40 + " \n\n\n\n\n\u3000c\u1680\n")
def test_the_normal_form_is_composed_and_no_line_of_it_ends_in_a_space(text: str) -> None:
    normal = normalise_document(text)
    assert all(line == line.rstrip() for line in normal.split("\n"))
    assert unicodedata.is_normalized("NFC", normal)


@given(any_text)
def test_a_text_and_its_normal_form_have_one_id(text: str) -> None:
    assert content_id(text) == content_id(normalise_document(text))


@given(st.text(any_space_or_letter))
@example(" " * 70 + "x" + " " * 33 + "\n" + " " * 18 + "\u3000y\t")
def test_the_id_is_that_of_the_words_between_white_space(text: str) -> None:
    words_alone = " ".join(normalise_document(text).split()).encode()
    assert content_id(text) == hashlib.blake2b(words_alone, digest_size=16).hexdigest()


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1)))
def test_texts_that_differ_by_whitespace_or_unicode_form_have_one_id(parts: list[str]) -> None:
    wide = "\r\n" + unicodedata.normalize("NFD", " \t\n".join(parts)) + "  "
    assert content_id(" ".join(parts)) == content_id(wide)


def test_texts_with_other_words_have_other_ids() -> None:
    assert len({content_id(text) for text in ("", "a b", "ab", "a b c", "A b")}) == 5


@pytest.mark.parametrize("gap", [" ", "  ", "\n\n", " " * 70_000])
def test_id_does_not_depend_on_where_a_long_text_is_cut_for_hashing(gap: str) -> None:
    for length in (65_534, 65_535, 65_536, 65_537):
        assert content_id("x" * length + gap + "y") == content_id("x" * length + " y")


def test_ids_are_32_hex_characters_and_never_change() -> None:
    assert content_id("Hello,  world") == "eb705831f5b26d41a3691e4566f197a4"
    assert stable_hash("a", "b") == "4fc56058b4df0ca122be9a2e429541d6"


@given(st.lists(any_text), st.lists(any_text))
@example(["ab", "c"], ["a", "bc"])
@example(["a"], ["a", ""])
def test_hash_of_parts_is_unambiguous(left: list[str], right: list[str]) -> None:
    assert (stable_hash(*left) == stable_hash(*right)) == (left == right)


# Words


def test_words_are_folded_and_free_of_punctuation() -> None:
    assert words("Don't STOP_now: straße, \ufb01ne 12.5!") == [
        *("don", "t", "stop", "now", "strasse", "fine", "12", "5")
    ]


@given(st.text(any_space_or_letter))
@example("Ünïcode, ſtraße ĲSSEL K Å １２ ﬁ × ½ à٣_б\u0345")
def test_words_found_by_table_are_those_of_the_folded_text(text: str) -> None:
    by_table = words(text)
    with mock.patch.object(normalisation, "_folded", return_value=UNKNOWN):
        assert words(text) == by_table


def test_each_character_of_the_table_is_folded_as_in_a_text() -> None:
    characters = [chr(code) for code in range(0x80, 0x10000)]
    tables = normalisation._folded()
    known = [character for character in characters if tables[ord(character)]]
    assert len(known) > 10_000
    with mock.patch.object(normalisation, "_folded", return_value=UNKNOWN):
        expected = words(" ".join(known))
    assert words(" ".join(known)) == expected


def test_vowel_signs_stay_in_their_word() -> None:
    assert words("हिन्दी भाषा") == ["हिन्दी", "भाषा"]


def test_scripts_without_spaces_give_a_word_a_character() -> None:
    assert words("東京タワー, 333m") == ["東", "京", "タ", "ワ", "ー", "333m"]


@given(any_text)
def test_words_do_not_depend_on_case_of_ascii_or_unicode_form(text: str) -> None:
    assert words(unicodedata.normalize("NFD", text)) == words(unicodedata.normalize("NFC", text))


def test_ngrams_come_in_order_and_short_texts_have_none() -> None:
    assert list(ngrams(["a", "b", "c"], 2)) == ["a b", "b c"]
    assert list(ngrams(["a"], 2)) == []


def test_ngrams_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ngrams(["a"], 0)


# Tokens


@given(any_text, any_text)
def test_estimate_never_falls_when_text_is_added(before: str, after: str) -> None:
    assert estimate_tokens(before + after) >= max(estimate_tokens(before), estimate_tokens(after))


@given(any_text, any_text)
def test_parts_never_add_up_to_less_than_the_whole(left: str, right: str) -> None:
    assert estimate_tokens(left) + estimate_tokens(right) >= estimate_tokens(left + right)


@pytest.mark.parametrize(
    ("text", "tokens_of_smollm2"),
    [
        (PROSE * 10, 181),
        ("for (int i = 0; i < n; ++i) { sum += a[i]; }\n" * 10, 250),
        ("强化学习需要答案可以检查的问题。" * 10, 290),
        ("서울은 대한민국의 수도이자 최대 도시이다. " * 10, 471),
        ("Москва — столица России, город федерального значения. " * 10, 421),
        ("| 1.5 | x | 3 |\n" * 10, 120),
    ],
    ids=["english", "code", "chinese", "korean", "russian", "table"],
)
def test_estimate_is_above_the_truth_and_below_thrice(text: str, tokens_of_smollm2: int) -> None:
    assert tokens_of_smollm2 <= estimate_tokens(text) <= 3 * tokens_of_smollm2


@given(st.lists(st.text(st.characters(exclude_categories=())).filter(bool), min_size=1))
def test_parts_counted_together_have_the_tokens_of_each(parts: list[str]) -> None:
    ends = list(accumulate(map(len, parts)))
    assert estimate_tokens_of_parts("".join(parts), ends) == list(map(estimate_tokens, parts))


def test_empty_text_has_no_tokens() -> None:
    assert estimate_tokens("") == 0


# Small letters


def test_small_letters_stand_in_their_places_and_are_what_any_case_matches() -> None:
    for character in map(chr, range(0x20000)):  # no letters with case are beyond
        small = in_small_letters(character)
        assert len(small) == 1
        assert (ANY_LETTER.match(character) is None) is (re.match("[a-z]", small) is None)
        assert (re.match(r"\w", character) is None) is (re.match(r"\w", small) is None)


@given(st.text(alphabet="iIıİsSſkK\u212aßaé .\n"))
def test_a_pattern_in_small_letters_finds_what_it_finds_in_any_case(text: str) -> None:
    pattern = r"\b(?:is|ask|kiss)\w*|^si"
    found = re.finditer(pattern, in_small_letters(text), re.MULTILINE)
    any_case = re.finditer(pattern, text, re.MULTILINE | re.IGNORECASE)
    assert [match.span() for match in found] == [match.span() for match in any_case]
