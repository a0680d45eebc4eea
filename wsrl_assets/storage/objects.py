"""Objects of an object store, under a prefix: S3 and what speaks like it, Google's, Azure's.

Two conditions of the store carry all that hosts agree on: an object is created only if there is
none of its name, and replaced only if it still is what was read. obstore gives them the same form
for all stores, and takes credentials from the environment (`AWS_ACCESS_KEY_ID`,
`AWS_ENDPOINT_URL`, ...); they stand in no message.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import ObjectStore, from_url

from wsrl_assets.errors import UserError

SCHEMES = ("s3", "gs", "az", "abfs")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_RETRY_WITHIN = timedelta(seconds=45)


class ObjectsError(UserError, RuntimeError):
    """An object store that cannot be used; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object: its name under the prefix, and its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Version:
    """What an object held when it was read, and what tells that from what replaces it."""

    body: bytes
    tag: str


class Objects:
    """The objects under one prefix of a store.

    Args:
        store: of obstore.
        address: how messages name it, such as `s3://bucket/prefix`.
    """

    def __init__(self, store: ObjectStore, address: str) -> None:
        self._store = store
        self.address = address

    @classmethod
    def at(cls, address: str) -> "Objects":
        """Those at an address, such as `s3://bucket/prefix`.

        Raises:
            ObjectsError: no store has such an address.
        """
        parts = urlsplit(address)
        if parts.scheme not in SCHEMES or not parts.netloc:
            known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
            raise ObjectsError(
                f"{address} is no address of an object store: it begins with one of {known} and "
                "the name of a bucket. A folder is named by its path alone."
            )
        with _told(address):
            store = from_url(
                address,
                # Where an endpoint is named that has no TLS, somebody chose it.
                client_options={"allow_http": True},
                retry_config={"max_retries": 8, "retry_timeout": _RETRY_WITHIN},
            )
        return cls(store, address)

    def create(self, name: str, body: bytes) -> Version | None:
        """Makes an object; none if there is another of that name.

        `body` is like no other, so that a reply that was lost can be seen from another's object.
        """
        with _told(self.address):
            try:
                put = obstore.put(self._store, name, body, mode="create")
            except (AlreadyExistsError, PreconditionError):
                found = self._read(name)
                return found if found is not None and found.body == body else None
            return Version(body, put["e_tag"] or "")

    def replace(self, name: str, body: bytes, version: Version) -> Version | None:
        """Replaces an object that still is of a version; none if it is not. As for `create`."""
        with _told(self.address):
            try:
                put = obstore.put(self._store, name, body, mode={"e_tag": version.tag})
            except PreconditionError:
                found = self._read(name)
                return found if found is not None and found.body == body else None
            return Version(body, put["e_tag"] or "")

    def read(self, name: str) -> Version | None:
        """What an object holds; none if there is no such object."""
        with _told(self.address):
            return self._read(name)

    def has(self, name: str) -> bool:
        """Whether there is an object of that name."""
        with _told(self.address):
            try:
                obstore.head(self._store, name)
            except FileNotFoundError:
                return False
            return True

    def put(self, name: str, body: bytes | Path) -> None:
        """Makes an object, or replaces it without a condition; a file in parts."""
        with _told(self.address):
            obstore.put(self._store, name, body)

    def fetch(self, name: str, path: Path) -> None:
        """Writes an object to a file, piece by piece.

        Raises:
            FileNotFoundError: there is no such object.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with _told(self.address), path.open("wb") as file:
            for piece in obstore.get(self._store, name).stream(min_chunk_size=8 * 2**20):
                file.write(piece)

    def entries(self, folder: str, after: str | None = None) -> list[Entry]:
        """The objects of a folder and the folders in it, by name.

        Args:
            after: only those whose name comes after this one.
        """
        with _told(self.address):
            pages = obstore.list(self._store, f"{folder}/", offset=after, chunk_size=1000)
            found = [Entry(meta["path"], meta["size"]) for page in pages for meta in page]
        return sorted(found, key=lambda entry: entry.name)

    def delete(self, names: Sequence[str]) -> None:
        """Deletes objects; those that are gone already are no error."""
        with _told(self.address):
            if names:
                obstore.delete(self._store, list(names))

    def _read(self, name: str) -> Version | None:
        try:
            found = obstore.get(self._store, name)
        except FileNotFoundError:
            return None
        return Version(bytes(found.bytes()), found.meta["e_tag"] or "")


@contextmanager
def _told(address: str) -> Iterator[None]:
    """Raises `ObjectsError` for what a store refuses, or where it cannot be reached."""
    try:
        yield
    except (BaseError, ValueError) as error:
        raise ObjectsError(
            f"{address} cannot be used ({_reason(error)}). See that it is reached from here, that "
            "the bucket exists, and that its credentials are in the environment; then run again: "
            "what was committed is kept."
        ) from None


def _reason(error: Exception) -> str:
    """What the store itself calls an error, or the first words of the message.

    Requests and their headers, which may hold credentials, come after that.
    """
    code = _CODE.search(str(error))
    if code is not None:
        return code[1]
    first = " ".join(str(error).split()).partition(" Debug source:")[0]
    return first.rpartition(" - ")[2][:200]
