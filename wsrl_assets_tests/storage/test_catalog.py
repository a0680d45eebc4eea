"""The catalog shows every partition, and can do nothing but read what it shows."""

from pathlib import Path

import polars as pl
import pytest

from wsrl_assets.storage import Partition, QueryError, Store, catalog, typed_query
from wsrl_assets.storage.catalog import batches, brief_catalog, workspace
from wsrl_assets.storage.tables import ALL_TABLES
from wsrl_assets_tests.factories import IN_DOMAIN, SHARD, call_row, documents, plant_shard

LIMIT = "SELECT current_setting('memory_limit')"


def home_with_data(home: Path) -> Store:
    store = Store(home)
    plant_shard(store, documents(3))
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.merge([call_row(1)])
    return store


def test_every_table_is_a_view_even_of_an_empty_home(tmp_path: Path) -> None:
    with catalog(Store(tmp_path)) as connection:
        for row_type in ALL_TABLES:
            found = connection.sql(f'FROM "{row_type.TABLE}"')
            assert found.columns[0] == "partition"
            assert len(found) == 0


def test_views_join_all_partitions_and_name_each(tmp_path: Path) -> None:
    store = home_with_data(tmp_path)
    plant_shard(store, documents(2), "sample-0002")
    with catalog(store) as connection:
        counted = connection.sql(
            'SELECT "partition", count(*) FROM source_documents GROUP BY 1 ORDER BY 1'
        ).fetchall()
    assert counted == [(SHARD, 3), ("sample-0002", 2)]


def test_only_the_partitions_asked_for_are_attached(tmp_path: Path) -> None:
    store = home_with_data(tmp_path)
    plant_shard(store, documents(2), "sample-0002")
    with catalog(store, only=[Partition.shard("sample-0002")]) as connection:
        assert len(connection.sql("FROM source_documents")) == 2


def test_a_brief_catalog_holds_nothing_of_the_one_before(tmp_path: Path) -> None:
    store = home_with_data(tmp_path)
    plant_shard(store, documents(2), "sample-0002")
    shards = [Partition.shard(SHARD), Partition.shard("sample-0002"), IN_DOMAIN]
    counts = 'SELECT "partition", count(*) FROM source_documents GROUP BY 1'
    found = []
    for shard in shards * 2:
        with brief_catalog(store, [shard]) as connection:
            found.append(connection.execute(counts).fetchall())
        with pytest.raises(ZeroDivisionError), brief_catalog(store, [shard]):
            raise ZeroDivisionError
    assert found == 2 * [[(SHARD, 3)], [("sample-0002", 2)], []]


def test_no_connection_of_a_run_holds_more_than_it_needs(tmp_path: Path) -> None:
    store = home_with_data(tmp_path)
    limit = ("384.0 MiB",)
    with store.snapshot(IN_DOMAIN) as connection:
        assert connection.execute(LIMIT).fetchone() == limit
    with store.transaction(IN_DOMAIN) as transaction:
        assert transaction.connection.execute(LIMIT).fetchone() == limit
    with brief_catalog(store, [IN_DOMAIN]) as connection:
        assert connection.execute(LIMIT).fetchone() == limit


def test_a_brief_query_that_does_not_fit_in_memory_is_written_beside_the_partition(
    tmp_path: Path,
) -> None:
    store = home_with_data(tmp_path)
    with brief_catalog(store, [IN_DOMAIN]) as connection:
        connection.execute("SET memory_limit = '24MiB'")
        sorted_rows = "SELECT r FROM range(3_000_000) t(r) ORDER BY hash(r) LIMIT 2_999_999"
        counted = connection.execute(f"SELECT count(*) FROM ({sorted_rows})").fetchone()
        assert counted == (2_999_999,)
    assert not list(tmp_path.rglob("*.tmp"))


def test_rows_that_are_more_than_memory_holds_pass_by_in_parts(tmp_path: Path) -> None:
    store = home_with_data(tmp_path)
    with workspace(store, [IN_DOMAIN], tmp_path / "spill") as connection:
        ids = {"pair_id": ["p", "q"], "doc_id": ["a", "b"]}
        keys = pl.DataFrame({"place": [2, 1], "slug": [IN_DOMAIN.key] * 2, **ids})
        parts = list(batches(connection, "release_texts", 1, {"chosen": keys}))
        assert parts == []
        assert connection.execute(LIMIT).fetchone() == ("384.0 MiB",)


