"""Who is in the way is said by name and within a bounded time; nobody waits in silence."""

import logging
import signal
import time
from pathlib import Path

import duckdb
import pytest

from wsrl_assets.storage import Store, StoreBusyError, catalog
from wsrl_assets_tests.factories import IN_DOMAIN, call_row
from wsrl_assets_tests.processes import Said, elsewhere

pytestmark = pytest.mark.timing


def write(store: Store, number: int) -> None:
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.merge([call_row(number)])


def live_file(home: Path) -> Path:
    return home / "domains" / "natural_science.duckdb"


def _hold_transaction(say: Said, home: Path, hold_s: float) -> None:
    with Store(home).transaction(IN_DOMAIN):
        say("held")
        time.sleep(hold_s)


def _open_live_file(say: Said, home: Path, hold_s: float) -> None:
    """As somebody does who looks into the file with a DuckDB of their own."""
    with duckdb.connect(str(live_file(home))):
        say("held")
        time.sleep(hold_s)


def _change_live_file(say: Said, home: Path, hold_s: float) -> None:
    with duckdb.connect(str(live_file(home))) as connection:
        connection.execute("CREATE TABLE theirs (i INT)")
        say("held")
        time.sleep(hold_s)


def _hold_run(say: Said, home: Path, hold_s: float) -> None:
    with Store(home).exclusive_run(IN_DOMAIN):
        say("held")
        time.sleep(hold_s)


def test_a_partition_locked_by_another_process_is_busy_and_the_process_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path, lock_timeout_s=0.5)
    write(store, 1)
    with elsewhere(_hold_transaction, tmp_path, 60.0) as holder:
        holder.hear()
        began = time.monotonic()
        with caplog.at_level(logging.WARNING), pytest.raises(StoreBusyError) as busy:
            write(store, 2)
        assert time.monotonic() - began < 5
    assert "domains/natural_science" in str(busy.value)
    assert f"process {holder.pid}" in str(busy.value)
    assert f"process {holder.pid}" in caplog.text, "waited in silence"


def test_a_file_opened_by_another_program_is_busy_and_the_process_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path, lock_timeout_s=0.5)
    write(store, 1)
    with elsewhere(_open_live_file, tmp_path, 60.0) as holder:
        holder.hear()
        with pytest.raises(StoreBusyError) as busy:
            write(store, 2)
    assert str(live_file(tmp_path)) in str(busy.value)
    assert f"process {holder.pid}" in str(busy.value)
    assert "wsrl sql" in str(busy.value)


@pytest.mark.parametrize("holding", [_hold_transaction, _open_live_file])
def test_a_writer_waits_for_another_and_then_goes_on(
    tmp_path: Path, holding: object, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path, lock_timeout_s=30)
    write(store, 1)
    with elsewhere(holding, tmp_path, 0.5) as holder:  # type: ignore[arg-type]
        holder.hear()
        write(store, 2)
        assert holder.join() == 0
    with catalog(store) as connection:
        assert len(connection.sql("FROM llm_calls")) == 2


@pytest.mark.parametrize("holding", [_hold_transaction, _open_live_file, _change_live_file])
def test_the_catalog_reads_while_another_process_holds_the_partition(
    tmp_path: Path, holding: object
) -> None:
    store = Store(tmp_path, lock_timeout_s=20)
    write(store, 1)
    with elsewhere(holding, tmp_path, 60.0) as holder:  # type: ignore[arg-type]
        holder.hear()
        began = time.monotonic()
        with catalog(store) as connection:
            assert len(connection.sql("FROM llm_calls")) == 1
        assert time.monotonic() - began < 10, "a reader waited for the writer"


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    store = Store(tmp_path, lock_timeout_s=5)
    with elsewhere(_hold_transaction, tmp_path, 60.0) as holder:
        holder.hear()
        holder.kill()
    write(store, 1)


def test_a_second_run_on_a_partition_is_refused_and_the_first_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with elsewhere(_hold_run, tmp_path, 60.0) as holder:
        holder.hear()
        with pytest.raises(StoreBusyError) as busy, store.exclusive_run(IN_DOMAIN):
            pass
        assert "domains/natural_science" in str(busy.value)
        assert f"process {holder.pid}" in str(busy.value)
        write(store, 1)  # a run keeps out other runs, not writers
        holder.process.terminate()
        assert holder.join() == -signal.SIGTERM
    with store.exclusive_run(IN_DOMAIN):
        pass


def test_a_second_run_in_the_same_process_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with (
        store.exclusive_run(IN_DOMAIN),
        pytest.raises(StoreBusyError),
        Store(tmp_path).exclusive_run(IN_DOMAIN),
    ):
        pass
    with store.exclusive_run(IN_DOMAIN):
        pass
