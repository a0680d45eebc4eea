"""What is behind a pair is read from the few files that it is in."""

from dataclasses import replace
from pathlib import Path

from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import FilteredDocument, ReleasedPair, Status
from wsrl_assets.storage.trace import around_pair
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import WHEN, shard_row
from wsrl_assets_tests.release.pairs import Pair, plant

PAIR = Pair("When was it opened?", source="north")
OTHER = Pair("When was the other one opened?", source="south")


def home(folder: Path) -> Store:
    """Two domains with a pair each, from the first two of ten shards."""
    store = Store(folder)
    for number, (pair, domain) in enumerate(((PAIR, Domain.MATH), (OTHER, Domain.OTHER))):
        plant(store, [pair], domain)
        (document,) = (row for row in pair.rows() if isinstance(row, FilteredDocument))
        with store.transaction(Partition.domain(domain)) as transaction:
            transaction.merge([replace(document, shard=f"shard-{number}")])
    for number in range(10):
        with store.transaction(Partition.shard(f"shard-{number}")) as transaction:
            transaction.merge([shard_row(1, f"shard-{number}")])
    with store.transaction(Partition.library("release")) as transaction:
        kept = ReleasedPair(
            pair_id=PAIR.pair_id,
            domain=str(Domain.MATH),
            release="0123456789ab",
            status=Status.KEPT,
            created_at=WHEN,
        )
        transaction.merge([kept])
    return store


def test_a_pair_is_read_from_its_domain_its_shard_and_the_release(tmp_path: Path) -> None:
    store = home(tmp_path)
    with around_pair(store, PAIR.pair_id[:12]) as connection:
        opened = connection.execute(
            "SELECT path FROM duckdb_databases() WHERE path LIKE '%.duckdb'"
        ).fetchall()
        found = frame(connection, "trace_pair", prefix=f"{PAIR.pair_id[:12]}%").to_dicts()
    assert {Path(path).stem for (path,) in opened} == {"shard-0", str(Domain.MATH), "release"}
    (row,) = found
    assert (row["draft_id"], row["release"]) == (PAIR.pair_id, "0123456789ab")
    assert row["shard_path"] == shard_row(1, "shard-0").path


def test_a_pair_that_is_nowhere_is_in_no_file(tmp_path: Path) -> None:
    with around_pair(home(tmp_path), "feedfeedfeed") as connection:
        assert frame(connection, "trace_pair", prefix="feedfeedfeed%").is_empty()
