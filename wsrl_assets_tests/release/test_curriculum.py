"""A curriculum orders the rows by falling pass rate, with the domains mixed throughout."""

from pathlib import Path
from random import Random

import polars as pl
import pytest

from wsrl_assets.release.curriculum import in_order
from wsrl_assets.release.dataset import build_release, read_release
from wsrl_assets.release.export import FORMATS, export
from wsrl_assets.release.spec import Curriculum, ReleaseSpec, SpecError, load_spec
from wsrl_assets.storage import Store
from wsrl_assets_tests.release.test_dataset import fill, some
from wsrl_assets_tests.release.test_pass_rates import rate, rated

STRICT = ReleaseSpec(curriculum=Curriculum(spread=0))


def pairs(math: int, coding: int) -> pl.DataFrame:
    rng = Random(3)
    slugs = ["math"] * math + ["coding"] * coding
    rows = [
        {"slug": slug, "pair_id": f"{rng.getrandbits(64):016x}", "pass_rate": rng.randint(0, 8) / 8}
        for slug in slugs
    ]
    return pl.DataFrame(rows)


def test_in_each_domain_rates_fall_and_unrated_pairs_come_last() -> None:
    given = pairs(60, 20).with_columns(
        pass_rate=pl.when(pl.int_range(pl.len()) % 7 != 0).then("pass_rate")
    )
    ordered = in_order(given, STRICT)
    assert sorted(ordered["pair_id"]) == sorted(given["pair_id"])
    for slug in ("math", "coding"):
        rates = ordered.filter(pl.col("slug") == slug)["pass_rate"].fill_null(-1).to_list()
        assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("spread", [0.0, 0.1])
def test_every_stretch_has_the_mix_of_the_whole(spread: float) -> None:
    spec = ReleaseSpec(curriculum=Curriculum(spread=spread))
    ordered = in_order(pairs(600, 200), spec)
    for start in range(0, 800, 200):
        share = (ordered["slug"][start : start + 200] == "coding").mean()
        assert share == pytest.approx(0.25, abs=0.08)


def test_a_spread_mixes_rates_around_a_mean_that_falls() -> None:
    given = pairs(800, 0)
    ordered = in_order(given, ReleaseSpec(curriculum=Curriculum(spread=0.1)))
    means = [ordered["pass_rate"][start : start + 200].mean() for start in range(0, 800, 200)]
    assert means == sorted(means, reverse=True)  # type: ignore[type-var]
    strict = in_order(given, STRICT)["pass_rate"]
    assert ordered["pass_rate"].diff().abs().sum() > 5 * strict.diff().abs().sum()


def test_without_a_curriculum_the_order_is_as_it_was() -> None:
    given = pairs(5, 5)
    assert in_order(given, ReleaseSpec()).equals(given)


def test_exports_have_the_rows_in_the_order_of_the_release(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    planted = some(6)
    fill(store, planted)
    passed = (3, 8, 0, 5, 1, 7)
    rate(store, [rated(pair, n) for pair, n in zip(planted, passed, strict=True)])
    release = build_release(store, "run", STRICT)
    train = read_release(release.folder).filter(pl.col("split") == "train")["pass_rate"].to_list()
    assert len(train) > 2
    assert train == sorted(train, reverse=True)
    folder = export(release.folder, ["verl"], tmp_path / "out")["verl"]
    rows = pl.read_parquet(folder / "train.parquet")
    assert rows["extra_info"].struct.field("pass_rate").to_list() == train


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"parquet"}))
def test_the_readme_of_an_export_says_how_its_order_is_kept(name: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    fill(store, some(3))
    spec = ReleaseSpec(curriculum=Curriculum())
    ordered, plain = build_release(store, "run", spec), build_release(store, "run")
    said = readme(ordered.folder, name, tmp_path / "ordered")
    how = FORMATS[name].in_order  # type: ignore[attr-defined]
    assert "## Curriculum" in said
    assert how in said
    assert "## Curriculum" not in readme(plain.folder, name, tmp_path / "plain")


def readme(release: Path, name: str, output: Path) -> str:
    return (export(release, [name], output)[name] / "README.md").read_text("utf-8")


def test_a_spec_file_asks_for_it_and_mistakes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("curriculum: {}\npass_rate: {above: 0, unreached: true}\n", "utf-8")
    spec = load_spec(path)
    assert (spec.curriculum, spec.rates.unreached) == (Curriculum(spread=0.1), True)
    path.write_text("curriculum: {spred: 1}\n", "utf-8")
    with pytest.raises(SpecError, match="did you mean spread"):
        load_spec(path)
