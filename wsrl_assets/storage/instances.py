"""DuckDB instances in memory, to which files are attached, kept from one use to the next.

Making an instance takes 25 ms of processor, mostly to register what DuckDB can do; attaching a
file to one that is there takes 1 ms, and a run commits thousands of times.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock

import duckdb

Connection = duckdb.DuckDBPyConnection
Connect = Callable[[], AbstractContextManager[Connection]]

# What one instance may hold, most of it blocks of files that it has read. Of a run, three at a time
# work on large files, since locks and turns let no more.
MEMORY = "384MiB"
_MOST_KEPT = 8
_ATTACHED = (
    "SELECT database_name FROM duckdb_databases() WHERE NOT internal AND database_name <> 'memory'"
)


@contextmanager
def connect() -> Iterator[Connection]:
    """A plain DuckDB instance in memory, always closed on the way out."""
    connection = duckdb.connect()
    try:
        yield connection
    finally:
        connection.close()


def configure(connection: Connection, memory: str = MEMORY) -> None:
    """Sets what holds on every connection: times are UTC, and memory is limited.

    A process has several instances at once, each of which would take four fifths of the memory if
    it were let: what it has read of a file it keeps, up to its limit.

    Args:
        memory: what this one may take, such as `25%` of the machine's.
    """
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET memory_limit = '{memory}'")


def attach(connection: Connection, path: Path, alias: str, *, read_only: bool = True) -> None:
    """Attaches a database file under a name.

    Raises:
        duckdb.Error: the file is not a usable DuckDB database, or another process has it open.
    """
    connection.execute(f"ATTACH {_quoted(path)} AS {alias} {'(READ_ONLY)' if read_only else ''}")


@dataclass(frozen=True, slots=True)
class _Instance:
    connection: Connection
    closing: ExitStack

    def detach_all(self) -> None:
        """Detaches files, which writes what their logs hold into them."""
        for (name,) in self.connection.execute(_ATTACHED).fetchall():
            self.connection.execute(f'DETACH "{name}"')


class Instances:
    """The instances of a process that nobody uses at the moment.

    Args:
        connect: makes one; Dagster's resource is passed in here.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._free: list[_Instance] = []
        self._lock = Lock()
        os.register_at_fork(after_in_child=self._forget)

    @contextmanager
    def cursor(self, beside: Path) -> Iterator[Connection]:
        """A connection to an instance that nobody else uses meanwhile.

        What it attaches is detached afterwards. An instance whose use ended by an exception is
        closed, since DuckDB may have marked it as unusable.

        Args:
            beside: a file; what does not fit in memory is written to a folder beside it.
        """
        instance = self._taken() or self._made()
        spilled = beside.with_name(f"{beside.name}.tmp")
        with ExitStack() as at_end:
            at_end.callback(instance.closing.close)
            instance.connection.execute(f"SET temp_directory = {_quoted(spilled)}")
            cursor = instance.connection.cursor()
            try:
                cursor.execute("SET TimeZone = 'UTC'")
                yield cursor
            finally:
                cursor.close()
            instance.detach_all()
            # Once it has written to a folder, an instance keeps to that.
            if not spilled.exists() and self._keep(instance):
                at_end.pop_all()

    def _taken(self) -> _Instance | None:
        with self._lock:
            return self._free.pop() if self._free else None

    def _made(self) -> _Instance:
        with ExitStack() as stack:
            connection = stack.enter_context(self._connect())
            configure(connection)
            return _Instance(connection, stack.pop_all())

    def _keep(self, instance: _Instance) -> bool:
        with self._lock:
            if len(self._free) >= _MOST_KEPT:
                return False
            self._free.append(instance)
            return True

    def _forget(self) -> None:
        """In a forked child: its copies lack their threads, so they are neither used nor closed."""
        _ABANDONED.extend(self._free)
        self._free = []
        self._lock = Lock()


_ABANDONED: list[_Instance] = []


@cache
def instances(connect: Connect = connect) -> Instances:
    """The instances of this process that are made in one way."""
    return Instances(connect)


def _quoted(path: Path) -> str:
    doubled = str(path).replace("'", "''")
    return f"'{doubled}'"
