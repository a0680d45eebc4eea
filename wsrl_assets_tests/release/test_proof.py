"""No pair is released whose stored gold fails the self-test of the reward that ships with it."""

from importlib import resources
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given

from wsrl_assets.release import proof
from wsrl_assets.release.dataset import RELEASE, build_release, read_release
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.proof import failing_golds, split_proven
from wsrl_assets.release.quality import gold_fault
from wsrl_assets.reward import AnswerType, Gold, version
from wsrl_assets.reward.version import reward_version
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import ReleasedPair, Status, VerifiedPair
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import rows
from wsrl_assets_tests.release.pairs import HALVES, Pair
from wsrl_assets_tests.release.test_finalise import question
from wsrl_assets_tests.reward.golds import GOLDS

GOOD = Gold(AnswerType.INTEGER, "12").to_json()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "golds")


def golds(**by_pair: str | None) -> pl.DataFrame:
    schema = {"pair_id": pl.String, "gold": pl.String}
    return pl.DataFrame({"pair_id": list(by_pair), "gold": list(by_pair.values())}, schema)


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
def test_what_fails_is_named_with_why(store: Store, gold: str | None, why: str) -> None:
    pairs = golds(a=GOOD, b=gold, c=GOOD)
    for _ in range(2):  # the second time it is remembered
        failing = failing_golds(store, pairs)
        assert list(failing) == ["b"]
        assert why in failing["b"]


def test_a_gold_is_tested_once_a_version_of_the_reward(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested: list[str] = []

    def fault(gold: str) -> str | None:
        tested.append(gold)
        return None

    monkeypatch.setattr(proof, "gold_fault", fault)
    failing_golds(store, golds(a=GOOD, b=GOOD))
    assert tested.count(GOOD) == 1
    other = Gold(AnswerType.INTEGER, "13").to_json()
    failing_golds(Store(store.home), golds(a=GOOD, c=other))
    assert (tested.count(GOOD), tested.count(other)) == (1, 1)
    monkeypatch.setattr(proof, "reward_version", lambda: "the next")
    failing_golds(store, golds(a=GOOD))
    failing_golds(store, golds(a=GOOD))
    assert tested.count(GOOD) == 2


def test_the_version_of_the_reward_follows_its_files() -> None:
    assert reward_version() == reward_version()
    files = [name for name, _ in version._files(resources.files("wsrl_assets.reward"), "")]
    assert {"/integers.py", "/known_names.txt"} < set(files)
    assert not [name for name in files if "__pycache__" in name]


@given(GOLDS)
def test_golds_that_tell_right_from_wrong_pass(gold: Gold) -> None:
    assert gold_fault(gold.to_json()) is None


def test_split_loses_no_pair_and_leaves_the_columns() -> None:
    pairs = golds(a=GOOD, b=None, c=GOOD)
    proven, unproven = split_proven(pairs, {"b": "not JSON"})
    assert proven.equals(pairs.filter(pl.col("pair_id") != "b"))
    assert unproven["pair_id"].to_list() == ["b"]
    assert unproven["reason"].to_list() == ["gold_self_test"]
    assert split_proven(pairs.clear(), {})[0].columns == ["pair_id", "gold"]


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
