"""Samples are drawn by seed, and are like the pairs that they are drawn of."""

from pathlib import Path

import polars as pl
import pytest

from wsrl_assets.review.sampling import draw, take_sample
from wsrl_assets.storage import Partition, Store, catalog
from wsrl_assets_tests.explore.home import pair, pair_id, plant
from wsrl_assets_tests.factories import DOMAIN, document_text


def candidates(count: int, kept: int) -> pl.DataFrame:
    """`kept` kept pairs, of which every tenth is of domain b, and every third cloze."""
    return pl.DataFrame(
        {
            "pair_id": [pair_id(n) for n in range(count)],
            "domain": ["b" if n % 10 == 0 else "a" for n in range(count)],
            "form": ["cloze" if n % 3 == 0 else "open" for n in range(count)],
            "is_kept": [n < kept for n in range(count)],
        }
    )


def drawn(pairs: pl.DataFrame, size: int, seed: int = 0) -> pl.DataFrame:
    chosen = draw(pairs, size, seed)
    assert len(chosen) == len(set(chosen))
    return pairs.filter(pl.col("pair_id").is_in(chosen))


def test_half_is_kept_and_half_rejected_with_domains_and_forms_in_proportion() -> None:
    pairs = candidates(3000, 600)
    sample = drawn(pairs, 200)
    assert sample["is_kept"].sum() == 100
    for kept in (True, False):
        half = sample.filter(pl.col("is_kept") == kept)
        whole = pairs.filter(pl.col("is_kept") == kept)
        wanted = whole.group_by("domain", "form").len("there")
        got = half.group_by("domain", "form").len("drawn")
        for there, was_drawn in (
            wanted.join(got, on=["domain", "form"]).select("there", "drawn").iter_rows()
        ):
            assert abs(was_drawn - there * half.height / whole.height) <= 1
        assert got.height == wanted.height == 4


@pytest.mark.parametrize(
    ("kept", "size", "of_kept", "of_rejected"),
    [(0, 10, 0, 10), (3, 10, 3, 7), (99, 10, 9, 1), (50, 7, 4, 3), (50, 500, 50, 50), (0, 0, 0, 0)],
)
def test_where_one_kind_is_short_the_other_fills_up(
    kept: int, size: int, of_kept: int, of_rejected: int
) -> None:
    sample = drawn(candidates(100, kept), size)
    assert sample["is_kept"].sum() == of_kept
    assert sample.height == of_kept + of_rejected


def test_the_seed_decides_and_the_order_of_rows_does_not() -> None:
    pairs = candidates(500, 200)
    assert draw(pairs, 50, 0) == draw(pairs.reverse(), 50, 0)
    assert set(draw(pairs, 50, 0)) != set(draw(pairs, 50, 1))


def test_the_first_half_of_a_sample_has_both_kinds_too() -> None:
    pairs = candidates(1000, 500)
    first = draw(pairs, 200, 0)[:100]
    assert 30 <= pairs.filter(pl.col("pair_id").is_in(first))["is_kept"].sum() <= 70


def test_a_sample_stays_as_it_was_drawn(tmp_path: Path) -> None:
    text = document_text(0)
    rows = [row for n in range(6) for row in pair(n, text, persona_index=n)]
    store = plant(tmp_path, [text], rows)
    assert take_sample(store, 4, 0) == ("4-seed-0", True)
    before = sample_of(store)
    assert len(before) == 4
    with store.transaction(Partition.domain(DOMAIN)) as transaction:
        transaction.merge([row for n in range(6, 20) for row in pair(n, text, persona_index=n)])
    assert take_sample(store, 4, 0) == ("4-seed-0", False)
    assert sample_of(store) == before


def test_nothing_to_draw_leaves_no_sample(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert take_sample(store, 4, 0)[1] is False
    assert sample_of(store) == []


def sample_of(store: Store) -> list[tuple[object, ...]]:
    with catalog(store) as connection:
        return connection.sql("SELECT place, pair_id FROM review_samples ORDER BY 1").fetchall()
