"""Parquet: read by record batches, and only the columns that are used."""

import io
from collections.abc import Collection, Iterator, Sequence
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pat

from wsrl_assets.sources.columns import (
    MAX_LIST,
    Columns,
    choose_columns,
    metadata_of,
    title_of,
)
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
_SAMPLE_CHARS = 100_000
# A batch of nothing but the largest value of a dictionary may be so many times the byte limit.
_MOST_BATCHES = 8
_PAGE_HEADER_BYTES = 16
_DICTIONARY_PAGE = 2
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
        columns = _columns(stream, shard, file, text_column, limits)
        names = _columns_to_read(file.schema_arrow)
        batches = _batches(stream, file, names, limits)
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
    stream: io.BufferedReader,
    shard: ShardFile,
    file: pq.ParquetFile,
    text_column: str | None,
    limits: ReadLimits,
) -> Columns:
    samples: dict[str, Sequence[object]] = dict.fromkeys(file.schema_arrow.names, ())
    texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
    sample_limits = ReadLimits(_SAMPLE_ROWS, limits.batch_bytes, limits.max_row_bytes)
    try:
        batch = next(_batches(stream, file, texts, sample_limits), None) if texts else None
    except ReadError:
        raise
    except _ARROW_ERRORS:
        batch = None  # Reported where the rows are read; names alone must do here.
    for name in texts:
        samples[name] = _sample(_column(batch, name)) if batch is not None else ["unread"]
    columns = choose_columns(shard.label, samples, text_column)
    if columns.text not in texts:
        found = file.schema_arrow.field(columns.text).type
        raise SourceError(
            f'shard "{shard.label}": column "{columns.text}" holds {found}, not text. Name '
            "another column with --text-column or WSRL_TEXT_COLUMN."
        )
    return columns


def _sample(array: pa.Array) -> list[Any]:
    """As much of the cells as tells which column holds text."""
    return [cell if cell is None else cell[:_SAMPLE_CHARS] for cell in _cells_in_words(array)]


def _batches(
    stream: io.BufferedReader, file: pq.ParquetFile, names: Sequence[str], limits: ReadLimits
) -> Iterator[pa.RecordBatch]:
    wanted = set(names)
    # One row group at a time: a batch over two would lose the first if the second is damaged.
    for index in range(file.metadata.num_row_groups):
        rows = _rows_per_batch(stream, file.metadata.row_group(index), wanted, limits)
        yield from file.iter_batches(rows, [index], list(names), use_threads=False)


def _rows_per_batch(
    stream: io.BufferedReader,
    group: pq.RowGroupMetaData,
    wanted: Collection[str],
    limits: ReadLimits,
) -> int:
    """As many rows of a group as fit the byte limit, by its largest rows and by their average.

    A value that stands once in a dictionary is copied for each row that refers to it, so 700 bytes
    of file can stand for terabytes. No row takes more than the dictionaries of its columns.
    """
    chunks = [
        chunk
        for chunk in map(group.column, range(group.num_columns))
        if any(path in wanted for path in _with_parents(chunk.path_in_schema))
    ]
    mean_bytes = sum(chunk.total_uncompressed_size for chunk in chunks) / max(1, group.num_rows)
    most_bytes = sum(_dictionary_bytes(stream, chunk) for chunk in chunks) / _MOST_BATCHES
    return max(1, min(limits.batch_rows, int(limits.batch_bytes / max(1, mean_bytes, most_bytes))))


def _dictionary_bytes(stream: io.BufferedReader, chunk: pq.ColumnChunkMetaData) -> int:
    """Unpacked size of a chunk's dictionary as its page's header says it, which nobody can forge:
    arrow refuses a page that unpacks to another size. 0 where the chunk has none."""
    start = chunk.dictionary_page_offset
    if chunk.physical_type != "BYTE_ARRAY" or start is None or start < 0:
        return 0
    stream.seek(start)
    # Thrift's compact protocol: field 1 is the kind of page, field 2 the size; both of type i32.
    kind, size_bytes = _zigzags(stream.read(_PAGE_HEADER_BYTES), 2)
    return size_bytes if kind == _DICTIONARY_PAGE and size_bytes > 0 else 0


def _zigzags(data: bytes, count: int) -> list[int]:
    """The first fields of a Thrift structure, each of type i32; -1 for what is none."""
    found, place = [-1] * count, 0
    for field in range(count):
        if data[place : place + 1] != b"\x15":
            break
        value = shift = 0
        for byte in data[place + 1 : place + 6]:
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found[field] = (value >> 1) ^ -(value & 1)
        place += 1 + shift // 7
    return found


def _with_parents(path: str) -> Iterator[str]:
    """The path of a leaf, and those of all that it is in."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def _rows(
    batch: pa.RecordBatch, rows_before: int, columns: Columns, limits: ReadLimits
) -> Iterator[SourceRow]:
    others = [name for name in dict.fromkeys(batch.schema.names) if name != columns.text]
    cells_by_name = {name: _cells_in_words(_column(batch, name)) for name in others}
    for index, value in enumerate(_cells_as_bytes(_column(batch, columns.text))):
        row_number = rows_before + index + 1
        cells: dict[str, object] = {name: next(c) for name, c in cells_by_name.items()}
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
    yield from map(_scalar, array.cast(pa.large_binary()))


def _scalar(scalar: pa.Scalar) -> Any:
    return scalar.as_py()


def _cells_in_words(array: pa.Array) -> Iterator[Any]:
    """The cells, each made as it is asked for: one value may stand in many of them."""
    if pat.is_nested(array.type):
        return map(_nested, array)
    if _is_text(array.type):
        cells = _cells_as_bytes(array)
        return (None if cell is None else cell.decode("utf-8", "replace") for cell in cells)
    try:
        return map(_scalar, array.cast(pa.string()))
    except pa.ArrowException:  # durations and the like have no words
        return iter([None] * len(array))


def _nested(scalar: pa.Scalar) -> Any:
    if _is_list(scalar.type) and scalar.is_valid and len(scalar) > MAX_LIST:
        return None
    try:
        return scalar.as_py()
    except (pa.ArrowException, UnicodeDecodeError, ValueError):
        return None


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
