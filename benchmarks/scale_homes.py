"""Homes of any size for `benchmarks.scale`, multiplied by SQL from a small one that a run made."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from benchmarks.engine_corpus import articles
from benchmarks.engine_model import reply
from benchmarks.engine_pipeline import RUN_ID, job_of, make_home, run_pipeline
from simulator import SimulatorSettings, simulator_process
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.storage import Partition, PartitionKind, Store
from wsrl_assets.storage.schema import Row, columns_of
from wsrl_assets.storage.tables import (
    DOMAIN_TABLES,
    SHARD_TABLES,
    DocumentLink,
    FilteredDocument,
    LLMCall,
    Recipe,
    Shard,
    Signature,
    SignatureBand,
    SplitKey,
    utc_now,
)
from wsrl_assets.taxonomy.domains import Domain

MAIN = next(iter(Domain))
DOCUMENTS = Partition.library("documents")
MAIN_SHARE = 0.8
SMALL_DOCUMENTS = 250
SHARD_DOCUMENTS = 10_000
_FIRST_WAITING = 10_000_000
_IDS = frozenset(
    "doc_id parent_id cluster_id draft_id pair_id question_id call_id row_id item_id content_id "
    "key".split()
)
_TEXTS = frozenset({"text", "question"})
_LIBRARY: dict[str, tuple[type[Row], ...]] = {
    "document_index": (Signature, SignatureBand, DocumentLink),
    "question_index": (Signature, SignatureBand, SplitKey),
}


def make_small(home: Path) -> Store:
    """A home that the pipeline made of generated articles, up to the final splits."""
    store = make_home(home, list(articles(SMALL_DOCUMENTS)), 1)
    fast = SimulatorSettings(
        slots=64, prefill_tokens_per_s=1e7, decode_tokens_per_s=1e6, reply=reply
    )
    with simulator_process(fast) as server:
        run_pipeline(job_of(store, server.base_url))
    for domain in Domain:
        if store.exists(Partition.domain(domain)):
            split_domain(store, domain, RUN_ID, SplitSettings())
    return store


def multiply(small: Store, home: Path, documents: int) -> Store:
    """A home of about `documents` documents, `MAIN_SHARE` of them in the domain `MAIN`.

    Each copy of the small home has ids and texts of its own, and rows that hang together as in it.
    """
    store = Store(home)
    base = _base(small)
    ((kept,),) = base.execute("SELECT count(*) FROM filtered_documents").fetchall()
    copies = max(10, round(documents / kept))
    in_main, in_shard = round(copies * MAIN_SHARE), max(1, SHARD_DOCUMENTS // kept)
    shard = f"'shard-' || n // {in_shard}"
    _fill(base, store, Partition.domain(MAIN), DOMAIN_TABLES, range(in_main), shard)
    others = [domain for domain in Domain if domain is not MAIN]
    for number, domain in enumerate(others):
        mine = range(in_main + number, copies, len(others))
        _fill(base, store, Partition.domain(domain), DOMAIN_TABLES, mine, shard)
    for number, first in enumerate(range(0, copies, in_shard)):
        mine = range(first, min(copies, first + in_shard))
        _fill_shard(base, store, f"shard-{number}", mine, in_main)
    for name, tables in _LIBRARY.items():
        base.execute(f"ATTACH '{_live(small, Partition.library(name))}' AS source (READ_ONLY)")
        _fill(base, store, Partition.library(name), tables, range(copies), source="source.")
        base.execute("DETACH source")
    store.snapshots()
    return store


def add_documents(small: Store, store: Store, documents: int) -> None:
    """Adds triaged and filtered documents to the domain `MAIN`, of which nothing was made yet."""
    base = _base(small)
    ((kept,),) = base.execute("SELECT count(*) FROM filtered_documents").fetchall()
    first = _FIRST_WAITING + store.read(Partition.domain(MAIN), "filtered_ids", shard=None).height
    copies = range(first, first + documents // kept)
    key = f"waiting-{first}"
    _fill_shard(base, store, key, copies, copies.stop)
    _fill(base, store, Partition.domain(MAIN), (FilteredDocument,), copies, f"'{key}'")
    store.publish(Partition.domain(MAIN))


def _live(store: Store, partition: Partition) -> Path:
    return store.home / partition.kind / f"{partition.key}.duckdb"


def _base(small: Store) -> duckdb.DuckDBPyConnection:
    """A connection with the domain and shard tables of the small home, all domains in one."""
    base = duckdb.connect()
    domains = [_live(small, p) for p in small.partitions(PartitionKind.DOMAIN)]
    (shard,) = (_live(small, p) for p in small.partitions(PartitionKind.SHARD))
    for number, path in enumerate([shard, *domains]):
        base.execute(f"ATTACH '{path}' AS d{number} (READ_ONLY)")
    for table in DOMAIN_TABLES:
        parts = [f"FROM d{n}.{table.TABLE}" for n in range(1, len(domains) + 1)]
        base.execute(f"CREATE TABLE {table.TABLE} AS {' UNION ALL BY NAME '.join(parts)}")
    for table in SHARD_TABLES:
        if table not in DOMAIN_TABLES:
            base.execute(f"CREATE TABLE {table.TABLE} AS FROM d0.{table.TABLE}")
    base.execute("CREATE TABLE shard_calls AS FROM d0.llm_calls")
    return base


def _fill(
    base: duckdb.DuckDBPyConnection,
    store: Store,
    partition: Partition,
    tables: Sequence[type[Row]],
    copies: range,
    shard: str = "t.shard",
    source: str = "",
) -> None:
    """Copies the rows of tables into a partition. `shard`: the shard of copy `n`, in SQL."""
    with store.transaction(partition):
        pass  # makes the tables
    base.execute(f"ATTACH '{_live(store, partition)}' AS target")
    numbers = f"(SELECT unnest(range({copies.start}, {copies.stop}, {copies.step})) AS n)"
    for table in tables:
        if table is Recipe:
            base.execute("INSERT INTO target.recipes BY NAME FROM recipes")
            continue
        base.execute(
            f"INSERT INTO target.{table.TABLE} BY NAME "
            f"SELECT {_columns(table, shard)} FROM {numbers}, {source}{table.TABLE} t"
        )
    base.execute("DETACH target")


def _columns(table: type[Row], shard: str) -> str:
    return ", ".join(f"{_copied(spec.name, shard)} AS {spec.name}" for spec in columns_of(table))


def _copied(name: str, shard: str) -> str:
    if name == "shard":
        return shard
    if name in _IDS:
        return f"md5(t.{name} || '/' || n)"
    if name in _TEXTS:
        return f"t.{name} || ' ' || n"
    if name == "source_row":
        return f"t.source_row + n * {SMALL_DOCUMENTS}"
    return "xor(t.band, n * 1000003)" if name == "band" else f"t.{name}"


def _fill_shard(
    base: duckdb.DuckDBPyConnection, store: Store, key: str, copies: range, in_main: int
) -> None:
    partition = Partition.shard(key)
    row = Shard(
        shard=key,
        path="(generated)",
        sha256="0" * 64,
        size_bytes=0,
        registered_at=utc_now(),
        source_rows=SMALL_DOCUMENTS * len(copies),
    )
    with store.transaction(partition) as transaction:
        transaction.merge([row])
    tables = [t for t in SHARD_TABLES if t not in (Shard, LLMCall)]
    _fill(base, store, partition, tables, copies, f"'{key}'")
    others = [str(domain) for domain in Domain if domain is not MAIN]
    with duckdb.connect(_live(store, partition)) as target:
        target.execute(
            "UPDATE triaged_documents SET domain = "
            "CASE WHEN n < ? THEN ? ELSE ?[(n - ?) % 9 + 1] END FROM ("
            f"SELECT doc_id AS d, (source_row - 1) // {SMALL_DOCUMENTS} AS n FROM source_documents"
            ") WHERE d = doc_id AND domain IS NOT NULL",
            [in_main, str(MAIN), others, in_main],
        )
    with store.transaction(DOCUMENTS):
        pass
    with duckdb.connect(_live(store, DOCUMENTS)) as target:
        target.execute(f"ATTACH '{_live(store, partition)}' AS shard (READ_ONLY)")
        target.execute(
            "INSERT INTO document_owners SELECT doc_id, shard FROM shard.source_documents"
        )


def main_pair(store: Store) -> str:
    """The id of a verified pair of `MAIN`."""
    with store.snapshot(Partition.domain(MAIN)) as connection:
        sql = "SELECT pair_id FROM verified_pairs WHERE status = 'kept' LIMIT 1"
        ((pair_id,),) = connection.execute(sql).fetchall()
    return str(pair_id)
