"""Options of one question: one right answer, and nothing that tells which it is."""

import re
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import multiple_choice
from benchmarks.multiple_choice import CHANCE, MAX_GAIN, Question, Result
from wsrl_assets.generation.cloze import Candidate
from wsrl_assets.generation.distractors import (
    OPTIONS,
    Answer,
    Choice,
    Pool,
    PoolDocument,
    answers_of,
    are_strangers,
)
from wsrl_assets.reward import AnswerType, Gold, matches, parse_gold, self_test

_SYLLABLES = "ka lo mir tan vel dor shi pu gra nem os tir".split()


def document(text: str, **others: Any) -> PoolDocument:
    fields: dict[str, Any] = {"doc_id": text, "parent_id": text, "title": None, "text": text}
    return PoolDocument(**{**fields, **others})


def answer(text: str, **others: Any) -> Answer:
    """The only answer of a text."""
    (only,) = answers_of(document(text, **others))
    return only


def fact(number: int, figure: str = "", **others: Any) -> PoolDocument:
    """A document of one statement, with names and a figure of its own."""
    rng = Random(number)
    first, second = ("".join(rng.choices(_SYLLABLES, k=4)).capitalize() for _ in range(2))
    counted = figure or f"{10_000 + 37 * number:,}"
    text = f"The old harbour of {first} in {second} took in {counted} barrels during that winter."
    return document(text.replace("that winter", "the great frost"), **others)


def facts(count: int) -> list[PoolDocument]:
    return [fact(number) for number in range(count)]


def all_choices(documents: Sequence[PoolDocument], pool: Pool) -> list[tuple[PoolDocument, Choice]]:
    return [(source, choice) for source in documents for choice in pool.choices(source.doc_id)]


def option_golds(choice: Choice) -> list[Gold]:
    asked: Candidate = choice.candidate
    return [parse_gold(text, asked.answer_type, unit=asked.unit) for text in choice.options]


@pytest.fixture(scope="module")
def corpus() -> list[PoolDocument]:
    return multiple_choice.sample_documents()


@pytest.fixture(scope="module")
def asked(corpus: list[PoolDocument]) -> list[tuple[PoolDocument, Choice]]:
    return all_choices(corpus, Pool.of(corpus))


class TestOnTheSampleCorpus:
    def test_it_makes_questions_of_several_types(
        self, asked: list[tuple[PoolDocument, Choice]]
    ) -> None:
        types = Counter(choice.candidate.answer_type for _, choice in asked)
        assert len(asked) > 40
        assert min(types[kind] for kind in (AnswerType.DATE, AnswerType.ENTITY)) >= 10

    def test_each_question_has_four_options_and_the_right_one_once(
        self, asked: list[tuple[PoolDocument, Choice]]
    ) -> None:
        for _, choice in asked:
            assert len(choice.options) == OPTIONS
            assert choice.options.count(choice.candidate.answer) == 1

    def test_the_reward_takes_no_option_for_another(
        self, asked: list[tuple[PoolDocument, Choice]]
    ) -> None:
        for _, choice in asked:
            golds = option_golds(choice)
            pairs = [(a, b) for a in range(OPTIONS) for b in range(a)]
            assert not any(matches(golds[a], golds[b]) for a, b in pairs), choice.options

    def test_every_gold_passes_the_self_test(
        self, asked: list[tuple[PoolDocument, Choice]]
    ) -> None:
        for _, choice in asked:
            gold = parse_gold(choice.candidate.answer, "choice", choices=choice.options)
            assert self_test(gold).ok, choice.options

    def test_no_wrong_option_stands_in_the_document_of_the_statement(
        self, asked: list[tuple[PoolDocument, Choice]]
    ) -> None:
        for source, choice in asked:
            whole = f"{source.title or ''} {source.text}"
            wrong = [text for text in choice.options if text != choice.candidate.answer]
            found = (re.search(rf"(?<![\w.,]){re.escape(text)}(?!\w)", whole) for text in wrong)
            assert not any(found), choice.options

    def test_an_answer_that_stands_as_a_wrong_option_is_asked_for_nowhere(
        self, corpus: list[PoolDocument], asked: list[tuple[PoolDocument, Choice]]
    ) -> None:
        names = Counter(found.candidate.answer for source in corpus for found in answers_of(source))
        right = {choice.candidate.answer for _, choice in asked}
        wrong = {
            text
            for _, choice in asked
            for text in choice.options
            if text != choice.candidate.answer and names[text] == 1
        }
        assert len(wrong) > 40
        assert not wrong & right

    def test_the_order_of_the_documents_changes_nothing(
        self, corpus: list[PoolDocument], asked: list[tuple[PoolDocument, Choice]]
    ) -> None:
        assert all_choices(corpus, Pool.of(reversed(corpus))) == asked


