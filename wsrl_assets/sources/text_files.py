"""Text files: each is one document."""

import codecs
from collections.abc import Iterator

from wsrl_assets.sources.rows import (
    DropReason,
    ReadLimits,
    SourceRow,
    rejected,
    row_too_large,
    wrong_encoding,
)
from wsrl_assets.sources.shards import ShardFile
from wsrl_assets.sources.streams import BROKEN_STREAM, broken_stream, decompressed, open_bytes

_UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text_file(file: ShardFile, limits: ReadLimits) -> Iterator[SourceRow]:
    """The one row of a text file.

    A file is UTF-8, with or without a byte order mark, or UTF-16 with one. Its name is in the
    metadata as `file`.

    Raises:
        ReadError: The file has gone since the shard was found, or cannot be read.
    """
    metadata = {"file": file.label}
    text = _text_or_reason(file.path, limits)
    yield (
        SourceRow(1, text, metadata=metadata)
        if isinstance(text, str)
        else rejected(1, *text, metadata)
    )


def _text_or_reason(path: str, limits: ReadLimits) -> str | tuple[DropReason, str]:
    with open_bytes(path) as raw:
        try:
            data = decompressed(raw).read(limits.max_row_bytes + 1)
        except BROKEN_STREAM as error:
            fault = broken_stream(error)
            return fault.reason, str(fault)
    if len(data) > limits.max_row_bytes:
        return row_too_large(len(data), limits)
    encoding = "utf-16" if data.startswith(_UTF16_BOMS) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if b"\0" in data:
            return _binary(data.index(0))
        return wrong_encoding(error, encoding.upper().removesuffix("-SIG"))
    if "\0" in text:
        return _binary(text.index("\0"))
    if not text or text.isspace():
        return DropReason.NO_TEXT, "the file is blank"
    return text


def _binary(offset: int) -> tuple[DropReason, str]:
    return DropReason.BINARY, f"binary: a NUL at offset {offset:,}"
