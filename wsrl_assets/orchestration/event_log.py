"""Dagster's own log of events in SQLite, kept open while runs of this process write to it."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME


@contextmanager
def event_log_kept_open(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Keeps a connection to the events of a run, and to those of all assets.

    Dagster opens and closes a connection for each event, under a lock that all runs of a process
    share. When the last connection to a file closes, SQLite folds the write-ahead log into it,
    which takes several times as long as to write the event. Does nothing for other storages.
    """
    storage = instance.event_log_storage
    with ExitStack() as kept:
        if isinstance(storage, SqliteEventLogStorage):
            for shard in (INDEX_SHARD_NAME, run_id):
                kept.enter_context(closing(_connected(storage.path_for_shard(shard))))
        yield


def _connected(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")  # as Dagster has it, which may be about to make it
    # The log counts as in use by those who have read from it.
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return connection
