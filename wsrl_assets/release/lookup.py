"""Releases on disk, found by what a user calls them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from wsrl_assets.release.dataset import CURRENT, DESCRIPTION, ReleaseError, current_release
from wsrl_assets.release.shared import fetch_releases
from wsrl_assets.release.splits import Split
from wsrl_assets.storage import Store


@dataclass(frozen=True, slots=True)
class Listed:
    """A release of a home.

    Attributes:
        folder: named by the release's content.
        rows: pairs by split; none of a split whose file is damaged.
        made: when its folder was written, seconds since 1970.
        is_current: whether it is the newest, which trainers get.
    """

    folder: Path
    rows: dict[str, int | None]
    made: float
    is_current: bool


def list_releases(store: Store) -> list[Listed]:
    """The releases of a home, the newest first."""
    try:
        current: Path | None = current_release(store)
    except ReleaseError:
        current = None
    found = [
        Listed(
            folder,
            {str(s): _rows(folder / f"{s}.parquet") for s in Split},
            folder.stat().st_mtime,
            folder == current,
        )
        for folder in _folders(store)
    ]
    return sorted(found, key=lambda listed: (-listed.made, listed.folder.name))


def find_release(store: Store, name: str) -> Path:
    """The folder of a release that is called by its name, the beginning of it, `current` or a path.

    Raises:
        ReleaseError: there is none, or more than one, of that name; the message lists those of
            the home.
    """
    if name == CURRENT:
        return current_release(store)
    folders = _folders(store)
    matches = [folder for folder in folders if name and folder.name.startswith(name)]
    if len(matches) == 1:
        return matches[0]
    if not matches and _is_release(Path(name)):
        return Path(name).resolve()
    known = ", ".join(folder.name for folder in folders) or "none"
    problem = "several releases begin with" if matches else "there is no release"
    raise ReleaseError(
        f"{problem} {name!r}: give the name of one of {store.address} or its beginning ({known}), "
        "`current`, or the path of a release's folder"
    )


def describe(folder: Path) -> dict[str, Any] | None:
    """What `release.json` says of a release; none if it is older than that file.

    Raises:
        ReleaseError: the file is damaged.
    """
    path = folder / DESCRIPTION
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ReleaseError(f"{path} cannot be read ({error}); make the release again") from None
    return found if isinstance(found, dict) else None


def _folders(store: Store) -> list[Path]:
    """Whole releases; one that is being written is hidden."""
    fetch_releases(store)
    return sorted(
        folder
        for folder in (store.home / "releases").glob("*")
        if not folder.name.startswith(".") and _is_release(folder)
    )


def _is_release(folder: Path) -> bool:
    return all((folder / f"{split}.parquet").is_file() for split in Split)


def _rows(path: Path) -> int | None:
    try:
        return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
    except (OSError, pl.exceptions.PolarsError):
        return None
