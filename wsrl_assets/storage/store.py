"""The only door to the DuckDB files: one file a partition, short exclusive writes, snapshots.

A write takes the partition's lock, attaches the file, runs one transaction over rows *and*
ledger, and detaches it. Readers do not open the live file, since even a read-only opener blocks a
DuckDB writer: the store publishes a copy, after each commit of a small file and for a reader of a
large one, and readers open that. A reader who needs a moment only takes the lock and reads the live
file of a large partition, rather than have it copied.
"""

import contextlib
import logging
import os
import re
import resource
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from filelock import FileLock, Timeout

from wsrl_assets.storage.faults import (
    ElsewhereError,
    StoreBusyError,
    StoreError,
    faults_of_system_told,
    unusable,
)
from wsrl_assets.storage.host_claims import ClaimedError
from wsrl_assets.storage.instances import (
    Connect,
    Connection,
    Instances,
    attach,
    connect,
    instances,
)
from wsrl_assets.storage.keys import KnownKeys, Version, version_of
from wsrl_assets.storage.layout import Partition, PartitionFiles, PartitionKind
from wsrl_assets.storage.operations import Kind, Operation
from wsrl_assets.storage.schema import (
    Row,
    add_columns_sql,
    create_table_sql,
)
from wsrl_assets.storage.shared_home import (
    SharedHome,
    run_claim,
    shared_home,
    write_claim,
)
from wsrl_assets.storage.shared_log import SharedLog, position_of, stands_alone
from wsrl_assets.storage.tables import DOMAIN_TABLES, LIBRARY_TABLES, SHARD_TABLES
from wsrl_assets.storage.transaction import CHANGES, Transaction, frame, query_text
from wsrl_assets.text.home_names import address_of

_TABLES: dict[PartitionKind, tuple[type[Row], ...]] = {
    PartitionKind.SHARD: SHARD_TABLES,
    PartitionKind.DOMAIN: DOMAIN_TABLES,
    PartitionKind.LIBRARY: LIBRARY_TABLES,
    PartitionKind.NEXT: DOMAIN_TABLES,
    PartitionKind.SUPERSEDED: DOMAIN_TABLES,
}
# A copy of up to this size costs less than a tenth of a second, so every commit publishes it.
_COPY_EVERY_COMMIT_BYTES = 64 * 2**20
_PUBLISH_INTERVAL_S = 30.0
# Commits wait while a large file is copied, so copies take a twentieth of the time at most.
_COPIES_APART = 20
# A base that is replaced while it is fetched is fetched again; it is replaced seldom.
_TRIES_TO_FOLLOW = 5
_LOCK_NOTICE_S = 3.0
_LOCK_SLICE_S = 0.25
_HURRIED_LOCK_TIMEOUT_S = 3.0
# What DuckDB says of a file that another process has open. "lock" alone will not do: a corrupt
# file is a matter of a "block".
_OPEN_ELSEWHERE = "Could not set lock on file"
# Files that a process has open besides those of a catalog: sockets, libraries, Dagster's databases.
_OTHER_FILES = 512

logger = logging.getLogger(__name__)


def attach_snapshot(connection: Connection, path: Path, alias: str) -> None:
    """Attaches a snapshot, read-only, under a name.

    Attached and not connected to: DuckDB keeps one database a path and process, so a connection
    to a snapshot would show what it held when the oldest open reader came.

    Raises:
        StoreError: the file is not a usable DuckDB database.
    """
    try:
        attach(connection, path, alias)
    except duckdb.Error as error:
        raise unusable(path, error) from error


