"""The map and measures of embeddings are what their definitions say, for any vectors."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from wsrl_assets.release.questions import QuestionSettings
from wsrl_assets.reporting import meaning
from wsrl_assets.reporting.meaning import (
    LEAST,
    NEAR,
    Embedded,
    embedded,
    like_groups,
    nearest_cosines,
    principal_axes,
    question_map,
    spread,
    unit_rows,
    vendi_score,
)
from wsrl_assets.text.normalisation import stable_hash

Vectors = NDArray[np.float32]
SHAPES = st.tuples(st.integers(0, 12), st.integers(1, 6))
ANY = arrays(np.float32, SHAPES, elements=st.floats(width=32))
ORDINARY = arrays(np.float32, SHAPES, elements=st.floats(-8, 8, width=16))


def some(count: int, width: int = 8, seed: int = 0) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    return unit_rows(drawn)[0]


def found(vectors: Vectors) -> Embedded:
    return Embedded("a-model", [stable_hash(str(n)) for n in range(len(vectors))], vectors)


def stored(vectors: Vectors) -> pl.DataFrame:
    """Vectors as the index keeps them."""
    return pl.DataFrame(
        {
            "pair_id": [f"pair {n}" for n in range(len(vectors))],
            "vector": [vector.astype("<f2").tobytes() for vector in vectors],
            "vector_model": ["a-model"] * len(vectors),
        },
        schema={"pair_id": pl.String, "vector": pl.Binary, "vector_model": pl.String},
    )


@pytest.mark.parametrize("count", [1, 2, 7])
def test_so_many_equal_vectors_count_as_one(count: int) -> None:
    assert vendi_score(np.repeat(some(1), count, axis=0)) == pytest.approx(1)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_so_many_vectors_at_right_angles_count_as_so_many(count: int) -> None:
    assert vendi_score(np.eye(count, 9, dtype=np.float32)) == pytest.approx(count)


def test_the_score_of_two_vectors_is_that_of_their_angle() -> None:
    cosine = 0.6
    pair = np.array([[1, 0], [cosine, 0.8]], np.float32)
    shares = [(1 + cosine) / 2, (1 - cosine) / 2]
    assert vendi_score(pair) == pytest.approx(math.exp(-sum(p * math.log(p) for p in shares)))


@given(ORDINARY)
def test_the_score_is_that_of_the_matrix_of_cosines(vectors: Vectors) -> None:
    unit, _ = unit_rows(vectors)
    if not len(unit):
        assert vendi_score(unit) == 0
        return
    wide = unit.astype(np.float64)
    values = np.linalg.eigvalsh(wide @ wide.T / len(unit))
    values = values[values > 1e-12]
    assert vendi_score(unit) == pytest.approx(np.exp(-(values * np.log(values)).sum()), abs=1e-3)
    assert 1 - 1e-5 <= vendi_score(unit) <= min(unit.shape) + 1e-5


@given(ANY)
def test_whatever_vectors_there_are_give_finite_figures(vectors: Vectors) -> None:
    unit, usable = unit_rows(vectors)
    assert len(unit) == usable.sum()
    assert np.isfinite(unit).all()
    assert np.linalg.norm(unit, axis=1) == pytest.approx(1, abs=1e-4)
    measured, drawn = spread(found(unit)), question_map(found(unit))
    assert math.isfinite(measured.effective)
    assert (measured.nearest is None) == (len(unit) < 2)
    assert measured.nearest is None or -1 <= measured.nearest <= 1
    assert measured.crowded is None or 0 <= measured.crowded <= 1
    assert drawn.places.shape == (len(unit), 2)
    assert np.isfinite(drawn.places).all()
    assert 0 <= sum(drawn.shares) <= 1 + 1e-9


@pytest.mark.parametrize("vectors", [some(0), some(1), np.repeat(some(1), 5, axis=0)])
def test_what_has_no_extent_lies_in_one_place(vectors: Vectors) -> None:
    places, shares = principal_axes(vectors)
    assert not places.any()
    assert shares == (0, 0)


def test_the_first_axis_is_the_longest_and_the_shares_are_its_variance() -> None:
    corners = np.array([[3, 0, 0], [-3, 0, 0], [0, 1, 0], [0, -1, 0]], np.float32)
    places, shares = principal_axes(corners)
    assert np.abs(places[:, 0]) == pytest.approx([3, 3, 0, 0])
    assert np.abs(places[:, 1]) == pytest.approx([0, 0, 1, 1])
    assert shares == pytest.approx((0.9, 0.1))


@given(st.integers(0, 50))
def test_a_map_is_not_mirrored_by_the_order_of_its_questions(seed: int) -> None:
    vectors = some(20, seed=seed)
    order = np.random.default_rng(seed).permutation(20)
    assert principal_axes(vectors[order])[0] == pytest.approx(
        principal_axes(vectors)[0][order], abs=1e-5
    )


def test_largest_loadings_are_positive() -> None:
    vectors = np.array([[0, 0], [-5, 1], [-10, 2]], np.float32)
    assert principal_axes(vectors)[0][:, 0] == pytest.approx(
        [math.hypot(5, 1), 0, -math.hypot(5, 1)], abs=1e-6
    )


@pytest.mark.parametrize("block", [1, 3, 100])
def test_the_nearest_other_is_never_the_question_itself(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meaning, "_BLOCK", block)
    vectors, chosen = some(10), [7, 0, 3]
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    assert nearest_cosines(vectors, chosen) == pytest.approx(cosines.max(axis=1)[chosen], abs=1e-6)


def test_a_question_that_is_asked_twice_is_near_its_twin() -> None:
    twins = np.concatenate([np.eye(4, dtype=np.float32)] * 2)
    lone = np.eye(9, dtype=np.float32)
    assert (spread(found(twins)).nearest, spread(found(twins)).crowded) == (1, 1)
    assert (spread(found(lone)).nearest, spread(found(lone)).crowded) == (0, 0)


def test_near_is_what_deduplication_takes_for_one_meaning() -> None:
    assert QuestionSettings().meaning == NEAR


def test_a_sample_is_the_same_one_in_any_order_and_compared_with_all() -> None:
    one = found(some(40))
    order = np.random.default_rng(1).permutation(40)
    other = Embedded("a-model", [one.pair_ids[n] for n in order], one.vectors[order])
    assert question_map(one, 15).pair_ids == question_map(other, 15).pair_ids
    assert question_map(one, 15).places.tobytes() == question_map(other, 15).places.tobytes()
    measured = spread(one, 15)
    assert (measured.questions, measured.sampled, measured.dimensions) == (40, 15, 8)
    assert measured.nearest == pytest.approx(spread(other, 15).nearest)
    assert measured.effective == spread(other, 15).effective
    chosen = [one.pair_ids.index(pair_id) for pair_id in question_map(one, 15).pair_ids]
    assert measured.nearest == pytest.approx(nearest_cosines(one.vectors, chosen).mean())


def test_vectors_are_read_as_they_are_kept() -> None:
    vectors = some(LEAST + 1)
    read = embedded(stored(vectors))
    assert read is not None
    assert (read.model, read.pair_ids[-1]) == ("a-model", f"pair {LEAST}")
    assert read.vectors == pytest.approx(vectors, abs=2e-3)


@pytest.mark.parametrize("count", [0, 1, LEAST - 1])
def test_a_few_questions_make_no_map(count: int) -> None:
    assert embedded(stored(some(count))) is None


def test_vectors_without_a_direction_are_left_out() -> None:
    vectors = some(LEAST + 2)
    vectors[0], vectors[1, 3] = 0, np.nan
    read = embedded(stored(vectors))
    assert read is not None
    assert read.pair_ids == [f"pair {n}" for n in range(2, LEAST + 2)]
    vectors[2] = np.inf
    assert embedded(stored(vectors)) is None


def connected(vectors: Vectors) -> set[frozenset[int]]:
    """Groups of two and more by their definition: merged until nothing changes."""
    groups = [{n} for n in range(len(vectors))]
    close = vectors @ vectors.T >= NEAR
    for one in range(len(vectors)):
        for other in range(one):
            if close[one, other]:
                first = next(group for group in groups if one in group)
                second = next(group for group in groups if other in group)
                if first is not second:
                    first |= second
                    groups.remove(second)
    return {frozenset(group) for group in groups if len(group) > 1}


@given(st.integers(0, 40), st.integers(0, 30), st.integers(1, 5))
def test_groups_are_what_their_definition_says(count: int, seed: int, edge: int) -> None:
    vectors = some(count, 3, seed)
    given_ones = found(vectors)
    number = {pair_id: n for n, pair_id in enumerate(given_ones.pair_ids)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(meaning, "_EDGE", edge)
        groups = like_groups(given_ones)
    assert {frozenset(number[p] for p in group.pair_ids) for group in groups} == connected(vectors)
    assert [len(g.pair_ids) for g in groups] == sorted(len(g.pair_ids) for g in groups)[::-1]
    for group in groups:
        own = vectors[[number[pair_id] for pair_id in group.pair_ids]]
        cosines = own @ own.T - 2 * np.eye(len(own), dtype=np.float32)
        assert group.cosine == pytest.approx(float(cosines.max(axis=1).min()), abs=1e-5)


def test_a_chain_of_neighbours_is_one_group() -> None:
    angles = np.arange(40) * 0.2
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    (group,) = like_groups(found(vectors[:12]))
    assert len(group.pair_ids) == 12
