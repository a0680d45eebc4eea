"""Hosts that share a home, in one process: a folder each, and one object store between them."""

from pathlib import Path

from obstore.store import MemoryStore

from wsrl_assets.storage import Store
from wsrl_assets.storage.host_claims import HostClaims, Owner
from wsrl_assets.storage.objects import Objects
from wsrl_assets.storage.shared_home import SharedHome


class Hosts:
    """Makes stores on hosts of one shared home.

    Args:
        folder: where each host has its folder.
        expires_s: how long a claim holds whose host is gone.
    """

    def __init__(self, folder: Path, expires_s: float = 30.0) -> None:
        self.objects = Objects(MemoryStore(), "memory://home")
        self._folder = folder
        self._expires_s = expires_s

    def shared(self, name: str) -> SharedHome:
        owner = Owner(name, 1, 0.0, "")
        return SharedHome(self.objects, HostClaims(self.objects, owner, self._expires_s))

    def store(self, name: str, lock_timeout_s: float = 60.0) -> Store:
        folder = self._folder / name
        return Store(folder, lock_timeout_s=lock_timeout_s, shared=self.shared(name))
