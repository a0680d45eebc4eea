"""What a stage of a partition made, for those who watch: figures, samples, repeated ids.

All on a catalog connection to the partition alone. Names that go into the queries come from the
row dataclasses.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl

from wsrl_assets.storage.additions import Column
from wsrl_assets.storage.catalog import extent, rows_between, tables_held
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.layout import Partition
from wsrl_assets.storage.remembered import Query
from wsrl_assets.storage.schema import Row, columns_of
from wsrl_assets.storage.tables import FinalSplit, QADraft, VerifiedPair
from wsrl_assets.storage.transaction import frame, query_text

MOST_SHOWN = 5_000


@dataclass(frozen=True, slots=True)
class RunSpan:
    """What a run did at a stage of a partition: rows that it wrote, and within how many seconds."""

    rows: int
    seconds: float


def repeated_query(partition: Partition, row_type: type[Row]) -> Query:
    """The ids that stand in more than one row: `id` and `rows`."""
    names = {
        "table": _quoted(row_type.TABLE),
        "key": _key(row_type),
        "keys": ", ".join(_quoted(name) for name in row_type.KEY),
    }
    found = Query.of(query_text("repeated_keys").format(**names), partition=partition.key)
    of_added = query_text("repeated_added").format(**names)
    return found.summed(Column.KEY, Column.LATER, of_added=of_added)


def run_rates(connection: Connection, partition: Partition, row_type: type[Row]) -> pl.DataFrame:
    """Rows and rejections of each run at a stage, newest first: `run_id`, `rows`, `rejected`."""
    sql = query_text("run_rates").format(table=_quoted(row_type.TABLE))
    result: pl.DataFrame = connection.sql(sql, params={"partition": partition.key}).pl()
    return result


def run_span(
    connection: Connection, partition: Partition, row_type: type[Row], run_id: str
) -> RunSpan:
    """What a run did, from its first call or row to its last."""
    sql = query_text("run_span").format(table=_quoted(row_type.TABLE))
    parameters = {"partition": partition.key, "stage": row_type.TABLE, "run_id": run_id}
    ((rows, seconds),) = connection.execute(sql, parameters).fetchall()
    return RunSpan(rows, seconds)


def sample_rows(
    connection: Connection, partition: Partition, row_type: type[Row], run_id: str
) -> pl.DataFrame:
    """Up to three rows of each status, of the newest, with the columns that fit a line."""
    own = [spec.name for spec in columns_of(row_type) if spec.name not in _LEFT_OUT]
    shown = ["status", "reason", *own, "detail"]
    sql = query_text("sample_rows").format(
        table=f"({_newest(connection, partition, row_type)})",
        key=_key(row_type),
        columns=", ".join(_quoted(name) for name in shown),
    )
    parameters = {"partition": partition.key, "run_id": run_id}
    result: pl.DataFrame = connection.sql(sql, params=parameters).pl()
    return result


@contextmanager
def newest_pairs(connection: Connection, partition: Partition) -> Iterator[None]:
    """Lets `sample_pairs` and `answer_shapes` see the newest `MOST_SHOWN` drafts of a domain.

    Others are left out where there are more, so that what is shown costs about the same at every
    size: the last rows are read, and of the other tables those that go with them.
    """
    connection.execute("CREATE SCHEMA newest")
    try:
        drafts = _newest(connection, partition, QADraft)
        connection.execute(f"CREATE TABLE newest.qa_drafts AS {drafts}")
        for table in (VerifiedPair.TABLE, FinalSplit.TABLE):
            rows = f'FROM main."{table}" WHERE pair_id IN (SELECT draft_id FROM newest.qa_drafts)'
            connection.execute(f'CREATE TABLE newest."{table}" AS {rows}')
        connection.execute("SET search_path = 'newest,main'")
        connection.execute(f"CREATE VIEW newest.pairs AS {query_text('view_pairs')}")
        yield
    finally:
        connection.execute("SET search_path = 'main'")
        connection.execute("DROP SCHEMA newest CASCADE")


def sample_pairs(
    connection: Connection, partition: Partition, stage: str, past: Sequence[str], run_id: str
) -> pl.DataFrame:
    """Three pairs that got past `stage` and three that left there, with their verdicts.

    Args:
        past: the stages at which a pair that got past `stage` cannot have left.
    """
    return frame(
        connection,
        "sample_pairs",
        partition=partition.key,
        stage=stage,
        past=list(past),
        run_id=run_id,
    )


def answer_shapes(
    connection: Connection, partition: Partition, past: Sequence[str]
) -> pl.DataFrame:
    """Answers that got past some stages: `answer_type`, `characters`, `pairs`."""
    return frame(connection, "answer_shapes", partition=partition.key, past=list(past))


_LEFT_OUT = frozenset(
    "status reason detail model recipe run_id created_at "
    "minhash metadata verdicts misses parent_id cluster_id "
    "passage char_start char_end persona_index persona form evidence answer_type unit choices "
    "question_id rollout_recipe".split()
)


def _newest(connection: Connection, partition: Partition, row_type: type[Row]) -> str:
    """What selects the rows of a stage that were written last, `MOST_SHOWN` at most."""
    if row_type.TABLE not in tables_held(connection):
        return f"FROM {_quoted(row_type.TABLE)}"
    free, _ = extent(connection, row_type.TABLE)
    return rows_between(row_type.TABLE, partition.key, max(0, free - MOST_SHOWN))


def _quoted(name: str) -> str:
    return f'"{name}"'


def _key(row_type: type[Row]) -> str:
    return " || '/' || ".join(f'"{name}"::VARCHAR' for name in row_type.KEY)