class Store:
    """The database files under one home folder.

    Args:
        home: the folder; made on first write.
        lock_timeout_s: how long to wait for another process before `StoreBusyError`.
        connect: makes a DuckDB instance in memory; Dagster's resource is passed in here.
        shared: what other hosts share of the home; found by the folder's name if not given.
    """

    def __init__(
        self,
        home: Path,
        *,
        lock_timeout_s: float = 60.0,
        connect: Connect = connect,
        shared: SharedHome | None = None,
    ) -> None:
        self.home = Path(home)
        self._given_shared = shared
        self._positions: dict[Partition, tuple[Version | None, int]] = {}
        self._lock_timeout_s = lock_timeout_s
        self._connect = connect
        self._publish_after: dict[Partition, float] = {}
        self._up_to_date: set[Partition] = set()
        self._keys: dict[Partition, KnownKeys] = {}

    @property
    def _instances(self) -> Instances:
        """Those of this process: a store may be sent to another."""
        return instances(self._connect)

    def hurry(self) -> None:
        """Lets waits for other processes end within seconds, also those under way.

        For a run that was cancelled. May be called from any thread.
        """
        self._lock_timeout_s = min(self._lock_timeout_s, _HURRIED_LOCK_TIMEOUT_S)

    @property
    def shared(self) -> SharedHome | None:
        """What other hosts share of the home; none if it is a plain folder."""
        if self._given_shared is not None:
            return self._given_shared
        address = address_of(self.home)
        return shared_home(address) if address is not None else None

    @property
    def address(self) -> str:
        """How a user names the home."""
        return self.shared.address if self.shared is not None else str(self.home)

    def partitions(self, kind: PartitionKind) -> list[Partition]:
        """The partitions that have a file, by key."""
        here = {Partition(kind, path.stem) for path in (self.home / kind).glob("*.duckdb")}
        if self.shared is None:
            return sorted(here)
        there = {p for p in self.shared.log.heads() if p.kind is kind}
        if kind is PartitionKind.SHARD:  # shards stay, so that their names are enough
            return sorted(here | there)
        return sorted(p for p in here | there if self.exists(p))

    def exists(self, partition: Partition) -> bool:
        self._follow_if_behind(partition)
        return self._files(partition).live.exists()

    @contextmanager
    def transaction(self, partition: Partition) -> Iterator[Transaction]:
        """One exclusive transaction: committed and published on success, rolled back on error.

        In a shared home it is in the log of all hosts before it is committed here.

        Raises:
            StoreBusyError: another process kept the partition for longer than the timeout.
            StoreError: the file is not a usable DuckDB database.
            ObjectsError: the store of a shared home cannot be used; nothing is committed.
        """
        files = self._files(partition)
        with faults_of_system_told(files.live), self._locked(partition, files):
            if self.shared is None:
                with self._local(partition, files) as transaction:
                    yield transaction
            else:
                with self._logged(self.shared, partition, files) as transaction:
                    yield transaction
            self._publish_if_due(partition, files)

    @contextmanager
    def _local(
        self, partition: Partition, files: PartitionFiles, *, noted: bool = False
    ) -> Iterator[Transaction]:
        """A transaction on the file of this host; the caller holds its lock."""
        path = files.live if files.live.exists() else _cleared(files.initial)
        keys = self._keys.setdefault(partition, KnownKeys())
        keys.check(files.live)
        with self._open(path) as connection:
            connection.begin()
            try:
                if path != files.live or partition not in self._up_to_date:
                    self._bring_up_to_date(connection, partition)
                yield Transaction(partition, connection, keys, [] if noted else None)
            except BaseException:
                with contextlib.suppress(duckdb.Error):  # the first error is the one to tell
                    connection.rollback()
                raise
            connection.commit()
        self._up_to_date.add(partition)
        if path != files.live:
            path.replace(files.live)
        keys.version = version_of(files.live)

    @contextmanager
    def _logged(
        self, shared: SharedHome, partition: Partition, files: PartitionFiles
    ) -> Iterator[Transaction]:
        """A transaction that follows all that is in the log, and is written to it."""
        with self._claimed(shared, partition):
            position = self._follow(shared, partition, files)
            with self._local(partition, files, noted=True) as transaction:
                yield transaction
                if transaction.changes:
                    position += 1
                    self._append(shared, partition, position, transaction.changes)
                    _set_position(transaction.connection, position)
            self._positions[partition] = (version_of(files.live), position)
            if transaction.changes and shared.log.wants_base(partition, position, files.live):
                shared.log.put_base(partition, position, files.live)

    def _append(
        self,
        shared: SharedHome,
        partition: Partition,
        position: int,
        changes: Sequence[Operation],
    ) -> None:
        if not shared.may_write(partition):
            raise ElsewhereError(
                f"{partition} was taken over by another host, since this one did not say for long "
                "that it works on it. What was committed is kept; run again."
            )
        if not shared.log.append(partition, position, changes):
            raise ElsewhereError(
                f"another host has written to {partition} meanwhile. What was committed is kept; "
                "run again."
            )

    @contextmanager
    def _claimed(self, shared: SharedHome, partition: Partition) -> Iterator[None]:
        """Keeps other hosts from writing to a partition."""
        notice = _Notice(partition, self._lock_timeout_s)
        try:
            with shared.claims.held(
                write_claim(partition), lambda: self._lock_timeout_s, notice.say
            ):
                yield
        except ClaimedError as error:
            raise StoreBusyError(
                f"{partition} has been locked for {self._lock_timeout_s:.0f} s by {error.owner}. "
                "Stop that process, or wait for it, and run again: finished rows are kept."
            ) from None

    def _follow_if_behind(self, partition: Partition) -> None:
        """Does here what the log of a shared home has more of a partition, as of a moment ago."""
        shared = self.shared
        if shared is None:
            return
        files = self._files(partition)
        version, position = self._positions.get(partition, (None, -1))
        head = shared.log.heads().get(partition, 0)
        if head == 0 or (head <= position and version == version_of(files.live)):
            return
        with faults_of_system_told(files.live), self._locked(partition, files):
            self._follow(shared, partition, files)

    def _follow(self, shared: SharedHome, partition: Partition, files: PartitionFiles) -> int:
        """Does what the log has more; returns its last position. The caller holds the lock."""
        for _ in range(_TRIES_TO_FOLLOW):
            with contextlib.suppress(FileNotFoundError):  # a newer base has taken its place
                position = self._catch_up(shared.log, partition, files)
                self._positions[partition] = (version_of(files.live), position)
                return position
        raise StoreError(f"the log of {partition} in {shared.address} has a gap: it was damaged")

    def _catch_up(self, log: SharedLog, partition: Partition, files: PartitionFiles) -> int:
        position = self._position(partition, files)
        entries = log.after(partition, position)
        has_gap = bool(entries) and position_of(entries[0]) != position + 1
        if has_gap and not stands_alone(log.read(entries[0])):
            position = self._fetch_base(log, partition, files)
            entries = [entry for entry in entries if position_of(entry) > position]
        for entry in entries:
            operations = log.read(entry)
            if stands_alone(operations):
                self._replace_whole(log, partition, files, operations[0])
            elif position_of(entry) != position + 1:
                raise FileNotFoundError(entry.name)
            position = position_of(entry)
            if files.live.exists() or not stands_alone(operations):
                with self._local(partition, files) as transaction:
                    for operation in () if stands_alone(operations) else operations:
                        transaction.apply(operation)
                    _set_position(transaction.connection, position)
        return position

    def _fetch_base(self, log: SharedLog, partition: Partition, files: PartitionFiles) -> int:
        base = log.base(partition)
        if base is None:
            raise FileNotFoundError(str(partition))
        self._put_file(log, files, base.name)
        return base.position

    def _replace_whole(
        self, log: SharedLog, partition: Partition, files: PartitionFiles, operation: Operation
    ) -> None:
        if operation.kind is Kind.LOAD:
            self._put_file(log, files, operation.name)
        else:
            _cleared(files.snapshot)
            _cleared(files.live)
        self._keys.pop(partition, None)
        self._up_to_date.discard(partition)

    def _put_file(self, log: SharedLog, files: PartitionFiles, name: str) -> None:
        log.fetch(name, _cleared(files.initial))
        _cleared(files.live)
        files.initial.replace(files.live)

    def _position(self, partition: Partition, files: PartitionFiles) -> int:
        """Up to which position of the log the file of this host is."""
        version, position = self._positions.get(partition, (None, 0))
        if not files.live.exists():
            return 0
        if version is not None and version == version_of(files.live):
            return position
        with self._open(files.live) as connection:
            return _position_in(connection)

    def publish(self, partition: Partition, *, large: bool = False) -> None:
        """Brings the snapshot up to date, if it is not. Call at the end of a stage.

        That of a large partition is brought up to date when somebody reads it, or if `large` is
        set.
        """
        self._follow_if_behind(partition)
        files = self._files(partition)
        if not files.live.exists() or not _is_stale(files):
            return
        if not large and _is_large(files.live) and files.snapshot.exists():
            return
        with faults_of_system_told(files.snapshot), self._locked(partition, files):
            self._fold_log(files)
            self._copy(partition, files)

    def discard(self, partition: Partition) -> None:
        """Removes a partition's files, once what they held is elsewhere."""
        files = self._files(partition)
        with self._locked(partition, files):
            if self.shared is not None:
                self._log_whole(self.shared, partition, files, Operation(Kind.DISCARD))
            _cleared(files.snapshot)
            _cleared(files.live)

    def rename(self, partition: Partition, renamed: Partition) -> None:
        """Gives a partition's files another name; nothing happens if there are none.

        Raises:
            StoreError: the other name has files already.
        """
        if not self.exists(partition):
            return
        files, target = self._files(partition), self._files(renamed)
        with self._locked(partition, files), self._locked(renamed, target):
            if not files.live.exists():
                return
            if self._is_there(renamed, target):
                raise StoreError(
                    f"{partition} cannot become {renamed}, which has data of its own: choose "
                    "another name"
                )
            self._fold_log(files)
            if self.shared is not None:
                name = self.shared.log.put_load(files.live)
                self._log_whole(self.shared, renamed, target, Operation(Kind.LOAD, name))
                self._log_whole(self.shared, partition, files, Operation(Kind.DISCARD))
            else:
                files.live.replace(target.live)
            _cleared(files.live)
            _cleared(files.snapshot)
            if self.shared is not None:
                self._follow(self.shared, renamed, target)
            self._copy(renamed, target)
            self._keys.pop(partition, None)

    def _is_there(self, partition: Partition, files: PartitionFiles) -> bool:
        """Whether a partition has data, here or elsewhere; the caller holds its lock."""
        if self.shared is not None:
            self._follow(self.shared, partition, files)
        return files.live.exists()

    def _log_whole(
        self, shared: SharedHome, partition: Partition, files: PartitionFiles, operation: Operation
    ) -> None:
        """Writes to the log what concerns a file as a whole, and deletes what came before."""
        with self._claimed(shared, partition):
            position = self._follow(shared, partition, files) + 1
            self._append(shared, partition, position, [operation])
            shared.log.forget_before(partition, position)

    def read(self, partition: Partition, name: str, **parameters: Any) -> pl.DataFrame:
        """The result of `sql/<name>.sql` on the partition's snapshot.

        Raises:
            FileNotFoundError: the partition has no snapshot.
        """
        with self.snapshot(partition) as connection:
            return frame(connection, name, **parameters)

    @contextmanager
    def snapshot(self, partition: Partition) -> Iterator[Connection]:
        """A read-only connection to the partition's snapshot.

        Raises:
            FileNotFoundError: the partition has no snapshot.
        """
        self._refresh(partition)
        with self._attached(partition, self._files(partition).snapshot) as connection:
            yield connection

    @contextmanager
    def moment(self, partition: Partition) -> Iterator[Connection]:
        """Like `snapshot`, of what the partition holds now. Make it short: see `current`.

        Raises:
            FileNotFoundError: the partition has no data.
            StoreBusyError: another process kept the partition for longer than the timeout.
        """
        with self.current([partition]) as files:
            path = files.get(partition, self._files(partition).snapshot)
            with self._attached(partition, path) as connection:
                yield connection

    @contextmanager
    def _attached(self, partition: Partition, path: Path) -> Iterator[Connection]:
        """A read-only connection to one of a partition's files."""
        if not path.exists():
            raise FileNotFoundError(f"no data for {partition} under {self.home}")
        with self._instances.cursor(path) as connection:
            attach_snapshot(connection, path, "snapshot")
            # What the snapshot is too old to have is found, empty, in the memory behind it.
            connection.execute("ATTACH ':memory:' AS behind")
            connection.execute("USE behind")
            for row_type in _TABLES[partition.kind]:
                connection.execute(create_table_sql(row_type))
            connection.execute("SET search_path = 'snapshot.main,behind.main'")
            yield connection

    def snapshots(
        self,
        kinds: Iterable[PartitionKind] = tuple(PartitionKind),
        only: Collection[Partition] | None = None,
    ) -> dict[Partition, Path]:
        """The snapshot files to read, brought up to date where a killed run left one behind.

        Args:
            only: the partitions to look at; all of these kinds if none are named.
        """
        kinds = tuple(kinds)
        every = only is None
        named = (
            (p for kind in kinds for p in self.partitions(kind)) if every else sorted(only or ())
        )
        found = {}
        for partition in named:
            if partition.kind not in kinds:
                continue
            self._refresh(partition)
            path = self._files(partition).snapshot
            if path.exists():
                found[partition] = path
        return found

    @contextmanager
    def current(self, partitions: Collection[Partition]) -> Iterator[dict[Partition, Path]]:
        """The files to read, for a moment, what partitions hold now; those that have any.

        A large partition whose snapshot is out of date is read from its live file, which nobody
        can write to until the block ends: make it short, and open no transaction in it.

        Raises:
            StoreBusyError: another process kept a partition for longer than the timeout.
        """
        found: dict[Partition, Path] = {}
        with contextlib.ExitStack() as held:
            for partition in sorted(partitions):
                self._follow_if_behind(partition)
                files = self._files(partition)
                if not files.live.exists():
                    continue
                if _is_large(files.live) and _is_stale(files):
                    held.enter_context(self._locked(partition, files))
                    self._fold_log(files)
                    found[partition] = files.live
                    continue
                self._refresh(partition)
                if files.snapshot.exists():
                    found[partition] = files.snapshot
            yield found

    @contextmanager
    def exclusive_run(self, partition: Partition) -> Iterator[None]:
        """Held by a run while it works on a partition, so that two runs never pay for one row.

        Raises:
            StoreBusyError: another run works on the partition now.
            ElsewhereError: one of another host does.
        """
        path = self._files(partition).run_lock
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise StoreBusyError(
                f"{partition} is being worked on by another run{_owner_text(_beside(path))}. "
                "Let it finish, or stop it, and start again: nothing is lost either way."
            ) from None
        with _owned(lock, _beside(path)), self._running(partition):
            yield

    @contextmanager
    def _running(self, partition: Partition) -> Iterator[None]:
        """Keeps the runs of other hosts from a partition."""
        if self.shared is None:
            yield
            return
        try:
            with self.shared.claims.held(run_claim(partition), lambda: 0.0):
                self.shared.log.look_again()
                yield
        except ClaimedError as error:
            raise ElsewhereError(
                f"{partition} is being worked on by {error.owner}. Let it finish, or stop it, and "
                "start again: nothing is lost either way."
            ) from None

    @contextmanager
    def turn(self, work: str) -> Iterator[None]:
        """Waits for its turn at work that is best done by one partition at a time, in any process.

        The turn of a process that dies passes on.
        """
        path = self.home / "locks" / f"{work}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path, thread_local=False), self._turn_of_hosts(work):
            yield

    @contextmanager
    def _turn_of_hosts(self, work: str) -> Iterator[None]:
        if self.shared is None:
            yield
            return
        with self.shared.claims.held(f"turn/{work}", lambda: float("inf")):
            self.shared.log.look_again()
            yield

    def _bring_up_to_date(self, connection: Connection, partition: Partition) -> None:
        """Makes the tables, and adds the columns that a file of an older version lacks."""
        for row_type in _TABLES[partition.kind]:
            connection.execute(create_table_sql(row_type))
        held: dict[str, set[str]] = {}
        for table, name in connection.execute(query_text("held_columns")).fetchall():
            held.setdefault(table, set()).add(name)
        for row_type in _TABLES[partition.kind]:
            for statement in add_columns_sql(row_type, held[row_type.TABLE]):
                connection.execute(statement)
        if partition.kind is PartitionKind.DOMAIN and CHANGES not in held:
            connection.execute(f"CREATE TABLE {CHANGES} AS SELECT uuid()::VARCHAR AS token")

    def _files(self, partition: Partition) -> PartitionFiles:
        return PartitionFiles.of(self.home, partition)

    @contextmanager
    def _locked(self, partition: Partition, files: PartitionFiles) -> Iterator[None]:
        files.lock.parent.mkdir(parents=True, exist_ok=True)
        files.live.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(files.lock, thread_local=False)
        self._acquire(lock, partition, files)
        with _owned(lock, files.owner):
            yield

    def _acquire(self, lock: FileLock, partition: Partition, files: PartitionFiles) -> None:
        began = time.monotonic()
        noticed = False
        while True:
            with contextlib.suppress(Timeout):
                slice_s = min(_LOCK_SLICE_S, self._lock_timeout_s)
                lock.acquire(timeout=slice_s, poll_interval=0.01)
                return
            waited_s = time.monotonic() - began
            owner = _owner_text(files.owner)
            if not noticed and waited_s >= min(_LOCK_NOTICE_S, self._lock_timeout_s):
                logger.warning("waiting for %s, which is being written%s", partition, owner)
                noticed = True
            if waited_s >= self._lock_timeout_s:
                raise StoreBusyError(
                    f"{partition} has been locked for {waited_s:.0f} s{owner}. "
                    "Stop that process, or wait for it, and run again: finished rows are kept."
                )

    @contextmanager
    def _open(self, path: Path, *, wait: bool = True) -> Iterator[Connection]:
        """A connection with a live file as its database."""
        with self._instances.cursor(path) as connection:
            self._attach(connection, path, wait)
            connection.execute("USE live")
            yield connection

    def _attach(self, connection: Connection, path: Path, wait: bool) -> None:
        began = time.monotonic()
        noticed = False
        while True:
            try:
                attach(connection, path, "live", read_only=False)
                return
            except duckdb.Error as error:
                if _OPEN_ELSEWHERE not in str(error):
                    raise unusable(path, error) from error
                if not wait or time.monotonic() - began >= self._lock_timeout_s:
                    raise StoreBusyError(
                        f"{path} is open in another program{_holder_text(error)}. Close it "
                        "there; to look at data while runs write, use `wsrl sql` or the files "
                        "in the snapshots folder."
                    ) from error
                if not noticed:
                    logger.warning("%s is open in another program, waiting for it", path)
                    noticed = True
                time.sleep(0.1)

    def _fold_log(self, files: PartitionFiles) -> None:
        """Writes what a killed process left in the log into the file. The caller holds its lock."""
        if _leftover_wal(files.live):
            with self._open(files.live) as connection:
                connection.checkpoint()

    def _publish_if_due(self, partition: Partition, files: PartitionFiles) -> None:
        if not _is_stale(files):
            return  # a transaction that only read
        if not _is_large(files.live) or not files.snapshot.exists():
            self._copy(partition, files)
            return
        now = time.monotonic()
        if now >= self._publish_after.setdefault(partition, now + _PUBLISH_INTERVAL_S):
            self._copy(partition, files)

    def _copy(self, partition: Partition, files: PartitionFiles) -> None:
        began = time.monotonic()
        _copy_atomically(files.live, files.snapshot)
        ended = time.monotonic()
        wait_s = max(_PUBLISH_INTERVAL_S, _COPIES_APART * (ended - began))
        self._publish_after[partition] = ended + wait_s

    def _refresh(self, partition: Partition) -> None:
        """Publishes what a killed run left unpublished, unless another process is writing now."""
        self._follow_if_behind(partition)
        files = self._files(partition)
        if not files.live.exists() or not _is_stale(files):
            return
        lock = FileLock(files.lock, thread_local=False)
        with contextlib.suppress(Timeout, OSError, StoreBusyError):
            files.lock.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
            with _owned(lock, files.owner):
                if _leftover_wal(files.live):
                    with self._open(files.live, wait=False) as connection:
                        connection.checkpoint()
                _copy_atomically(files.live, files.snapshot)


