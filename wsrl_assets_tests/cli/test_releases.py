"""`wsrl releases`, `wsrl diff` and `wsrl run --spec` as a user types them."""

import json
from pathlib import Path

import pytest

from wsrl_assets.release.dataset import Release, build_release
from wsrl_assets.storage import Store
from wsrl_assets_tests.cli.test_cli import wsrl
from wsrl_assets_tests.release.test_dataset import fill, some


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def two(home: Path) -> tuple[Release, Release]:
    store = Store(home)
    fill(store, some(3))
    old = build_release(store, "run")
    fill(store, some(2, first=3))
    return old, build_release(store, "run")


def test_releases_are_listed_and_checked(home: Path) -> None:
    assert "make one with" in wsrl(home, "releases").stdout
    old, new = two(home)
    done = wsrl(home, "releases", "--check")
    assert done.returncode == 0
    assert old.name in done.stdout
    assert f"{new.name}   current" in done.stdout
    (old.folder / "train.parquet").write_bytes(b"touched")
    done = wsrl(home, "releases", "--check", "--json")
    assert done.returncode == 1
    assert {r["release"]: r["broken"] for r in json.loads(done.stdout)} == {
        old.name: ["train.parquet"],
        new.name: [],
    }


def test_diff_says_what_changed_in_words_and_in_json(home: Path) -> None:
    old, new = two(home)
    done = wsrl(home, "diff", old.name[:6], "current")
    assert done.returncode == 0
    assert f"{old.name} -> {new.name}: 2 added, 0 removed, 0 changed, 3 the same" in done.stdout
    assert done.stdout.count("added ") == 2
    assert "recipes: the same" in done.stdout
    found = json.loads(wsrl(home, "diff", old.name, new.name, "--json").stdout)
    assert found["rows"] == {"added": 2, "removed": 0, "changed": 0, "same": 3}
    assert found["by"]["domain"] == {"Math": {"old": 3, "new": 5}}


def test_an_unknown_release_is_wrong_use(home: Path) -> None:
    two(home)
    done = wsrl(home, "diff", "nothing", "current")
    assert done.returncode == 2
    assert "there is no release 'nothing'" in done.stderr


def test_a_mistake_in_a_spec_is_said_before_anything_runs(home: Path, tmp_path: Path) -> None:
    spec = tmp_path / "mix.yaml"
    spec.write_text("domain: {math: {}}\n")
    done = wsrl(home, "run", "--spec", str(spec))
    assert done.returncode == 2
    assert "mix.yaml" in done.stderr
    assert "did you mean domains?" in " ".join(done.stderr.split())
    assert not (home / "releases").exists()
