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
        # In Arrow: a few rows of a Polars frame keep the texts of all the frame in memory.
        self._buffer = _arrow(pl.DataFrame(schema=schema))
        self._writer = pq.ParquetWriter(
            path, self._buffer.schema, compression="zstd", compression_level=_ZSTD_LEVEL
        )

    def __enter__(self) -> "RowGroups":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and self._buffer.num_rows:
            self._write(self._buffer)
        self._writer.close()

    def add(self, rows: pl.DataFrame) -> None:
        """Adds rows that have the columns of the schema."""
        self._buffer = pa.concat_tables([self._buffer, _arrow(rows)])
        while self._buffer.num_rows >= ROWS:
            self._write(self._buffer.slice(0, ROWS))
            self._buffer = self._buffer.slice(ROWS)

    def _write(self, rows: pa.Table) -> None:
        self._writer.write_table(rows.combine_chunks(), row_group_size=ROWS)


def _arrow(rows: pl.DataFrame) -> pa.Table:
    """With the plainest of Arrow's text types, which every reader knows."""
    return rows.to_arrow(compat_level=pl.CompatLevel.oldest())
