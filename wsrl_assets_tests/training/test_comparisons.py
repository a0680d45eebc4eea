"""The paired bootstrap by document finds what is there, and nothing that is not."""

import numpy as np
import pytest

from wsrl_assets.training.comparisons import Finding, mean_scores, paired_difference


def documents(questions: int, each: int) -> dict[str, str]:
    return {f"q{n}": f"d{n // each}" for n in range(questions)}


def test_a_difference_on_every_document_is_beyond_its_interval() -> None:
    where = documents(60, 2)
    rng = np.random.default_rng(0)
    base = {q: float(rng.random()) for q in where}
    found = paired_difference({q: s + 0.1 for q, s in base.items()}, base, where, seed=0)
    assert found is not None
    assert found.finding is Finding.HIGHER
    assert found.mean == pytest.approx(0.1)
    assert (found.questions, found.documents) == (60, 30)
    turned = paired_difference(base, {q: s + 0.1 for q, s in base.items()}, where, seed=0)
    assert turned is not None
    assert turned.finding is Finding.LOWER


def test_arms_that_are_alike_differ_beyond_it_about_one_time_in_twenty() -> None:
    where = documents(80, 2)
    rng = np.random.default_rng(1)
    beyond = 0
    for trial in range(200):
        here, there = ({q: float(rng.random()) for q in where} for _ in range(2))
        found = paired_difference(here, there, where, seed=trial)
        assert found is not None
        beyond += found.finding is not Finding.WITHIN
    assert 2 <= beyond <= 24


def test_questions_of_one_document_count_as_one() -> None:
    scores = {f"q{n}": 1.0 if n < 10 else 0.0 for n in range(20)}
    base = dict.fromkeys(scores, 0.0)
    apart = paired_difference(scores, base, documents(20, 1), seed=0)
    together = paired_difference(scores, base, documents(20, 10), seed=0)
    assert apart is not None
    assert together is not None
    assert apart.finding is Finding.HIGHER
    assert together.finding is Finding.WITHIN


def test_without_a_shared_question_there_is_no_difference() -> None:
    assert paired_difference({"a": 1.0}, {"b": 0.0}, {"a": "d", "b": "d"}, seed=0) is None


def test_seeds_are_averaged_question_by_question() -> None:
    assert mean_scores([{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 0.0}]) == {"a": 0.5, "b": 0.0}
