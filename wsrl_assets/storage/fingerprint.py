"""What version of its rows a partition holds, for Dagster's data versions."""

from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.layout import Partition
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.transaction import query_text


def fingerprint(connection: Connection, partition: Partition, row_type: type[Row]) -> str:
    """Hash of (row ids, recipe) of a stage in a partition; `empty` if it has no rows.

    Args:
        connection: a catalog connection.
    """
    key = " || '/' || ".join(f'"{name}"::VARCHAR' for name in row_type.KEY)
    sql = query_text("fingerprint").format(table=f'"{row_type.TABLE}"', key=key)
    (version,) = connection.execute(sql, {"partition": partition.key}).fetchall()[0]
    return str(version)
