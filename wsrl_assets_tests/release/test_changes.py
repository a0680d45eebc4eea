"""`wsrl diff` tells pairs apart by id, and says which columns, recipes and wishes changed."""

import json
from pathlib import Path

import polars as pl
import pytest

from wsrl_assets.llm.recipes import rule_recipe
from wsrl_assets.release.changes import changes
from wsrl_assets.release.dataset import ReleaseError, build_release, read_release
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.lookup import find_release, list_releases
from wsrl_assets.release.spec import ReleaseSpec
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.storage import Partition, Store
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.release.test_dataset import fill, some
from wsrl_assets_tests.release.test_pass_rates import rate, rated


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "home [x]")
    fill(store, some(6))
    return store


def release(store: Store, spec: ReleaseSpec | None = None) -> Path:
    return build_release(store, "run", spec or ReleaseSpec()).folder


def test_added_removed_and_changed_pairs_are_told_apart(store: Store) -> None:
    old = release(store, ReleaseSpec(domains=["math"]))  # type: ignore[arg-type]
    fill(store, some(2, first=6), Domain.OTHER)
    rate(store, [rated(some(1)[0], 3)])
    new = release(store, ReleaseSpec(seed=4, size=7))
    found = changes(old, new)
    gone = set(read_release(old)["pair_id"]) - set(read_release(new)["pair_id"])
    assert set(found.removed["pair_id"]) == gone
    assert found.added.height - found.removed.height == 1
    assert found.changed["pair_id"].to_list() == [some(1)[0].pair_id]
    assert found.changed_columns == {"pass_rate": 1, "policy": 1, "rollouts": 1}
    assert found.same == 6 - found.removed.height - 1
    assert found.by["domain"]["Math"] == (6, 6 - found.removed.height)
    assert found.by["domain"]["Other"] == (0, found.added.height)
    assert found.spec == {"domains.math": ({}, None), "seed": (None, 4), "size": (None, 7)}
    assert json.loads(json.dumps(found.to_dict(2)))["rows"]["changed"] == 1


def test_a_release_has_not_changed_from_itself(store: Store) -> None:
    folder = release(store)
    found = changes(folder, folder)
    assert (found.added.height, found.removed.height, found.changed.height) == (0, 0, 0)
    assert (found.same, found.recipes, found.spec) == (6, [], {})


def test_a_changed_recipe_is_told_by_stage_and_setting(store: Store) -> None:
    old = release(store)
    split_domain(store, Domain.MATH, "run", SplitSettings(0.25, 0.25, seed=9))
    (change,) = changes(old, release(store)).recipes or ()
    assert change.stage == "final_splits"
    assert (len(change.added), len(change.removed)) == (1, 1)
    assert change.settings == {"seed": (0, 9)}


def test_the_release_tells_the_recipes_of_its_pairs_and_how_many_each_made(store: Store) -> None:
    recipe = rule_recipe("qa_drafts", "7", form="open")
    with store.transaction(Partition.domain(Domain.MATH)) as transaction:
        transaction.merge([recipe.row()])
        transaction.connection.execute("UPDATE qa_drafts SET recipe = ?", [recipe.hash])
    told = json.loads((release(store) / "release.json").read_text())
    (drafts,) = [r for r in told["recipes"] if r["stage"] == "qa_drafts"]
    assert (drafts["recipe"], drafts["pairs"]) == (recipe.hash, 6)
    assert drafts["body"]["form"] == "open"


def test_a_release_of_an_older_version_is_compared_in_the_columns_that_it_has(store: Store) -> None:
    old = release(store)
    fill(store, some(1, first=6))
    new = release(store)
    for path in old.glob("*.parquet"):
        pl.read_parquet(path, glob=False).drop("license", "source").write_parquet(path)
    (old / "release.json").unlink()
    found = changes(old, new)
    assert (found.added.height, found.changed.height, found.recipes) == (1, 0, None)


class TestNames:
    def test_a_release_is_found_by_name_prefix_current_and_path(self, store: Store) -> None:
        folder = release(store)
        for name in (folder.name, folder.name[:3], "current", str(folder)):
            assert find_release(store, name) == folder

    def test_an_unknown_name_lists_the_known_ones(self, store: Store) -> None:
        folder = release(store)
        with pytest.raises(ReleaseError, match=f"no release 'zzz'.*{folder.name}.*current"):
            find_release(store, "zzz")
        with pytest.raises(ReleaseError, match="no release ''"):
            find_release(store, "")

    def test_a_beginning_of_two_names_is_refused(self, store: Store) -> None:
        folder = release(store)
        twin = folder.with_name(folder.name[:4] + "00000000")
        twin.mkdir()
        for path in folder.iterdir():
            (twin / path.name).write_bytes(path.read_bytes())
        with pytest.raises(ReleaseError, match="several releases begin with"):
            find_release(store, folder.name[:4])

    def test_the_list_has_the_current_one_and_no_half_written_one(self, store: Store) -> None:
        release(store)
        half = store.home / "releases" / "feedfeedfeed"
        half.mkdir()
        fill(store, some(1, first=6))
        new = release(store)
        found = list_releases(store)
        assert [listed.folder for listed in found if listed.is_current] == [new]
        assert {sum(n or 0 for n in listed.rows.values()) for listed in found} == {6, 7}


def test_a_damaged_release_is_said_in_a_sentence(store: Store) -> None:
    folder = release(store)
    (folder / "train.parquet").write_bytes(b"no parquet")
    with pytest.raises(ReleaseError, match=r"cannot be read .*wsrl run"):
        changes(folder, folder)
