"""What version of its rows a partition holds, for Dagster's data versions."""

import hashlib

from wsrl_assets.storage.additions import Column, Rows
from wsrl_assets.storage.layout import Partition
from wsrl_assets.storage.remembered import Query
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.transaction import query_text


def fingerprint_query(partition: Partition, row_type: type[Row]) -> Query:
    """What `fingerprint_of` makes a hash of (row ids, recipe) of a stage of."""
    key = " || '/' || ".join(f'"{name}"::VARCHAR' for name in row_type.KEY)
    sql = query_text("fingerprint").format(table=f'"{row_type.TABLE}"', key=key)
    found = Query.of(sql, partition=partition.key)
    return found.summed(Column.SUM, Column.XOR, Column.SUM, Column.SUM)


def fingerprint_of(rows: Rows) -> str:
    """The hash; `empty` if the stage has no rows, or the partition no file."""
    if not rows or not rows[0][0]:
        return "empty"
    return hashlib.md5("/".join(map(str, rows[0])).encode()).hexdigest()
