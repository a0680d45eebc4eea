"""JSON lines, plain or compressed: one object a line."""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from wsrl_assets.sources.columns import Columns, choose_columns, metadata_of, storable, title_of
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
from wsrl_assets.sources.streams import (
    BROKEN_STREAM,
    Line,
    broken_stream,
    decompressed,
    lines,
    open_bytes,
)

# Enough to guess a column by; and lines without one object among them are no JSON lines.
_SAMPLE_OBJECTS = 100
_SAMPLE_LINES = 1000
_SAMPLE_BYTES = 8 * 2**20
_PEEK_BYTES = 4096
_UTF8_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A line that is a JSON object."""

    number: int
    size_bytes: int
    cells: Mapping[str, object]


_Item = _Parsed | SourceRow | ShardFault


def read_json_lines(
    shard: ShardFile, text_column: str | None, limits: ReadLimits
) -> Iterator[SourceRow]:
    """The rows of a JSON-lines shard.

    The text column is looked for in the first lines. Of a key that stands twice in an object the
    last counts, as in Python's and most other parsers.

    Raises:
        ShardFault: It was not read to its end; the rows before the fault have been yielded.
        SourceError: The file is something else than its ending says, its first 1,000 lines hold
            no object, or there is no text column.
    """
    with open_bytes(shard.path) as raw:
        stream = decompressed(raw)
        _require_text(shard, stream)
        parsed = _parse(stream, limits)
        head = _head(parsed)
        columns = _columns(shard, head, text_column)
        for item in chain(head, parsed):
            if isinstance(item, ShardFault):
                raise item
            yield _row(item, columns) if isinstance(item, _Parsed) else item


def _parse(stream: io.BufferedReader, limits: ReadLimits) -> Iterator[_Item]:
    """The lines, and the fault that ended them: raised at once, it would lose the lines before."""
    try:
        for line in lines(stream, limits.max_row_bytes):
            item = _parse_line(line, limits)
            if item is not None:
                yield item
    except ReadError as error:
        yield error
    except BROKEN_STREAM as error:
        yield broken_stream(error)


def _parse_line(line: Line, limits: ReadLimits) -> _Parsed | SourceRow | None:
    """The object of a line or the reason why there is none; None for a blank line."""
    if line.data is None:
        return rejected(line.number, *row_too_large(line.size_bytes, limits))
    data = line.data.removeprefix(_UTF8_BOM) if line.number == 1 else line.data
    if not data or data.isspace():
        return None
    if b"\0" in data:
        detail = f"binary: a NUL byte at offset {data.index(0):,}"
        return rejected(line.number, DropReason.BINARY, detail)
    try:
        value = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        return rejected(line.number, *wrong_encoding(error, "UTF-8"))
    except (ValueError, RecursionError) as error:
        return rejected(line.number, DropReason.BAD_JSON, f"not JSON ({_in_words(error)})")
    if not isinstance(value, dict):
        detail = f"a JSON {_json_type(value)}, not an object"
        return rejected(line.number, DropReason.NOT_AN_OBJECT, detail)
    return _Parsed(line.number, line.size_bytes, value)


def _head(parsed: Iterator[_Item]) -> list[_Item]:
    """The first rows, enough to know the columns."""
    head: list[_Item] = []
    objects = size_bytes = 0
    for item in parsed:
        head.append(item)
        if isinstance(item, _Parsed):
            objects += 1
            size_bytes += item.size_bytes
        full = objects >= _SAMPLE_OBJECTS or size_bytes >= _SAMPLE_BYTES
        if full or len(head) >= _SAMPLE_LINES:
            break
    return head


def _columns(shard: ShardFile, head: list[_Item], text_column: str | None) -> Columns:
    objects = [item for item in head if isinstance(item, _Parsed)]
    if not objects and len(head) >= _SAMPLE_LINES:
        first = next(item for item in head if isinstance(item, SourceRow))
        raise SourceError(
            f'shard "{shard.label}": none of its first {_SAMPLE_LINES:,} lines is a JSON object '
            f"(line {first.row_number}: {first.detail}). Write one object a line."
        )
    if not objects:
        # Every row is rejected for a reason of its own already.
        return Columns(text="", title=None)
    samples: dict[str, list[object]] = {}
    for item in objects:
        for name, value in item.cells.items():
            samples.setdefault(name, []).append(value)
    return choose_columns(shard.label, samples, text_column)


def _row(item: _Parsed, columns: Columns) -> SourceRow:
    metadata = metadata_of(item.cells, columns)
    if columns.text not in item.cells:
        detail = f'column "{storable(columns.text)}" is missing'
        return rejected(item.number, DropReason.NO_TEXT, detail, metadata)
    text = checked_text(item.cells[columns.text], storable(columns.text))
    if not isinstance(text, str):
        return rejected(item.number, *text, metadata)
    return SourceRow(
        row_number=item.number,
        text=text,
        title=title_of(item.cells, columns),
        metadata=metadata,
    )


def _require_text(shard: ShardFile, stream: io.BufferedReader) -> None:
    """Raises when the file is no text at all, so that a binary is not a million bad lines."""
    try:
        start = stream.peek(_PEEK_BYTES)[:_PEEK_BYTES]
    except BROKEN_STREAM:
        return  # Reported where the rows are read.
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(
            f'shard "{shard.label}": the file is UTF-16. Convert it: '
            "iconv -f UTF-16 -t UTF-8 OLD > NEW."
        )
    is_json_with_a_stray_nul = start[:1] == b"{" and start[1:2] != b"\0"
    if b"\0" in start and not is_json_with_a_stray_nul:
        raise SourceError(
            f'shard "{shard.label}": the file is binary, not JSON lines. Convert it to JSON lines '
            "or parquet, or give it its right ending."
        )


def _in_words(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos + 1:,}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error).split(";")[0]


def _json_type(value: object) -> str:
    match value:
        case list():
            return "array"
        case str():
            return "string"
        case bool():
            return "boolean"
        case None:
            return "null"
        case _:
            return "number"
