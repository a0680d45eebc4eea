"""All columns of pairs that were chosen, in their order, with memory for a part of them.

The tables hold pairs in the order of their making, and a release is ordered by hashes: to look up
one part after the other would read the tables once a part. So each table is read once, its rows go
to buckets on disk by their place in the release, and bucket after bucket is put together.
"""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa

from wsrl_assets.storage.catalog import batches
from wsrl_assets.storage.instances import Connection

_TABLES = ("release_texts", "release_drafts", "release_verdicts")
_READ_ROWS = 10_000
_BUCKET_ROWS = 40_000


def full_rows(
    connection: Connection, chosen: pl.DataFrame, scratch: Path
) -> Iterator[pl.DataFrame]:
    """The chosen pairs with the columns of the queries in `_TABLES`, some thousands at a time.

    Args:
        connection: a workspace of their domains.
        chosen: at least slug, doc_id and pair_id, in the order that is wanted.
        scratch: an empty folder for the buckets.
    """
    numbered = chosen.with_row_index("place")
    keys = numbered.select("place", "slug", "doc_id", "pair_id")
    for name in _TABLES:
        rows = batches(connection, name, _READ_ROWS, {"chosen": keys})
        _spread(rows, scratch / name)
    for number, part in enumerate(numbered.iter_slices(_BUCKET_ROWS)):
        for name in _TABLES:
            bucket = _read(scratch / name / str(number))
            part = part.join(bucket, on="place", maintain_order="left")
        yield from part.iter_slices(_READ_ROWS)


def _spread(rows: Iterable[pl.DataFrame], folder: Path) -> None:
    """Writes rows to a file for each `_BUCKET_ROWS` places."""
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        files: dict[int, pa.RecordBatchStreamWriter] = {}
        for some in rows:
            numbered = some.with_columns(bucket=pl.col("place") // _BUCKET_ROWS)
            for (number,), part in numbered.partition_by(
                "bucket", include_key=False, as_dict=True
            ).items():
                table = part.to_arrow()
                if number not in files:
                    path = folder / str(number)
                    options = pa.ipc.IpcWriteOptions(compression="lz4")
                    writer = pa.ipc.new_stream(str(path), table.schema, options=options)
                    files[number] = stack.enter_context(writer)
                files[number].write_table(table)


def _read(path: Path) -> pl.DataFrame:
    with pa.ipc.open_stream(str(path)) as reader:
        return pl.DataFrame(reader.read_all())
