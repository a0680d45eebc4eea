"""Parquet written as rows come: memory holds a row group."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 10_000
"""Of a row group. Readers hold at least one, and a document has some kilobytes."""
_ZSTD_LEVEL = 3


class RowGroups:
    """A parquet file that grows by row groups of `ROWS`, however its rows come.

    The same rows make the same bytes. A file without rows has its schema.
    """

    def __init__(self, path: Path, schema: Mapping[str, pl.DataType]) -> None:
        self._buffer = pl.DataFrame(schema=schema)
        self._writer = pq.ParquetWriter(
            path,
            _arrow(self._buffer).schema,
            compression="zstd",
            compression_level=_ZSTD_LEVEL,
        )

    def __enter__(self) -> "RowGroups":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and self._buffer.height:
            self._write(self._buffer)
        self._writer.close()

    def add(self, rows: pl.DataFrame) -> None:
        """Adds rows that have the columns of the schema."""
        self._buffer = pl.concat([self._buffer, rows])
        while self._buffer.height >= ROWS:
            self._write(self._buffer.head(ROWS))
            self._buffer = self._buffer.slice(ROWS)

    def _write(self, rows: pl.DataFrame) -> None:
        self._writer.write_table(_arrow(rows), row_group_size=ROWS)


def _arrow(rows: pl.DataFrame) -> pa.Table:
    """With the plainest of Arrow's text types, which every reader knows."""
    return rows.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
