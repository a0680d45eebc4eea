"""The same tables make the same bytes in any home, order and process; a kill leaves nothing."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wsrl_assets.release.dataset import build_release, current_release
from wsrl_assets.release.folder import broken_files
from wsrl_assets.release.lookup import list_releases
from wsrl_assets.release.row_groups import RowGroups
from wsrl_assets.storage import Store
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.processes import Said, elsewhere
from wsrl_assets_tests.release.pairs import Pair
from wsrl_assets_tests.release.test_dataset import fill, some

PAIRS = some(30)


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def fill_both(store: Store, pairs: list[Pair], step: int = 100) -> None:
    """Two domains, in runs of `step` pairs."""
    for first in range(0, len(pairs), step):
        part = pairs[first : first + step]
        fill(store, [p for p in part if PAIRS.index(p) % 3], Domain.MATH)
        fill(store, [p for p in part if not PAIRS.index(p) % 3], Domain.OTHER)


def test_two_homes_make_every_file_the_same_to_the_byte(tmp_path: Path) -> None:
    one, other = Store(tmp_path / "one"), Store(tmp_path / "another" / "place")
    fill_both(one, PAIRS)
    fill_both(other, PAIRS[::-1], step=7)
    first, second = build_release(one, "run"), build_release(other, "a later run")
    assert first.name == second.name
    assert hashes(first.folder) == hashes(second.folder)
    assert set(hashes(first.folder)) == {
        "README.md",
        "SHA256SUMS",
        "croissant.json",
        "release.json",
        "test.parquet",
        "train.parquet",
        "validation.parquet",
    }


BUILD = """
import sys
from pathlib import Path
from wsrl_assets.release.dataset import build_release
from wsrl_assets.storage import Store
print(build_release(Store(Path(sys.argv[1])), "elsewhere").name)
"""


def test_another_process_with_other_hashing_and_threads_makes_the_same(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    fill_both(store, PAIRS)
    release = build_release(store, "run")
    before = hashes(release.folder)
    for path in release.folder.iterdir():
        path.unlink()
    release.folder.rmdir()
    environment = os.environ | {
        "PYTHONHASHSEED": "1234",
        "POLARS_MAX_THREADS": "1",
        "TZ": "Asia/Tokyo",
    }
    command = [sys.executable, "-c", BUILD, str(store.home)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == release.name
    assert hashes(release.folder) == before


def build_and_die(say: Said, home: str, after: int) -> None:
    """Kills itself as soon as `after` files are written."""
    close, write_text = RowGroups.__exit__, Path.write_text
    written = 0

    def count() -> None:
        nonlocal written
        written += 1
        if written == after:
            os.kill(os.getpid(), signal.SIGKILL)

    def parquet(file: RowGroups, *error: Any) -> None:
        close(file, *error)
        count()

    def text(path: Path, *arguments: str) -> int:
        done = write_text(path, *arguments)
        if "releases" in path.parts:
            count()
        return done

    RowGroups.__exit__ = parquet  # type: ignore[method-assign]
    Path.write_text = text  # type: ignore[method-assign, assignment]
    build_release(Store(Path(home)), "doomed")


# Three parquet files, release.json, croissant.json, README.md, SHA256SUMS; 8 is the pointer.
@pytest.mark.parametrize("after", [1, 3, 4, 6, 7, 8])
def test_a_build_killed_at_any_file_leaves_the_old_release_and_is_made_whole_later(
    tmp_path: Path, after: int
) -> None:
    store = Store(tmp_path / "home")
    fill(store, some(4))
    old = build_release(store, "run")
    fill(store, some(8))
    with elsewhere(build_and_die, str(store.home), after) as builder:
        assert builder.join() == -signal.SIGKILL
    assert current_release(store) == old.folder
    assert all(broken_files(listed.folder) == [] for listed in list_releases(store))
    assert len(list_releases(store)) == (2 if after == 8 else 1)
    new = build_release(store, "again")
    assert (new.total, broken_files(new.folder)) == (8, [])
    assert current_release(store) == new.folder


def test_what_a_killed_build_left_is_swept_away_a_day_later(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    fill(store, some(2))
    old, fresh = (store.home / "releases" / f".0123456789ab.{n}" for n in (1, 2))
    for folder in (old, fresh):
        folder.mkdir(parents=True)
        (folder / "train.parquet").write_bytes(b"half")
    os.utime(old, (0, 0))
    build_release(store, "run")
    assert (old.exists(), fresh.exists()) == (False, True)


def test_a_touched_file_is_told_by_its_checksum(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    fill(store, some(2))
    folder = build_release(store, "run").folder
    assert broken_files(folder) == []
    (folder / "train.parquet").write_bytes(b"touched")
    (folder / "README.md").unlink()
    assert broken_files(folder) == ["README.md", "train.parquet"]
