"""Releases of a home that several hosts share: put into its store, and fetched from there."""

from collections.abc import Collection

from wsrl_assets.release.folder import CHECKSUMS, hidden, put_in_place
from wsrl_assets.storage import Store


def share_release(store: Store, name: str, pointer: str) -> None:
    """Puts a release into the store, and then the file that names the newest; plain homes stay.

    Raises:
        ObjectsError: the store cannot be used.
    """
    if store.shared is None:
        return
    releases = store.home / "releases"
    files = [path for path in (releases / name).iterdir() if path.name != CHECKSUMS]
    # The checksums last: a release that has them is whole.
    store.shared.upload(store.home, [*sorted(files), releases / name / CHECKSUMS])
    store.shared.put(store.home, releases / pointer)


def fetch_pointer(store: Store, pointer: str) -> None:
    """Brings the file that names the newest release up to date.

    Raises:
        ObjectsError: the store cannot be used.
    """
    if store.shared is not None:
        store.shared.fetch(store.home, store.home / "releases" / pointer)


def fetch_releases(store: Store, only: Collection[str] | None = None) -> None:
    """Fetches the releases of a shared home that are not on this host.

    Args:
        only: their names; all if none are given.

    Raises:
        ObjectsError: the store cannot be used.
    """
    if store.shared is None:
        return
    releases = store.home / "releases"
    for name, files in store.shared.folders(store.home, releases).items():
        is_wanted = only is None or name in only
        if not is_wanted or CHECKSUMS not in files or (releases / name).exists():
            continue
        with hidden(releases) as partial:
            (partial / name).mkdir()
            store.shared.download(store.home, releases / name, partial / name, files)
            put_in_place(partial / name, releases / name)
