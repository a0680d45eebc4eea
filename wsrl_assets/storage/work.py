"""What is pending in a partition: listed once a run by ids and places, then read page by page.

A list is made by one pass over narrow columns, and holds where each row is stored. A page is read
from there, so that it costs what it holds, however much is done in the partition, and no writer
waits for it. The list is what was pending when the run began: the run itself is the
only one that changes it (see `Store.exclusive_run`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl

from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.layout import Partition
from wsrl_assets.storage.store import Store
from wsrl_assets.storage.transaction import query_text, used


@dataclass(frozen=True, slots=True)
class WorkList:
    """Which queries list a stage's work, and which one reads a page of it.

    Attributes:
        lists: queries in `sql/`; each one's result is a table of its name for those that follow.
            The first numbers the pending rows from 1, in `number`.
        page: the query that reads the rows from number `$first` to `$last`, in order.
    """

    lists: tuple[str, ...]
    page: str


DOCUMENTS = WorkList(("work_documents", "work_drafts"), "page_documents")
TRIAGE = WorkList(("work_triage",), "page_triage")
PLACES = WorkList(("work_places",), "page_places")
RATES = WorkList(("work_rates", "work_rollouts"), "page_rates")

ReadPage = Callable[[int, int], pl.DataFrame]
# So many rows are read at once with their list; for more, the partition is copied.
_FEW = 1024


@contextmanager
def listed(
    store: Store, partition: Partition, work: WorkList, **parameters: Any
) -> Iterator[ReadPage]:
    """Lists the work of a partition, and gives what reads the rows from one number to another.

    Few rows are read whole, in the moment in which they are listed. More are read page by page from
    a copy of the partition, and memory is that of the list: about 60 bytes a pending row, and for
    `PLACES` its question.

    Raises:
        StoreBusyError: another process holds the partition.
    """
    few = _few(store, partition, work, parameters)
    if few is not None:
        yield lambda first, last: few[first - 1 : last]
        return
    store.publish(partition, large=True)
    with store.snapshot(partition) as connection:
        _list(connection, work, parameters)

        def read(first: int, last: int) -> pl.DataFrame:
            return _page(connection, work.page, {**parameters, "first": first, "last": last})

        yield read


def counted(store: Store, partition: Partition, work: WorkList, **parameters: Any) -> int:
    """How many rows the list of a partition's work would have.

    Raises:
        StoreBusyError: as `listed`.
    """
    sql = query_text(work.lists[0])
    with store.moment(partition) as connection:
        connection.execute(f"SELECT count(*) FROM ({sql})", used(sql, parameters))
        ((rows,),) = connection.fetchall()
        return int(rows)


def _few(
    store: Store, partition: Partition, work: WorkList, parameters: dict[str, Any]
) -> pl.DataFrame | None:
    """All rows of the work of a partition; none if they are many."""
    with store.moment(partition) as connection:
        _list(connection, work, parameters)
        ((rows,),) = connection.execute(f"SELECT count(*) FROM {work.lists[0]}").fetchall()
        if rows > _FEW:
            return None
        return _page(connection, work.page, {**parameters, "first": 1, "last": _FEW})


def _list(connection: Connection, work: WorkList, parameters: dict[str, Any]) -> None:
    for name in work.lists:
        sql = query_text(name)
        connection.execute(f"CREATE TEMP TABLE {name} AS {sql}", used(sql, parameters))


def _page(connection: Connection, name: str, parameters: dict[str, Any]) -> pl.DataFrame:
    sql = query_text(name)
    found: pl.DataFrame = connection.sql(sql, params=used(sql, parameters)).pl()
    return found
