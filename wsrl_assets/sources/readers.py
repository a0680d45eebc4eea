"""The door to input files: what a user typed becomes shards, and a shard becomes rows.

The formats are in `json_lines`, `parquet` and `text_files`, one each; finding files is in `shards`.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace

from wsrl_assets.sources.columns import TEXT_COLUMN_NAMES, folder_values, guess_text_column
from wsrl_assets.sources.json_lines import read_json_lines
from wsrl_assets.sources.parquet import read_parquet
from wsrl_assets.sources.rows import (
    DropReason,
    ReadLimits,
    ShardFault,
    SourceError,
    SourceRow,
)
from wsrl_assets.sources.shards import (
    KNOWN_ENDINGS,
    ShardFile,
    ShardKind,
    discover,
    matching,
    safe_name,
)
from wsrl_assets.sources.streams import is_bomb
from wsrl_assets.sources.tables import read_table
from wsrl_assets.sources.text_files import read_text_files

__all__ = [
    "KNOWN_ENDINGS",
    "TEXT_COLUMN_NAMES",
    "DropReason",
    "ShardFault",
    "ShardFile",
    "ShardKind",
    "SourceError",
    "SourceRow",
    "discover",
    "guess_text_column",
    "matching",
    "read_rows",
    "safe_name",
]

_ROW_BYTES = 200  # what a row costs to keep, if it holds nothing: its reason and provenance
_TEXT_KINDS = (ShardKind.TEXT, ShardKind.TEXT_FOLDER)


def read_rows(
    shard: ShardFile,
    *,
    text_column: str | None = None,
    batch_rows: int = 1000,
    batch_bytes: int = 32 * 2**20,
    max_row_bytes: int = 64 * 2**20,
) -> Iterator[list[SourceRow]]:
    """The rows of a shard in batches, in order, streamed: memory does not grow with the shard.

    It holds a batch, and of the file no more than a few times `max_row_bytes`, however long a
    line, a text file or a compressed stream is. Every row comes out, with its text or with a
    reason, so that `in = kept + rejected` can be counted.

    Args:
        shard: As `discover` found it.
        text_column: The column with the documents, case ignored where needed; None guesses, see
            `guess_text_column`. Text files have no columns.
        batch_rows: Rows in a batch, at most.
        batch_bytes: Memory of a batch, about; one row may be more by itself.
        max_row_bytes: A larger row is rejected as `row_too_large`, and never held as a whole
            (but a page of a parquet file is, as its writer cut it).

    Raises:
        ShardFault: It was not read to its end; all rows before the fault have been yielded.
        SourceError: The file is something else than it says, or has no rows or no text column.
        ValueError: A limit is below 1.
    """
    limits = ReadLimits(batch_rows, batch_bytes, max_row_bytes)
    if min(batch_rows, batch_bytes, max_row_bytes) < 1:
        raise ValueError(f"limits must be 1 or more, got {limits}")
    return _guarded(shard, _rows(shard, text_column, limits), limits)


def _guarded(
    shard: ShardFile, rows: Iterator[SourceRow], limits: ReadLimits
) -> Iterator[list[SourceRow]]:
    faults: list[ShardFault] = []
    read = 0
    for batch in _batches(_before_fault(_measured(shard, rows), faults), limits):
        read += len(batch)
        yield [_with_folders(shard, row) for row in batch]
    for fault in faults:
        where = f'shard "{shard.label}"'
        raise ShardFault(fault.reason, f"{where}: {read:,} rows were read, then: {fault}")
    if not read:
        raise SourceError(f'shard "{shard.label}": no rows in it. Remove it, or write rows to it.')


def _with_folders(shard: ShardFile, row: SourceRow) -> SourceRow:
    """The row, with what the names of its folders say of it where it does not say so itself."""
    members = row.metadata.get("file", "") if shard.kind is ShardKind.TEXT_FOLDER else ""
    said = folder_values(f"{shard.path}/{members}" if members else shard.path)
    return replace(row, metadata={**said, **row.metadata}) if said else row


def _before_fault(rows: Iterator[SourceRow], faults: list[ShardFault]) -> Iterator[SourceRow]:
    """The rows before a fault. It is raised after the last batch, so that no row of it is lost."""
    try:
        yield from rows
    except ShardFault as fault:
        faults.append(fault)


def _measured(shard: ShardFile, rows: Iterator[SourceRow]) -> Iterator[SourceRow]:
    """The rows, up to where they are far more than a file of that size can hold."""
    size_bytes = 0
    for row in rows:
        size_bytes += _ROW_BYTES + _memory_bytes(row)
        if is_bomb(size_bytes, shard.size_bytes):
            problem = f"a compression bomb: {shard.size_bytes:,} bytes hold {size_bytes:,} of text."
            raise ShardFault(DropReason.CORRUPT_FILE, problem)
        yield row


def _rows(shard: ShardFile, text_column: str | None, limits: ReadLimits) -> Iterator[SourceRow]:
    if shard.kind is ShardKind.PARQUET:
        return read_parquet(shard, text_column, limits)
    if shard.kind is ShardKind.TABLE:
        return read_table(shard, text_column, limits)
    if shard.kind in _TEXT_KINDS:
        return read_text_files(shard, limits)
    return read_json_lines(shard, text_column, limits)


def _batches(rows: Iterable[SourceRow], limits: ReadLimits) -> Iterator[list[SourceRow]]:
    batch: list[SourceRow] = []
    size_bytes = 0
    for row in rows:
        row_bytes = _memory_bytes(row)
        if batch and (
            len(batch) >= limits.batch_rows or size_bytes + row_bytes > limits.batch_bytes
        ):
            yield batch
            batch, size_bytes = [], 0
        batch.append(row)
        size_bytes += row_bytes
    if batch:
        yield batch


def _memory_bytes(row: SourceRow) -> int:
    cells = sum(len(name) + len(value) for name, value in row.metadata.items())
    return sys.getsizeof(row.text) + cells
