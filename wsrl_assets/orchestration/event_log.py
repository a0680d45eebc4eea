"""Dagster's log of events in SQLite, kept open while several runs of this process write to it."""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy import Connection, Engine, create_engine

# More than there are runs at a time; each is three open files.
_FILES = 32
_BUSY_TIMEOUT_S = 60.0


@contextmanager
def event_log_kept_open(instance: dg.DagsterInstance) -> Iterator[None]:
    """Lets an instance write events over connections that stay open; other storages are left alone.

    There is a file for each run, and one for what is known of assets over all runs. For each event
    Dagster opens and closes a connection, under one lock for all runs of a process, and prepares
    its statements again. As the last connection to a file closes, SQLite folds the write-ahead log
    into it, which takes several times as long as to write the event.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        yield
        return
    files = _OpenFiles(storage)
    storage._connect = files.connection  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        del storage._connect
        files.close()


@dataclass(frozen=True, slots=True)
class _File:
    """A file, and who may use it: one thread at a time."""

    engine: Engine
    mutex: threading.Lock = field(default_factory=threading.Lock)


class _OpenFiles:
    """The files that were used last, each with its open connection."""

    def __init__(self, storage: SqliteEventLogStorage) -> None:
        self._storage = storage
        self._files: OrderedDict[str, _File] = OrderedDict()
        self._mutex = threading.Lock()
        self._blank: bytes | None = None

    @contextmanager
    def connection(self, name: str) -> Iterator[Connection]:
        """A transaction on a file, as the storage has it."""
        file = self._file(name)
        with file.mutex, file.engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Closes all files."""
        while self._files:
            self._files.popitem()[1].engine.dispose()

    def _file(self, name: str) -> _File:
        with self._mutex:
            if name not in self._files:
                self._files[name] = _File(self._opened(name))
            self._files.move_to_end(name)
            while len(self._files) > _FILES:
                self._files.popitem(last=False)[1].engine.dispose()
            return self._files[name]

    def _opened(self, name: str) -> Engine:
        is_new = self._placed_blank(Path(self._storage.path_for_shard(name)))
        engine = _engine(self._storage.conn_string_for_shard(name))
        if not is_new:
            self._storage._initdb(engine)
        return engine

    def _placed_blank(self, path: Path) -> bool:
        """Puts a file without events there; false if there is one.

        For each file Dagster reads all its migrations, to write which was the last: a third of a
        second of processor. They are read once here, and the file is copied.
        """
        if path.exists():
            return False
        if self._blank is None:
            self._blank = self._made_blank()
        partial = path.with_suffix(".new")
        partial.write_bytes(self._blank)
        try:
            os.link(partial, path)
        except OSError:  # another process was first, or the file system has no links
            return False
        finally:
            partial.unlink()
        return True

    def _made_blank(self) -> bytes:
        with TemporaryDirectory() as folder:
            path = Path(folder, "blank.db")
            engine = _engine(f"sqlite:///{path}")
            self._storage._initdb(engine)
            engine.dispose()
            return path.read_bytes()


def _engine(address: str) -> Engine:
    how = {"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}
    return create_engine(address, connect_args=how)
