"""Two releases side by side: what `wsrl diff` knows, for the releases of the home alone."""

import json
import shutil
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from wsrl_assets.explore import create_app
from wsrl_assets.explore.comparing import compare
from wsrl_assets.release.dataset import build_release
from wsrl_assets.release.spec import ReleaseSpec
from wsrl_assets.storage import Store
from wsrl_assets_tests.release.test_dataset import fill, some


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "home")
    fill(store, some(6))
    return store


def shown(store: Store, address: str = "/releases") -> str:
    answer = TestClient(create_app(store)).get(address)
    assert answer.status_code == 200
    return answer.text


def two(store: Store) -> tuple[str, str]:
    old = build_release(store, "run", ReleaseSpec(size=4)).name
    return old, build_release(store, "run").name


def test_with_one_release_there_is_nothing_to_compare(store: Store) -> None:
    assert "No release yet" in shown(store)
    name = build_release(store, "run").name
    assert f"nothing to compare <code>{name}</code> with yet" in shown(store)


def test_the_newest_is_compared_with_the_one_before(store: Store) -> None:
    old, new = two(store)
    page = shown(store)
    assert f'<option value="{old}" selected>' in page
    assert f'<option value="{new}" selected>' in page
    assert page.count('<a href="/pairs/') == 2
    assert "Added <span>2 pairs" in page
    assert page == shown(store, f"/releases?old={old}&new={new}")
    assert "Removed <span>2 pairs" in shown(store, f"/releases?old={new}&new={old}")


def test_one_name_alone_is_compared_with_the_nearest_other(store: Store) -> None:
    old, new = two(store)
    for asked in ((old, ""), ("", new)):
        found = compare(store, *asked)
        assert found is not None
        assert (found.old, found.new) == (old, new)
    found = compare(store, "", old)
    assert found is not None
    assert (found.old, found.new) == (new, old)


@pytest.mark.parametrize("name", ["/etc", "../..", "current", "{folder}", "x" * 5000])
def test_no_address_names_a_folder(store: Store, tmp_path: Path, name: str) -> None:
    two(store)
    outside = tmp_path / "outside"
    shutil.copytree(build_release(store, "run").folder, outside)
    asked = name.format(folder=outside)
    answer = TestClient(create_app(store)).get("/releases", params={"old": asked})
    assert answer.status_code == 404
    assert str(outside) not in answer.text


def test_a_damaged_release_is_a_sentence(store: Store) -> None:
    old, _ = two(store)
    (store.home / "releases" / old / "train.parquet").write_bytes(b"x")
    assert "delete the folder and make it again" in shown(store)


def test_what_changed_is_text(store: Store) -> None:
    two(store)
    for folder in (store.home / "releases").iterdir():
        if (folder / "release.json").is_file() and not folder.is_symlink():
            told = json.loads((folder / "release.json").read_text("utf-8"))
            told["spec"] = {f"<script>{folder.name}</script>": 1}
            (folder / "release.json").write_text(json.dumps(told), "utf-8")
    page = shown(store)
    assert "&lt;script&gt;" in page
    assert page.count("<script") == 1
