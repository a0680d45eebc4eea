"""Ours against the labels of people: no false accept, and few false rejects."""

from __future__ import annotations

from collections import Counter

import pytest

from wsrl_assets.reward import AnswerType, Gold, score, self_test

from .cases import OUTSIDE_FILE, read_cases

CASES = list(read_cases())
OUTSIDE = list(read_cases(OUTSIDE_FILE))
MAX_FALSE_REJECTS = 0.02
MAX_FALSE_REJECTS_OUTSIDE = 0.05


def test_there_are_at_least_400_cases_in_both_directions_for_every_type() -> None:
    counts = Counter((case.gold.type, case.label) for case in read_cases())
    assert sum(counts.values()) >= 400
    assert all(counts[answer_type, label] >= 10 for answer_type in AnswerType for label in (0, 1))


def test_no_case_stands_there_twice() -> None:
    counts = Counter((case.gold, case.response) for case in CASES)
    assert [key for key, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("answer_type", AnswerType)
def test_no_false_accept(answer_type: AnswerType) -> None:
    wrong = [case for case in CASES if case.gold.type is answer_type and case.label == 0]
    accepted = [case.describe() for case in wrong if score(case.response, case.gold).value == 1]
    assert accepted == []


def test_at_most_two_percent_false_rejects() -> None:
    right = [case for case in CASES if case.label == 1]
    rejected = [case.describe() for case in right if score(case.response, case.gold).value == 0]
    assert len(rejected) <= MAX_FALSE_REJECTS * len(right), rejected


def test_no_false_accept_of_the_outside_cases() -> None:
    wrong = [case for case in OUTSIDE if case.label == 0]
    assert [case.describe() for case in wrong if score(case.response, case.gold).value] == []


def test_at_most_five_percent_false_rejects_of_the_outside_cases() -> None:
    right = [case for case in OUTSIDE if case.label == 1]
    rejected = [case.describe() for case in right if score(case.response, case.gold).value == 0]
    assert len(rejected) <= MAX_FALSE_REJECTS_OUTSIDE * len(right), rejected


@pytest.mark.parametrize("gold", dict.fromkeys(case.gold for case in CASES), ids=str)
def test_every_gold_of_the_cases_passes_its_self_test(gold: Gold) -> None:
    assert self_test(gold).reason == "match"
