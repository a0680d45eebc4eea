"""An object store in memory, `faulty://`, of which one operation fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


class FaultyStore(MemoryFileSystem):  # type: ignore[misc]
    """Every look, open and read counts as an operation; the one numbered `fails_at` fails.

    Reads give at most `chunk_bytes`, as sockets do.
    """

    protocol = "faulty"
    store: dict[str, Any] = {}  # noqa: RUF012 -- the base class keeps its files so
    pseudo_dirs = [""]  # noqa: RUF012
    operations = 0
    fails_at: int | None = None
    fault: Exception | None = None
    chunk_bytes = 1 << 20

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        inner = str(path).removeprefix("faulty://").strip("/")
        return f"/{inner}" if inner else ""

    @classmethod
    def operate(cls) -> bool:
        """Counts an operation; raises the fault at its turn, or returns True where it has none."""
        cls.operations += 1
        if cls.operations != cls.fails_at:
            return False
        if cls.fault is not None:
            raise cls.fault
        return True

    def info(self, path: str, **options: Any) -> Any:
        self.operate()
        return super().info(path, **options)

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        file = super()._open(path, mode, **options)
        if mode != "rb":
            return file
        self.operate()
        return _File(file)


class _File:
    """A file that is read in pieces, and may end too early."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._cut_off = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        self._cut_off = self._cut_off or FaultyStore.operate()
        if self._cut_off:
            return b""
        most = FaultyStore.chunk_bytes
        return bytes(self._file.read(most if size < 0 else min(size, most)))

    def close(self) -> None:
        """The file stays in memory."""


@contextmanager
def one_fault(at: int, fault: Exception | None) -> Iterator[None]:
    """Within it, operation `at` fails: with an exception, or by an end of file that is none."""
    FaultyStore.operations, FaultyStore.fails_at, FaultyStore.fault = 0, at, fault
    try:
        yield
    finally:
        FaultyStore.fails_at = None


def new_store(chunk_bytes: int) -> FaultyStore:
    """An empty store, for the tests of this process."""
    fsspec.register_implementation("faulty", FaultyStore, clobber=True)
    FaultyStore.store.clear()
    FaultyStore.pseudo_dirs[:] = [""]
    FaultyStore.chunk_bytes = chunk_bytes
    FaultyStore.fails_at = None
    return FaultyStore()
