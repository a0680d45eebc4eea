"""A home that several hosts share: its log and its claims, in an object store.

The folder of such a home on a host is a copy, and its name is the address of the home, quoted. It
may be deleted at any time; what it held is fetched again.
"""

import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote

from wsrl_assets.storage.host_claims import HostClaims
from wsrl_assets.storage.layout import Partition
from wsrl_assets.storage.objects import SCHEMES, Objects
from wsrl_assets.storage.shared_log import SharedLog

_FILES = "files"
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)")


class SharedHome:
    """What hosts share of a home.

    Args:
        objects: of the home.
        claims: of this process; made if not given.
    """

    def __init__(self, objects: Objects, claims: HostClaims | None = None) -> None:
        self.address = objects.address
        self.log = SharedLog(objects)
        self.claims = claims or HostClaims(objects)
        self._objects = objects

    def may_write(self, partition: Partition) -> bool:
        """Whether no other host can have taken over the work on a partition that is done here."""
        work = run_claim(partition)
        return not self.claims.has(work) or self.claims.is_sure(work)

    def upload(self, home: Path, paths: Sequence[Path]) -> None:
        """Puts files of a home into the store, in order, but for those that are there."""
        for path in paths:
            if not self._objects.has(_name(home, path)):
                self._objects.put(_name(home, path), path)

    def put(self, home: Path, path: Path) -> None:
        """Puts a file of a home into the store, or replaces it there."""
        self._objects.put(_name(home, path), path)

    def fetch(self, home: Path, path: Path) -> None:
        """Brings a file of a home up to date; if there is none in the store, nothing is changed."""
        found = self._objects.read(_name(home, path))
        if found is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.{os.getpid()}")
            partial.write_bytes(found.body)
            partial.replace(path)

    def folders(self, home: Path, parent: Path) -> dict[str, list[str]]:
        """The folders within one that are in the store, each with its files, by name."""
        found: dict[str, list[str]] = {}
        for entry in self._objects.entries(_name(home, parent)):
            inside = entry.name.removeprefix(_name(home, parent) + "/").split("/")
            if len(inside) == 2:
                found.setdefault(inside[0], []).append(inside[1])
        return found

    def download(self, home: Path, source: Path, target: Path, names: list[str]) -> None:
        """Fetches files of a folder of the store to another folder."""
        for name in names:
            self._objects.fetch(_name(home, source / name), target / name)


def run_claim(partition: Partition) -> str:
    """The claim on the work on a partition."""
    return f"run/{partition}"


def write_claim(partition: Partition) -> str:
    """The claim on the right to write to a partition."""
    return f"write/{partition}"


def home_folder(named: str | Path) -> Path:
    """The folder of a home that is named by a path, or by the address of an object store.

    Raises:
        ObjectsError: no store has such an address.
    """
    found = _ADDRESS.fullmatch(str(named))
    if found is None:
        return Path(named)
    address = f"{found[1]}://{found[2]}"  # a path has lost one of the two slashes
    Objects.at(address)
    cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    # With "=" in place of "%", which Dagster takes out of the path of its database.
    return Path(cache_home) / "wsrl" / quote(address.rstrip("/"), safe="").replace("%", "=")


def address_of(folder: Path) -> str | None:
    """The address of the shared home that a folder is a copy of; none if it is none."""
    address = unquote(folder.name.replace("=", "%"))
    return address if address.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)) else None


@cache
def shared_home(address: str) -> SharedHome:
    """The shared home of an address, one a process."""
    return SharedHome(Objects.at(address))


def _name(home: Path, path: Path) -> str:
    return f"{_FILES}/{path.relative_to(home).as_posix()}"
