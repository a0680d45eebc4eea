"""Claims of hosts on work and on partitions, kept in an object store.

A claim is an object that says who has it. It is taken, renewed and given up by conditional puts, so
that of two hosts one gets it. Who has it renews it while it works; one that was not renewed for
`EXPIRES_S`, by the clock of the host that looks, has lost its host and is taken over. Clocks of
hosts are not compared. On one host, a claim of a process that is gone is taken over at once.
"""

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import psutil

from wsrl_assets.storage.objects import Objects, ObjectsError, Version

EXPIRES_S = 30.0
_RENEWALS = 4  # in the time after which a claim expires
_SURE = 0.8  # the part of that time for which the holder still counts on its claim
_LOOK_EVERY_S = 0.25
_FOLDER = "claims"


class ClaimedError(RuntimeError):
    """Another process has a claim; `owner` says which."""

    def __init__(self, owner: str) -> None:
        super().__init__(f"claimed by {owner}")
        self.owner = owner


def now_s() -> float:
    """Seconds by a clock that goes on while the machine sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, as a claim names it.

    Attributes:
        host: its name.
        process: its number.
        began: when it began, since numbers are used again, in seconds.
        numbered_in: what tells the processes of one running system, or container, from those of
            another; empty where that is not known.
    """

    host: str
    process: int
    began: float
    numbered_in: str

    @classmethod
    def this(cls) -> "Owner":
        began = psutil.Process().create_time()
        return cls(socket.gethostname(), os.getpid(), began, numbered_in())

    @property
    def is_gone(self) -> bool:
        """Whether it lives no more; false where that cannot be known here."""
        if not self.numbered_in or self.numbered_in != numbered_in():
            return False
        try:
            return abs(psutil.Process(self.process).create_time() - self.began) > 1
        except psutil.Error:
            return True

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}"


@cache
def numbered_in() -> str:
    """What tells the processes of a running system, or container, from others'; empty: unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


@dataclass
class _Held:
    """A claim that this process has."""

    name: str
    version: Version
    renewed_at: float
    is_lost: bool = False
    mutex: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class HostClaims:
    """The claims of one process on things of a store.

    Args:
        objects: where claims are kept.
        owner: who takes them.
        expires_s: how long a claim holds that is not renewed.
    """

    objects: Objects
    owner: Owner = field(default_factory=Owner.this)
    expires_s: float = field(default_factory=lambda: EXPIRES_S)
    _held: dict[str, _Held] = field(default_factory=dict)
    _seen: dict[str, tuple[str, float]] = field(default_factory=dict)
    _mutex: threading.Lock = field(default_factory=threading.Lock)
    _renewer: threading.Thread | None = None

    @contextmanager
    def held(
        self,
        name: str,
        wait_s: Callable[[], float],
        on_wait: Callable[[str], None] = lambda o: None,
    ) -> Iterator[None]:
        """Holds a claim for a block.

        Args:
            name: of what is claimed.
            wait_s: for how long to wait for another; asked again while it waits.
            on_wait: told who has it, each time it is found taken.

        Raises:
            ClaimedError: another had it for all that time.
            ObjectsError: the store cannot be used.
        """
        claim = self._take(name, wait_s, on_wait)
        with self._mutex:
            self._held[name] = claim
        self._keep_renewing()
        try:
            yield
        finally:
            with self._mutex:
                del self._held[name]
            self._give_up(claim)

    def has(self, name: str) -> bool:
        """Whether this process took a claim, and has not given it up."""
        return name in self._held

    def is_sure(self, name: str) -> bool:
        """Whether this process has a claim that no other host can have taken over.

        One that was not renewed for long, since the host slept or the store was away, is renewed
        now.
        """
        claim = self._held.get(name)
        if claim is None:
            return False
        with claim.mutex:
            if now_s() - claim.renewed_at > _SURE * self.expires_s:
                self._renew(claim)
        return not claim.is_lost

    def _take(
        self, name: str, wait_s: Callable[[], float], on_wait: Callable[[str], None]
    ) -> _Held:
        began = now_s()
        while True:
            asked_at = now_s()
            found = self.objects.read(_name(name))
            owner = _owner(found)
            if owner is None or owner.is_gone or self._has_expired(name, found, asked_at):
                taken = self._put(name, found)
                if taken is not None:
                    return _Held(name, taken, asked_at)
                continue
            on_wait(str(owner))
            if now_s() - began >= wait_s():
                raise ClaimedError(str(owner))
            time.sleep(_LOOK_EVERY_S * (0.5 + secrets.randbelow(100) / 100))

    def _has_expired(self, name: str, found: Version | None, at: float) -> bool:
        """Whether a claim is as this process saw it when it looked long ago."""
        tag = found.tag if found is not None else ""
        if self._seen.get(name, ("", 0.0))[0] != tag:
            self._seen[name] = (tag, at)
        return at - self._seen[name][1] > self.expires_s

    def _put(self, name: str, found: Version | None) -> Version | None:
        """Writes this process into a claim that is as it was found; none if it is not."""
        if found is None:
            return self.objects.create(_name(name), _body(self.owner))
        return self.objects.replace(_name(name), _body(self.owner), found)

    def _give_up(self, claim: _Held) -> None:
        with contextlib.suppress(ObjectsError), claim.mutex:  # else it expires
            self.objects.replace(_name(claim.name), _body(None), claim.version)

    def _keep_renewing(self) -> None:
        with self._mutex:
            if self._renewer is None or not self._renewer.is_alive():
                self._renewer = threading.Thread(target=self._renew_all, daemon=True)
                self._renewer.start()

    def _renew_all(self) -> None:
        while True:
            time.sleep(self.expires_s / _RENEWALS)
            with self._mutex:
                claims = list(self._held.values())
            for claim in claims:
                with contextlib.suppress(ObjectsError), claim.mutex:  # the next try comes soon
                    self._renew(claim)

    def _renew(self, claim: _Held) -> None:
        at = now_s()
        renewed = self.objects.replace(_name(claim.name), _body(self.owner), claim.version)
        if renewed is None:
            claim.is_lost = True
            return
        claim.version, claim.renewed_at = renewed, at


def _body(owner: Owner | None) -> bytes:
    named = None if owner is None else asdict(owner)
    return json.dumps({"owner": named, "once": secrets.token_hex(8)}).encode()


def _name(claimed: str) -> str:
    return f"{_FOLDER}/{claimed}"


def _owner(found: Version | None) -> Owner | None:
    owner = json.loads(found.body)["owner"] if found is not None else None
    return Owner(**owner) if owner is not None else None
