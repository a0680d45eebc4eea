"""Tables of text: CSV and TSV, plain or compressed, with the names of columns in the first row."""

import csv
import io
from collections.abc import Iterator, Mapping
from itertools import chain, islice

from wsrl_assets.sources.columns import Columns, choose_columns, metadata_of, title_of
from wsrl_assets.sources.rows import (
    DropReason,
    ReadError,
    ReadLimits,
    ShardFault,
    SourceRow,
    checked_text,
    rejected,
    wrong_encoding,
)
from wsrl_assets.sources.shards import ShardFile
from wsrl_assets.sources.streams import BROKEN_STREAM, broken_stream, decompressed, open_bytes

_SAMPLE_ROWS = 100
_Cells = Mapping[str, object]


def read_table(
    shard: ShardFile, text_column: str | None, limits: ReadLimits
) -> Iterator[SourceRow]:
    """The rows of a CSV or TSV shard, numbered without the first, which has the names.

    Raises:
        ShardFault: It was not read to its end; the rows before the fault have been yielded. A cell
            above the limit ends it too: nobody knows which quote was meant to close it.
        SourceError: There is no text column.
    """
    delimiter = "\t" if ".tsv" in shard.label.lower() else ","
    with open_bytes(shard.path) as raw:
        # Bytes that are no UTF-8 become surrogates, and are found again in the cell they stand in.
        text = io.TextIOWrapper(decompressed(raw), "utf-8-sig", "surrogateescape", newline="")
        rows = _rows(text, delimiter, limits)
        head = list(islice(rows, _SAMPLE_ROWS))
        columns = choose_columns(shard.label, _samples(head), text_column)
        for number, item in enumerate(chain(head, rows), start=1):
            if isinstance(item, ShardFault):
                raise item
            yield _row(number, item, columns)


def _samples(head: list[_Cells | ShardFault]) -> dict[str, list[object]]:
    """The cells of the first rows by column.

    Raises:
        ShardFault: There is no row before the fault.
    """
    samples: dict[str, list[object]] = {}
    for item in head:
        if isinstance(item, ShardFault):
            if not samples:
                raise item
            break
        for name, value in item.items():
            samples.setdefault(name, []).append(value)
    return samples


def _row(number: int, cells: _Cells, columns: Columns) -> SourceRow:
    metadata = metadata_of({n: v for n, v in cells.items() if v != ""}, columns)
    text = _text(cells.get(columns.text), columns.text)
    if not isinstance(text, str):
        return rejected(number, *text, metadata)
    return SourceRow(number, text, title=title_of(cells, columns), metadata=metadata)


def _rows(
    text: io.TextIOWrapper, delimiter: str, limits: ReadLimits
) -> Iterator[_Cells | ShardFault]:
    """The rows by their names, and the fault that ended them."""
    csv.field_size_limit(limits.max_row_bytes)
    try:
        for row in csv.DictReader(text, restkey="", delimiter=delimiter):
            yield {name: value for name, value in row.items() if name}
    except ReadError as error:
        yield error
    except BROKEN_STREAM as error:
        yield broken_stream(error)
    except csv.Error as error:
        yield ShardFault(
            DropReason.CORRUPT_FILE, f"a row is no {delimiter!r}-separated one ({error})."
        )


def _text(value: object, column: str) -> str | tuple[DropReason, str]:
    if isinstance(value, str):
        try:
            value.encode("utf-8", "surrogateescape").decode("utf-8")
        except UnicodeDecodeError as error:
            return wrong_encoding(error, "UTF-8")
    return checked_text(value, column)
