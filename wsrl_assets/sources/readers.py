"""The door to input files: what a user typed becomes shards, and a shard becomes rows.

The formats are in `json_lines`, `parquet` and `text_files`, one each; finding files is in `shards`.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from wsrl_assets.sources.columns import TEXT_COLUMN_NAMES, folder_values, guess_text_column
from wsrl_assets.sources.json_lines import read_json_lines
from wsrl_assets.sources.parquet import read_parquet
from wsrl_assets.sources.rows import (
    ROWS_OF_A_FILE,
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
    member_shard,
    safe_name,
)
from wsrl_assets.sources.streams import is_bomb
from wsrl_assets.sources.tables import read_table
from wsrl_assets.sources.text_files import read_text_file

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
    for batch in _batches(_before_fault(rows, faults), limits):
        read += len(batch)
        yield batch
    for fault in faults:
        where = f'shard "{shard.label}"'
        raise ShardFault(fault.reason, f"{where}: {read:,} rows were read, then: {fault}")
    if not read:
        raise SourceError(f'shard "{shard.label}": no rows in it. Remove it, or write rows to it.')


def _rows(shard: ShardFile, text_column: str | None, limits: ReadLimits) -> Iterator[SourceRow]:
    if shard.members:
        return _rows_of_files(shard, text_column, limits)
    return _rows_of_file(shard, text_column, limits)


def _rows_of_files(
    shard: ShardFile, text_column: str | None, limits: ReadLimits
) -> Iterator[SourceRow]:
    """The rows of several files; each names its file.

    A file that is not read to its end does not keep the others out: its fault is raised after them.
    """
    faults: list[tuple[str, SourceError]] = []
    for place, name in enumerate(shard.members, start=1):
        try:
            file = member_shard(shard, name)
            for row in _rows_of_file(file, text_column, limits):
                yield _placed(row, file, place, name)
        except SourceError as error:
            faults.append((name, error))
    if faults:
        raise _fault_of_files(shard, faults)


def _placed(row: SourceRow, file: ShardFile, place: int, name: str) -> SourceRow:
    """A row of one of several files.

    Its number follows from its place alone. Were rows numbered on from file to file, those after a
    file that was not read to its end would have other numbers when it is.
    """
    if file.kind is ShardKind.TEXT:
        return replace(row, row_number=place, metadata={**row.metadata, "file": name})
    where = {"shard_file": name, "shard_file_row": str(row.row_number)}
    number = place * ROWS_OF_A_FILE + row.row_number
    return replace(row, row_number=number, metadata={**row.metadata, **where})


def _fault_of_files(shard: ShardFile, faults: Sequence[tuple[str, SourceError]]) -> ShardFault:
    name, error = faults[0]
    reason = error.reason if isinstance(error, ShardFault) else DropReason.UNREADABLE_FILE
    more = f" (and {len(faults) - 1:,} more)" if len(faults) > 1 else ""
    return ShardFault(
        reason,
        f'the file "{name}"{more} of {len(shard.members):,} was not read to its end: {error} The '
        f'others were. Mend or remove it, then `wsrl ingest --again "{shard.path}"`.',
    )


def _rows_of_file(
    file: ShardFile, text_column: str | None, limits: ReadLimits
) -> Iterator[SourceRow]:
    said = folder_values(file.path)
    for row in _measured(file, _read(file, text_column, limits)):
        # What the names of its folders say of a row, where it does not say so itself.
        yield replace(row, metadata={**said, **row.metadata}) if said else row


def _read(file: ShardFile, text_column: str | None, limits: ReadLimits) -> Iterator[SourceRow]:
    if file.kind is ShardKind.PARQUET:
        return read_parquet(file, text_column, limits)
    if file.kind is ShardKind.TABLE:
        return read_table(file, text_column, limits)
    if file.kind is ShardKind.TEXT:
        return read_text_file(file, limits)
    return read_json_lines(file, text_column, limits)


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
