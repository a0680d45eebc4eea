"""Parquet: read by record batches, and only the columns that are used."""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pat

from wsrl_assets.sources.columns import Columns, choose_columns, metadata_of, title_of
from wsrl_assets.sources.rows import (
    DropReason,
    ReadError,
    ReadLimits,
    ShardFault,
    SourceError,
    SourceRow,
    checked_text,
    rejected,
    row_too_large,
    wrong_encoding,
)
from wsrl_assets.sources.shards import ShardFile
from wsrl_assets.sources.streams import open_bytes

_SAMPLE_ROWS = 100
_PAGE_BUFFER_BYTES = 1 << 20
_ARROW_ERRORS = (pa.ArrowException, OSError, ValueError)


def read_parquet(
    shard: ShardFile, text_column: str | None, limits: ReadLimits
) -> Iterator[SourceRow]:
    """The rows of a parquet shard.

    Text may be of any string type, dictionary-encoded or not, or binary that holds UTF-8. Of
    nested columns, single values and lists of text are read. Nothing is read after a page that is
    damaged.

    Raises:
        ShardFault: It was not read to its end; the rows before the fault have been yielded.
        SourceError: The file is no parquet file, or has no column of text.
    """
    with open_bytes(shard.path) as stream:
        file = _open(shard, cast(BinaryIO, stream))
        columns = _columns(shard, file, text_column, limits)
        names = _columns_to_read(file.schema_arrow)
        batches = _batches(file, names, limits)
        row_number = 0
        while True:
            try:
                batch = next(batches, None)
            except ReadError:
                raise
            except _ARROW_ERRORS as error:
                raise _corrupt(f"a page of the file is damaged ({error}).") from error
            if batch is None:
                break
            yield from _rows(batch, row_number, columns, limits)
            row_number += batch.num_rows
        if row_number != file.metadata.num_rows:
            raise _corrupt(f"its pages hold {row_number:,} of {file.metadata.num_rows:,} rows.")


def _corrupt(problem: str) -> ShardFault:
    return ShardFault(DropReason.CORRUPT_FILE, problem)


def _open(shard: ShardFile, stream: BinaryIO) -> pq.ParquetFile:
    try:
        # Without these two a whole column of a row group is loaded, and that may be the whole file.
        return pq.ParquetFile(stream, pre_buffer=False, buffer_size=_PAGE_BUFFER_BYTES)
    except ReadError:
        raise
    except _ARROW_ERRORS as error:
        raise SourceError(
            f'shard "{shard.label}": not a readable parquet file ({error}). Copy or write it again.'
        ) from error


def _columns(
    shard: ShardFile, file: pq.ParquetFile, text_column: str | None, limits: ReadLimits
) -> Columns:
    samples: dict[str, Sequence[object]] = dict.fromkeys(file.schema_arrow.names, ())
    texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
    sample_limits = ReadLimits(_SAMPLE_ROWS, limits.batch_bytes, limits.max_row_bytes)
    try:
        batch = next(_batches(file, texts, sample_limits), None) if texts else None
    except ReadError:
        raise
    except _ARROW_ERRORS:
        batch = None  # Reported where the rows are read; names alone must do here.
    for name in texts:
        samples[name] = _cells_in_words(_column(batch, name)) if batch is not None else ["unread"]
    columns = choose_columns(shard.label, samples, text_column)
    if columns.text not in texts:
        found = file.schema_arrow.field(columns.text).type
        raise SourceError(
            f'shard "{shard.label}": column "{columns.text}" holds {found}, not text. Name '
            "another column with --text-column or WSRL_TEXT_COLUMN."
        )
    return columns


def _batches(
    file: pq.ParquetFile, names: Sequence[str], limits: ReadLimits
) -> Iterator[pa.RecordBatch]:
    rows = _rows_per_batch(file.metadata, names, limits)
    # One row group at a time: a batch over two would lose the first if the second is damaged.
    for group in range(file.metadata.num_row_groups):
        yield from file.iter_batches(rows, [group], list(names), use_threads=False)


