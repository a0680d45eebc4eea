"""A histogram holds each rated pair once, by domain and policy; 0 and 1 stand apart."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.storage import Partition, Store, catalog
from wsrl_assets.storage.pass_rates import BUCKETS, bucket_of, counted, rate_histograms
from wsrl_assets.storage.tables import PassRate
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.release.pairs import Pair
from wsrl_assets_tests.release.test_pass_rates import rate, rated


@pytest.mark.parametrize(
    ("passed", "bucket"),
    [
        (0, "0"),
        (1, "(0, .25]"),
        (2, "(0, .25]"),
        (3, "(.25, .5]"),
        (4, "(.25, .5]"),
        (6, "(.5, .75]"),
        (7, "(.75, 1)"),
        (8, "1"),
    ],
)
def test_rates_of_eight_rollouts_fall_where_the_name_says(passed: int, bucket: str) -> None:
    assert BUCKETS[bucket_of(passed / 8)] == bucket


@given(st.integers(1, 1024).flatmap(lambda k: st.tuples(st.integers(0, k), st.just(k))))
def test_a_bucket_is_right_for_any_number_of_rollouts(rate: tuple[int, int]) -> None:
    exact = Fraction(*rate)
    quarters = -(-exact * 4 // 1)  # rounded up
    expected = len(BUCKETS) - 1 if exact == 1 else int(quarters)
    assert bucket_of(rate[0] / rate[1]) == expected


@given(st.lists(st.floats(0, 1)))
def test_each_rate_is_counted_once(rates: list[float]) -> None:
    assert sum(counted(rates)) == len(rates)


def test_histograms_are_by_domain_and_by_policy(tmp_path: Path) -> None:
    store = Store(tmp_path)
    pairs = [Pair(f"q{n}") for n in range(6)]
    rate(store, [rated(pairs[0], 0), rated(pairs[1], 4), rated(pairs[2], None)])
    rate(store, [rated(pairs[3], 8), rated(pairs[4], 8), rated(pairs[5], 2)], Domain.CODING)
    with catalog(store) as connection:
        coding, math = rate_histograms(connection)
    assert (coding.partition, coding.policy) == ("coding", "a-policy")
    assert coding.pairs == (0, 1, 0, 0, 0, 2)
    assert coding.mean == pytest.approx(0.75)
    assert (coding.total, coding.between, coding.rollouts) == (3, 1, 24)
    assert math.pairs == (1, 0, 1, 0, 0, 0), "a pair that failed has no rate"


def test_a_home_from_before_a_table_is_read_as_if_it_were_empty(tmp_path: Path) -> None:
    """By the catalog, and by readers of one snapshot."""
    store, partition = Store(tmp_path), Partition.domain(Domain.MATH)
    rate(store, [rated(Pair("q"), 1)], Domain.CODING)
    with store.transaction(partition) as transaction:
        transaction.connection.execute("DROP TABLE pass_rates")
    with catalog(store) as connection:
        assert [h.partition for h in rate_histograms(connection)] == ["coding"]
        assert connection.sql("FROM pass_rates").columns[0] == "partition"
    with store.snapshot(partition) as connection:
        assert connection.sql(f"FROM {PassRate.TABLE}").fetchall() == []
