"""A release spec is checked before use, and takes what it says: by hash, in proportion, stably."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.orchestration.assets.release import rl_dataset
from wsrl_assets.orchestration.resources import StoreResource, default_resources
from wsrl_assets.release.dataset import RELEASE, build_release, current_release, read_release
from wsrl_assets.release.pass_rates import PassRateRange
from wsrl_assets.release.selection import (
    NOT_IN_SPEC,
    OVER_CAP,
    OVER_SIZE,
    in_proportion,
    in_spec,
    mixture,
)
from wsrl_assets.release.spec import EVERYTHING, ReleaseSpec, SpecError, load_spec
from wsrl_assets.storage import Store
from wsrl_assets.storage.tables import ReleasedPair, Status
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import balances, rows
from wsrl_assets_tests.release.test_dataset import fill, some

EXAMPLE = Path(__file__).parents[2] / "examples" / "release.yaml"


def written(folder: Path, text: str) -> Path:
    path = folder / "mix.yaml"
    path.write_text(text, "utf-8")
    return path


def spec(**given: Any) -> ReleaseSpec:
    return ReleaseSpec(**given)


def frame(counts: dict[str, int], prefix: str = "") -> pl.DataFrame:
    """So many pairs of each domain."""
    found = [
        {"pair_id": f"{prefix}{slug}-{n}", "slug": slug, "answer_type": "date", "form": "open"}
        for slug, count in counts.items()
        for n in range(count)
    ]
    names = ["pair_id", "slug", "answer_type", "form"]
    return pl.DataFrame(found, schema=dict.fromkeys(names, pl.String)).sort("pair_id")


def taken(pairs: pl.DataFrame, wanted: ReleaseSpec) -> set[str]:
    return set(in_proportion(in_spec(pairs, wanted)[0], wanted)[0]["pair_id"])


# --- the file -----------------------------------------------------------------------------------


def test_the_example_is_valid_and_names_what_it_says() -> None:
    found = load_spec(EXAMPLE)
    assert (found.size, found.seed, found.weighted) == (5000, 0, True)
    assert found.domains is not None
    assert found.domains[Domain.COMMERCE_ECONOMICS].cap == 500


def test_no_file_and_an_empty_file_ask_for_everything(tmp_path: Path) -> None:
    assert load_spec(None) == load_spec(written(tmp_path, "# nothing\n")) == EVERYTHING
    assert EVERYTHING.to_dict() == {}


def test_domains_go_by_slug_or_name_as_a_list_or_with_shares(tmp_path: Path) -> None:
    listed = load_spec(written(tmp_path, "domains: [Math, travel_lifestyle]"))
    keyed = load_spec(written(tmp_path, "domains:\n  math:\n  Travel & Lifestyle: {}\n"))
    assert listed == keyed
    assert list(listed.domains or ()) == [Domain.MATH, Domain.TRAVEL_LIFESTYLE]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("domains: {mth: {}}", r"key domains.mth: 'mth' is none; did you mean math\? It may be"),
        ("domains: {math: {wieght: 2}}", r"key domains.math.wieght: .*did you mean weight\?"),
        ("sise: 5", r"key sise: there is no such key; did you mean size\?"),
        ("size: 0", "key size: input should be greater than or equal to 1"),
        ("size: many", "key size: input should be a valid integer"),
        ("domains: {math: {weight: -1}}", "key domains.math.weight: .*greater than 0"),
        ("domains: {math: {weight: .inf}}", "key domains.math.weight: .*finite"),
        ("domains: {math: {weight: 2}}", "weights share out a size: add size, or use caps"),
        ("domains: []", "key domains: .*at least 1"),
        ("answer_types: [number]", "key answer_types.0: 'number' is none; it may be integer"),
        ("forms: [clozes]", r"key forms.0: 'clozes' is none; did you mean cloze\?"),
        ("pass_rate: {above: 1, below: 1}", "key pass_rate.above: .*less than 1"),
        ("pass_rate: {above: 0.6, below: 0.5}", "key pass_rate: above must be less than below"),
        ("pass_rate: {over: 0}", r"key pass_rate.over: there is no such key"),
        ("- size", "it must hold keys, such as seed, size"),
        ("size: [", "is not YAML: line 1"),
    ],
)
def test_a_mistake_names_file_key_and_remedy(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SpecError, match=said) as error:
        load_spec(written(tmp_path, text))
    assert 'release spec "' in str(error.value)
    assert "mix.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"nowhere.yaml.*WSRL_RELEASE_SPEC"):
        load_spec(tmp_path / "nowhere.yaml")


def test_bounds_of_the_settings_join_those_of_the_spec_and_may_not_contradict_them() -> None:
    above = spec(pass_rate={"above": 0.1})
    assert above.bounded_by(PassRateRange(below=0.9)).rates == PassRateRange(0.1, 0.9)
    assert above.bounded_by(PassRateRange(above=0.1)).rates == PassRateRange(0.1, None)
    with pytest.raises(SpecError, match=r"bounded twice.*WSRL_PASS_RATE_ABOVE.*Remove one"):
        above.bounded_by(PassRateRange(above=0.2))
    with pytest.raises(SpecError, match="together leave no pass rate"):
        above.bounded_by(PassRateRange(below=0.05))


# --- what it takes ------------------------------------------------------------------------------


def test_domains_share_a_size_by_weight_and_what_one_lacks_the_others_give() -> None:
    pairs = frame({"math": 100, "coding": 100, "other": 2})
    wanted = spec(
        size=40, domains={"math": {"weight": 3}, "coding": {"weight": 1}, "other": {"weight": 4}}
    )
    kept, _ = in_proportion(pairs, wanted)
    assert dict(kept.group_by("slug").len().iter_rows()) == {"math": 29, "coding": 9, "other": 2}
    asked = {
        row.domain: (row.asked, row.available, row.got) for row in mixture(pairs, kept, wanted)
    }
    assert asked == {"Math": (15, 100, 29), "Coding": (5, 100, 9), "Other": (20, 2, 2)}


def test_without_weights_a_size_is_a_sample_of_all_pairs_as_they_come() -> None:
    pairs = frame({"math": 900, "coding": 100})
    kept, over = in_proportion(pairs, spec(size=200))
    counts = dict(kept.group_by("slug").len().iter_rows())
    assert kept.height == 200
    assert 10 <= counts["coding"] <= 30
    assert set(over["reason"]) == {OVER_SIZE}


def test_another_seed_takes_other_pairs() -> None:
    pairs = frame({"math": 100})
    one, other = (taken(pairs, spec(size=20, seed=seed)) for seed in (0, 1))
    assert one != other
    assert one == taken(pairs, spec(size=20, seed=0))


COUNTS = st.dictionaries(st.sampled_from(["math", "coding", "other"]), st.integers(0, 25))
SHARES = st.fixed_dictionaries({"weight": st.floats(0.1, 10)}, optional={"cap": st.integers(0, 15)})
SPECS = st.builds(
    lambda size, seed, domains: spec(size=size, seed=seed, domains=domains),
    st.integers(1, 40),
    st.integers(0, 3),
    st.none() | st.dictionaries(st.sampled_from(["math", "coding"]), SHARES, min_size=1),
)


@given(COUNTS, COUNTS, SPECS)
def test_added_data_never_brings_a_pair_back(
    counts: dict[str, int], more: dict[str, int], wanted: ReleaseSpec
) -> None:
    before = frame(counts)
    after = pl.concat([before, frame(more, "new ")]).sort("pair_id")
    assert taken(after, wanted) & set(before["pair_id"]) <= taken(before, wanted)


@given(COUNTS, SPECS)
def test_every_pair_is_taken_or_left_out_with_a_reason_and_no_bound_is_broken(
    counts: dict[str, int], wanted: ReleaseSpec
) -> None:
    pairs = frame(counts)
    asked, not_asked = in_spec(pairs, wanted)
    kept, over = in_proportion(asked, wanted)
    parts = [*kept["pair_id"], *not_asked["pair_id"], *over["pair_id"]]
    assert sorted(parts) == pairs["pair_id"].to_list()
    assert set(not_asked["reason"]) <= {NOT_IN_SPEC}
    assert set(over["reason"]) <= {OVER_CAP, OVER_SIZE}
    assert over["detail"].null_count() == not_asked["detail"].null_count() == 0
    fit = sum(
        min(n, share.cap if share.cap is not None else n)
        for slug, n in counts.items()
        if (share := wanted.share(Domain(slug)))
    )
    assert kept.height == min(fit, wanted.size or fit)
    assert kept["pair_id"].to_list() == sorted(kept["pair_id"])


# --- in a release -------------------------------------------------------------------------------


def test_a_release_takes_what_its_spec_says_and_accounts_for_the_rest(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    fill(store, some(6))
    fill(store, some(3, first=6), Domain.OTHER)
    everything = read_release(build_release(store, "run").folder)
    wanted = spec(domains={"math": {"cap": 4}}, size=3, seed=2)
    release = build_release(store, "run", wanted)
    table = read_release(release.folder)
    assert table.equals(everything.filter(pl.col("pair_id").is_in(table["pair_id"].to_list())))
    booked = [row.reason for row in rows(store, ReleasedPair, RELEASE) if row.reason]
    assert sorted(booked) == [NOT_IN_SPEC] * 3 + [OVER_CAP] * 2 + [OVER_SIZE]
    assert all(a.balanced for a in balances(store) if a.stage == "rl_dataset")
    details = {r.reason: r.detail for r in rows(store, ReleasedPair, RELEASE)}
    assert details[NOT_IN_SPEC] == "domain other is not asked for"
    card = (release.folder / "README.md").read_text("utf-8")
    assert '"size": 3' in card
    assert "| Math |  | 4 | 4 | 6 | 3 |" in card
    assert "| rl_dataset | over_cap | 2 |" in card


def test_answer_types_and_forms_are_chosen(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    fill(store, some(3))
    assert build_release(store, "run", spec(answer_types=["date"], forms=["open"])).total == 3
    assert build_release(store, "run", spec(answer_types=["integer"])).total == 0
    assert {r.status for r in rows(store, ReleasedPair, RELEASE)} == {Status.REJECTED}
    assert build_release(store, "run", spec(forms=["cloze"])).total == 0


def materialized(home: Path, **config: str) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [
            *(dg.AssetSpec(name) for name in ("final_splits", "pass_rates", "sft_warmup")),
            rl_dataset,
        ],
        selection=[rl_dataset],
        resources={**default_resources(), "store": StoreResource(home=str(home))},
        run_config={"ops": {"rl_dataset": {"config": config}}},
        raise_on_error=False,
    )


def test_the_asset_takes_the_spec_of_the_environment_or_the_launchpad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "home")
    fill(store, some(5))
    monkeypatch.setenv("WSRL_RELEASE_SPEC", str(written(tmp_path, "size: 2")))
    assert materialized(store.home).success
    assert read_release(current_release(store)).height == 2
    other = tmp_path / "other.yaml"
    other.write_text("size: 3")
    assert materialized(store.home, release_spec=str(other)).success
    assert read_release(current_release(store)).height == 3
    other.write_text("size: -3")
    assert not materialized(store.home, release_spec=str(other)).success
    assert read_release(current_release(store)).height == 3