class TestStrangers:
    def test_two_figures_of_different_things_are(self) -> None:
        assert are_strangers(answer(fact(1).text), answer(fact(2).text))

    def test_passages_of_one_source_are_not(self) -> None:
        one, other = (answer(fact(n).text, parent_id="book") for n in (1, 2))
        assert not are_strangers(one, other)

    def test_an_answer_that_the_other_document_gives_too_is_none(self) -> None:
        one, other = fact(1, "12,400"), fact(2, "15,900")
        told = f"{other.text} Elsewhere 12400 were counted at the time."
        assert are_strangers(answer(one.text), answer(other.text))
        assert not are_strangers(answer(one.text), answer(told))
        assert not are_strangers(answer(told), answer(one.text))

    def test_a_small_number_is_found_as_a_word(self) -> None:
        one, other = fact(1, "12"), fact(2, "15")
        assert are_strangers(answer(one.text), answer(other.text))
        assert not are_strangers(answer(one.text), answer(f"{other.text} There were twelve more."))

    def test_statements_that_name_the_same_are_not(self) -> None:
        one = answer(
            "The first prize of Marie Curie was given to the whole group in 1903.", title="Radium"
        )
        other = answer(
            "The Sorbonne made Curie a full professor of physics in 1906.", title="Paris"
        )
        assert not are_strangers(one, other)

    def test_nor_is_a_statement_about_what_the_other_is_titled(self) -> None:
        text = "The first prize was given to the whole group in 1903."
        other = answer(
            "The Sorbonne made Curie a full professor of physics in 1906.", title="Paris"
        )
        assert are_strangers(answer(text, title="The prize that was shared"), other)
        assert not are_strangers(answer(text, title="Curie, the prize that was shared"), other)

    def test_names_with_a_word_in_common_are_not(self) -> None:
        def ruled(name: str, country: str) -> Answer:
            text = f"Two provinces in the south of {country} were conquered by {name} in winter."
            return answer(text, title=f"Provinces of {country}")

        assert are_strangers(ruled("Frederick Haugh", "Moldova"), ruled("Mahmud Ghazni", "Zambia"))
        assert not are_strangers(
            ruled("Frederick Haugh", "Moldova"), ruled("Frederick Storm", "Zambia")
        )

    @given(st.integers(0, 40), st.integers(0, 40))
    @settings(max_examples=60)
    def test_it_is_mutual(self, one: int, other: int) -> None:
        a, b = answer(fact(one).text), answer(fact(other).text)
        assert are_strangers(a, b) == are_strangers(b, a)
        assert not are_strangers(a, a)


