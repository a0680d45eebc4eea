"""Claims about the DuckDB instances that a process keeps."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from wsrl_assets.storage.instances import Connection, Instances, attach, connect


class Counted:
    """Makes instances, and knows how many were made and are closed."""

    def __init__(self) -> None:
        self.made = 0
        self.closed = 0

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        self.made += 1
        with connect() as connection:
            yield connection
        self.closed += 1


def add(instances: Instances, path: Path, number: int) -> int:
    """Adds a row to a file; returns how many it has."""
    with instances.cursor(path) as connection:
        attach(connection, path, "live", read_only=False)
        connection.execute("USE live")
        connection.execute("CREATE TABLE IF NOT EXISTS rows (number INTEGER)")
        connection.execute("INSERT INTO rows VALUES (?)", [number])
        ((rows,),) = connection.execute("SELECT count(*) FROM rows").fetchall()
        return int(rows)


def test_an_instance_is_used_again_and_holds_nothing_of_the_use_before(tmp_path: Path) -> None:
    counted = Counted()
    instances = Instances(counted.connect)
    assert [add(instances, tmp_path / "a.db", n) for n in range(3)] == [1, 2, 3]
    with instances.cursor(tmp_path / "b.db") as connection:
        with pytest.raises(duckdb.CatalogException):
            connection.execute("FROM rows")
        connection.execute("SET search_path = 'temp'")
        connection.execute("CREATE TEMP TABLE rows AS SELECT 1")
    assert add(instances, tmp_path / "a.db", 4) == 4
    assert (counted.made, counted.closed) == (1, 0)
    # Nothing holds the file: another instance may write to it.
    with duckdb.connect(str(tmp_path / "a.db")) as other:
        assert other.execute("SELECT count(*) FROM rows").fetchall() == [(4,)]
    assert not (tmp_path / "a.db.wal").exists()


def test_an_instance_whose_use_failed_is_closed(tmp_path: Path) -> None:
    counted = Counted()
    instances = Instances(counted.connect)
    with pytest.raises(duckdb.Error), instances.cursor(tmp_path / "a.db") as connection:
        connection.execute(f"ATTACH '{tmp_path / 'a.db'}' AS live; SELECT error('in the middle')")
    assert (counted.made, counted.closed) == (1, 1)
    assert add(instances, tmp_path / "a.db", 1) == 1


def test_threads_have_an_instance_each(tmp_path: Path) -> None:
    counted = Counted()
    instances = Instances(counted.connect)

    def work(thread: int) -> int:
        return [add(instances, tmp_path / f"{thread}.db", n) for n in range(20)][-1]

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(work, range(6))) == [20] * 6
    assert counted.made <= 6
    assert counted.closed == 0


def test_what_does_not_fit_in_memory_is_written_beside_the_file(tmp_path: Path) -> None:
    instances = Instances(connect)
    for name in ("a", "b"):
        with instances.cursor(tmp_path / f"{name}.db") as connection:
            connection.execute("SET memory_limit = '30MB'")
            connection.execute("SET threads = 1")
            rows = connection.execute("SELECT * FROM range(9000000) ORDER BY hash(range)")
            assert rows.fetchone() is not None
            assert list((tmp_path / f"{name}.db.tmp").iterdir())
        assert not (tmp_path / f"{name}.db.tmp").exists()


def test_a_forked_child_makes_its_own(tmp_path: Path) -> None:
    counted = Counted()
    instances = Instances(counted.connect)
    add(instances, tmp_path / "a.db", 1)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        os._exit(add(instances, tmp_path / "b.db", 1) + counted.made)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 1 + 2