@dataclass
class _Notice:
    """Says once that a partition of another host is waited for."""

    partition: Partition
    lock_timeout_s: float
    began: float = field(default_factory=time.monotonic)
    said: bool = False

    def say(self, owner: str) -> None:
        waited_s = time.monotonic() - self.began
        if not self.said and waited_s >= min(_LOCK_NOTICE_S, self.lock_timeout_s):
            logger.warning("waiting for %s, which is being written by %s", self.partition, owner)
            self.said = True


def _set_position(connection: Connection, position: int) -> None:
    """Notes in a file up to where it follows the log, in the transaction that does so."""
    connection.execute("CREATE TABLE IF NOT EXISTS followed_log (position BIGINT)")
    connection.execute("DELETE FROM followed_log")
    connection.execute("INSERT INTO followed_log VALUES ($position)", {"position": position})


def _position_in(connection: Connection) -> int:
    held = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'live' "
        "AND table_name = 'followed_log'"
    ).fetchall()
    if held[0][0] == 0:
        return 0
    ((position,),) = connection.execute("SELECT max(position) FROM followed_log").fetchall()
    return int(position or 0)


@contextmanager
def _owned(lock: FileLock, owner: Path) -> Iterator[None]:
    """For as long as a lock that was acquired is held: says by whom, and releases it."""
    try:
        owner.write_text(str(os.getpid()))
        yield
    finally:
        lock.release()


def _is_large(live: Path) -> bool:
    return live.stat().st_size > _COPY_EVERY_COMMIT_BYTES


def _is_stale(files: PartitionFiles) -> bool:
    if not files.snapshot.exists() or _leftover_wal(files.live):
        return True
    return files.snapshot.stat().st_mtime_ns < files.live.stat().st_mtime_ns


def _leftover_wal(live: Path) -> bool:
    return live.with_name(live.name + ".wal").exists()


def _cleared(path: Path) -> Path:
    """The path of a database file, with what a killed process left there removed."""
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)
    return path


def _copy_atomically(source: Path, target: Path) -> None:
    """Copies under the partition's lock; a killed copy is overwritten by the next."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    shutil.copyfile(source, partial)
    partial.replace(target)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".owner")


def _owner_text(owner: Path) -> str:
    try:
        return f" by process {int(owner.read_text())}"
    except (OSError, ValueError):
        return ""


def _holder_text(error: duckdb.Error) -> str:
    found = re.search(r"\(PID (\d+)\)", str(error))
    return f", process {found[1]}" if found else ""


def allow_open_files(files: int) -> None:
    """Raises this process's own limit on open files, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = files + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
