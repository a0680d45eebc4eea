"""The checks say no exactly where something is broken."""

import polars as pl
import pytest

from wsrl_assets.release import quality


def pairs(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["parent_id", "split"], orient="row")


def runs(*rows: tuple[int, int]) -> pl.DataFrame:
    """Rows and rejected rows of runs, newest first."""
    return pl.DataFrame(rows, schema=["rows", "rejected"], orient="row")


def test_repeated_ids_are_counted_and_named() -> None:
    none = pl.DataFrame(schema={"id": pl.String, "rows": pl.Int64})
    assert quality.unique_ids(none).passed
    found = quality.unique_ids(pl.DataFrame({"id": ["a", "b"], "rows": [2, 4]}))
    assert not found.passed
    assert found.figures == {"repeated_ids": 2, "extra_rows": 4}
    assert found.examples == ["a", "b"]


def test_a_source_in_two_splits_leaks() -> None:
    assert quality.one_split_per_source(pairs(("a", "train"), ("a", "train"), ("b", "test"))).passed
    found = quality.one_split_per_source(pairs(("a", "train"), ("a", "test"), ("b", "test")))
    assert not found.passed
    assert found.examples == ["a"]
    assert quality.one_split_per_source(pl.DataFrame({"parent_id": [], "split": []})).passed


def test_pairs_whose_gold_the_reward_cannot_score_are_named() -> None:
    assert quality.golds_pass(1, []).passed
    found = quality.golds_pass(4, ["b", "c", "d"])
    assert not found.passed
    assert found.examples == ["b", "c", "d"]


@pytest.mark.parametrize(("math", "passed"), [(60, True), (61, False)])
def test_a_domain_may_have_so_much_and_no_more(math: int, passed: bool) -> None:
    frame = pl.DataFrame({"domain": ["Math"] * math + ["Coding"] * (100 - math)})
    assert quality.balanced_domains(frame).passed is passed


def test_an_empty_release_is_not_one_sided() -> None:
    assert quality.balanced_domains(pl.DataFrame({"domain": []})).passed


STEADY = [(100, 30), (100, 32), (100, 28), (100, 30)]


@pytest.mark.parametrize(
    ("newest", "passed"),
    [((100, 30), True), ((100, 39), True), ((100, 60), False), ((100, 5), False), ((19, 19), True)],
)
def test_a_rejection_rate_far_from_the_runs_before_is_seen(
    newest: tuple[int, int], passed: bool
) -> None:
    assert quality.steady_rejection(runs(newest, *STEADY)).passed is passed


def test_rates_that_always_strayed_may_stray() -> None:
    wild = [(100, 10), (100, 90), (100, 30), (100, 70)]
    assert quality.steady_rejection(runs((100, 95), *wild)).passed


def test_a_rate_is_not_compared_with_fewer_than_three_runs_of_enough_rows() -> None:
    assert quality.steady_rejection(runs((100, 100), *STEADY[:2])).passed
    small = [(5, 0)] * 10
    assert quality.steady_rejection(runs((100, 100), *small)).passed
    assert quality.steady_rejection(runs()).passed


def test_only_the_ten_runs_before_count() -> None:
    old = [(100, 100)] * 50
    assert not quality.steady_rejection(runs((100, 100), *[(100, 0)] * 10, *old)).passed
