"""A release takes the pass rates in its range, and says why it left out the others."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.release.dataset import RELEASE, build_release, current_release, read_release
from wsrl_assets.release.export import export
from wsrl_assets.release.pass_rates import NO_RATE, OUT_OF_RANGE, UNREACHED, PassRateRange
from wsrl_assets.release.spec import EVERYTHING, ReleaseSpec
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import PassRate, ReleasedPair, Status
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import WHEN, balances, rows
from wsrl_assets_tests.release.pairs import Pair
from wsrl_assets_tests.release.test_dataset import fill, forget_index, some
from wsrl_assets_tests.release.test_finalise import question

LEARNABLE = ReleaseSpec(pass_rate={"above": 0, "below": 1})  # type: ignore[arg-type]
NARROW = EVERYTHING.bounded_by(PassRateRange(above=0.9, below=0.95))


def rated(pair: Pair, passed: int | None, rollouts: int = 8) -> PassRate:
    """A pair's pass rate; failed where `passed` is none."""
    return PassRate(
        pair_id=pair.pair_id,
        rollouts=rollouts,
        passed=passed or 0,
        pass_rate=None if passed is None else passed / rollouts,
        truncated=0,
        completion_tokens_mean=10.0,
        completion_tokens_max=12,
        misses=(),
        rollout_recipe="rollouts",
        status=Status.FAILED if passed is None else Status.KEPT,
        recipe="r",
        model="a-policy",
        run_id="planted",
        created_at=WHEN,
    )


