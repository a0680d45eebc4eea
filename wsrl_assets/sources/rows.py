"""What a reader yields: rows, and the reasons why some have no text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from wsrl_assets.errors import UserError

# Far more than a small file can hold, and a figure that shows where one ends.
ROWS_OF_A_FILE = 1_000_000_000


class SourceError(UserError, ValueError):
    """A file or folder cannot be read at all; the message names it, the place and the way out."""


class DropReason(StrEnum):
    """Why a row of a shard gave no document, or why a shard was not read to its end."""

    BAD_JSON = "bad_json"
    NOT_AN_OBJECT = "not_an_object"
    NO_TEXT = "no_text"
    TEXT_NOT_A_STRING = "text_not_a_string"
    WRONG_ENCODING = "wrong_encoding"
    BINARY = "binary"
    ROW_TOO_LARGE = "row_too_large"
    TRUNCATED_FILE = "truncated_file"
    CORRUPT_FILE = "corrupt_file"
    UNREADABLE_FILE = "unreadable_file"
    READ_ERROR = "read_error"
    FILE_GONE = "file_gone"
    FILE_CHANGED = "file_changed"


class ShardFault(SourceError):
    """A shard that could not be read to its end. The rows before the fault were handed out.

    Attributes:
        reason: `TRUNCATED_FILE` or `CORRUPT_FILE` where the format itself says so, `FILE_GONE` or
            `FILE_CHANGED` where the file is not what was registered, `UNREADABLE_FILE` where one of
            several is something else than it says or has no text column, else `READ_ERROR`.
    """

    def __init__(self, reason: DropReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ReadError(ShardFault):
    """The store did not give the bytes. That says nothing about the file: it is read again."""

    def __init__(self, message: str) -> None:
        super().__init__(DropReason.READ_ERROR, message)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row of a shard: a document, or the reason why it is none.

    Attributes:
        row_number: From 1: the line of a JSON-lines file, the row of a parquet file. Of several
            files: the place of a text file, and for others `ROWS_OF_A_FILE` times the place of the
            file more, so 3000000012 is row 12 of the third. Blank lines are no rows, but count as
            lines.
        text: As it stands in the file, not normalised. None exactly when there is a `reason`.
        reason: Why there is no text.
        detail: The reason in words with its figures, to follow "line 12: ".
        title: From a column of that name, if any.
        metadata: The other values (license, source, url, id), as text; see `metadata_of`.
    """

    row_number: int
    text: str | None = None
    reason: DropReason | None = None
    detail: str | None = None
    title: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What a reader may hold in memory.

    Attributes:
        batch_rows: Rows that are handed out together, at most.
        batch_bytes: Size in memory of a batch, about; a single larger row is a batch by itself.
        max_row_bytes: Size in the file of one row; a larger one is rejected, never loaded.
    """

    batch_rows: int
    batch_bytes: int
    max_row_bytes: int


def rejected(
    row_number: int, reason: DropReason, detail: str, metadata: Mapping[str, str] | None = None
) -> SourceRow:
    """A row without a document."""
    return SourceRow(row_number, reason=reason, detail=detail, metadata=metadata or {})


def row_too_large(size_bytes: int, limits: ReadLimits) -> tuple[DropReason, str]:
    size_mib, limit_mib = size_bytes / 2**20, limits.max_row_bytes / 2**20
    detail = f"{size_mib:,.1f} MiB is above the limit of {limit_mib:,.1f} MiB (max_row_bytes)"
    return DropReason.ROW_TOO_LARGE, detail


def wrong_encoding(error: UnicodeDecodeError, encoding: str) -> tuple[DropReason, str]:
    """Bytes that are not in the one encoding they could be in. Others are never guessed."""
    byte = error.object[error.start]
    detail = f"not {encoding}: byte 0x{byte:02X} at offset {error.start:,}"
    return DropReason.WRONG_ENCODING, detail


def checked_text(value: object, column: str) -> str | tuple[DropReason, str]:
    """A cell as a document's text, or the reason why it is none."""
    if value is None:
        return DropReason.NO_TEXT, f'column "{column}" is null'
    if not isinstance(value, str):
        return DropReason.TEXT_NOT_A_STRING, f'column "{column}" holds a {type(value).__name__}'
    if not value or value.isspace():
        return DropReason.NO_TEXT, f'column "{column}" is blank'
    return value