class TestKind:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("12,340", "56789"),
            ("45%", "62 percent"),
            ("£5 million", "£7 million"),
            ("120 km", "193 km"),
            ("7 November 1867", "March 9, 1871"),
            ("May 1924", "June 1931"),
        ],
    )
    def test_what_looks_alike_is_of_one(self, one: str, other: str) -> None:
        assert told(one).kind == told(other).kind

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("1,234", "12,340"),
            ("34", "5"),
            ("4.5%", "4.25%"),
            ("$5 million", "$5 billion"),
            ("$5 million", "£5 million"),
            ("120 km", "120 kg"),
            ("1 day", "5 days"),
            ("7 November 1867", "November 1867"),
            ("7 November 1867", "7 November 1967"),
        ],
    )
    def test_what_does_not_is_not(self, one: str, other: str) -> None:
        assert told(one).kind != told(other).kind

    def test_options_are_written_as_the_right_one_is(self) -> None:
        figures = ["12005", "13,006", "14010", "15,027", "16031", "17,048", "18052", "19,069"]
        documents = [fact(number, figure) for number, figure in enumerate(figures)]
        found = all_choices(documents, Pool.of(documents))
        assert len(found) == 2
        for _, choice in found:
            assert len({"," in text for text in choice.options}) == 1


def told(figure: str) -> Answer:
    """A figure as the answer of a statement that fits its type."""
    for text in (
        f"The company of Harlow in Essex paid {figure} to the bank of the county.",
        f"The company of Harlow in Essex was founded by two brothers on {figure}.",
        f"The company of Harlow in Essex was founded by two brothers in {figure}.",
        f"The company of Harlow in Essex sent {figure} barrels to the coast.",
    ):
        found = [a for a in answers_of(document(text)) if a.candidate.answer == figure]
        if found:
            return found[0]
    raise AssertionError(f"nothing asks for {figure}")


class TestFairness:
    def test_three_documents_are_too_few(self) -> None:
        documents = facts(3)
        assert all_choices(documents, Pool.of(documents)) == []

    def test_of_four_answers_one_is_asked_for(self) -> None:
        documents = facts(4)
        assert len(all_choices(documents, Pool.of(documents))) == 1

    def test_every_place_is_right_about_as_often(self) -> None:
        documents = facts(800)
        found = all_choices(documents, Pool.of(documents))
        places = Counter(choice.options.index(choice.candidate.answer) for _, choice in found)
        assert len(found) > 150
        expected = len(found) / OPTIONS
        chi_square = sum((places[place] - expected) ** 2 / expected for place in range(OPTIONS))
        assert chi_square < 11.3  # of 3 degrees of freedom; 1 in 100 by chance

    def test_so_is_every_rank_of_a_figure(self) -> None:
        documents = facts(800)
        found = all_choices(documents, Pool.of(documents))
        ranks = Counter(
            sorted(choice.options, key=lambda text: int(text.replace(",", ""))).index(
                choice.candidate.answer
            )
            for _, choice in found
        )
        expected = len(found) / OPTIONS
        assert sum((ranks[r] - expected) ** 2 / expected for r in range(OPTIONS)) < 11.3


@pytest.fixture(scope="module")
def rounds(corpus: list[PoolDocument]) -> tuple[dict[str, Result], dict[str, Result]]:
    """Every chooser's result on our questions of the sample corpus, and on naive ones."""
    ours: list[list[Question]] = []
    naive: list[list[Question]] = []
    for seed in range(8):
        part = multiple_choice.part_of(corpus, seed)
        ours.append(multiple_choice.draft_questions(part, seed))
        naive.append(multiple_choice.with_naive_distractors(ours[-1], part, seed))
    return multiple_choice.mark_all(ours), multiple_choice.mark_all(naive)


class TestWithoutTheDocument:
    def test_no_chooser_beats_chance_by_more_than_five_points_and_what_luck_explains(
        self, rounds: tuple[dict[str, Result], dict[str, Result]]
    ) -> None:
        for name, result in rounds[0].items():
            assert result.accuracy - CHANCE <= MAX_GAIN + 1.5 * result.error, (name, result)

    def test_the_same_choosers_see_through_naive_distractors(
        self, rounds: tuple[dict[str, Result], dict[str, Result]]
    ) -> None:
        learned = rounds[1]["learned bag of words"]
        assert learned.accuracy - CHANCE > MAX_GAIN
        assert learned.accuracy - CHANCE > 2.5 * learned.error