def rate(store: Store, rates: list[PassRate], domain: Domain = Domain.MATH) -> None:
    with store.transaction(Partition.domain(domain)) as transaction:
        transaction.merge(rates)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Five pairs: never, sometimes and always passed, one that failed, one not rated."""
    store = Store(tmp_path / "home")
    never, sometimes, always, failed, _ = pairs = some(5)
    fill(store, pairs)
    rate(store, [rated(never, 0), rated(sometimes, 2), rated(always, 8), rated(failed, None)])
    return store


def left_out(store: Store) -> dict[str, str | None]:
    booked = rows(store, ReleasedPair, RELEASE)
    return {row.pair_id: row.reason for row in booked if row.status is Status.REJECTED}


def test_without_a_range_every_pair_is_released_with_the_rate_that_it_has(store: Store) -> None:
    table = read_release(build_release(store, "run").folder)
    found = {row["pair_id"]: row for row in table.to_dicts()}
    rates = [found[pair.pair_id]["pass_rate"] for pair in some(5)]
    assert rates == [0.0, 0.25, 1.0, None, None]
    sometimes, failed = found[some(5)[1].pair_id], found[some(5)[3].pair_id]
    assert (sometimes["rollouts"], sometimes["policy"]) == (8, "a-policy")
    assert (failed["rollouts"], failed["policy"]) == (None, None)


def test_above_0_and_below_1_is_what_some_rollouts_pass_and_some_fail(store: Store) -> None:
    release = build_release(store, "run", LEARNABLE)
    never, sometimes, always, failed, unrated = (pair.pair_id for pair in some(5))
    assert read_release(release.folder)["pair_id"].to_list() == [sometimes]
    assert left_out(store) == {
        never: UNREACHED,
        always: OUT_OF_RANGE,
        failed: NO_RATE,
        unrated: NO_RATE,
    }
    details = {row.pair_id: row.detail for row in rows(store, ReleasedPair, RELEASE)}
    assert details[always] == "1.0 over 8 rollouts of a-policy"
    assert next(a for a in balances(store) if a.stage == "rl_dataset").balanced


def test_unreached_pairs_are_taken_beside_those_in_range(store: Store) -> None:
    spec = ReleaseSpec(pass_rate={"above": 0.5, "below": 1, "unreached": True})  # type: ignore[arg-type]
    never, sometimes, *_ = (pair.pair_id for pair in some(5))
    assert read_release(build_release(store, "run", spec).folder)["pair_id"].to_list() == [never]
    assert left_out(store)[sometimes] == OUT_OF_RANGE


def test_another_range_makes_another_release_and_the_old_range_the_old_one(store: Store) -> None:
    everything = build_release(store, "run")
    hard = build_release(store, "run", EVERYTHING.bounded_by(PassRateRange(below=0.5)))
    assert (everything.total, hard.total) == (5, 2)
    assert current_release(store) == hard.folder
    assert build_release(store, "run").name == everything.name


def test_of_a_question_in_two_domains_the_pair_in_range_is_kept(tmp_path: Path) -> None:
    """As there may be where the index of questions was lost between the two."""
    store = Store(tmp_path / "home")
    first, second = sorted(
        (Pair(question(1), source="north"), Pair(question(1), source="south")),
        key=lambda pair: pair.pair_id,
    )
    fill(store, [first], Domain.MATH)
    forget_index(store)
    fill(store, [second], Domain.OTHER)
    rate(store, [rated(first, 0)], Domain.MATH)
    rate(store, [rated(second, 4)], Domain.OTHER)
    release = build_release(store, "run", LEARNABLE)
    assert read_release(release.folder)["pair_id"].to_list() == [second.pair_id]
    assert left_out(store) == {first.pair_id: UNREACHED}


def test_a_range_that_takes_nothing_makes_an_empty_release(store: Store) -> None:
    assert build_release(store, "run", NARROW).total == 0
    assert len(left_out(store)) == 5


def test_trainers_get_the_rate(store: Store, tmp_path: Path) -> None:
    folder = export(build_release(store, "run").folder, ["verl"], tmp_path / "out")
    table = pl.concat(pl.read_parquet(path) for path in folder["verl"].glob("*.parquet"))
    rates = {info["pair_id"]: info["pass_rate"] for info in table["extra_info"]}
    assert rates[some(5)[1].pair_id] == 0.25
    assert rates[some(5)[4].pair_id] is None


def test_the_card_counts_pairs_by_pass_rate_where_there_are_any(
    store: Store, tmp_path: Path
) -> None:
    card = (build_release(store, "run").folder / "README.md").read_text("utf-8")
    assert "| pass rate of a-policy, closed-book | pairs |" in card
    assert "| (0, .25] | 1 |" in card
    bare = Store(tmp_path / "bare")
    fill(bare, some(2))
    card = (build_release(bare, "run").folder / "README.md").read_text("utf-8")
    assert "| pass rate of" not in card


def test_a_release_from_before_pass_rates_is_read_without_them(store: Store) -> None:
    folder = build_release(store, "run").folder
    for path in folder.glob("*.parquet"):
        pl.read_parquet(path).drop("pass_rate", "rollouts", "policy").write_parquet(path)
    table = read_release(folder)
    assert table.height == 5
    assert table["pass_rate"].to_list() == [None] * 5


# --- properties ---------------------------------------------------------------------------------

RATES = st.lists(st.one_of(st.none(), st.integers(0, 8).map(lambda passed: passed / 8)))
BOUNDS = st.one_of(st.none(), st.floats(0, 1))


def frame(rates: list[float | None]) -> pl.DataFrame:
    return (
        pl.DataFrame(
            {"pass_rate": rates, "rollouts": [8] * len(rates), "policy": ["p"] * len(rates)},
            schema={"pass_rate": pl.Float64, "rollouts": pl.Int64, "policy": pl.String},
        )
        .with_columns(form=pl.lit("open"))
        .with_row_index("row")
    )


@given(RATES, BOUNDS, BOUNDS)
def test_every_pair_is_either_in_range_or_left_out_with_a_reason(
    rates: list[float | None], above: float | None, below: float | None
) -> None:
    kept, others = PassRateRange(above, below).split(frame(rates))
    assert sorted([*kept["row"], *others["row"]]) == list(range(len(rates)))
    assert kept.columns == frame(rates).columns
    bounded = above is not None or below is not None
    for rate in kept["pass_rate"]:
        assert rate is not None or not bounded
        assert rate is None or above is None or rate > above
        assert rate is None or below is None or rate < below
    for rate, reason in others.select("pass_rate", "reason").iter_rows():
        expected = UNREACHED if rate == 0 else OUT_OF_RANGE
        assert reason == (NO_RATE if rate is None else expected)


@given(RATES)
def test_no_bounds_leave_nothing_out(rates: list[float | None]) -> None:
    kept, others = PassRateRange().split(frame(rates))
    assert (kept.height, others.height) == (len(rates), 0)


def test_an_abstention_has_no_rate_and_is_not_asked_for_one() -> None:
    pairs = frame([None, None, 0.5]).with_columns(form=pl.Series(["unanswerable", "open", "open"]))
    kept, others = PassRateRange(0, 1).split(pairs)
    assert kept["row"].to_list() == [0, 2]
    assert others["reason"].to_list() == ["no_pass_rate"]
