"""No pair is released whose stored gold fails the self-test of the reward that ships with it."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings

from wsrl_assets.release.dataset import RELEASE, build_release, read_release
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.proof import failing_golds, split_proven
from wsrl_assets.reward import AnswerType, Gold
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import ReleasedPair, Status, VerifiedPair
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import rows
from wsrl_assets_tests.release.pairs import HALVES, Pair
from wsrl_assets_tests.release.test_finalise import question
from wsrl_assets_tests.reward.golds import GOLDS

GOOD = Gold(AnswerType.INTEGER, "12").to_json()


@pytest.mark.parametrize(
    ("gold", "why"),
    [
        (Gold(AnswerType.INTEGER, "a few").to_json(), "not an integer"),
        (Gold(AnswerType.ENTITY, "Paris", aliases=("not  Paris",)).to_json(), "scores 1"),
        ('{"type": "number", "value": "12"}', '"type"'),
        ("12", "JSON object"),
        ("", "not JSON"),
        (None, "not JSON"),
    ],
)
def test_what_fails_is_named_with_why(gold: str | None, why: str) -> None:
    failing = failing_golds([GOOD, gold, GOOD])
    assert list(failing) == [gold]
    assert why in failing[gold]


@settings(deadline=None)
@given(GOLDS)
def test_golds_that_tell_right_from_wrong_pass(gold: Gold) -> None:
    assert failing_golds([gold.to_json()]) == {}


def test_split_loses_no_pair_and_leaves_the_columns() -> None:
    pairs = pl.DataFrame({"pair_id": ["a", "b", "c"], "gold": [GOOD, None, GOOD]})
    proven, unproven = split_proven(pairs)
    assert proven.equals(pairs.filter(pl.col("pair_id") != "b"))
    assert unproven["pair_id"].to_list() == ["b"]
    assert unproven["reason"].to_list() == ["gold_self_test"]
    assert split_proven(pairs.clear())[0].columns == ["pair_id", "gold"]


def test_a_stored_gold_that_fails_now_is_not_released(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    good, bad = (Pair(question(n), source=str(n)) for n in (1, 2))
    stored = [*good.rows(), *bad.rows()]
    for row in stored:
        if isinstance(row, VerifiedPair) and row.pair_id == bad.pair_id:
            object.__setattr__(row, "gold", Gold(AnswerType.DATE, "03/04/1969").to_json())
    with store.transaction(Partition.domain(Domain.MATH)) as transaction:
        transaction.merge(stored)
    split_domain(store, Domain.MATH, "run", HALVES)
    release = build_release(store, "run")
    assert read_release(release.folder)["pair_id"].to_list() == [good.pair_id]
    found = {row.pair_id: row for row in rows(store, ReleasedPair, RELEASE)}
    assert found[bad.pair_id].status is Status.REJECTED
    assert found[bad.pair_id].reason == "gold_self_test"
    assert "either way" in (found[bad.pair_id].detail or "")