def _rows_per_batch(metadata: pq.FileMetaData, names: Sequence[str], limits: ReadLimits) -> int:
    """As many rows as fit the byte limit, going by the row group with the largest rows."""
    largest_row_bytes = 1.0
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        chunks = (group.column(column) for column in range(group.num_columns))
        size_bytes = sum(
            chunk.total_uncompressed_size
            for chunk in chunks
            if any(f"{chunk.path_in_schema}.".startswith(f"{name}.") for name in names)
        )
        largest_row_bytes = max(largest_row_bytes, size_bytes / max(1, group.num_rows))
    return max(1, min(limits.batch_rows, int(limits.batch_bytes / largest_row_bytes)))


def _rows(
    batch: pa.RecordBatch, rows_before: int, columns: Columns, limits: ReadLimits
) -> Iterator[SourceRow]:
    others = [name for name in dict.fromkeys(batch.schema.names) if name != columns.text]
    cells_by_name = {name: _cells_in_words(_column(batch, name)) for name in others}
    for index, value in enumerate(_cells_as_bytes(_column(batch, columns.text))):
        row_number = rows_before + index + 1
        cells: dict[str, object] = {name: cells[index] for name, cells in cells_by_name.items()}
        metadata = metadata_of(cells, columns)
        text = _text_or_reason(value, columns.text, limits)
        if isinstance(text, str):
            yield SourceRow(row_number, text, title=title_of(cells, columns), metadata=metadata)
        else:
            yield rejected(row_number, *text, metadata)


def _text_or_reason(
    value: bytes | None, column: str, limits: ReadLimits
) -> str | tuple[DropReason, str]:
    if value is None:
        return checked_text(None, column)
    if len(value) > limits.max_row_bytes:
        return row_too_large(len(value), limits)
    try:
        return checked_text(value.decode("utf-8"), column)
    except UnicodeDecodeError as error:
        return wrong_encoding(error, "UTF-8")


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    # Of two columns with one name the first; asking by name would raise.
    return batch.column(batch.schema.names.index(name))


def _cells_as_bytes(array: pa.Array) -> Iterator[bytes | None]:
    """Strings as bytes: parquet does not promise that they are UTF-8, and arrow raises late."""
    if pat.is_dictionary(array.type):
        array = array.dictionary_decode()
    for scalar in array.cast(pa.large_binary()):
        yield scalar.as_py()


def _cells_in_words(array: pa.Array) -> list[Any]:
    if pat.is_nested(array.type):
        try:
            return cast(list[Any], array.to_pylist())
        except (pa.ArrowException, UnicodeDecodeError, ValueError):
            return [None] * len(array)
    if _is_text(array.type):
        cells = _cells_as_bytes(array)
        return [None if cell is None else cell.decode("utf-8", "replace") for cell in cells]
    try:
        return cast(list[Any], array.cast(pa.string()).to_pylist())
    except pa.ArrowException:  # durations and the like have no words
        return [None] * len(array)


def _columns_to_read(schema: pa.Schema) -> list[str]:
    return [path for field in schema for path in _leaves(field.name, field.type)]


def _leaves(path: str, kind: pa.DataType) -> Iterator[str]:
    """The paths below a column that hold values for metadata; vectors and rows in rows do not."""
    if pat.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    elif pat.is_map(kind):
        if _is_text(kind.item_type):
            yield path
    elif _is_list(kind):
        if _is_text(kind.value_type):
            yield path
    elif _is_text(kind) or _is_single_value(kind):
        yield path


def _is_list(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pat.is_list, pat.is_large_list, pat.is_fixed_size_list))


_TEXT_TESTS = (
    pat.is_string,
    pat.is_large_string,
    pat.is_string_view,
    pat.is_binary,
    pat.is_large_binary,
    pat.is_binary_view,
)
_SINGLE_VALUE_TESTS = (
    pat.is_integer,
    pat.is_floating,
    pat.is_boolean,
    pat.is_decimal,
    pat.is_temporal,
)


def _is_text(kind: pa.DataType) -> bool:
    value_type = kind.value_type if pat.is_dictionary(kind) else kind
    return any(test(value_type) for test in _TEXT_TESTS)


def _is_single_value(kind: pa.DataType) -> bool:
    return any(test(kind) for test in _SINGLE_VALUE_TESTS)