def test_a_home_with_odd_characters_in_its_path_can_be_read(tmp_path: Path) -> None:
    home = tmp_path / 'it\'s a "home"; DROP TABLE x -- 你好'
    store = home_with_data(home)
    with catalog(store) as connection:
        assert len(connection.sql("FROM source_documents")) == 3


FORBIDDEN = {
    "copy to a new file": "COPY llm_calls TO '{folder}/out.csv'",
    "copy over a snapshot": "COPY (SELECT 1) TO '{snapshot}' (USE_TMP_FILE false)",
    "copy beside a snapshot, as its log": "COPY (SELECT 1) TO '{snapshot}.wal'",
    "copy into the spill folder": "COPY (SELECT 1) TO '.tmp/x.csv' (USE_TMP_FILE false)",
    "export": "EXPORT DATABASE '{folder}/exported'",
    "import": "IMPORT DATABASE '{folder}'",
    "attach another file": "ATTACH '{folder}/other.duckdb' AS other",
    "attach the live file": "ATTACH '{live}' AS live",
    "install an extension": "INSTALL httpfs",
    "load an extension": "LOAD httpfs",
    "insert": "INSERT INTO p0.llm_calls SELECT * FROM p0.llm_calls",
    "insert into a view": "INSERT INTO llm_calls SELECT * FROM llm_calls",
    "delete": "DELETE FROM p0.llm_calls",
    "update": "UPDATE p0.llm_calls SET model = 'x'",
    "create in a snapshot": "CREATE TABLE p0.mine (i INT)",
    "drop": "DROP TABLE p0.llm_calls",
    "read a text": "FROM read_text('{secret}')",
    "read a csv": "FROM read_csv('{secret}')",
    "read a blob": "FROM read_blob('{secret}')",
    "read a file by its name": "FROM '{secret}'",
    "read a snapshot as a file": "FROM read_blob('{snapshot}')",
    "list files": "FROM glob('{folder}/*')",
    "read the environment": "SELECT getenv('HOME')",
    "read from the network": "FROM read_csv('http://127.0.0.1:9/x.csv')",
    "make a secret": "CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')",
    "allow files again": "SET enable_external_access = true",
    "allow file systems again": "SET disabled_filesystems = ''",
    "unlock": "RESET lock_configuration",
    "read a variable of the program": "FROM variable_of_the_program",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_typed_query_can_neither_write_nor_reach_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    store = home_with_data(tmp_path / "home")
    snapshots = store.snapshots()
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    (tmp_path / ".tmp").mkdir()
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    variable_of_the_program = pl.DataFrame({"i": [1]})
    query = FORBIDDEN[what].format(
        folder=tmp_path,
        secret=secret,
        snapshot=snapshots[IN_DOMAIN],
        live=store.home / "domains" / f"{IN_DOMAIN.key}.duckdb",
    )
    with catalog(store) as connection, pytest.raises(QueryError):
        typed_query(connection, query)
    assert len(variable_of_the_program) == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_query_answers_with_columns_and_rows_and_a_mistake_with_duckdbs_words(
    tmp_path: Path,
) -> None:
    with catalog(home_with_data(tmp_path)) as connection:
        query = "SELECT call_id, attempts FROM llm_calls"
        assert typed_query(connection, query) == (["call_id", "attempts"], [("call-1", 1)])
        with pytest.raises(QueryError, match="no_such_table"):
            typed_query(connection, "FROM no_such_table")


def test_catalogs_of_one_process_do_not_get_in_one_anothers_way(tmp_path: Path) -> None:
    store = home_with_data(tmp_path)
    with catalog(store) as first, catalog(store) as second:
        with store.transaction(IN_DOMAIN) as transaction:
            transaction.merge([call_row(2)])
        with catalog(store) as third:
            counts = [len(c.sql("FROM llm_calls")) for c in (first, second, third)]
    assert counts == [1, 1, 2]
    kept = [path.name for path in (tmp_path / "domains" / "snapshots").iterdir()]
    assert kept == ["natural_science.duckdb"], "attaching left a file behind"
