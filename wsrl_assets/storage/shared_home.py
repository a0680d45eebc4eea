"""A home that several hosts share: its log, its claims and its files, in an object store."""

import os
import secrets
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from wsrl_assets.storage.host_claims import HostClaims
from wsrl_assets.storage.host_table import HostTable
from wsrl_assets.storage.layout import Partition
from wsrl_assets.storage.objects import Objects
from wsrl_assets.storage.running_totals import RunningTotals
from wsrl_assets.storage.shared_log import SharedLog

_FILES = "files"


class SharedHome:
    """What hosts share of a home.

    Args:
        objects: of the home.
        claims: of this process; made if not given.

    Attributes:
        totals: what runs on all hosts come to.
    """

    def __init__(self, objects: Objects, claims: HostClaims | None = None) -> None:
        self.address = objects.address
        self.log = SharedLog(objects)
        self.claims = claims or HostClaims(objects)
        self._objects = objects
        self.totals = RunningTotals(self.table("totals", secrets.token_hex(8)))

    def table(self, name: str, member: str) -> HostTable:
        """What hosts say of themselves under a name, as one member sees it."""
        return HostTable(self._objects, name, member, self.claims.expires_s)

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


@cache
def shared_home(address: str) -> SharedHome:
    """The shared home of an address, one a process."""
    return SharedHome(Objects.at(address))


def _name(home: Path, path: Path) -> str:
    return f"{_FILES}/{path.relative_to(home).as_posix()}"
