"""Commits are whole, readers see the last one, and no death of a writer spoils a file."""

import errno
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from wsrl_assets.storage import Partition, Store, StoreBusyError, StoreError, catalog
from wsrl_assets.storage import store as store_module
from wsrl_assets.storage.instances import connect
from wsrl_assets.storage.tables import LLMCall, Personas, utc_now
from wsrl_assets_tests.factories import IN_DOMAIN, call_row, rows
from wsrl_assets_tests.processes import Said, elsewhere


def write(store: Store, *numbers: int, partition: Partition = IN_DOMAIN) -> None:
    with store.transaction(partition) as transaction:
        transaction.merge([call_row(number) for number in numbers])


def published(store: Store, partition: Partition = IN_DOMAIN) -> int:
    """Ledger entries that a reader sees."""
    with store.snapshot(partition) as connection:
        return len(connection.sql("FROM llm_calls"))


def live_file(home: Path) -> Path:
    return home / "domains" / "natural_science.duckdb"


def stored_files(home: Path) -> set[str]:
    """Every file under a home but the locks."""
    found = (path.relative_to(home) for path in home.rglob("*") if path.is_file())
    return {str(path) for path in found if path.parts[0] != "locks"}


def test_a_commit_holds_everything_and_is_published(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write(store, 1, 2)
    write(store, 3)
    assert sorted(row.call_id for row in rows(store, LLMCall, IN_DOMAIN)) == [
        "call-1",
        "call-2",
        "call-3",
    ]
    assert published(store) == 3


def test_an_error_in_a_transaction_leaves_nothing_of_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write(store, 1)

    def fail() -> None:
        with store.transaction(IN_DOMAIN) as transaction:
            transaction.merge([call_row(2)])
            raise KeyError("in the middle")

    with pytest.raises(KeyError):
        fail()
    assert published(store) == 1
    assert len(rows(store, LLMCall, IN_DOMAIN)) == 1


def test_an_error_that_ends_the_transaction_is_the_one_that_is_raised(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write(store, 1)

    def fail() -> None:
        with store.transaction(IN_DOMAIN) as transaction:
            transaction.connection.rollback()
            raise KeyError("the first error")

    with pytest.raises(KeyError):
        fail()


def test_a_transaction_that_only_reads_publishes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write(store, 1)
    snapshot = live_file(tmp_path).parent / "snapshots" / "natural_science.duckdb"
    before = snapshot.stat()
    assert len(rows(store, LLMCall, IN_DOMAIN)) == 1
    assert snapshot.stat().st_ino == before.st_ino


def test_a_reader_sees_the_last_commit_though_an_older_reader_is_still_open(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write(store, 1)
    with store.snapshot(IN_DOMAIN) as older:
        write(store, 2)
        assert published(store) == 2
        assert len(older.sql("FROM llm_calls")) == 1, "an open reader keeps what it has"


@pytest.mark.timing
def test_readers_see_the_last_commit_while_a_writer_is_at_work(tmp_path: Path) -> None:
    store = Store(tmp_path, lock_timeout_s=5)
    write(store, 1)
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.merge([call_row(2)])
        began = time.monotonic()
        assert published(store) == 1
        with catalog(store) as connection:
            assert len(connection.sql("FROM llm_calls")) == 1
        assert time.monotonic() - began < 4, "a reader waited for the writer"


def test_a_partition_without_data_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="domains/natural_science"):
        published(Store(tmp_path))


def test_a_large_file_is_copied_when_somebody_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_COPY_EVERY_COMMIT_BYTES", 0)
    snapshot = live_file(tmp_path).parent / "snapshots" / "natural_science.duckdb"
    store = Store(tmp_path)
    write(store, 1)
    first = snapshot.stat().st_ino
    write(store, 2)
    assert snapshot.stat().st_ino == first, "the second commit came at once, and was copied"
    store.publish(IN_DOMAIN)
    assert snapshot.stat().st_ino == first, "nobody has read it yet"
    assert published(store) == 2
    second = snapshot.stat().st_ino
    assert second != first
    write(store, 3)
    store.publish(IN_DOMAIN, large=True)
    assert snapshot.stat().st_ino != second


def test_a_large_file_is_read_where_it_is_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_COPY_EVERY_COMMIT_BYTES", 0)
    live = live_file(tmp_path)
    store = Store(tmp_path, lock_timeout_s=0.1)
    write(store, 1)
    write(store, 2)
    with store.current([IN_DOMAIN]) as files:
        assert files == {IN_DOMAIN: live}
        with pytest.raises(StoreBusyError):
            write(store, 3)
    write(store, 3)
    with store.moment(IN_DOMAIN) as connection:
        assert len(connection.sql("FROM llm_calls")) == 3
    assert published(store) == 3
    with store.current([IN_DOMAIN]) as files:
        assert files[IN_DOMAIN] != live, "a copy that is up to date keeps no writer waiting"


def test_a_store_by_another_connector_is_written_and_read_the_same(tmp_path: Path) -> None:
    made: list[duckdb.DuckDBPyConnection] = []

    @contextmanager
    def counted() -> Iterator[duckdb.DuckDBPyConnection]:
        with connect() as connection:
            made.append(connection)
            yield connection

    store = Store(tmp_path, connect=counted)
    for number in range(5):
        write(store, number)
        assert published(store) == number + 1
    assert len(made) == 1, "an instance costs more than a small commit, and is used again"


# --- sudden death -------------------------------------------------------------------------------


def _write_and_die(say: Said, home: Path, number: int) -> None:
    """Commits a row, and is killed before DuckDB can fold its log into the file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "wsrl_assets.storage.instances._Instance.detach_all",
            lambda instance: os.kill(os.getpid(), signal.SIGKILL),
        )
        write(Store(home), number)


def _die_in_transaction(say: Said, home: Path, number: int) -> None:
    with Store(home).transaction(IN_DOMAIN) as transaction:
        transaction.merge([call_row(number)])
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_large_file_has_what_its_killed_writer_left_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_COPY_EVERY_COMMIT_BYTES", 0)
    store = Store(tmp_path, lock_timeout_s=5)
    write(store, 1)
    with elsewhere(_write_and_die, tmp_path, 2) as writer:
        assert writer.join() == -signal.SIGKILL
    assert live_file(tmp_path).with_suffix(".duckdb.wal").exists(), "the test did not kill in time"
    with store.moment(IN_DOMAIN) as connection:
        assert len(connection.sql("FROM llm_calls")) == 2


def test_a_commit_whose_writer_was_killed_is_read_from_its_log(tmp_path: Path) -> None:
    store = Store(tmp_path, lock_timeout_s=5)
    write(store, 1)
    with elsewhere(_write_and_die, tmp_path, 2) as writer:
        assert writer.join() == -signal.SIGKILL
    assert live_file(tmp_path).with_suffix(".duckdb.wal").exists(), "the test did not kill in time"
    with catalog(store) as connection:
        assert len(connection.sql("FROM llm_calls")) == 2
    write(store, 3)
    assert published(store) == 3


def test_a_transaction_whose_writer_was_killed_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path, lock_timeout_s=5)
    write(store, 1)
    with elsewhere(_die_in_transaction, tmp_path, 2) as writer:
        assert writer.join() == -signal.SIGKILL
    assert published(store) == 1
    write(store, 2)
    assert published(store) == 2


def test_a_new_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store(tmp_path, lock_timeout_s=5)
    with elsewhere(_die_in_transaction, tmp_path, 1) as writer:
        assert writer.join() == -signal.SIGKILL
    assert not store.exists(IN_DOMAIN)
    assert store.partitions(IN_DOMAIN.kind) == []
    write(store, 1)
    assert published(store) == 1
    assert stored_files(tmp_path) == {
        "domains/natural_science.duckdb",
        "domains/snapshots/natural_science.duckdb",
    }


def test_what_a_killed_copy_left_is_overwritten_and_never_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    write(store, 1)

    def half_a_copy(source: Path, target: Path) -> None:
        Path(target).write_bytes(Path(source).read_bytes()[:5000])
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("shutil.copyfile", half_a_copy)
        with pytest.raises(KeyboardInterrupt):
            write(store, 2)
    assert published(store) == 2
    assert stored_files(tmp_path) == {
        "domains/natural_science.duckdb",
        "domains/snapshots/natural_science.duckdb",
    }


# --- keys ---------------------------------------------------------------------------------------


def named(doc: str, persona: str) -> Personas:
    return Personas(doc_id=doc, personas=(persona,), recipe="r", run_id="run", created_at=utc_now())


def merge(store: Store, *rows: Personas) -> None:
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.merge(rows)


def held(store: Store) -> dict[str, str]:
    """The persona of each document; every row is looked at, so a doubled key shows."""
    found = rows(store, Personas, IN_DOMAIN)
    assert len({row.doc_id for row in found}) == len(found), "a key stands in two rows"
    return {row.doc_id: row.personas[0] for row in found}


def test_a_key_that_comes_again_replaces_its_row_in_every_commit_of_a_run(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for turn in range(5):
        merge(store, named("same", f"{turn}"), named(f"new-{turn}", f"{turn}"))
    assert held(store) == {"same": "4", **{f"new-{n}": f"{n}" for n in range(5)}}


def test_a_key_that_another_writer_added_meanwhile_is_known(tmp_path: Path) -> None:
    store, other = Store(tmp_path), Store(tmp_path)
    for turn in range(3):
        merge(store, named(f"ours-{turn}", "ours"))
    merge(other, named("theirs", "theirs"))
    merge(store, named("theirs", "ours"))
    assert held(store)["theirs"] == "ours"


def test_a_key_of_a_commit_that_failed_is_written_by_the_next(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for turn in range(3):
        merge(store, named(f"{turn}", "kept"))

    def fail() -> None:
        with store.transaction(IN_DOMAIN) as transaction:
            transaction.merge([named("late", "lost")])
            raise KeyError("in the middle")

    with pytest.raises(KeyError):
        fail()
    merge(store, named("late", "kept"))
    assert held(store)["late"] == "kept"


# --- what the system refuses --------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE, errno.EACCES, errno.EIO])
def test_what_the_system_refuses_is_told_and_no_file_is_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    write(Store(tmp_path), 1)

    def refused(connection: object, path: Path, *_: object, **__: object) -> None:
        raise duckdb.IOException(f'Cannot open file "{path}": {os.strerror(number)}')

    monkeypatch.setattr(store_module, "attach", refused)
    with pytest.raises(StoreError) as caught:
        write(Store(tmp_path), 2)
    monkeypatch.undo()
    assert os.strerror(number).lower() in str(caught.value)
    assert "natural_science.duckdb" in str(caught.value)
    assert "Move the file away" not in str(caught.value)
    assert published(Store(tmp_path)) == 1


def _open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def test_a_home_of_more_files_than_a_process_may_open_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(30):
        write(store, number, partition=Partition.shard(f"shard-{number}"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_open_files() + 20, hard))
        with catalog(store) as connection:
            assert connection.sql("FROM llm_calls").fetchall()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --- files that are no database -----------------------------------------------------------------

SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "garbage": lambda data: b"not a database " * 1000,
    "empty": lambda data: b"",
    "cut short": lambda data: data[:5000],
    "one block overwritten": lambda data: data[:12_400] + b"\xff" * 200 + data[12_600:],
}


@pytest.mark.timing
@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_file_is_reported_by_name_and_at_once(tmp_path: Path, how: str) -> None:
    store = Store(tmp_path, lock_timeout_s=30)
    write(store, *range(50))
    live = live_file(tmp_path)
    live.write_bytes(SPOILT[how](live.read_bytes()))
    began = time.monotonic()
    with pytest.raises(StoreError, match=r"natural_science\.duckdb.*Move the file away"):
        write(store, 99)
    assert time.monotonic() - began < 15, "taken for a lock, and waited for"


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_snapshot_is_reported_by_name(tmp_path: Path, how: str) -> None:
    store = Store(tmp_path, lock_timeout_s=30)
    write(store, *range(50))
    snapshot = live_file(tmp_path).parent / "snapshots" / "natural_science.duckdb"
    snapshot.write_bytes(SPOILT[how](snapshot.read_bytes()))
    with pytest.raises(StoreError, match=r"snapshots/natural_science\.duckdb"), catalog(store):
        pass
    with pytest.raises(StoreError, match=r"snapshots/natural_science\.duckdb"):
        published(store)
    snapshot.unlink()
    assert published(store) == 50, "the message says that moving it away helps"


def test_a_partition_key_cannot_leave_its_folder() -> None:
    for key in ("../evil", "a/b", "", ".hidden", "a\x00b", "x" * 300):
        with pytest.raises(ValueError, match="partition key"):
            Partition.shard(key)


def test_a_file_of_an_older_version_gets_the_columns_that_it_lacks(tmp_path: Path) -> None:
    write(Store(tmp_path), 1)
    with duckdb.connect(str(live_file(tmp_path))) as connection:
        connection.execute("ALTER TABLE llm_calls DROP COLUMN error")
        connection.execute("ALTER TABLE llm_calls DROP COLUMN reply")
    store = Store(tmp_path)
    write(store, 2)
    found = rows(store, LLMCall, IN_DOMAIN)
    assert [(row.error, row.reply) for row in found] == [(None, None), (None, None)]
